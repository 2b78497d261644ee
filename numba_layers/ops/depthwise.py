"""Convolutions in which each channel has windows of its own, and separable ones, which mix the channels afterwards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import devices, registry
from ..autograd.tensor import as_tensor
from ..errors import ShapeError
from ..kernels.geometry import ConvProblem, backward_plan, forward_plan
from . import reduction
from ._layout import as_format, channels_last, images, whole
from ._op import composite, op, viewed
from ._window import axes
from .conv import check_shapes, checked_bias, conv, zeros
from .linear import activated, before_relu
from .shape import repeat, reshape

if TYPE_CHECKING:
    from ..autograd.tensor import Tensor
    from ..typing import Padding, PerAxis, TensorLike

RANK = 2       # spatial axes of the kernels


def _taps(weight):
    """A weight as the kernels see it: (rows, columns, channels)."""
    return viewed(weight, *(1,) * (RANK + 1 - weight.ndim), *weight.shape)


def _run(run, x, weight, bias, out, plan, window, relu):
    """The kernel by `plan`; only shapes where a size is open."""
    if None in x.shape or None in out:
        return run("depthwise", x, weight, out=out)
    bias = bias if bias is not None else zeros(out[-1], x.dtype)
    return run("depthwise", images(x, RANK), _taps(weight), bias, plan(window), relu,
               out=out, out_view=whole(out, RANK))


@op
def _depthwise(run, x, weight, bias, *, window, relu):
    """y[n, o, c] = bias[c] + sum over taps k of x[n, o stride - before + k dilation, c] weight[k, c]."""
    out = (x.shape[0], *(axis.out for axis in window), x.shape[-1])
    y = _run(run, x, weight, bias, out, forward_plan, window, relu)
    return (y, *before_relu(y, relu),
            lambda grad: _backward_input(grad, weight, window=window),
            lambda grad: _backward_weight(x, grad, window=window),
            lambda grad, *, into=None: reduction.sum(grad, axis=tuple(range(x.ndim - 1)), into=into))


@op
def _backward_input(run, grad_y, weight, *, window):
    """The gradient of `_depthwise` to its input: each pixel gathers the outputs whose window covers it."""
    out = (grad_y.shape[0], *(axis.size for axis in window), grad_y.shape[-1])
    return (_run(run, grad_y, weight, None, out, backward_plan, window, False),
            lambda grad: _depthwise(grad, weight, None, window=window, relu=False),
            lambda grad: _backward_weight(grad, grad_y, window=window))


@op
def _backward_weight(run, x, grad_y, *, window):
    """The gradient of `_depthwise` to its weight, in partial sums that the sizes alone decide."""
    shape = (*(axis.window for axis in window), x.shape[-1])
    vjps = (lambda grad: _backward_input(grad_y, grad, window=window),
            lambda grad: _depthwise(x, grad, None, window=window, relu=False))
    if None in x.shape or None in grad_y.shape:
        return run("depthwise_backward_weight", x, grad_y, out=shape), *vjps
    problem = ConvProblem("wgrad", window, tuple(x.shape), tuple(grad_y.shape))
    parts = registry.select(devices.target()).depthwise_splits(problem)
    partial = run("depthwise_backward_weight", images(x, RANK), images(grad_y, RANK), forward_plan(window),
                  out=(parts, *shape) if parts > 1 else shape, out_view=(parts, *whole((1, *shape), RANK)[1:]))
    return reduction.sum_parts(run, partial) if parts > 1 else partial, *vjps


@composite
def depthwise_conv(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None, *, strides: PerAxis = 1,
                   padding: Padding = "valid", dilation: PerAxis = 1, data_format: str = "channels_last",
                   activation: str | None = "linear") -> Tensor:
    """Each channel convolved by windows of its own: channel c * multiplier + m of y is channel c by weight[..., c, m].

    Shapes: x (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; one or two spatial axes;
    weight (*window, channels, multiplier); bias (channels * multiplier,) or None -> y (batch, *out, channels *
    multiplier), ordered as x
    strides, padding, dilation, activation: as for `conv`.
    Raises: ShapeError when sizes do not fit, with the arithmetic; ArgumentError for wrong numbers.
    Reference: Chollet 2017, "Xception", §2.
    """
    x, weight = as_tensor(x), as_tensor(weight)
    if weight.ndim > RANK + 2:
        raise ShapeError(f"depthwise_conv: the weight has shape {weight.shape}, expected (*window, channels, "
                         f"multiplier) with a window of 1 or {RANK} axes.")
    check_shapes("depthwise_conv", x, weight, data_format, weight.shape[-2:-1], "(*window, channels, multiplier)")
    *shape, channels, multiplier = weight.shape
    bias = checked_bias("depthwise_conv", bias, channels * multiplier, weight)
    x = channels_last(x, data_format)
    window = axes("depthwise_conv", x.shape[1:-1], tuple(shape), strides, padding, dilation)
    if channels == 1:       # nothing to keep apart: the filters of an ordinary convolution
        y = conv(x, weight, bias, strides=strides, padding=padding, dilation=dilation, activation=activation)
        return as_format(y, data_format)
    if multiplier > 1:
        x = repeat(x, repeats=multiplier, axis=-1)
    weight = reshape(weight, shape=(*shape, channels * multiplier))
    y = _depthwise(x, weight, bias, window=window, relu=activation == "relu")
    return as_format(y if activation == "relu" else activated(y, activation), data_format)


@composite
def separable_conv(x: TensorLike, depthwise: TensorLike, pointwise: TensorLike, bias: TensorLike | None = None, *,
                   strides: PerAxis = 1, padding: Padding = "valid", dilation: PerAxis = 1,
                   data_format: str = "channels_last", activation: str | None = "linear") -> Tensor:
    """`depthwise_conv`, then a product that mixes the channels of each pixel; bias and activation come last.

    Shapes: x (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; depthwise (*window,
    channels, multiplier), pointwise (*ones, channels * multiplier, filters), bias (filters,) or None
    -> y (batch, *out, filters), ordered as x
    Raises: ShapeError, ArgumentError as `depthwise_conv`; ShapeError for a pointwise weight with a larger window.
    Reference: Chollet 2017, "Xception", §2.
    """
    depthwise, pointwise = as_tensor(depthwise), as_tensor(pointwise)
    expected = (*(1,) * (depthwise.ndim - 2), math.prod(depthwise.shape[-2:]))
    if pointwise.ndim != depthwise.ndim or pointwise.shape[:-1] != expected:
        wanted = ", ".join(map(str, expected))
        raise ShapeError(f"separable_conv: the pointwise weight has shape {pointwise.shape}, expected ({wanted}, "
                         f"filters) behind a depthwise weight of shape {depthwise.shape} (*window, channels, "
                         "multiplier).")
    between = depthwise_conv(x, depthwise, strides=strides, padding=padding, dilation=dilation,
                             data_format=data_format)
    return conv(between, pointwise, bias, data_format=data_format, activation=activation)
