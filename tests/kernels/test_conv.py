"""The convolution kernels against plain loops: every geometry, every algorithm, any number of threads."""

import itertools

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numba_layers import config, ops, registry
from numba_layers.autograd import Tape, Tensor
from numba_layers.kernels.cpu import conv_small_c_out
from numba_layers.kernels.geometry import ConvProblem, backward_plan, forward_plan
from numba_layers.ops._window import axes, transposed_axes
from tests.kernels.launching import launch
from tests.machines import SMALLER, passes_with
from tests.reference import conv as reference
from tests.threads import on_one_and_all
from tests.tolerances import assert_close


def padded(shape):
    """`shape` (batch, *spatial, channels) with three spatial axes."""
    return (shape[0], *(1,) * (5 - len(shape)), *shape[1:])


def run(window, x, weight, bias, transposed=False, relu=False, winograd=True):
    """What the algorithm that the CPU chooses computes, and its name."""
    spatial = tuple(axis.size if transposed else axis.out for axis in window)
    y = np.full((len(x), *spatial, bias.size), np.nan, x.dtype)
    name, workspace = chosen(window, x.shape, y.shape, transposed, winograd)
    if name.startswith("winograd"):
        transformed = np.full(workspace, np.nan, x.dtype)
        launch("winograd_weight", weight, transposed, transformed)
        before = tuple(2 - axis.before if transposed else axis.before for axis in window)
        launch("winograd_convolve", x, transformed, bias, before, relu, y)
        return y, name
    kernel = {"small_c_out": "convolve_small_c_out", "implicit_gemm": "convolve"}[name]
    plan = (backward_plan if transposed else forward_plan)(window)
    taps = weight.reshape((1,) * (5 - weight.ndim) + weight.shape)
    launch(kernel, x.reshape(padded(x.shape)), taps, bias, plan, transposed, relu, y.reshape(padded(y.shape)))
    return y, name


def chosen(window, source, target, transposed=False, winograd=True):
    """The CPU's algorithm from images of shape `source` to those of `target`."""
    x, y = (target, source) if transposed else (source, target)
    return registry.select("cpu").conv(ConvProblem("dgrad" if transposed else "fprop", window, x, y), winograd)


def backward_weight(window, x, grad_y, parts):
    taps = tuple(axis.window for axis in window)
    grad = np.full((parts, *(1,) * (3 - len(taps)), *taps, x.shape[-1], grad_y.shape[-1]), np.nan, x.dtype)
    launch("convolve_backward_weight", x.reshape(padded(x.shape)), grad_y.reshape(padded(grad_y.shape)),
           forward_plan(window), grad)
    return grad.sum(0).reshape(*taps, x.shape[-1], grad_y.shape[-1])


def operands(random, dtype, *shapes):
    return [random.standard_normal(shape).astype(dtype) for shape in shapes]


def scale(*counts):
    """Sums of so many products are right to so many units."""
    return 4 * np.sqrt(np.prod(counts)) + 4


def compare_all(random, dtype, shape, weight_shape, factor=1, **geometry):
    """Forward, and the gradients to input and weight, of one geometry; answers the kernels' names."""
    x, weight, bias = operands(random, dtype, shape, weight_shape, weight_shape[-1:])
    window = axes("test", shape[1:-1], weight_shape[:-2], **geometry)
    y, forward = run(window, x, weight, bias)
    factor *= scale(*weight_shape[:-1])
    assert_close(y, reference.conv(x, weight, bias, **geometry), factor)
    grad_y = random.standard_normal(y.shape).astype(dtype)
    grad_x, backward = run(window, grad_y, weight, np.zeros(shape[-1], dtype), transposed=True)
    assert_close(grad_x, reference.conv_backward_input(grad_y, weight, shape[1:-1], **geometry),
                 factor * scale(weight_shape[-1]))
    for parts in (1, 3):
        assert_close(backward_weight(window, x, grad_y, parts),
                     reference.conv_backward_weight(x, grad_y, weight_shape[:-2], **geometry),
                     scale(*grad_y.shape[:-1]) * 2)
    return forward, backward


