"""Depthwise convolution kernels: values round the borders of blocks and vectors, NaN, the same bits always."""

import numba
import numpy as np
import pytest

from numba_layers.kernels.cpu.depthwise import CHANNELS, COLUMNS, PIXELS, REPEATED
from numba_layers.kernels.cpu.micro.depthwise import BLOCK, ROW_VECTORS, RUN, WIDTHS
from numba_layers.kernels.cpu.micro.vector import FUSED, VECTOR_BYTES
from numba_layers.kernels.geometry import backward_plan, forward_plan
from numba_layers.ops._window import axes
from tests.kernels.launching import launch
from tests.machines import SMALLER, passes_with
from tests.reference import conv as reference
from tests.threads import on_one_and_all

LANES = VECTOR_BYTES // 4
CHANNEL_COUNTS = [1, 3, LANES - 1, LANES, 2 * LANES, 2 * LANES + 1, 65, max(WIDTHS.values()) * LANES + 3, CHANNELS + 5]
FEW_COUNTS = [1, 3, 65]    # where there are no vectors but threads
WINDOWS = [   # sizes, window, strides, padding, dilation
    ((1, 1), (1, 1), 1, "valid", 1), ((1, 1), (3, 3), 1, "same", 1), ((1, 1), (2, 5), 1, "full", 1),
    ((4, 2 * BLOCK[0] + 3), (3, 3), 1, "same", 1), ((5, 7), (2, RUN + 1), 1, "valid", 1),
    ((6, 11), (5, 2 * RUN + 1), 1, "same", 1), ((9, 8), (3, 3), 2, "same", 1), ((8, 9), (3, 2), (3, 2), "valid", 1),
    ((9, 10), (3, 3), 1, "same", 2), ((9, 14), (2, 4), 1, ((4, 0), (1, 7)), (1, 3)), ((7, 9), (3, 3), 2, "same", 3),
    ((8, 8), (3, 3), 4, "full", 2), ((9, 9), (1, 2), 3, "valid", 1), ((1, COLUMNS + PIXELS + 3), (1, 3), 1, "same", 1),
]


@pytest.fixture(params=CHANNEL_COUNTS)
def channels(request, device):
    if device != "cpu" and request.param not in FEW_COUNTS:
        pytest.skip("for vectors")
    return request.param


def geometry(strides, padding, dilation):
    return {"strides": strides, "padding": padding, "dilation": dilation}


def numbers(random, dtype, *shape):
    return random.standard_normal(shape).astype(dtype)


def operands(random, dtype, sizes, channels, window, *how):
    """x, the weight, the output's gradient, and the window's axes."""
    found = axes("test", sizes, window, *how)
    out = tuple(axis.out for axis in found)
    shapes = (2, *sizes, channels), (*window, channels), (2, *out, channels)
    return *(numbers(random, dtype, *shape) for shape in shapes), found


def forward(x, weight, bias, window, relu=False):
    y = np.full((len(x), *(axis.out for axis in window), x.shape[-1]), np.nan, x.dtype)
    launch("depthwise", x, weight, bias, forward_plan(window), relu, y)
    return y


def backward_input(grad_y, weight, window):
    grad_x = np.full((len(grad_y), *(axis.size for axis in window), grad_y.shape[-1]), np.nan, grad_y.dtype)
    zeros = np.zeros(grad_y.shape[-1], grad_y.dtype)
    launch("depthwise", grad_y, weight, zeros, backward_plan(window), False, grad_x)
    return grad_x


def backward_weight(x, grad_y, window, parts=1):
    partial = np.full((parts, *(axis.window for axis in window), x.shape[-1]), np.nan, x.dtype)
    launch("depthwise_backward_weight", x, grad_y, forward_plan(window), partial)
    return partial


def assert_near(actual, wanted, bound, terms):
    """Each sum is as exact as one of its length; `bound` is the same sum of absolute values."""
    assert actual.shape == wanted.shape
    assert np.all(abs(actual - wanted) <= (terms + 2) * np.finfo(actual.dtype).eps * bound)


@pytest.mark.parametrize("case", WINDOWS)
def test_forward(channels, case, device, dtype, random):
    sizes, window, *how = case
    x, weight, _, found = operands(random, dtype, sizes, channels, window, *how)
    bias = numbers(random, dtype, channels)
    wanted = reference.depthwise_conv(x, weight[..., None], bias, **geometry(*how))
    bound = reference.depthwise_conv(abs(x), abs(weight[..., None]), abs(bias), **geometry(*how))
    assert_near(forward(x, weight, bias, found), wanted, bound, np.prod(window) + 1)
    assert_near(forward(x, weight, bias, found, relu=True), np.maximum(wanted, 0), bound, np.prod(window) + 1)


