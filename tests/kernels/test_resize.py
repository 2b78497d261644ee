"""The kernels of enlargement beside NumPy's `interp`: fractions, the last slice, one slice, nothing."""

import numpy as np
import pytest

from tests.kernels.launching import launch
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")
cases = pytest.mark.parametrize("outer, n, inner, times", [
    (1, 1, 1, 1), (2, 1, 3, 4), (3, 4, 1, 2), (2, 5, 7, 3), (1, 2, 300, 1), (2, 33, 5, 6), (0, 3, 2, 2)])


def matrix(n, times):
    """What a unit in each slice becomes: (n, n times)."""
    places = np.arange(n * times) / times
    return np.array([np.interp(places, np.arange(n), unit) for unit in np.eye(n)])


@cases
def test_forward(outer, n, inner, times, dtype, random):
    x = random.standard_normal((outer, n, inner)).astype(dtype)
    y = np.full((outer, n * times, inner), 7, dtype)
    launch("interpolate_forward", x, times, y)
    assert_close(y, np.einsum("onk,nm->omk", x.astype("float64"), matrix(n, times)), 5)


@cases
def test_backward(outer, n, inner, times, dtype, random):
    grad = random.standard_normal((outer, n * times, inner)).astype(dtype)
    grad_x = np.full((outer, n, inner), 7, dtype)
    launch("interpolate_backward", grad, times, grad_x)
    assert_close(grad_x, np.einsum("omk,nm->onk", grad.astype("float64"), matrix(n, times)), 5)


def test_nan_stays_between_its_neighbours(dtype):
    x = np.array([1, np.nan, 1, 1], dtype).reshape(1, 4, 1)
    y = np.empty((1, 8, 1), dtype)
    launch("interpolate_forward", x, 2, y)
    np.testing.assert_array_equal(np.isnan(y.ravel()), [True, True, True, True, False, False, False, False])
