"""The GPU's convolution in each form: all tiles and precisions, aligned channels or not, one residue or many."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numba_layers import config, devices, registry  # noqa: E402
from numba_layers.kernels.geometry import backward_plan, forward_plan  # noqa: E402
from numba_layers.ops._window import axes  # noqa: E402
from tests.kernels.test_conv import operands  # noqa: E402
from tests.reference import conv as reference  # noqa: E402

SHAPE, WEIGHT = (2, 7, 9, 8), (3, 2, 8, 12)             # pixels and filters fill no tile
UNALIGNED_SHAPE, UNALIGNED_WEIGHT = (2, 7, 9, 6), (3, 2, 6, 9)
ERROR = {"tf32": 2e-3, "bf16": 1e-2}                    # of the largest result
FORMS = {name: registry.kernel(name, "cuda").variants for name in ("convolve", "convolve_backward_weight")}
QUICK = ["fprop_128", "dgrad_tf32_128", "dgrad_strided_bf16_64", "fprop_unaligned_64", "dgrad_unaligned_64", "tf32_128",
         "unaligned_64"]


def each_of(name):
    """A kernel's forms: some quickly, and slowly all."""
    return pytest.mark.parametrize("key", [pytest.param(key, marks=[] if key in QUICK else pytest.mark.slow)
                                           for key in FORMS[name]])


@pytest.fixture(autouse=True)
def gpu(device):
    if device == "cpu":
        pytest.skip("forms of the GPU's kernels")


def placed(array, shift=0):
    """An array on the device, beginning `shift` numbers behind a multiple of 16 bytes."""
    if not isinstance(array, np.ndarray):
        return array
    flat = devices.current().put(np.concatenate([np.zeros(shift, array.dtype), array.ravel()]))
    return flat[shift:].reshape(array.shape)


def images(array):
    return array.reshape(array.shape[0], 1, *array.shape[1:])


def assert_right(found, desired, key=""):
    precision = next((name for name in ERROR if name in key), None)
    assert np.abs(found - desired).max() <= ERROR.get(precision, 1e-6) * np.abs(desired).max()


def convolved(random, key, dtype="float32", shift=0):
    """What a form of `convolve` makes of random numbers, with a bias and relu, and what is right."""
    transposed = key.startswith("dgrad")
    shape, weight_shape = (UNALIGNED_SHAPE, UNALIGNED_WEIGHT) if "unaligned" in key else (SHAPE, WEIGHT)
    strided = key.startswith(("dgrad_strided", "dgrad_unaligned"))
    geometry = {"strides": (2, 3) if strided else 1 if transposed else (1, 2), "padding": "same"}
    window = axes("test", shape[1:-1], weight_shape[:-2], **geometry)
    outputs = shape[0], *(axis.out for axis in window), weight_shape[-1]
    x, weight, bias = operands(random, dtype, outputs if transposed else shape, weight_shape,
                               weight_shape[2:3] if transposed else weight_shape[3:])
    if transposed:
        desired = reference.conv_backward_input(x, weight, shape[1:-1], **geometry) + bias
    else:
        desired = reference.conv(x, weight, bias, **geometry)
    plan = backward_plan(window) if transposed else forward_plan(window)
    y = placed(np.full(desired.shape, np.nan, dtype), shift)
    x, weight, bias, plan = (placed(array, shift) for array in (images(x), weight[None], bias, plan))
    FORMS["convolve"][key](x, weight, bias, plan, transposed, True, images(y))
    return y.numpy(), np.maximum(desired, 0)


def gradient(random, key, splits, dtype="float32", shift=0):
    """The same of `convolve_backward_weight`, its splits added up."""
    shape, weight_shape = (UNALIGNED_SHAPE, UNALIGNED_WEIGHT) if "unaligned" in key else (SHAPE, WEIGHT)
    window = axes("test", shape[1:-1], weight_shape[:-2], (1, 2), "same")
    x, grad_y = operands(random, dtype, shape, (shape[0], *(axis.out for axis in window), weight_shape[-1]))
    grad = placed(np.full((splits, 1, *weight_shape), np.nan, dtype), shift)
    there = [placed(array, shift) for array in (images(x), images(grad_y), forward_plan(window))]
    FORMS["convolve_backward_weight"][key](*there, grad)
    desired = reference.conv_backward_weight(x, grad_y, weight_shape[:-2], strides=(1, 2), padding="same")
    return grad.numpy().sum((0, 1)), desired


@each_of("convolve")
def test_convolve(key, random):
    assert_right(*convolved(random, key), key)


@each_of("convolve_backward_weight")
def test_convolve_backward_weight(key, random):
    assert_right(*gradient(random, key, 2), key)


@pytest.mark.parametrize("key", ["fprop_32", "dgrad_32", "dgrad_strided_32"])
def test_arrays_may_begin_anywhere(key, random):
    assert_right(*convolved(random, key, shift=1))
    assert_right(*gradient(random, "32", 3, shift=1))


def test_more_residues_and_splits_than_a_grid_is_high(random, monkeypatch):
    from numba_layers.kernels.cuda import conv

    monkeypatch.setattr(conv, "MOST_Y", 4)
    assert_right(*convolved(random, "dgrad_strided_32"))
    assert_right(*gradient(random, "32", 5))


def test_any_number_of_blocks(random, monkeypatch):
    """One block goes over all that many would."""
    small_c_out, strided = registry.kernel("convolve_small_c_out", "cuda"), FORMS["convolve"]["dgrad_strided_32"]
    window = axes("test", (9, 11), (3, 2), 2, "same")
    x, weight, bias = operands(random, "float32", (2, 5, 6, 8), (3, 2, 6, 8), (6,))
    desired = reference.conv_backward_input(x, weight, (9, 11), strides=2, padding="same") + bias
    for kernel in (small_c_out, strided):
        y = placed(np.full(desired.shape, np.nan, "float32"))
        given = *(placed(array) for array in (images(x), weight[None], bias, backward_plan(window))), True, False
        _, threads = kernel.launch(*given, images(y))
        shape = 1 if kernel is small_c_out else (1, 4), threads
        monkeypatch.setattr(kernel, "launch", lambda *arguments, shape=shape: shape)
        kernel(*given, images(y))
        assert_right(y.numpy(), desired)


def like(*shape, dtype="float32"):
    return SimpleNamespace(shape=shape, dtype=np.dtype(dtype))


@pytest.mark.parametrize("channels, filters, residues, precision, dtype, key", [
    (64, 256, 0, "float32", "float32", "fprop_128"), (64, 32, 0, "float32", "float32", "fprop_32"),
    (3, 64, 0, "tf32", "float32", "fprop_unaligned_64"), (64, 256, 0, "tf32", "float32", "fprop_tf32_128"),
    (64, 256, 1, "bf16", "float32", "dgrad_bf16_128"), (64, 256, 4, "tf32", "float32", "dgrad_strided_tf32_64"),
    (64, 256, 4, "float32", "float32", "dgrad_strided_64"), (6, 256, 4, "float32", "float32", "dgrad_unaligned_64"),
    (64, 256, 0, "float32", "float64", "fprop_64"),
])
def test_the_form_that_a_launch_takes(channels, filters, residues, precision, dtype, key):
    config.set_matmul_precision(precision)
    try:
        found = registry.kernel("convolve", "cuda").choose(
            like(32, 1, 56, 56, channels, dtype=dtype), None, None, like(residues or 1, 3, 9), residues > 0, False,
            like(32, 1, 56, 56, filters, dtype=dtype))
    finally:
        config.set_matmul_precision("float32")
    assert found == key