@pytest.mark.parametrize("case", WINDOWS)
def test_gradients(channels, case, device, dtype, random):
    sizes, window, *how = case
    x, weight, grad_y, found = operands(random, dtype, sizes, channels, window, *how)
    how = geometry(*how)
    wanted = reference.depthwise_conv_backward_input(grad_y, weight[..., None], sizes, **how)
    bound = reference.depthwise_conv_backward_input(abs(grad_y), abs(weight[..., None]), sizes, **how)
    assert_near(backward_input(grad_y, weight, found), wanted, bound, np.prod(window))

    wanted = reference.depthwise_conv_backward_weight(x, grad_y, window, **how)[..., 0]
    bound = reference.depthwise_conv_backward_weight(abs(x), abs(grad_y), window, **how)[..., 0]
    for parts in (1, 3):
        partial = backward_weight(x, grad_y, found, parts)
        assert_near(partial.sum(0), wanted, bound, grad_y[..., 0].size + parts)


@pytest.mark.parametrize("beyond", [0, 1])
@pytest.mark.parametrize("wgrad", [False, True])
def test_few_channels_up_to_the_end_of_the_buffer_and_beyond(wgrad, beyond, dtype, random):
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    taps = REPEATED // (8 * (6 * lanes if wgrad else (ROW_VECTORS + 1) * lanes)) + beyond
    x, weight, grad_y, found = operands(random, dtype, (1, taps + 4), 3, (1, taps), 1, "same", 1)
    how = geometry(1, "same", 1)
    if wgrad:
        wanted = reference.depthwise_conv_backward_weight(x, grad_y, (1, taps), **how)[..., 0]
        bound = reference.depthwise_conv_backward_weight(abs(x), abs(grad_y), (1, taps), **how)[..., 0]
        assert_near(backward_weight(x, grad_y, found)[0], wanted, bound, taps)
    else:
        wanted = reference.depthwise_conv(x, weight[..., None], weight[0, 0], **how)
        bound = reference.depthwise_conv(abs(x), abs(weight[..., None]), abs(weight[0, 0]), **how)
        assert_near(forward(x, weight, weight[0, 0], found), wanted, bound, taps)


def test_no_samples(device, dtype, random):
    x, weight, grad_y, found = operands(random, dtype, (4, 5), 3, (3, 3), 1, "same", 1)
    assert forward(x[:0], weight, weight[0, 0], found).shape == (0, 4, 5, 3)
    assert backward_input(grad_y[:0], weight, found).shape == (0, 4, 5, 3)
    np.testing.assert_array_equal(backward_weight(x[:0], grad_y[:0], found), np.zeros((1, 3, 3, 3)))


def test_beyond_the_image_is_nothing(device, dtype):
    """An infinite weight that meets only pixels outside does not make NaN; NaN stays with its window and channel."""
    found = axes("test", (1, 9), (3, 3), 1, "same")
    x, weight = np.ones((1, 1, 9, LANES + 2), dtype), np.ones((3, 3, LANES + 2), dtype)
    weight[0], x[0, 0, 4, 1] = np.inf, np.nan
    y = forward(x, weight, np.zeros(LANES + 2, dtype), found)
    wanted = np.full(y.shape, 3.0)
    wanted[0, 0, [0, -1]] = 2
    wanted[0, 0, 3:6, 1] = np.nan
    np.testing.assert_array_equal(y, wanted)


def test_relu_keeps_nan(device, dtype):
    found = axes("test", (1, 4), (1, 1))
    x = np.array([np.nan, -np.inf, np.inf, -2], dtype).reshape(1, 1, 4, 1)
    y = forward(x, np.ones((1, 1, 1), dtype), np.zeros(1, dtype), found, relu=True)
    np.testing.assert_array_equal(y[0, 0, :, 0], [np.nan, 0, np.inf, 0])


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread")
@pytest.mark.parametrize("case", [WINDOWS[3], WINDOWS[6], WINDOWS[-1]])
def test_same_bits_for_any_number_of_threads(case, dtype, random):
    sizes, window, *how = case
    x, weight, grad_y, found = operands(random, dtype, sizes, CHANNELS + 5, window, *how)

    def answers():
        return (forward(x, weight, weight[0, 0], found), backward_input(grad_y, weight, found),
                backward_weight(x, grad_y, found, 3))

    for one, many in zip(*on_one_and_all(answers)):
        np.testing.assert_array_equal(one, many)


@pytest.mark.skipif(not FUSED, reason="LLVM may reorder sums that are not fused with products")
def test_neighbours_change_no_bit(dtype, random):
    """A pixel's sum is the same in a block and alone, a channel's among others and alone."""
    x, weight, _, found = operands(random, dtype, (5, 6 * BLOCK[0] + 1), 2 * LANES + 5, (3, RUN + 2), 1, "valid", 1)
    y = forward(x, weight, weight[0, 0], found)
    for j in range(y.shape[2]):
        piece = np.ascontiguousarray(x[:, :, j:j + RUN + 2, 7:8])
        alone = forward(piece, np.ascontiguousarray(weight[:, :, 7:8]), weight[0, 0, 7:8].copy(),
                        axes("test", (5, RUN + 2), (3, RUN + 2)))
        np.testing.assert_array_equal(alone[:, :, 0, 0], y[:, :, j, 7])


@pytest.mark.slow
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="vectors differ in compiled code only")
@SMALLER
def test_vectors_of_smaller_machines(features):
    """The same tests with the vectors of AVX2, and of machines without fused multiply-add."""
    assert passes_with(features, __file__)
