"""Old scripts run as they are: `python -m numba_layers run`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(script, folder):
    """What a script of `examples` prints when it is run in `folder`."""
    done = subprocess.run([sys.executable, "-m", "numba_layers", "run", ROOT / "examples" / script], cwd=folder,
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


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_examples_know_nothing_but_keras(script):
    text = (ROOT / "examples" / script).read_text(encoding="utf-8")
    assert set(re.findall(r"^(?:import|from) (\w+)", text, re.M)) <= {"keras", "numpy"}
