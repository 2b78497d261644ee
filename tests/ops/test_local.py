"""Locally connected convolution beside loops over its windows: values, gradients of first and second order."""

import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ShapeError
from tests.reference import local as reference
from tests.threads import on_one_and_all
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

CASES = [   # shape of x channels last, window, strides, filters
    ((2, 7, 3), (3,), (1,), 4), ((3, 9, 1), (2,), (3,), 1), ((1, 5, 17), (5,), (1,), 2), ((2, 8, 2), (1,), (2,), 3),
    ((2, 5, 6, 3), (3, 2), (1, 1), 4), ((1, 7, 6, 1), (2, 3), (2, 3), 2), ((3, 4, 4, 17), (1, 1), (1, 1), 5),
    ((2, 6, 5, 2), (3, 5), (2, 1), 1), ((2, 7, 8, 2), (2, 2), (3, 3), 2)]
cases = pytest.mark.parametrize("shape, window, strides, filters", CASES)
formats = pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])


def operands(random, shape, window, strides, filters, data_format, dtype="float64"):
    sizes = [(size - taps) // step + 1 for size, taps, step in zip(shape[1:-1], window, strides)]
    x = random.standard_normal(shape).astype(dtype)
    x = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if data_format == "channels_first" else x
    weight = random.standard_normal((np.prod(sizes), np.prod(window) * shape[-1], filters)).astype(dtype)
    return x, weight, random.standard_normal((*sizes, filters)).astype(dtype)


@cases
@formats
def test_values(shape, window, strides, filters, data_format, dtype, random):
    given = operands(random, shape, window, strides, filters, data_format, dtype)
    options = {"window": window, "strides": strides, "data_format": data_format}
    wanted = reference.local_conv(*(array.astype("float64") for array in given), **options)
    y = ops.local_conv(*map(Tensor, given), **options)
    assert y.dtype == dtype
    assert_close(y, wanted, 20)
    assert_close(ops.local_conv(*map(Tensor, given[:2]), **options),
                 reference.local_conv(*(array.astype("float64") for array in given[:2]), **options), 20)


@cases
@formats
def test_gradients(shape, window, strides, filters, data_format, random):
    given = operands(random, shape, window, strides, filters, data_format)
    options = {"window": window, "strides": strides, "data_format": data_format}
    assert gradcheck(lambda *tensors: ops.local_conv(*tensors, **options), list(given))

    def slopes(x, weight):
        with Tape() as tape:
            y = ops.square(ops.local_conv(x, weight, **options))
        to_x, to_weight = tape.gradient(y, [x, weight])
        return ops.sum(to_x * x) + ops.sum(to_weight * weight)

    assert gradcheck(slopes, list(given[:2]))


def test_features_of_a_window():
    x = np.arange(12.0).reshape(1, 3, 4, 1)
    options = {"window": (2, 2), "strides": (1, 2)}
    y = ops.im2col(Tensor(x), **options)
    assert y.shape == (4, 1, 4)
    np.testing.assert_array_equal(y.numpy()[:, 0], [[0, 1, 4, 5], [2, 3, 6, 7], [4, 5, 8, 9], [6, 7, 10, 11]])
    pair = np.stack([np.arange(3.0), 10 + np.arange(3.0)], axis=-1)[None]
    last, first = (ops.im2col(Tensor(pair), window=(2,), strides=(1,), channels_first=order).numpy()[:, 0]
                   for order in (False, True))
    np.testing.assert_array_equal(last, [[0, 10, 1, 11], [1, 11, 2, 12]])
    np.testing.assert_array_equal(first, [[0, 1, 10, 11], [1, 2, 11, 12]])


def test_an_open_batch(random):
    given = operands(random, *CASES[4], "channels_first")
    options = {"window": (3, 2), "strides": 1, "data_format": "channels_first"}
    x = placeholder((None, *given[0].shape[1:]), "float64")
    y = ops.local_conv(x, *map(Tensor, given[1:]), **options)
    assert y.shape == (None, 4, 3, 5)
    np.testing.assert_array_equal(evaluate(y, {x: given[0]}), ops.local_conv(*map(Tensor, given), **options))


def test_the_same_for_any_number_of_threads(random):
    given = operands(random, (7, 13, 11, 5), (3, 3), (1, 2), 6, "channels_last")

    def answers():
        tensors = [Tensor(array) for array in given]
        with Tape() as tape:
            y = ops.local_conv(*tensors, window=3, strides=(1, 2))
        return np.concatenate([entry.numpy().ravel() for entry in (y, *tape.gradient(y, tensors))])

    np.testing.assert_array_equal(*on_one_and_all(answers))


@pytest.mark.parametrize("x, weight, bias, message", [
    ((2, 3), (1, 1, 1), None, r"x has 2 axes \(2, 3\), expected 3 \(batch, steps, channels\) or 4"),
    ((2, 5, 3), (3, 8, 4), None, r"weight has shape \(3, 8, 4\), expected \(3, 9, filters\): 3 windows, each of 3 "
     "places and 3 channels"),
    ((2, 5, 3), (4, 9, 4), None, r"weight has shape \(4, 9, 4\), expected \(3, 9, filters\)"),
    ((2, 5, 3), (9, 4), None, r"weight has shape \(9, 4\), expected \(3, 9, filters\)"),
    ((2, 5, 3), (3, 9, 4), (4,), r"bias has shape \(4,\), expected \(3, 4\)"),
    ((2, 2, 3), (1, 9, 4), None, "along the steps the window has 3, the input only 2"),
])
def test_errors(x, weight, bias, message):
    with pytest.raises(ShapeError, match=f"local_conv: {message}"):
        ops.local_conv(np.ones(x), np.ones(weight), None if bias is None else np.ones(bias), window=3)


def test_open_sizes_are_no_places_for_weights():
    with pytest.raises(ShapeError, match=r"the steps of x must be known, got shape \(None, None, 3\)"):
        ops.local_conv(placeholder((None, None, 3)), np.ones((3, 9, 4)), window=3)
