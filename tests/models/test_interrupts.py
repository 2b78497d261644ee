"""Ctrl-C at any moment of a training leaves nothing behind; see `tests/interrupts.py`. CI gives it a minute."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = float(os.environ.get("INTERRUPT_SECONDS", 5))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["signals", "lines"])
def test_a_training_interrupted_at_any_moment_goes_on(kind):
    finished = subprocess.run([sys.executable, "-m", "tests.interrupts", kind, str(SECONDS), str(os.getpid())],
                              cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=SECONDS + 300)
    *problems, interrupted = finished.stdout.splitlines()
    assert finished.returncode == 0 and not problems, f"{finished.stderr}\n" + "\n".join(problems)
    assert int(interrupted) > SECONDS
