"""What programs take of memory: while they are made, and in the steps that follow."""

import gc
import tracemalloc

import numba
import numpy as np
import pytest

from numba_layers import config
from numba_layers.layers import Conv2D, Dense, Flatten, MaxPooling2D
from numba_layers.models import Sequential
from numba_layers.program import groups

random = np.random.RandomState(5)
IMAGES = random.normal(size=(32, 16, 16, 3)).astype("float32")
CLASSES = random.normal(size=(32, 4)).astype("float32")

pytestmark = [pytest.mark.usefixtures("unproven"),
              pytest.mark.skipif(numba.config.DISABLE_JIT, reason="kernels in Python make arrays of their own")]


def model():
    made = Sequential([Conv2D(16, 3, activation="relu", padding="same", input_shape=(16, 16, 3)),
                       Conv2D(16, 3, activation="relu", padding="same"), MaxPooling2D(), Flatten(), Dense(4)])
    made.compile("adam", "mse")
    return made


def peak_of(work):
    """Bytes that are allocated at most while `work()` runs, beyond those before."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_making_a_program_takes_no_more_than_a_step_and_copies_of_the_weights(monkeypatch):
    """Op by op the temporaries are let go of before there is a slab, which is then that of the first replay."""
    monkeypatch.setattr(groups, "LEAST", 1 << 40)          # groups need a tenth more here
    made = model()
    made.train_on_batch(IMAGES, CLASSES)        # loads kernels
    config.set_programs(False)
    op_by_op = peak_of(lambda: made.train_on_batch(IMAGES, CLASSES))
    config.set_programs(True)
    with_programs = peak_of(lambda: [made.train_on_batch(IMAGES, CLASSES) for _ in range(2)])
    (program,) = made._programs
    copies = 4 * 4 * made.count_params() + IMAGES.nbytes
    assert program.plan.size < op_by_op < 1.1 * program.plan.size      # a layer's memory goes as early as it may
    assert with_programs < op_by_op + copies + 3e5
    assert len(program._free) == 1
