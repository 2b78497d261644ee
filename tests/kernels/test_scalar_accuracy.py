"""How far the float32 formulas are from the truth, in units of the last place, over all float32 numbers.

One number in STEP is tried, fewer of them on slow devices, infinities, NaN, denormals, overflow and underflow
included (steps are odd, so that low bits vary). NumPy's float64 is the truth.
"""

import numba
import numpy as np
import pytest

from tests.kernels.launching import launch

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
STEP = {"cpu": 1021 if not numba.config.DISABLE_JIT else 4_000_037, "cuda": 1021, "emulated": 65_537}


def sigmoid(x):
    power = np.exp(-np.abs(x))
    return np.where(x > 0, 1, power) / (1 + power)


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@pytest.fixture
def numbers(device):
    return np.arange(0, 2**32, STEP[device], dtype=np.uint64).astype(np.uint32).view(np.float32)


def error(y, truth):
    """|y - truth| in steps of float32 near the truth; where that is no finite float32, y must be the same."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = truth.astype(np.float32)
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(y[~finite], rounded[~finite])
    return np.abs(y[finite] - truth[finite]) / np.spacing(np.abs(rounded[finite])).astype(np.float64)


@pytest.mark.parametrize("name, truth, units", [
    ("exp", np.exp, 1), ("sigmoid", sigmoid, 2), ("tanh", np.tanh, 5), ("expm1", np.expm1, 2),
    ("log", np.log, 1), ("log1p", np.log1p, 2), ("softplus", softplus, 2.5),
    ("sin", np.sin, 2.5), ("cos", np.cos, 2.5)])
def test_units_in_the_last_place(name, truth, units, numbers):
    y = np.empty_like(numbers)
    launch(f"{name}_forward", numbers, y)
    assert error(y, truth(numbers.astype(np.float64))).max() <= units


def test_limits_are_exact(numbers):
    """tanh and sigmoid never pass their limits: 1 - y**2 and y (1 - y) stay positive or 0."""
    numbers = numbers[~np.isnan(numbers)]
    y = np.empty_like(numbers)
    launch("tanh_forward", numbers, y)
    assert np.abs(y).max() == 1
    launch("sigmoid_forward", numbers, y)
    assert y.min() == 0 and y.max() == 1


def test_error_sees_one_unit():
    one = np.ones(1, np.float32)
    assert error(np.nextafter(one, 2), one.astype(np.float64)) == [1]
    with pytest.raises(AssertionError):
        error(one, np.array([np.nan]))
