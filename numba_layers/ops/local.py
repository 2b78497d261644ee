"""Locally connected layers: a window slides over each sample, and has weights of its own at each place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..autograd.tensor import as_tensor
from ..errors import ShapeError
from ._layout import as_format, channels_last
from ._op import composite, op, viewed
from ._window import AXES, axes, per_axis
from .elementwise import add
from .linear import _batch_product
from .shape import copy_of_block, reshape, strides_of, transpose

if TYPE_CHECKING:
    from ..autograd.tensor import Tensor
    from ..typing import PerAxis, TensorLike


@composite
def local_conv(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None, *, window: PerAxis,
               strides: PerAxis = 1, data_format: str = "channels_last") -> Tensor:
    """A convolution without shared weights: y[n, l] = (the numbers of x[n] in window l) @ weight[l] + bias[l].

    Shapes: x (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first, of one or two spatial axes;
            weight (windows, features, filters), features being (*window, channels), or (channels, *window) if
            channels_first; bias (*new spatial, filters) -> y (batch, *new spatial, filters), or with channels first
    window, strides: whole numbers, or one for all axes. There is no padding.
    Raises: ShapeError for a window larger than x, and for weights of another shape.
    """
    x, weight = as_tensor(x), as_tensor(weight)
    if x.ndim not in (3, 4):
        raise ShapeError(f"local_conv: x has {x.ndim} axes {x.shape}, expected 3 (batch, steps, channels) or 4 (images "
                         "with channels).")
    count = x.ndim - 2
    taps, steps = per_axis("local_conv", "window", window, count), per_axis("local_conv", "strides", strides, count)
    first = data_format == "channels_first"
    x = channels_last(x, data_format)
    sizes = tuple(axis.out for axis in axes("local_conv", x.shape[1:-1], taps, steps))
    if None in sizes:
        raise ShapeError(f"local_conv: each window has weights of its own, so the {' and '.join(AXES[count])} of x "
                         f"must be known, got shape {x.shape}, channels last.")
    _check_weights(weight, bias, sizes, taps, x.shape[-1])
    y = _batch_product(im2col(x, window=taps, strides=steps, channels_first=first), weight, form="nn")
    batch = -1 if x.shape[0] is None else x.shape[0]
    y = reshape(transpose(y, axes=(1, 0, 2)), shape=(batch, *sizes, weight.shape[-1]))
    return as_format(y if bias is None else add(y, bias), data_format)


def _check_weights(weight, bias, sizes, window, channels):
    wanted = math.prod(sizes), math.prod(window) * channels
    if weight.ndim != 3 or tuple(weight.shape[:2]) != wanted:
        raise ShapeError(f"local_conv: weight has shape {weight.shape}, expected ({wanted[0]}, {wanted[1]}, filters): "
                         f"{' x '.join(map(str, sizes))} windows, each of {' x '.join(map(str, window))} places and "
                         f"{channels} channels.")
    if bias is not None and tuple(as_tensor(bias).shape) != (*sizes, weight.shape[-1]):
        raise ShapeError(f"local_conv: bias has shape {as_tensor(bias).shape}, expected {(*sizes, weight.shape[-1])}.")


@op
def im2col(run, x: TensorLike, *, window: tuple[int, ...], strides: tuple[int, ...], channels_first: bool = False):
    """The numbers of x in each window, in a row: one matrix (samples, features) for each place of the window.

    Shapes: x (batch, *spatial, channels) -> y (windows, batch, features), features being (*window, channels), or
            (channels, *window) if channels_first
    Reference: Chellapilla et al. 2006, "High Performance Convolutional Neural Networks for Document Processing".
    """
    options = {"window": window, "strides": strides, "channels_first": channels_first}
    sizes = tuple(axis.out for axis in axes("im2col", x.shape[1:-1], window, strides))
    sample, *pixels, channel = strides_of(x.shape)
    taps, within = [*window, x.shape[-1]], [*pixels, channel]
    if channels_first:
        taps, within = [taps[-1], *taps[:-1]], [channel, *pixels]
    out = math.prod(sizes), x.shape[0], math.prod(taps)
    y = copy_of_block(run, x, (*sizes, x.shape[0], *taps),
                      (*(step * pixel for step, pixel in zip(strides, pixels)), sample, *within), out)
    return y, lambda grad: im2col_backward(grad, shape=tuple(x.shape), **options)


@op
def im2col_backward(run, grad, *, shape, window, strides, channels_first):
    """The gradient of `im2col` to its input of that shape: each pixel gets the sum of what lies on it."""
    options = {"window": window, "strides": strides, "channels_first": channels_first}
    sizes = [axis.out for axis in axes("im2col", shape[1:-1], window, strides)]
    taps = [shape[-1], *window] if channels_first else [*window, shape[-1]]
    *places, sample = strides_of((*sizes, shape[0], math.prod(taps)))[:-1]
    within = strides_of(taps)
    *tap, channel = within[1:] + within[:1] if channels_first else within

    def planar(numbers, missing):
        """Two numbers, for rows and columns; a sequence is an image of one row."""
        return (missing,) * (2 - len(numbers)) + tuple(numbers)

    steps = (*planar(places, 0), sample, *planar(tap, 0), channel)
    image = shape if len(shape) == 4 else (shape[0], 1, *shape[1:])
    return (run("im2col_backward_x", viewed(grad, -1), steps, planar(window, 1), planar(strides, 1), planar(sizes, 1),
                out=shape, out_view=image),
            lambda grad_out: im2col(grad_out, **options))
