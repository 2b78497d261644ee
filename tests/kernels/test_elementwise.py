"""Elementwise kernels against NumPy: odd sizes, none at all, ties, infinities, NaN, broadcasting."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from numba_layers.errors import ShapeError
from numba_layers.ops._broadcast import PANEL, broadcast, broadcast_shape
from tests.kernels.launching import launch
from tests.reference import activation
from tests.reference.elementwise import BINARY, COMPARISON, LOGICAL, TEST, UNARY
from tests.tolerances import assert_close

SIZES = (0, 1, 17, 1003)
ODD_ONES = [0.0, 1.0, -1.0, 0.5, -2.5, 1e-40, 3e38, np.inf, -np.inf, np.nan]
FUNCTIONS = UNARY | {name: getattr(activation, name) for name in (
    "tanh", "sigmoid", "hard_sigmoid", "selu", "softplus", "softsign", "swish", "gelu", "mish")}
NAN_FAR_OUT = {"softsign": np.inf, "swish": -np.inf, "gelu": -np.inf, "mish": -np.inf}     # where formulas give NaN
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def launched(name, *arguments, dtype=None):
    """What a kernel of flat arrays writes, given arrays of any shape."""
    arrays = [entry for entry in arguments if isinstance(entry, np.ndarray)]
    out = np.full(arrays[0].size, 7, dtype or arrays[0].dtype)
    launch(name, *(entry.reshape(-1) if isinstance(entry, np.ndarray) else entry for entry in arguments), out)
    return out.reshape(arrays[0].shape)


def broadcasting(name, *arrays, dtype=None):
    shape, *walk = broadcast(name, *arrays)
    out = np.full(shape, 7, dtype or arrays[-1].dtype)
    flat = [array.reshape(-1) for array in (*arrays, out)]
    launch(f"{name}_forward", *flat[:-1], *walk, flat[-1])
    return out


def numbers(random, *shape, dtype):
    return random.uniform(-3, 3, shape).astype(dtype)


# Functions of one array

@pytest.mark.parametrize("name", FUNCTIONS)
def test_unary(name, device, dtype, random):
    for size in SIZES:
        x = numbers(random, size, dtype=dtype)
        if name in ("log", "log1p", "sqrt"):
            x = np.abs(x)
        assert_close(launched(f"{name}_forward", x), FUNCTIONS[name](x.astype(np.float64)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_unary_at_odd_ones(name, device, dtype):
    """All answer as mathematics does, but for some whose formulas give NaN at an infinity."""
    infinite = NAN_FAR_OUT.get(name, 0.0)
    x = np.array([x for x in ODD_ONES if x != infinite and (name != "softsign" or x != -infinite)], dtype)
    truth = FUNCTIONS[name](x.astype(np.float64)).astype(dtype)
    if name == "selu":
        truth[x == -np.inf] = -activation.SELU_SCALE * activation.SELU_ALPHA
    assert_close(launched(f"{name}_forward", x), truth)


@pytest.mark.parametrize("name", TEST)
def test_isnan_isinf(name, device, dtype):
    x = np.array(ODD_ONES, dtype)
    np.testing.assert_array_equal(launched(f"{name}_forward", x, dtype=bool), TEST[name](x))


def test_logical_not(device, random):
    x = random.rand(33) < 0.5
    np.testing.assert_array_equal(launched("logical_not_forward", x), ~x)


@pytest.mark.parametrize("name", ["negative", "abs", "sign", "square"])
def test_unary_of_integers(name, device, random):
    x = random.randint(-5, 6, 33)
    np.testing.assert_array_equal(launched(f"{name}_forward", x), UNARY[name](x))


# Functions with parameters, and gradients

@pytest.mark.parametrize("alpha, max_value, threshold", [
    (0.0, None, 0.0), (0.3, None, 0.0), (0.0, 6.0, 0.0), (0.1, 2.0, 1.0), (0.0, None, -1.0)])
def test_relu(alpha, max_value, threshold, device, dtype, random):
    parameters = tuple(np.dtype(dtype).type(entry) for entry in (
        alpha, np.inf if max_value is None else max_value, threshold))
    x = np.concatenate([numbers(random, 1001, dtype=dtype), [threshold, 2, 6]]).astype(dtype)
    y = launched("relu_forward", x, *parameters)
    assert_close(y, activation.relu(x, alpha, max_value, threshold))
    slope = np.where(x > threshold, x < (max_value or np.inf), alpha)
    grad_y = numbers(random, x.size, dtype=dtype)
    assert_close(launched("relu_backward", x, grad_y, *parameters), grad_y * slope)
    if threshold == 0:
        assert_close(launched("relu_backward", y, grad_y, *parameters), grad_y * slope)


def test_relu_at_infinity_and_nan(device, dtype):
    x = np.array([-np.inf, np.inf, np.nan], dtype)
    zero, limit, half = np.array([0, np.inf, 0.5], dtype)
    np.testing.assert_array_equal(launched("relu_forward", x, zero, limit, zero), [0, np.inf, np.nan])
    np.testing.assert_array_equal(launched("relu_forward", x, half, half, zero), [-np.inf, 0.5, np.nan])


@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.7])
def test_elu(alpha, device, dtype, random):
    parameter = np.dtype(dtype).type(alpha)
    x = numbers(random, 1003, dtype=dtype)
    y = launched("elu_forward", x, parameter)
    assert_close(y, activation.elu(x.astype(np.float64), alpha))
    grad_y = numbers(random, x.size, dtype=dtype)
    slope = np.where(x > 0, 1, alpha * np.exp(x.astype(np.float64)))
    assert_close(launched("elu_backward", y, grad_y, parameter), grad_y * slope, 3)


def test_clip(device, dtype):
    low, high = np.array([-1, 2], dtype)
    x = np.array([-np.inf, -2, -1, 0, 2, 3, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(launched("clip_forward", x, low, high), np.clip(x, -1, 2))
    grad_y = np.arange(1, 9).astype(dtype)
    np.testing.assert_array_equal(launched("clip_backward", x, grad_y, low, high),
                                  [0, 0, 3, 4, 5, 0, 0, 0])


@pytest.mark.parametrize("shape", [(3, 1003), (1003,), (3, 1), (1,)])
def test_prelu(shape, device, dtype, random):
    x, alpha = numbers(random, 3, 1003, dtype=dtype), numbers(random, *shape, dtype=dtype)
    x[0, :3] = 0, np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(broadcasting("prelu", x, alpha), activation.prelu(x, alpha))
    slope = np.where(x > 0, 1, np.where(x < 0, alpha, 0)).astype(dtype)
    np.testing.assert_array_equal(broadcasting("prelu_slope", x, alpha), slope)


SLOPES = {
    "tanh": lambda x: 1 / np.cosh(x) ** 2,
    "sigmoid": lambda x: activation.sigmoid(x) * activation.sigmoid(-x),
    "hard_sigmoid": lambda x: np.where(np.abs(x) < 2.5, 0.2, 0),
    "selu": lambda x: activation.SELU_SCALE * np.where(x > 0, 1, activation.SELU_ALPHA * np.exp(x)),
    "softplus": activation.sigmoid,
    "softsign": lambda x: 1 / (1 + np.abs(x)) ** 2,
    "swish": lambda x: activation.sigmoid(x) * (1 + x * activation.sigmoid(-x)),
    "gelu": lambda x: activation.gelu(x) / x + x * np.exp(-x**2 / 2) / np.sqrt(2 * np.pi),
    "mish": lambda x: activation.mish(x) / x + x * activation.sigmoid(x) / np.cosh(activation.softplus(x)) ** 2,
}
OF_INPUT = "swish", "gelu", "mish"


@pytest.mark.parametrize("name", SLOPES)
def test_backward(name, device, dtype, random):
    """From the output y (or from x itself), the gradient that mathematics writes in terms of x."""
    for size in SIZES:
        x = numbers(random, size, dtype=dtype)
        grad_y = numbers(random, size, dtype=dtype)
        y = x if name in OF_INPUT else launched(f"{name}_forward", x)
        grad_x = launched(f"{name}_backward", y, grad_y)
        assert_close(grad_x, grad_y * SLOPES[name](x.astype(float)), 10)


# Functions of several arrays

@pytest.mark.parametrize("name", BINARY)
def test_binary(name, device, dtype, random):
    for size in SIZES:
        x, y = numbers(random, 2, size, dtype=dtype)
        if name == "power":
            x = np.abs(x)
        assert_close(broadcasting(name, x, y), BINARY[name](x.astype(float), y.astype(float)))


@pytest.mark.parametrize("name", BINARY | COMPARISON)
def test_binary_of_odd_ones(name, device, dtype):
    x, y = np.array(ODD_ONES, dtype)[:, None], np.array(ODD_ONES, dtype)
    z = broadcasting(name, x, y, dtype=bool if name in COMPARISON else dtype)
    np.testing.assert_allclose(z, (BINARY | COMPARISON)[name](x, y), 1e-6)


@pytest.mark.parametrize("name", ["subtract", "multiply", "floor_divide", "mod", "maximum", "equal", "less"])
def test_binary_of_integers(name, device, random):
    x, y = random.randint(-4, 5, (2, 35))
    y[y == 0] = 3
    z = broadcasting(name, x, y, dtype=bool if name in COMPARISON else None)
    np.testing.assert_array_equal(z, (BINARY | COMPARISON)[name](x, y))


@pytest.mark.parametrize("name", LOGICAL)
def test_logical(name, device):
    x, y = np.array([[False], [True]]), np.array([False, True])
    np.testing.assert_array_equal(broadcasting(name, x, y), LOGICAL[name](x, y))


@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=5, min_side=0, max_side=4))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_shapes_that_broadcast(device, shapes):
    x, y = (np.arange(np.prod(shape), dtype=np.float32).reshape(shape) for shape in shapes.input_shapes)
    np.testing.assert_array_equal(broadcasting("subtract", x, -2 * y), x + 2 * y)


@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=5, min_side=0, max_side=4))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_three_shapes_that_broadcast(device, shapes):
    c, x, y = (np.arange(np.prod(shape), dtype=np.float32).reshape(shape) for shape in shapes.input_shapes)
    c = c % 3 == 0
    np.testing.assert_array_equal(broadcasting("where", c, x, -y), np.where(c, x, -y))


@pytest.mark.parametrize("size", [PANEL - 1, PANEL, PANEL + 1, 3 * PANEL + 5])
def test_panels_of_a_long_axis(size, device, dtype):
    x, two = np.arange(size).astype(dtype), np.full((), 2, dtype)
    np.testing.assert_array_equal(broadcasting("subtract", x, two), x - 2)
    np.testing.assert_array_equal(broadcasting("subtract", two, x), 2 - x)
    np.testing.assert_array_equal(broadcasting("subtract", x, 3 * x), -2 * x)
    np.testing.assert_array_equal(broadcasting("where", x > 5, x, two), np.where(x > 5, x, 2))


def test_shapes_with_unknown_axes():
    assert broadcast_shape("add", (None, 3), (3,)) == (None, 3)
    assert broadcast_shape("add", (None, 3), (1, 1)) == (None, 3)
    assert broadcast_shape("add", (None, 1), (5, 3)) == (5, 3)
    assert broadcast("add", SimpleNamespace(shape=(None, 3)), np.zeros(3)) == ((None, 3), None, None, None)


def test_shapes_that_do_not_broadcast():
    with pytest.raises(ShapeError, match=r"add: shapes \(2, 3\) and \(4, 3\) .*axis -2 has sizes 2 and 4"):
        broadcast("add", np.zeros((2, 3)), np.zeros((4, 3)))
    with pytest.raises(ShapeError, match="6 separate axes, at most 5"):
        broadcast("add", np.zeros((2, 1, 2, 1, 2, 1)), np.zeros((1, 2, 1, 2, 1, 2)))


# Types, values, sums

@pytest.mark.parametrize("source", ["bool", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("target", ["bool", "int32", "int64", "float32", "float64"])
def test_cast(source, target, device):
    x = np.array([0, 1, 2.75, -3.5, 100], source)
    np.testing.assert_array_equal(launched("cast", x, dtype=target), x.astype(target))


def test_fill(device, dtype):
    y = np.empty(35, dtype)
    launch("fill", np.dtype(dtype).type(2.5), y)
    np.testing.assert_array_equal(y, 2.5)
