"""Larger images: pixels repeated, or straight lines between them."""

import math

from ..autograd.tensor import as_tensor
from ..errors import ShapeError, unknown
from . import elementwise
from ._layout import as_format, channels_last
from ._op import composite, op, viewed
from ._window import AXES, axes, per_axis
from .pool import RANK, sum_pool_backward

INTERPOLATIONS = ("nearest", "bilinear")


@op("interpolate_forward", "interpolate_backward")
def _interpolate(run, x, *, axis, times):
    """`axis` of x made `times` as long, with straight lines between its slices and the last one kept to the end."""
    size = x.shape[axis]
    out = (*x.shape[:axis], None if size is None else size * times, *x.shape[axis + 1:])
    return (run("interpolate_forward", viewed(x, *_around(x.shape, axis)), times, out=out, out_view=_around(out, axis)),
            lambda grad: _interpolate_backward(grad, axis=axis, times=times))


@op("interpolate_backward", "interpolate_forward")
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


@composite(*sum_pool_backward.kernels, *_interpolate.kernels)
def upsample(x, *, size, data_format="channels_last", interpolation="nearest"):
    """x with each pixel `size` times along each spatial axis, or with straight lines between the pixels.

    Shapes: x (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; one to three spatial
    axes -> y with spatial axes `size` times as long
    size: a number, or one for each spatial axis. interpolation: 'nearest' repeats; 'bilinear' puts pixel i at
    i * size and draws lines from there to the next one, the last one goes on to the end (TensorFlow 1's rule).
    Raises: ShapeError for another number of axes; ArgumentError for a wrong size.
    """
    x = elementwise.as_float(as_tensor(x))
    if not 3 <= x.ndim <= RANK + 2:
        raise ShapeError(f"upsample: x has {x.ndim} axes {x.shape}, expected 3 to {RANK + 2}: the batch, one to {RANK} "
                         f"spatial axes ({', '.join(AXES[RANK])}), the channels.")
    if interpolation not in INTERPOLATIONS:
        raise unknown("interpolation", interpolation, INTERPOLATIONS)
    x = channels_last(x, data_format)
    times = per_axis("upsample", "size", size, x.ndim - 2)
    if interpolation == "nearest":
        sizes = [None if pixels is None else pixels * repeats for pixels, repeats in zip(x.shape[1:-1], times)]
        y = sum_pool_backward(x, window=axes("upsample", sizes, times, times), scale=1.0)
    else:
        y = x
        for axis in range(x.ndim - 2, 0, -1):
            y = _interpolate(y, axis=axis, times=times[axis - 1])
    return as_format(y, data_format)
