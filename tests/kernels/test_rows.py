"""The kernels of rows, softmax and losses: short and long rows, few and many, limits, NaN and infinity."""

import numpy as np
import pytest

from numba_layers import devices
from tests.kernels.launching import launch
from tests.reference import activation
from tests.reference import loss as losses
from tests.tolerances import assert_close

SHAPES = [(1, 1), (7, 1), (3, 5), (300, 10), (40, 33), (9, 300), (2, 1000), (1, 2500)]
LOSSES = ("mean_squared_error", "mean_absolute_error", "categorical_crossentropy",
          "sparse_categorical_crossentropy", "binary_crossentropy")
LIMITED = LOSSES[2:]


def result(name, shape, *arguments):
    out = np.full(shape, 7, arguments[1].dtype)
    launch(name, *arguments, out)
    return out


def on_cpu(name, shape, *arguments):
    with devices.device("cpu"):
        return result(name, shape, *arguments)


def pair(name, shape, dtype, random):
    """A target and an output of probabilities for a loss."""
    output = random.uniform(0.1, 0.9, shape) / (1 + shape[1] // 2)
    if name.startswith("sparse"):
        return random.randint(0, shape[1], (shape[0], 1)).astype(dtype), output.astype(dtype)
    return random.uniform(0.1, 0.9, shape).astype(dtype), output.astype(dtype)


def epsilon(name, dtype):
    return (np.dtype(dtype).type(losses.EPSILON),) if name in LIMITED else ()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name, shape, device, dtype, random):
    x = (random.standard_normal(shape) * 3).astype(dtype)
    y = np.empty_like(x)
    launch(f"{name}_forward", x, y)
    assert_close(y, getattr(activation, name)(x.astype("float64")), 5)
    grad = random.standard_normal(shape).astype(dtype)
    expected = y * (grad - np.sum(y * grad, 1, keepdims=True)) if name == "softmax" else (
        grad - np.exp(y) * np.sum(grad, 1, keepdims=True))
    assert_close(result(f"{name}_backward", shape, y, grad), expected, 30)


@pytest.mark.parametrize("name", ["softmax_forward", "log_softmax_forward"])
def test_softmax_of_what_is_not_finite(name, device, dtype, random):
    x = np.zeros((6, 50), dtype)
    x[0, 3], x[1, 40], x[2, 1], x[3] = np.nan, np.inf, -np.inf, -np.inf
    x[4, :2] = 1e4, -1e4
    y, expected = np.empty_like(x), np.empty_like(x)
    launch(name, x, y)
    with devices.device("cpu"):
        launch(name, x, expected)
    assert_close(y, expected, 5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, shape, device, dtype, random):
    target, output = pair(name, shape, dtype, random)
    limit, grad = epsilon(name, dtype), random.standard_normal(shape[0]).astype(dtype)
    loss = result(f"{name}_forward", shape[:1], target, output, *limit)
    assert_close(loss, getattr(losses, name)(target.astype("float64"), output.astype("float64")), 30)
    grad_output = result(f"{name}_backward", shape, target, output, grad, *limit)
    expected = on_cpu(f"{name}_backward", shape, target, output, grad, *limit)
    largest = max(1, abs(expected).max())   # differences of large numbers
    assert_close(grad_output / largest, expected / largest, 30)


@pytest.mark.parametrize("name", LOSSES)
def test_limits_and_nan(name, device, dtype, random):
    """Outputs at and beyond 0 and 1, NaN, and labels of no class."""
    target, output = pair(name, (6, 4), dtype, random)
    output[0], output[1], output[2, 1] = (0, 0, 1, 0), (-0.5, 1.5, 0.2, 0.3), np.nan
    if name.startswith("sparse"):
        target[3], target[4], target[5] = -1, 4, 3
    else:
        target[0] = target[1] = 0, 0, 1, 0
        target[3] = output[3]
    grad = np.ones(6, dtype)
    for kernel, shape, given in ((f"{name}_forward", (6,), ()), (f"{name}_backward", (6, 4), (grad,))):
        arguments = target, output, *given, *epsilon(name, dtype)
        assert_close(result(kernel, shape, *arguments), on_cpu(kernel, shape, *arguments), 30)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.float32, bool])
def test_labels_of_any_type(kind, device, random):
    output = random.uniform(0.1, 0.9, (40, 2)).astype("float32")
    labels = random.randint(0, 2, (40, 1)).astype(kind)
    for kernel, shape, given in (("forward", (40,), ()), ("backward", (40, 2), (np.ones(40, "float32"),))):
        arguments = [output, *given, np.float32(losses.EPSILON)]
        kernel = f"sparse_categorical_crossentropy_{kernel}"
        assert_close(result(kernel, shape, labels, *arguments),
                     on_cpu(kernel, shape, labels.astype("int64"), *arguments), 5)
