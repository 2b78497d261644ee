"""Any number of blocks is right: CUDA kernels on two blocks give the bits that they give on many."""

import numpy as np
import pytest

from numba_layers import registry
from numba_layers.kernels.geometry import backward_plan, forward_plan
from numba_layers.ops._window import axes
from tests.kernels.launching import launch

WINDOW = axes("test", (9, 40), (3, 4), (2, 3), "same")
OUT = tuple(axis.out for axis in WINDOW)
POOL = (1, 3, 2), (1, 2, 2), (0, 1, 0)      # window, strides, before, for 9 rows and 40 columns


def image(random, *shape):
    return random.standard_normal(shape).astype("float32")


def taps(random):
    return random.randint(0, 6, (3, 1, 5, 20, 70)).astype("uint8")


CASES = {   # kernel -> its inputs and the shapes of what it writes
    "depthwise": lambda random: ([image(random, 3, 5, 14, 50), image(random, 3, 4, 50), image(random, 50),
                                  backward_plan(WINDOW), True], (3, 9, 40, 50)),
    "depthwise_backward_weight": lambda random: ([image(random, 3, 9, 40, 50), image(random, 3, *OUT, 50),
                                                  forward_plan(WINDOW)], (5, 3, 4, 50)),
    "max_pool_forward": lambda random: ([image(random, 3, 1, 9, 40, 70), *POOL], (3, 1, 5, 20, 70)),
    "max_pool_backward": lambda random: ([image(random, 3, 1, 5, 20, 70), taps(random), *POOL], (3, 1, 9, 40, 70)),
    "sum_pool_forward": lambda random: ([image(random, 3, 1, 9, 40, 70), np.float32(0.3), *POOL], (3, 1, 5, 20, 70)),
    "sum_pool_backward": lambda random: ([image(random, 3, 1, 5, 20, 70), np.float32(0.3), *POOL], (3, 1, 9, 40, 70)),
    "interpolate_forward": lambda random: ([image(random, 3, 20, 19), 3], (3, 60, 19)),
    "interpolate_backward": lambda random: ([image(random, 3, 60, 19), 3], (3, 20, 19)),
}


@pytest.mark.parametrize("name", CASES)
def test_any_number_of_blocks(name, device, random, monkeypatch):
    if device == "cpu":
        pytest.skip("the CPU has no blocks")
    inputs, shape = CASES[name](random)
    kernel = registry.kernel(name, "cuda")

    def written():
        outputs = [np.full(shape, 7, kind) for kind in ["float32", "uint8"][:1 + (name == "max_pool_forward")]]
        launch(name, *inputs, *outputs, written=len(outputs))
        return outputs

    many = written()
    grid, block = kernel.launch(*inputs, *many)
    assert np.prod(grid) > 2
    monkeypatch.setattr(kernel, "launch", lambda *arguments: (2, block))
    for one, other in zip(many, written()):
        np.testing.assert_array_equal(one, other)
