"""What windows add up, beside NumPy's `add.at`: strides, windows that leave pixels out, either order of features."""

import itertools

import numpy as np
import pytest

from tests.kernels.launching import launch
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")


@pytest.mark.parametrize("shape, window, strides", [
    ((1, 1, 1, 1), (1, 1), (1, 1)), ((2, 1, 7, 3), (1, 3), (1, 1)), ((3, 5, 6, 2), (3, 2), (1, 2)),
    ((2, 7, 8, 17), (2, 3), (3, 4)), ((1, 4, 4, 5), (4, 4), (1, 1)), ((2, 9, 3, 1), (1, 1), (4, 2)),
    ((0, 4, 4, 2), (2, 2), (1, 1))])
@pytest.mark.parametrize("channels_first", [False, True])
def test_backward(shape, window, strides, channels_first, dtype, random):
    samples, rows, columns, channels = shape
    windows = tuple((size - taps) // step + 1 for size, taps, step in zip((rows, columns), window, strides))
    inner = (channels, *window) if channels_first else (*window, channels)
    grad = random.standard_normal((*windows, samples, *inner)).astype(dtype)
    axes = (0, 1, 2, 4, 5, 3) if channels_first else (0, 1, 2, 3, 4, 5)      # window, sample, tap, channel
    steps = tuple(stride // grad.itemsize for stride in np.transpose(grad, axes).strides)
    wanted = np.zeros(shape)
    for a, b, p, q in itertools.product(*map(range, (*windows, *window))):
        wanted[:, a * strides[0] + p, b * strides[1] + q] += np.transpose(grad, axes)[a, b, :, p, q]
    grad_x = np.full(shape, 7, dtype)
    launch("im2col_backward_x", grad.reshape(-1), steps, window, strides, windows, grad_x)
    assert_close(grad_x, wanted, 10)