CASES = [   # shape of x, of the weight, strides, padding, dilation
    ((2, 5, 6, 3), (3, 3, 3, 5), 1, "valid", 1), ((2, 9, 7, 3), (3, 3, 3, 2), 2, "same", 1),
    ((1, 1, 1, 1), (1, 1, 1, 1), 1, "valid", 1), ((1, 1, 1, 4), (3, 3, 4, 9), 1, "same", 1),
    ((1, 7, 6, 2), (5, 5, 2, 9), 1, "full", 1), ((2, 7, 5, 5), (3, 2, 5, 20), 1, "same", (2, 3)),
    ((2, 9, 10, 4), (3, 2, 4, 8), (3, 2), "valid", (2, 3)), ((2, 8, 8, 9), (3, 3, 9, 3), 2, ((2, 0), (1, 3)), 2),
    ((2, 5, 9, 8), (1, 1, 8, 12), 3, "valid", 1), ((1, 12, 5, 33), (4, 2, 33, 17), 3, "same", 1),
    ((2, 4, 6, 5, 3), (3, 2, 3, 3, 4), (2, 1, 2), "same", 1), ((2, 4, 6, 5, 4), (3, 2, 3, 4, 8), (1, 3, 2), "same", 2),
    ((3, 30, 4), (5, 4, 6), 1, "causal", 3), ((3, 30, 4), (5, 4, 6), 7, "same", 1),
    ((1, 6, 40, 8), (3, 5, 8, 16), 1, "same", 1), ((0, 6, 6, 3), (3, 3, 3, 2), 1, "valid", 1),
]
LARGE = [   # where the CPU's buffers are full
    ((2, 12, 5, 65), (4, 2, 65, 17), 3, "same", 1), ((2, 13, 13, 2), (5, 5, 2, 49), 1, "full", 1),
    ((3, 9, 10, 5), (3, 2, 5, 20), 1, "same", (2, 3)), ((3, 19, 10, 5), (3, 2, 5, 20), (3, 2), "valid", (2, 3)),
    ((2, 300, 16), (5, 16, 20), 1, "causal", 1), ((1, 6, 150, 8), (3, 5, 8, 16), 1, "same", 1),
    ((1, 5, 5, 700), (3, 3, 700, 20), 1, "same", 1), ((1, 3, 3, 1100), (3, 3, 1100, 3), 1, "valid", 1),  # many channels
    ((1, 6, 6, 600), (3, 3, 600, 20), 1, "same", 2), ((2, 7, 7, 1), (3, 3, 1, 1030), 1, "same", 1),
    ((1, 40, 40, 1), (33, 20, 1, 2), 1, "same", 1), ((2, 300, 2), (270, 2, 3), 1, "valid", 1),           # large windows
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_table(device, random, dtype, case):
    shape, weight, strides, padding, dilation = case
    compare_all(random, dtype, shape, weight, strides=strides, padding=padding, dilation=dilation)


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_large(random, dtype, case):
    shape, weight, strides, padding, dilation = case
    compare_all(random, dtype, shape, weight, strides=strides, padding=padding, dilation=dilation)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_small_c_out_has_the_bits_of_convolve(random, case):
    shape, weight_shape, strides, padding, dilation = case
    window = axes("test", shape[1:-1], weight_shape[:-2], strides, padding, dilation)
    grad_shape = shape[0], *(axis.out for axis in window), weight_shape[-1]
    found = []
    for form, source, target in (("fprop", shape, grad_shape), ("dgrad", grad_shape, shape)):
        if conv_small_c_out.fits(ConvProblem(form, window, shape, grad_shape)):
            x, weight, bias = operands(random, "float32", source, weight_shape, target[-1:])
            plan = (backward_plan if form == "dgrad" else forward_plan)(window)
            given = x.reshape(padded(source)), weight.reshape((1,) * (5 - weight.ndim) + weight.shape), bias, plan
            answers = [np.full(padded(target), np.nan, "float32") for _ in range(2)]
            for kernel, y in zip(("convolve", "convolve_small_c_out"), answers):
                launch(kernel, *given, form == "dgrad", True, y)
            np.testing.assert_array_equal(*answers)
            found.append(form)
    assert "dgrad" in found


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_geometry(data):
    """One to three axes, any sizes: the input is at least as large as the window's reach."""
    draw = data.draw
    rank = draw(st.integers(1, 3), "axes")

    def each(low, high, name):
        return tuple(draw(st.integers(low, high), name) for _ in range(rank))

    window, strides, dilation = each(1, 5 if rank < 3 else 3, "window"), each(1, 3, "stride"), each(1, 3, "dilation")
    sizes = tuple(d * (k - 1) + 1 + draw(st.integers(0, 7), "more") for k, d in zip(window, dilation))
    channels, filters = draw(st.sampled_from([1, 2, 3, 8, 9, 16, 33, 40])), draw(st.sampled_from([1, 3, 16, 17, 50]))
    padding = draw(st.sampled_from(["valid", "same", "full"]))
    compare_all(np.random.RandomState(1), draw(st.sampled_from(["float32", "float64"])),
                (draw(st.integers(1, 3)), *sizes, channels), (*window, channels, filters),
                strides=strides, padding=padding, dilation=dilation)


@pytest.mark.parametrize("shape, filters, padding", [
    ((9, 14, 13, 16), 16, "same"), ((2, 27, 27, 33), 50, "valid"), ((70, 3, 4, 20), 17, "valid"),
    ((80, 2, 2, 16), 16, "same"), ((5, 16, 15, 64), 97, "full"), ((3, 24, 24, 130), 16, "same"),
], ids=str)
def test_winograd_where_it_is_chosen(random, dtype, shape, filters, padding):
    """Blocks of 4 and of 2, borders, odd channels; the error stays below 1e-4 of the result's scale, and far below."""
    weight = (3, 3, shape[-1], filters)
    names = compare_all(random, dtype, shape, weight, factor=40, padding=padding)
    assert all(name.startswith("winograd") for name in names)


@pytest.mark.parametrize("shape, filters, padding", [
    ((9, 14, 13, 16), 16, "same"), ((2, 27, 27, 33), 48, "valid"), ((70, 6, 5, 20), 52, "same"),
    ((5, 16, 15, 64), 96, "full"), ((70, 8, 8, 128), 128, "same"),
], ids=str)
def test_winograd_backward_weight_where_it_is_chosen(random, dtype, shape, filters, padding):
    window = axes("test", shape[1:3], (3, 3), padding=padding)
    grad_shape = (shape[0], *(axis.out for axis in window), filters)
    name, (parts, *_) = registry.select("cpu").conv(ConvProblem("wgrad", window, shape, grad_shape), True)
    assert name == "winograd_4x4" and parts > 1
    compare_winograd_gradient(random, dtype, shape, filters, padding, parts)


def compare_winograd_gradient(random, dtype, shape, filters, padding, parts):
    window = axes("test", shape[1:3], (3, 3), padding=padding)
    grad_shape = (shape[0], *(axis.out for axis in window), filters)
    x, grad_y = operands(random, dtype, shape, grad_shape)
    products = np.full((parts, 36, shape[-1], filters), np.nan, dtype)
    launch("winograd_backward_points", x, grad_y, tuple(axis.before for axis in window), products)
    grad = np.full((3, 3, shape[-1], filters), np.nan, dtype)
    launch("winograd_backward_weight", products.sum(0), grad)
    assert_close(grad, reference.conv_backward_weight(x, grad_y, (3, 3), padding=padding),
                 40 * scale(*grad_shape[:-1]))


@pytest.mark.parametrize("shape, filters, padding, m", [
    ((2, 7, 9, 16), 24, "same", 4), ((1, 6, 10, 9), 35, "valid", 4), ((2, 5, 6, 20), 16, "full", 2),
    ((3, 7, 5, 3), 50, "same", 2), ((0, 6, 6, 16), 16, "same", 4),
], ids=str)
@pytest.mark.parametrize("transposed", [False, True])
def test_winograd(device, random, dtype, shape, filters, padding, m, transposed):
    """Any sizes, blocks of m x m; a transposed weight stands for the one that is turned by half."""
    x, weight, bias = operands(random, dtype, shape, (3, 3, shape[-1], filters), (filters,))
    window = axes("test", shape[1:3], (3, 3), padding=padding)
    taken = np.ascontiguousarray(weight[::-1, ::-1].swapaxes(2, 3)) if transposed else weight
    transformed = np.full(((m + 2) ** 2, shape[-1] * -(-filters // 16) * 16 + 16), np.nan, dtype)
    launch("winograd_weight", taken, transposed, transformed)
    y = np.full((shape[0], *(axis.out for axis in window), filters), np.nan, dtype)
    launch("winograd_convolve", x, transformed, bias, tuple(axis.before for axis in window), True, y)
    assert_close(y, np.maximum(reference.conv(x, weight, bias, padding=padding), 0), 40 * scale(9, shape[-1]))


@pytest.mark.parametrize("shape, filters, padding, parts", [
    ((2, 7, 9, 8), 16, "same", 1), ((3, 6, 5, 16), 19, "valid", 2), ((1, 5, 6, 32), 9, "full", 3),
], ids=str)
def test_winograd_backward_weight(device, random, dtype, shape, filters, padding, parts):
    compare_winograd_gradient(random, dtype, shape, filters, padding, parts)


@pytest.mark.parametrize("channels", [16, 128, 512])
@pytest.mark.parametrize("mean", [0, 3])
def test_winograd_error(random, channels, mean):
    """In float32, of results that add up to far from zero and of many channels too."""
    x, weight = operands(random, "float32", (4, 16, 16, channels), (3, 3, channels, 16))
    x, weight, bias = x + np.float32(mean), weight + np.float32(mean / 10), np.zeros(16, "float32")
    desired = reference.conv(x, weight, padding="same")
    y, name = run(axes("test", (16, 16), (3, 3), padding="same"), x, weight, bias)
    assert name == "winograd_4x4"
    assert np.abs(y - desired).max() < 3e-5 * np.abs(desired).max()


def test_few_pixels_or_few_channels_are_convolved_directly():
    def name(shape, filters, strides=1):
        window = axes("test", shape[1:-1], (3, 3), strides, padding="same")
        return chosen(window, shape, (shape[0], *(axis.out for axis in window), filters)).name

    assert name((8, 56, 56, 64), 64) == "winograd_4x4"
    assert name((80, 2, 2, 64), 64) == "winograd_2x2"
    assert name((1, 8, 8, 64), 64) == "implicit_gemm"
    assert name((8, 56, 56, 3), 64) == "implicit_gemm"
    assert name((64, 8, 8, 32), 32, strides=2) == "implicit_gemm"


def test_the_switch_turns_winograd_off(random):
    x, weight = map(Tensor, operands(random, "float32", (8, 16, 16, 16), (3, 3, 16, 16)))
    quick = ops.conv(x, weight)
    config.set_winograd(False)
    try:
        direct = ops.conv(x, weight)
    finally:
        config.set_winograd(None)
    assert (quick.data != direct.data).any()
    assert np.abs(quick.data - direct.data).max() < 1e-5 * np.abs(direct.data).max()


@pytest.mark.parametrize("channels, filters", [(3, 1), (3, 16), (20, 33), (5, 8)])
def test_transposed_with_bias_and_relu(device, random, dtype, channels, filters):
    """A transposed convolution of its own: bias and activation where the sums are stored."""
    window = transposed_axes("test", (5, 4), (4, 3), (2, 3), "same")
    x, weight, bias = operands(random, dtype, (2, 5, 4, channels), (4, 3, filters, channels), (filters,))
    y, _ = run(window, x, weight, bias, transposed=True, relu=True)
    desired = reference.conv_transpose(x, weight, bias, strides=(2, 3), padding="same")
    assert_close(y, np.maximum(desired, 0), scale(12, channels))


@pytest.mark.parametrize("shape, weight", [((3, 13, 14, 20), (3, 3, 20, 50)), ((2, 11, 9, 3), (5, 4, 3, 7)),
                                           ((70, 8, 8, 32), (3, 3, 32, 48))], ids=str)
def test_the_same_bits_for_any_number_of_threads(random, shape, weight):
    x, w, bias = operands(random, "float32", shape, weight, weight[-1:])
    window = axes("test", shape[1:-1], weight[:2], padding="same")

    def all_of_it():
        y, _ = run(window, x, w, bias)
        grad_x, _ = run(window, y, w, np.zeros(shape[-1], "float32"), transposed=True)
        with Tape() as tape:
            tensors = [Tensor(x), Tensor(w)]
            loss = ops.conv(*tensors, padding="same")
        return [y, grad_x, backward_weight(window, x, y, 4), *(
            grad.data for grad in tape.gradient(loss, tensors, y))]

    for one, all_threads in zip(*on_one_and_all(all_of_it)):
        np.testing.assert_array_equal(one, all_threads)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("relu", [False, True])
def test_nan_and_infinity_stay(device, random, value, relu):
    """They reach the outputs whose windows see them, and no others; relu keeps NaN."""
    x, weight = operands(random, "float32", (1, 9, 9, 2), (3, 3, 2, 4))
    x[0, 4, 4, 0] = value
    window = axes("test", (9, 9), (3, 3))
    y, _ = run(window, x, np.abs(weight), np.zeros(4, "float32"), relu=relu)
    seen = np.zeros((7, 7), bool)
    seen[2:5, 2:5] = True
    same = np.isnan(y) if np.isnan(value) else np.isinf(y)
    np.testing.assert_array_equal(same[0], np.broadcast_to(seen[..., None], (7, 7, 4)))


def test_residues_cover_every_pixel_once():
    """By the strides the input's pixels fall into residues, which partition them."""
    for size, k, s, d in itertools.product((1, 5, 8), (1, 2, 3), (1, 2, 3), (1, 2, 3)):
        if size < d * (k - 1) + 1:
            continue
        rows = backward_plan(axes("test", (size,), k, s, "valid", d))[:, 2]
        pixels = [start + step * t for start, step, count, *_ in rows for t in range(count)]
        assert sorted(pixels) == list(range(size))


@pytest.mark.slow
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="tiles differ in compiled code only")
@SMALLER
def test_tiles_of_smaller_machines(features):
    """The same tests with the tile of AVX2, a group of pixels alone, and of machines without fused multiply-add."""
    assert passes_with(features, __file__)
