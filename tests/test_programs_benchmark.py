"""The benchmark of whole networks runs without its peers, and judges what it measured by its bars."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def imported(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


def test_networks_have_the_shapes_that_are_told(imported):
    networks, ours = imported("_networks"), imported("_by_numba_layers")
    assert len(networks.NETWORKS) == len(networks.DESCRIBED) == 6
    for network in map(networks.smaller, networks.NETWORKS.values()):
        x, y = networks.samples(network)
        made = ours.Contender(network, "fit", (x, y))
        assert made.model.output_shape == (None, *networks.shapes(network)[-1]), network.name
        assert x.shape == (12, *network.input_shape) and y.shape == (12, *networks.shapes(network)[-1]), network.name
        assert networks.one_sample(network).shape == (1, *network.input_shape)


def test_bars_are_held_against_medians(imported):
    programs = imported("programs")
    figures = {"ours": [1.0, 2.0, 9.0], "PyTorch": [4.0, 3.0, 5.0], "JAX": [2.0, 2.5, 3.0]}
    row = programs.row("mnist_mlp", "train", figures, {})
    assert row["least"]["PyTorch"] == 3 and row["ratios"] == {"PyTorch": 2.0, "JAX": 1.25}
    assert row["passed"] == {programs.BEST: False}      # 1.3 by the slower of both is not enough
    assert programs.row("tiny", "predict", figures, {})["passed"] == {"PyTorch": True, "JAX": True}
    assert programs.row("tiny", "train", {"ours": [1.0], "JAX": [8.5]}, {})["passed"] == {"JAX": True}
    assert programs.row("tiny", "compiled", {"ours": [2.5e-6]}, {})["passed"] == {programs.SECONDS: False}
    assert programs.row("mnist_mlp", "train", {"ours": [1.0]}, {})["passed"] == {}      # no peer


def test_a_line_of_the_table(imported):
    programs = imported("programs")
    line = programs.line(programs.row("tiny", "train", {"ours": [1e-5, 3e-5], "PyTorch": [5e-4, 5e-4]}, {}))
    assert line.split()[4:] == [*"us 10.0 20.0 500 500 - - 25.00 -".split(), *"PyTorch 30, JAX 8".split(),
                                *"MISSED: PyTorch".split()]


def test_a_row_that_does_not_exist(imported, capsys):
    with pytest.raises(SystemExit):
        imported("programs").main(["--rows", "tinny"])
    assert "there is no 'tinny' among tiny, chain" in capsys.readouterr().err


@pytest.mark.slow
def test_it_runs_where_no_peer_is_installed(tmp_path):
    for peer in ("torch", "jax"):
        (tmp_path / f"{peer}.py").write_text("raise ImportError('not installed here')", encoding="utf-8")
    file, path = tmp_path / "table.json", os.pathsep.join([str(tmp_path), str(FOLDER.parent)])
    done = subprocess.run([sys.executable, str(FOLDER / "programs.py"), "--rows", "tiny,chain", "--small", "--check",
                           "--rounds", "1", "--processes", "1", "--json", str(file)],
                          env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "PyTorch is left out: not installed here" in done.stdout
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert {row["network"] for row in rows} == {"tiny", "chain"}
    assert {row["work"] for row in rows} == {"train", "read", "predict", "function", "compiled", "kernels", "memory"}
    assert all(row["median"]["ours"] > 0 for row in rows)
    assert not any(who in row["ratios"] for row in rows for who in ("PyTorch", "JAX"))
