"""Ctrl-C at any moment of a training leaves nothing behind; see `tests/interrupts.py`. CI gives it a minute."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite.binding import ffi

from numba_layers.layers import Dense
from numba_layers.models import Sequential

SECONDS = float(os.environ.get("INTERRUPT_SECONDS", 5))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["signals", "lines"])
def test_a_training_interrupted_at_any_moment_goes_on(kind):
    finished = subprocess.run([sys.executable, "-m", "tests.interrupts", kind, str(SECONDS), str(os.getpid())],
                              cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=SECONDS + 300)
    *problems, interrupted = finished.stdout.splitlines() or [""]
    assert finished.returncode == 0 and not problems, f"{finished.returncode} {finished.stderr}\n" + "\n".join(problems)
    assert int(interrupted) > SECONDS


def test_a_training_asks_llvm_for_no_text(monkeypatch):
    """llvmlite frees a text twice where an interrupt comes as it is freed: that ends the process."""
    def train():
        model = Sequential([Dense(4, input_shape=(3,))])
        model.compile("sgd", "mse")
        model.fit(np.ones((8, 3)), np.ones((8, 4)), batch_size=4, epochs=4, verbose=0)

    train()
    freed = []
    monkeypatch.setattr(ffi.OutputString, "close", lambda text: freed.append(text))
    train()
    assert not freed


COLD = """
import signal, sys
signal.signal(signal.SIGALRM, signal.default_int_handler)
import numpy as np
from numba_layers.layers import Dense
from numba_layers.models import Sequential
x = np.ones((8, 4), "float32")
model = Sequential([Dense(4)])
model.compile("sgd", "mse")
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
try:
    model.fit(x, x, verbose=0)
    signal.setitimer(signal.ITIMER_REAL, 0)
except KeyboardInterrupt:
    print("interrupted", end=" ")
model.fit(x, x, verbose=0)
print(np.isfinite(model.predict(x)).all())
"""


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2])
def test_an_interrupt_while_numba_and_the_kernels_are_loaded(delay):
    """An import of Numba that stops half-way cannot be made good in the same process: it goes on behind the scenes."""
    finished = subprocess.run([sys.executable, "-c", COLD, str(delay)], capture_output=True, text=True, timeout=300)
    assert finished.stdout.split()[-1:] == ["True"], finished.stderr
    assert delay > 0.1 or finished.stdout.startswith("interrupted")
