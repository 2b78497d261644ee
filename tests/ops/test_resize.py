import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, ShapeError, UnknownNameError
from tests.reference import pool as reference
from tests.threads import on_one_and_all
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")


def interpolated(x, size):
    """Straight lines between the pixels of each spatial axis, one after the other."""
    for axis, times in enumerate(size, 1):
        places = np.arange(x.shape[axis] * times) / times
        x = np.apply_along_axis(lambda line: np.interp(places, np.arange(len(line)), line), axis, x)  # noqa: B023
    return x


FUNCTIONS = {   # name -> op and NumPy's answer, of x and one setting for each spatial axis
    "upsample": (lambda x, numbers, **options: ops.upsample(x, size=numbers, **options),
                 lambda x, numbers: reference.upsample(x, size=numbers)),
    "bilinear": (lambda x, numbers, **options: ops.upsample(x, size=numbers, interpolation="bilinear", **options),
                 interpolated),
    "zero_pad": (lambda x, numbers, **options: ops.zero_pad(x, padding=pairs(numbers), **options),
                 lambda x, numbers: np.pad(x, [(0, 0), *pairs(numbers), (0, 0)])),
    "crop": (lambda x, numbers, **options: ops.crop(x, cropping=pairs(numbers), **options),
             lambda x, numbers: x[(slice(None), *(slice(a, size - b) for (a, b), size in
                                                  zip(pairs(numbers), x.shape[1:])))]),
}
CASES = [((2, 5, 3), (2,)), ((1, 4, 1), (1,)), ((2, 4, 6, 3), (2, 3)), ((1, 4, 6, 17), (1, 2)),
         ((2, 4, 5, 6, 2), (2, 1, 3))]
functions = pytest.mark.parametrize("name", FUNCTIONS)
cases = pytest.mark.parametrize("shape, numbers", CASES)


def pairs(numbers):
    return tuple((number - 1, number) for number in numbers)


def channels_first(x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


@functions
@cases
def test_values(name, shape, numbers, dtype, random):
    op, wanted = FUNCTIONS[name]
    x = random.standard_normal(shape).astype(dtype)
    y = op(x, numbers)
    assert y.dtype == dtype
    assert_close(y, wanted(x, numbers), 5)
    assert_close(op(channels_first(x), numbers, data_format="channels_first"), channels_first(wanted(x, numbers)), 5)


@functions
@cases
def test_gradients(name, shape, numbers, random):
    op, _ = FUNCTIONS[name]
    x = random.standard_normal(shape)
    assert gradcheck(lambda x: op(x, numbers), [x])

    def first(grad):
        with Tape() as tape:
            tensor = Tensor(x)
            y = op(tensor, numbers)
        return tape.gradient(y, tensor, output_gradient=grad)

    assert gradcheck(first, [random.standard_normal(op(x, numbers).shape)])


@functions
def test_open_sizes(name, random):
    op, wanted = FUNCTIONS[name]
    x = placeholder((None, None, 6, 3))
    y = op(x, (2, 3))
    value = random.standard_normal((2, 7, 6, 3)).astype("float32")
    assert y.shape == (None, None, *wanted(value, (2, 3)).shape[2:])
    assert_close(evaluate(y, {x: value}), wanted(value, (2, 3)), 5)


@functions
def test_on_any_number_of_threads(name, random):
    op, _ = FUNCTIONS[name]
    x = random.standard_normal((3, 30, 41, 7)).astype("float32")

    def everything():
        with Tape() as tape:
            tensor = Tensor(x)
            y = op(tensor, (2, 3))
        return y.data, tape.gradient(y, tensor).data

    for one, all_of_them in zip(*on_one_and_all(everything)):
        np.testing.assert_array_equal(one, all_of_them)


def test_bilinear_as_tensorflow_1_has_it():
    x = np.array([0, 4, 8], "float32").reshape(1, 1, 3, 1)
    y = ops.upsample(x, size=(1, 4), interpolation="bilinear")
    np.testing.assert_array_equal(y.numpy().ravel(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8])


def test_whole_numbers_stay():
    x = np.arange(6, dtype=np.int64).reshape(1, 2, 3, 1) + 2**60
    np.testing.assert_array_equal(ops.upsample(x, size=(2, 3)), reference.upsample(x, size=(2, 3)), strict=True)
    y = ops.zero_pad(np.full((1, 2, 1), 3, np.uint8), padding=((1, 0),))
    np.testing.assert_array_equal(y, np.array([0, 3, 3], np.uint8).reshape(1, 3, 1), strict=True)


@pytest.mark.parametrize("function, error, message", [
    (lambda x: ops.upsample(x, size=0), ArgumentError, "upsample: size 0: expected 2 whole numbers of at least 1"),
    (lambda x: ops.upsample(x, size=2, interpolation="linear"), UnknownNameError, "'bilinear'"),
    (lambda x: ops.upsample(x[0, 0], size=2), ShapeError, "upsample: x has 2 axes"),
    (lambda x: ops.zero_pad(x, padding=((1, 1),)), ArgumentError, "zero_pad: .* for rows x columns: expected a pair"),
    (lambda x: ops.zero_pad(x, padding=((1, -1), (0, 0))), ArgumentError, "not negative"),
    (lambda x: ops.zero_pad(x[0, 0], padding=()), ShapeError, "zero_pad: x has 2 axes"),
    (lambda x: ops.crop(x, cropping=((2, 2), (0, 0))), ShapeError, r"2 \+ 2 of the 4 rows are cut off, which leaves 0"),
    (lambda x: ops.crop(x, cropping=((0, 0), (4, 3))), ShapeError, "of the 5 columns are cut off, which leaves -2"),
])
def test_errors(function, error, message):
    with pytest.raises(error, match=message):
        function(Tensor(np.ones((1, 4, 5, 2))))
