"""The benchmark of the GPU runs where there is none, and one failure costs it one line."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "gpu.py"

# A worker that prints what the real one does; some of its tasks go wrong.
WORKER = """
import json, os, sys, time
tell = lambda **what: print("gpu.py: " + json.dumps(what), flush=True)
tell(about="a worker")
for name in sys.argv[1:]:
    tell(begin=name)
    if name == "dies":
        os._exit(3)
    if name == "hangs":
        time.sleep(60)
    tell(row={"name": name, "ours_ms": 1.0, "host_ms": 0.5})
    tell(end=name)
    if name == "loses the GPU":
        sys.exit(1)
"""


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("gpu_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(script, names, budget=60, limit=20, worker=WORKER):
    told = list(script.reports([sys.executable, "-c", worker], names, budget, limit))
    return {one["row"]["name"]: one["row"].get("error") for one in told if "row" in one}


def test_a_worker_that_ends_costs_one_task(script):
    found = rows(script, ["one", "dies", "two", "loses the GPU", "three"])
    assert found == {"one": None, "dies": "the process ended (3)", "two": None, "loses the GPU": None, "three": None}


def test_a_task_that_hangs_is_given_up(script):
    assert rows(script, ["hangs", "one"], limit=3) == {"hangs": "took too long", "one": None}


def test_the_budget_holds(script):
    found = rows(script, ["one", "hangs", "two"], budget=3)
    assert found == {"one": None, "hangs": "out of time", "two": "not measured: out of time"}


def test_no_worker_can_start(script):
    assert rows(script, ["one"], worker="import sys; sys.exit(1)") == {"one": "not measured: no process can start"}


def test_a_line_of_the_table(script):
    row = {"name": "relu", "ours_ms": 0.125, "host_ms": 0.01, "peer_ms": 0.1, "ratio": 0.8, "bar": 0.9, "passed": False,
           "gb_s": 2345.6}
    assert script.line(row).split() == ["relu", "0.125", "0.1", "0.80", "0.9", "2346", "0.01", "below", "its", "bar"]
    row = {"name": "fit", "ours_ms": 0.05, "host_ms": 0.05, "most_ms": 0.04, "passed": False}
    assert script.line(row).split() == ["fit", "0.05", "0.05", "over", "0.04", "ms"]
    assert script.line({"name": "relu", "error": "no"}).split() == ["relu", "no"]


@pytest.mark.slow
def test_all_of_it_runs_on_the_emulated_gpu(tmp_path):
    pytest.importorskip("numba_cuda")
    file = tmp_path / "table.json"
    done = subprocess.run([sys.executable, str(SCRIPT), "--device", "emulated", "--tiny", "--json", str(file)],
                          capture_output=True, text=True, timeout=500)
    table = json.loads(file.read_text())
    assert [row for row in table["rows"] if "error" in row] == [], done.stderr
    assert done.returncode == 0, done.stderr
    names = [row["name"] for row in table["rows"]]
    assert len(names) == len(set(names)) > 40
    for word in ("relu", "softmax", "tf32", "in fit", "mnist_cnn: step", "residual", "resnet64", "Winograd",
                 "1d, and back"):
        assert any(word in name for name in names)
    assert all(row["ours_ms"] > 0 and "ratio" not in row for row in table["rows"])
