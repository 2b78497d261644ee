"""Convolution and its gradients, for one, two or three spatial axes.

The same kernels do both directions: forwards they follow the window over the image; backwards, which is also the
transposed convolution, they gather for each pixel of the image the outputs whose window saw it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from .. import config, devices, registry
from ..autograd.tensor import as_tensor
from ..errors import ShapeError
from ..kernels.geometry import RANK, ConvProblem, backward_plan, forward_plan
from . import reduction
from ._layout import as_format, channels_last, images, whole
from ._op import composite, op, viewed
from ._window import axes, transposed_axes
from .linear import activated, before_relu, dense
from .shape import copy_of_block, reshape, strides_of

if TYPE_CHECKING:
    from ..autograd.tensor import Tensor
    from ..typing import Padding, PerAxis, TensorLike


def _taps(weight):
    """A weight as the kernels see it."""
    return viewed(weight, *(1,) * (RANK + 2 - weight.ndim), *weight.shape)


@functools.lru_cache(256)
def zeros(size, dtype):
    return np.zeros(size, dtype)


def chosen(problem):
    """The target's algorithm for a problem. Where numbers are checked it is not Winograd's: a NaN would be found in
    outputs that do not see where it is from."""
    winograd = False if config.check_numbers else config.winograd()
    return registry.select(devices.target()).conv(problem, winograd)


def _implicit_gemm(run, problem, workspace, x, weight, bias, relu):
    dgrad = problem.form == "dgrad"
    plan = (backward_plan if dgrad else forward_plan)(problem.window)
    return run("convolve", images(x), _taps(weight), bias, plan, dgrad, relu,
               out=problem.target, out_view=whole(problem.target))


def _small_c_out(run, problem, workspace, x, weight, bias, relu):
    dgrad = problem.form == "dgrad"
    plan = (backward_plan if dgrad else forward_plan)(problem.window)
    return run("convolve_small_c_out", images(x), _taps(weight), bias, plan, dgrad, relu,
               out=problem.target, out_view=whole(problem.target))


def _winograd(run, problem, workspace, x, weight, bias, relu):
    dgrad = problem.form == "dgrad"
    before = tuple(2 - axis.before if dgrad else axis.before for axis in problem.window)
    transformed = run("winograd_weight", weight, dgrad, out=workspace)
    return run("winograd_convolve", x, transformed, bias, before, relu, out=problem.target)


def _implicit_gemm_wgrad(run, problem, workspace, x, grad_y, into):
    """With a workspace, split-K: partial sums over parts of the pixels, added up in order."""
    partial = run("convolve_backward_weight", images(x), images(grad_y), forward_plan(problem.window),
                  out=workspace or problem.weight, into=None if workspace else into,
                  out_view=(workspace[0] if workspace else 1, *(1,) * (RANK - len(problem.window)), *problem.weight))
    return reduction.sum_parts(run, partial, into) if workspace else partial


def _swapped_wgrad(run, problem, workspace, x, grad_y, into):
    """Few filters: those of the swapped problem are the channels."""
    swapped = _implicit_gemm_wgrad(run, problem.swapped, workspace, grad_y, x, None)
    *taps, row, column = strides_of(swapped.shape)      # of (*window, filters, channels), read from the last tap on
    last = sum((axis.window - 1) * stride for axis, stride in zip(problem.window, taps))
    return copy_of_block(run, swapped, problem.weight, [*(-stride for stride in taps), column, row], problem.weight,
                         x_start=last, into=into)


def _winograd_wgrad(run, problem, workspace, x, grad_y, into):
    before = tuple(axis.before for axis in problem.window)
    points = run("winograd_backward_points", x, grad_y, before, out=workspace)
    return run("winograd_backward_weight", reduction.sum_parts(run, points), out=problem.weight, into=into)


ALGORITHMS = {      # name -> its launches
    "implicit_gemm": _implicit_gemm, "small_c_out": _small_c_out,
    "winograd_4x4": _winograd, "winograd_2x2": _winograd,
}
WGRAD_ALGORITHMS = {"implicit_gemm": _implicit_gemm_wgrad, "swapped": _swapped_wgrad, "winograd_4x4": _winograd_wgrad}


def _run(run, problem, x, weight, bias, relu):
    """fprop or dgrad by the algorithm that the target chooses; only shapes where a size is open."""
    out = problem.target
    if None in x.shape or None in out:
        return run("convolve", x, weight, out=out)
    bias = bias if bias is not None else zeros(out[-1], x.dtype)
    algorithm, workspace = chosen(problem)
    return ALGORITHMS[algorithm](run, problem, workspace, x, weight, bias, relu)


@op
def _convolve(run, x, weight, bias, *, window, relu):
    """y[n, o, f] = bias[f] + sum over taps k, channels c of x[n, o stride - before + k dilation, c] weight[k, c, f]."""
    out = (x.shape[0], *(axis.out for axis in window), weight.shape[-1])
    y = _run(run, ConvProblem("fprop", window, tuple(x.shape), out), x, weight, bias, relu)
    return (y, *before_relu(y, relu),
            lambda grad: _convolve_transposed(grad, weight, None, window=window, relu=False),
            lambda grad, *, into=None: _backward_weight(x, grad, window=window, into=into),
            lambda grad, *, into=None: reduction.sum(grad, axis=tuple(range(x.ndim - 1)), into=into))


@op
def _convolve_transposed(run, x, weight, bias, *, window, relu):
    """The gradient of `_convolve` to its input, for the output's gradient x, plus a bias."""
    out = (x.shape[0], *(axis.size for axis in window), weight.shape[-2])
    y = _run(run, ConvProblem("dgrad", window, out, tuple(x.shape)), x, weight, bias, relu)
    return (y, *before_relu(y, relu),
            lambda grad: _convolve(grad, weight, None, window=window, relu=False),
            lambda grad, *, into=None: _backward_weight(grad, x, window=window, into=into),
            lambda grad, *, into=None: reduction.sum(grad, axis=tuple(range(x.ndim - 1)), into=into))


