"""Images of another size: enlarged, with zeros around them, or without their borders."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..autograd.tensor import as_tensor
from ..errors import ArgumentError, ShapeError, unknown
from . import elementwise
from ._layout import as_format
from ._op import composite, op, viewed
from ._window import AXES, axes, per_axis
from .pool import image, sum_pool_backward
from .shape import block_of, pad, repeat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..autograd.tensor import Tensor
    from ..typing import PerAxis, TensorLike

INTERPOLATIONS = ("nearest", "bilinear")


@op
def _interpolate(run, x, *, axis, times):
    """`axis` of x made `times` as long, with straight lines between its slices and the last one kept to the end."""
    size = x.shape[axis]
    out = (*x.shape[:axis], None if size is None else size * times, *x.shape[axis + 1:])
    return (run("interpolate_forward", viewed(x, *_around(x.shape, axis)), times, out=out, out_view=_around(out, axis)),
            lambda grad: _interpolate_backward(grad, axis=axis, times=times))


@op
def _interpolate_backward(run, grad, *, axis, times):
    """The gradient of `_interpolate`."""
    size = grad.shape[axis]
    out = (*grad.shape[:axis], None if size is None else size // times, *grad.shape[axis + 1:])
    return (run("interpolate_backward", viewed(grad, *_around(grad.shape, axis)), times, out=out,
                out_view=_around(out, axis)),
            lambda grad: _interpolate(grad, axis=axis, times=times))


def _around(shape, axis):
    """`shape` as (outer, size of axis, inner); () where a size is open."""
    return () if None in shape else (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1:]))


@composite
def upsample(x: TensorLike, *, size: PerAxis, data_format: str = "channels_last",
             interpolation: str = "nearest") -> Tensor:
    """x with each pixel `size` times along each spatial axis, or with straight lines between the pixels.

    Shapes: x (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; one to three spatial
    axes -> y with spatial axes `size` times as long
    size: a number, or one for each spatial axis. interpolation: 'nearest' repeats; 'bilinear' puts pixel i at
    i * size and draws lines from there to the next one, the last one goes on to the end (TensorFlow 1's rule).
    Raises: ShapeError for another number of axes; ArgumentError for a wrong size.
    """
    if interpolation not in INTERPOLATIONS:
        raise unknown("interpolation", interpolation, INTERPOLATIONS)
    x = image("upsample", as_tensor(x), data_format)
    times = per_axis("upsample", "size", size, x.ndim - 2)
    if interpolation == "bilinear":
        y = elementwise.as_float(x)
        for axis in range(x.ndim - 2, 0, -1):
            y = _interpolate(y, axis=axis, times=times[axis - 1])
    elif x.dtype.kind == "f":
        sizes = [None if pixels is None else pixels * repeats for pixels, repeats in zip(x.shape[1:-1], times)]
        y = sum_pool_backward(x, window=axes("upsample", sizes, times, times), scale=1.0)
    else:
        y = x
        for axis, repeats in enumerate(times, 1):
            y = repeat(y, repeats=repeats, axis=axis)
    return as_format(y, data_format)


@composite
def zero_pad(x: TensorLike, *, padding: Sequence[Sequence[int]], data_format: str = "channels_last") -> Tensor:
    """x with zeros around it; padding: (before, after) for each spatial axis.

    Shapes: x (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first -> larger spatial axes
    Raises: ShapeError for another number of axes; ArgumentError for numbers that are negative.
    """
    x = image("zero_pad", as_tensor(x), data_format)
    pairs = _pairs("zero_pad", padding, x)
    return as_format(pad(x, padding=((0, 0), *pairs, (0, 0))), data_format)


@composite
def crop(x: TensorLike, *, cropping: Sequence[Sequence[int]], data_format: str = "channels_last") -> Tensor:
    """x without its borders; cropping: (before, after) for each spatial axis.

    Shapes: x (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first -> smaller spatial axes
    Raises: ShapeError for another number of axes, or where nothing would be left; ArgumentError for numbers that are
    negative.
    """
    x = image("crop", as_tensor(x), data_format)
    pairs = _pairs("crop", cropping, x)
    for name, size, (before, after) in zip(AXES[len(pairs)], x.shape[1:-1], pairs):
        if size is not None and before + after >= size:
            raise ShapeError(f"crop: {before} + {after} of the {size} {name} are cut off, which leaves "
                             f"{size - before - after}: at least 1 must be left.")
    index = (slice(None), *(slice(before, -after or None) for before, after in pairs))
    return as_format(block_of(x, index=index), data_format)


def _pairs(name, pairs, x):
    """`pairs`, checked: one (before, after) for each spatial axis of x."""
    pairs = tuple(tuple(pair) for pair in pairs)
    if len(pairs) != x.ndim - 2 or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise ArgumentError(f"{name}: {pairs} for {' x '.join(AXES[x.ndim - 2])}: expected a pair (before, after) of "
                            "numbers that are not negative for each.")
    return pairs
