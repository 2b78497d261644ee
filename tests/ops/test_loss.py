"""Losses with kernels of their own: values on many shapes, gradients of first and second order."""

import numpy as np
import pytest

from numba_layers.autograd.gradcheck import gradcheck
from numba_layers.autograd.graph import evaluate, placeholder
from numba_layers.autograd.tape import Tape
from numba_layers.autograd.tensor import Tensor
from numba_layers.ops import loss as ops
from tests.reference import loss as reference

NAMES = ("mean_squared_error", "mean_absolute_error", "categorical_crossentropy",
         "sparse_categorical_crossentropy", "binary_crossentropy")
SHAPES = ((4, 5), (1, 1), (7, 1), (2, 3, 4), (3,), (0, 5), (300, 33))


def pair(name, shape, dtype, random):
    """A target and an output for the loss: rows of probabilities that sum to a little more than 1."""
    output = random.uniform(0.1, 1, shape)
    output = (output / output.sum(-1, keepdims=True) if shape[-1] > 1 else output) * 1.1
    output = np.minimum(output, 0.95)
    if name.startswith("sparse"):
        return random.randint(0, shape[-1], (*shape[:-1], 1)).astype(dtype), output.astype(dtype)
    return random.uniform(0.1, 0.9, shape).astype(dtype), output.astype(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_values(name, shape, dtype, random, device):
    target, output = pair(name, shape, dtype, random)
    value = getattr(ops, name)(target, output).data
    expected = getattr(reference, name)(target.astype("float64"), output.astype("float64"))
    assert value.dtype == dtype
    np.testing.assert_allclose(value, expected, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name, random, device, float64):
    target, output = pair(name, (3, 4), "float64", random)
    if name.startswith("sparse"):
        gradcheck(lambda output: ops.sparse_categorical_crossentropy(target, output), [output])
    else:
        gradcheck(getattr(ops, name), [target, output])


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_gradients(name, random, device, float64):
    target, output = pair(name, (3, 4), "float64", random)

    def slope(*tensors):
        target, output, weight = tensors if len(tensors) == 3 else (labels, *tensors)
        with Tape() as tape:
            value = getattr(ops, name)(target, output)
            return tape.gradient(value, output, weight)

    labels = Tensor(target)
    weight = random.standard_normal(3)
    gradcheck(slope, [output, weight] if name.startswith("sparse") else [target, output, weight])


@pytest.mark.parametrize("name", NAMES)
def test_symbolic_outputs_have_the_shape_of_concrete_ones(name, random):
    target, output = pair(name, (2, 3, 4), "float32", random)
    holders = [placeholder((None, *array.shape[1:])) for array in (target, output)]
    value = getattr(ops, name)(*holders)
    assert value.shape == (None, 3)
    answer = evaluate(value, dict(zip(holders, (target, output))))
    np.testing.assert_array_equal(answer.data, getattr(ops, name)(target, output).data)


def test_labels_that_are_none_give_nan_and_touch_no_other_row(device):
    output = np.full((4, 3), 1 / 3, np.float32)
    for label in (-1, 3, np.nan, 1e30, -1e30):
        with Tape() as tape:
            tensor = Tensor(output)
            value = ops.sparse_categorical_crossentropy(np.float32([[0], [label], [1], [2]]), tensor)
        loss, grad = value.numpy(), tape.gradient(value, tensor).numpy()
        assert np.isnan(loss[1]) and np.isfinite(loss[[0, 2, 3]]).all()
        assert np.isnan(grad[1]).all() and np.isfinite(grad[[0, 2, 3]]).all()


def test_a_sure_output_costs_what_the_limit_allows(device):
    sure = np.float32([[1, 0]])
    assert 15 < ops.categorical_crossentropy(np.float32([[0, 1]]), sure).numpy()[0] < 17
    assert 0 <= ops.categorical_crossentropy(np.float32([[1, 0]]), sure).numpy()[0] < 2e-7
    assert 15 < ops.binary_crossentropy(np.float32([[0, 1]]), sure).numpy()[0] < 17
