import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, ShapeError
from tests.reference import pool as reference
from tests.threads import on_one_and_all
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

NAMES = ["max_pool", "average_pool"]
CASES = [   # shape, arguments
    ((2, 7, 3), {"pool_size": 2}), ((2, 8, 3), {"pool_size": 3, "strides": 2, "padding": "same"}),
    ((1, 1, 1), {"pool_size": 1}), ((2, 6, 4, 5), {"pool_size": (2, 2)}),
    ((2, 5, 7, 5), {"pool_size": (3, 2), "strides": (1, 2), "padding": "same"}),
    ((1, 5, 6, 2), {"pool_size": 2, "strides": 3}), ((2, 4, 4, 3), {"pool_size": 2, "padding": ((1, 0), (0, 1))}),
    ((2, 4, 3, 5, 2), {"pool_size": 2}),
    ((1, 4, 5, 3, 2), {"pool_size": (2, 3, 2), "strides": (1, 2, 1), "padding": "same"}),
]
cases = pytest.mark.parametrize("shape, arguments", CASES)
both = pytest.mark.parametrize("name", NAMES)


def distinct(random, shape, dtype="float64"):
    """Numbers far enough apart for finite differences to keep each window's largest."""
    return random.permutation(np.linspace(-1, 1, np.prod(shape))).reshape(shape).astype(dtype)


def channels_first(x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


@both
@cases
def test_values(name, shape, arguments, dtype, random):
    x = distinct(random, shape, dtype)
    wanted = getattr(reference, name)(x, **arguments)
    y = getattr(ops, name)(x, **arguments)
    assert y.dtype == dtype
    assert_close(y, wanted)
    assert_close(getattr(ops, name)(channels_first(x), data_format="channels_first", **arguments),
                 channels_first(wanted))


@both
@cases
def test_gradients(name, shape, arguments, random):
    """The gradient, that of the gradient, and once more: each is linear in the gradient that comes in."""
    x = distinct(random, shape)
    pool = getattr(ops, name)
    assert gradcheck(lambda x: pool(x, **arguments), [x])

    def first(grad):
        with Tape() as tape:
            tensor = Tensor(x)
            y = pool(tensor, **arguments)
        return tape.gradient(y, tensor, output_gradient=grad)

    grad = random.standard_normal(pool(x, **arguments).shape)
    assert_close(first(Tensor(grad)), getattr(reference, f"{name}_backward")(x, grad, **arguments))
    assert gradcheck(first, [grad])

    def second(grad_x):
        with Tape() as tape:
            start = Tensor(grad)
            y = first(start)
        return tape.gradient(y, start, output_gradient=grad_x)

    assert gradcheck(second, [x])


@both
def test_gradients_of_channels_first(name, random):
    x = distinct(random, (2, 3, 5, 4))
    assert gradcheck(lambda x: getattr(ops, name)(x, pool_size=2, padding="same", data_format="channels_first"), [x])


@both
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_open_sizes(name, padding, random):
    x = placeholder((None, None, 6, 3))
    y = getattr(ops, name)(x, pool_size=3, strides=2, padding=padding)
    assert y.shape == (None, None, 3 if padding == "same" else 2, 3)
    value = distinct(random, (2, 7, 6, 3), "float32")
    assert_close(evaluate(y, {x: value}), getattr(reference, name)(value, pool_size=3, strides=2, padding=padding))


def test_the_first_of_equals_takes_the_gradient():
    x = Tensor(np.ones((1, 2, 2, 1)))
    with Tape() as tape:
        y = ops.max_pool(x, pool_size=2)
    np.testing.assert_array_equal(tape.gradient(y, x).numpy().ravel(), [1, 0, 0, 0])


def test_the_mean_of_equals_is_exact():
    for window in range(1, 8):
        y = ops.average_pool(np.full((1, 7, 9, 2), 5, "float32"), pool_size=window, strides=1)
        np.testing.assert_array_equal(y, 5)


def test_whole_numbers_become_floats():
    y = ops.max_pool(np.arange(8, dtype=np.uint8).reshape(1, 8, 1), pool_size=2)
    np.testing.assert_array_equal(y, np.array([1, 3, 5, 7], "float32").reshape(1, 4, 1), strict=True)


@both
def test_empty_batch(name):
    assert getattr(ops, name)(np.ones((0, 4, 4, 2)), pool_size=2).shape == (0, 2, 2, 2)


@both
def test_large_images_on_any_number_of_threads(name, random):
    x = random.standard_normal((3, 50, 41, 7)).astype("float32")
    grad = Tensor(random.standard_normal((3, 25, 21, 7)).astype("float32"))

    def gradient():
        with Tape() as tape:
            tensor = Tensor(x)
            y = getattr(ops, name)(tensor, pool_size=3, strides=2, padding="same")
        return tape.gradient(y, tensor, output_gradient=grad).data

    np.testing.assert_array_equal(*on_one_and_all(gradient))


@both
@pytest.mark.parametrize("arguments, error, message", [
    ({"pool_size": 5}, ShapeError, "along the columns the window has 5, the input only 4"),
    ({"pool_size": (2, 2, 2)}, ArgumentError, "expected 2 whole numbers"),
    ({"pool_size": 0}, ArgumentError, "at least 1"),
    ({"pool_size": 2, "strides": -1}, ArgumentError, "strides -1"),
    ({"pool_size": 2, "padding": "smae"}, ArgumentError, "'same'"),
    ({"pool_size": 2, "padding": ((2, 0), (0, 0))}, ArgumentError, "as wide as the window 2"),
])
def test_errors(name, arguments, error, message):
    with pytest.raises(error, match=message) as found:
        getattr(ops, name)(np.ones((1, 6, 4, 2)), **arguments)
    assert name in str(found.value)


@both
def test_errors_of_the_number_of_axes(name):
    with pytest.raises(ShapeError, match=r"x has 2 axes \(6, 4\), expected 3 to 5 \(batch, \*spatial, channels\)"):
        getattr(ops, name)(np.ones((6, 4)), pool_size=2)
    with pytest.raises(ShapeError, match="nothing to slide a window over"):
        getattr(ops, name)(np.ones((1, 0, 3)), pool_size=2)