@op
def _backward_weight(run, x, grad_y, *, window, into=None):
    """The gradient of `_convolve` to its weight."""
    problem = ConvProblem("wgrad", window, tuple(x.shape), tuple(grad_y.shape))
    vjps = (lambda grad: _convolve_transposed(grad_y, grad, None, window=window, relu=False),
            lambda grad: _convolve(x, grad, None, window=window, relu=False))
    if None in x.shape or None in grad_y.shape:
        return run("convolve_backward_weight", x, grad_y, out=problem.weight), *vjps
    algorithm, workspace = chosen(problem)
    return WGRAD_ALGORITHMS[algorithm](run, problem, workspace, x, grad_y, into), *vjps


@composite
def conv(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None, *, strides: PerAxis = 1,
         padding: Padding = "valid", dilation: PerAxis = 1, data_format: str = "channels_last",
         activation: str | None = "linear") -> Tensor:
    """Convolution, as neural networks mean it (no flip): y = activation(weight * x + bias).

    Shapes: x (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; one to three spatial
    axes; weight (*window, channels, filters); bias (filters,) or None -> y (batch, *out, filters), ordered as x
    strides, dilation: a number, or one for each spatial axis. padding: 'valid', 'same' (TensorFlow's rule), 'causal'
    (one axis), 'full', or (before, after) pairs. activation: a name; relu is applied where the result is stored.
    Raises: ShapeError when sizes do not fit, with the arithmetic; ArgumentError for wrong numbers.
    Reference: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".
    """
    x, weight = as_tensor(x), as_tensor(weight)
    check_shapes("conv", x, weight, data_format, weight.shape[-2:-1], "(*window, channels, filters)")
    bias = checked_bias("conv", bias, weight.shape[-1], weight)
    x = channels_last(x, data_format)
    window = axes("conv", x.shape[1:-1], weight.shape[:-2], strides, padding, dilation)
    if all(axis.window == axis.stride == 1 and axis.before == axis.after == 0 for axis in window):
        y = dense(x, reshape(weight, shape=weight.shape[-2:]), bias, activation=activation)
    else:
        y = _convolve(x, weight, bias, window=window, relu=activation == "relu")
        y = y if activation == "relu" else activated(y, activation)
    return as_format(y, data_format)


@composite
def conv_transpose(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None, *,
                   output_size: PerAxis | None = None, strides: PerAxis = 1, padding: Padding = "valid",
                   dilation: PerAxis = 1, data_format: str = "channels_last",
                   activation: str | None = "linear") -> Tensor:
    """Transposed convolution: the gradient of `conv` to its input, as a map from x; then bias and activation.

    Shapes: x (batch, *spatial, channels) or (batch, channels, *spatial), weight (*window, filters, channels), bias
    (filters,) or None -> y (batch, *output_size, filters), ordered as x
    output_size: a spatial size from which `conv` makes that of x. By default stride * size for padding 'same', and
    stride * size + max(window - stride, 0) for 'valid'.
    Raises: ShapeError for an output_size from which `conv` makes another size, with the legal ones.
    Reference: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", §4.
    """
    x, weight = as_tensor(x), as_tensor(weight)
    check_shapes("conv_transpose", x, weight, data_format, weight.shape[-1:], "(*window, filters, channels)")
    bias = checked_bias("conv_transpose", bias, weight.shape[-2], weight)
    x = channels_last(x, data_format)
    window = transposed_axes("conv_transpose", x.shape[1:-1], weight.shape[:-2], strides, padding, dilation,
                             output_size)
    y = _convolve_transposed(x, weight, bias, window=window, relu=activation == "relu")
    return as_format(y if activation == "relu" else activated(y, activation), data_format)


def check_shapes(name, x, weight, data_format, channels, form):
    """Numbers of axes and channels; nothing of the weight may be empty."""
    if 0 in weight.shape:
        raise ShapeError(f"{name}: the weight has shape {weight.shape}, expected sizes of at least 1: {form}.")
    if not 3 <= weight.ndim <= RANK + 2:
        raise ShapeError(f"{name}: the weight has shape {weight.shape}, expected {form} with a window of 1 to {RANK} "
                         "axes.")
    if x.ndim != weight.ndim:
        order = "channels, *spatial" if data_format == "channels_first" else "*spatial, channels"
        cure = " Add the missing axis: x[..., None]." if x.ndim == weight.ndim - 1 else ""
        raise ShapeError(f"{name}: x has {x.ndim} axes {x.shape}, expected {weight.ndim} (batch, {order}) for a weight "
                         f"of shape {weight.shape}.{cure}")
    have = x.shape[1 if data_format == "channels_first" else -1]
    if have not in (None, *channels):
        raise ShapeError(f"{name}: x of shape {x.shape} has {have} channels ({data_format}), the weight of shape "
                         f"{weight.shape} takes {channels[0]}.")


def checked_bias(name, bias, filters, weight):
    """A bias of one number for each filter, or None."""
    if bias is None:
        return None
    bias = as_tensor(bias)
    if bias.shape != (filters,):
        raise ShapeError(f"{name}: bias has shape {bias.shape}, expected ({filters},) for a weight of shape "
                         f"{weight.shape}.")
    return bias
