"""Old scripts run as they are, by `python -m numba_layers run`; those with functions for jitted code by Python."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OLD = "xor.py", "spirals.py", "characters.py"


def run(script, folder):
    """What a script of `examples` prints when it is run in `folder`."""
    command = ["-m", "numba_layers", "run"] if script in OLD else []
    done = subprocess.run([sys.executable, *command, ROOT / "examples" / script], cwd=folder,
                          env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_xor(tmp_path):
    printed = run("xor.py", tmp_path)
    assert re.findall(r"(\d) xor (\d) = (\d)", printed) == [tuple("000"), tuple("011"), tuple("101"), tuple("110")]


@pytest.mark.slow
def test_spirals(tmp_path):
    right = re.search(r"([\d.]+) % right", run("spirals.py", tmp_path))
    assert float(right.group(1)) > 95


@pytest.mark.slow
def test_characters(tmp_path):
    """What is written in the end are words of the licence."""
    lines = re.findall(r"^loss ([\d.]+)  (.+)$", run("characters.py", tmp_path), re.M)
    assert len(lines) == 4 and float(lines[-1][0]) < 0.3
    known = set((ROOT / "LICENSE").read_text().lower().split())
    assert sum(word in known for word in lines[-1][1].split()[3:]) > 6


@pytest.mark.slow
def test_control(tmp_path):
    """A network found by rollouts in a jitted loop balances the pole."""
    first, last = re.findall(r"stands for (\d+)", run("control.py", tmp_path))
    assert int(first) < 180 < int(last)


@pytest.mark.slow
def test_train_in_simulation(tmp_path):
    printed = run("train_in_simulation.py", tmp_path)
    losses = [float(loss) for loss in re.findall(r"^loss ([\d.]+)", printed, re.M)]
    assert len(losses) == 5 and losses[-1] < losses[0] / 3
    error, usual = map(float, re.search(r"error is ([\d.]+) rad/s², of ([\d.]+)", printed).groups())
    assert error < 0.1 * usual


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_examples_import_little(script):
    """Old scripts know nothing but Keras; the others are short."""
    text = (ROOT / "examples" / script).read_text(encoding="utf-8")
    known = {"keras", "numpy", "os"} if script in OLD else {"math", "time", "numba", "numba_layers", "numpy"}
    assert set(re.findall(r"^(?:import|from) (\w+)", text, re.M)) <= known
    assert len(text.splitlines()) <= 80
