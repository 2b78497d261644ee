"""Pooling: the largest, or the mean, of the pixels below a window, for one, two or three spatial axes."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

from ..autograd.tensor import as_tensor
from ..errors import ArgumentError, ShapeError
from ..kernels.geometry import RANK
from . import elementwise
from ._layout import as_format, channels_last, images, whole
from ._op import composite, op
from ._window import MOST, axes

if TYPE_CHECKING:
    from ..autograd.tensor import Tensor
    from ..typing import Padding, PerAxis, TensorLike


def image(name, x, data_format):
    """x with its channels last.

    Raises: ShapeError in the name of op `name`.
    """
    if not 3 <= x.ndim <= RANK + 2:
        order = "channels, *spatial" if data_format == "channels_first" else "*spatial, channels"
        raise ShapeError(f"{name}: x has {x.ndim} axes {x.shape}, expected 3 to {RANK + 2} (batch, {order}).")
    return channels_last(x, data_format)


def _filled(numbers):
    """`numbers`, one for each spatial axis, with 1 for the axes in front that an image lacks."""
    return (1,) * (RANK - len(numbers)) + tuple(numbers)


@functools.lru_cache(4096)
def _geometry(window):
    """Sizes, strides and numbers of pixels before the image, as kernels take them."""
    before = (0,) * (RANK - len(window)) + tuple(axis.before for axis in window)
    return _filled([axis.window for axis in window]), _filled([axis.stride for axis in window]), before


def _outputs(x, window):
    """Shape of what is pooled from x by `window`."""
    return x.shape[0], *(axis.out for axis in window), x.shape[-1]


def _pixels(y, window):
    """Shape of what y is pooled from."""
    return y.shape[0], *(axis.size for axis in window), y.shape[-1]


@op
def _max_pool(run, x, *, window):
    """y[n, o, c] = the largest x[n, i, c] of the pixels i below window o. Kept for the gradient: which one it was."""
    out = _outputs(x, window)
    marks = np.dtype(np.uint8 if math.prod(axis.window for axis in window) <= 256 else np.int32)
    y, taps = run("max_pool_forward", images(x), *_geometry(window), out=[out] * 2, dtype=[x.dtype, marks],
                  out_view=[whole(out)] * 2)
    return y, lambda grad: _max_pool_backward(grad, taps, window=window)


@op
def _max_pool_backward(run, grad, taps, *, window):
    """What pixel i gets: the sum of grad[n, o, c] over the windows o whose tap in `taps` lies on it."""
    out = _pixels(grad, window)
    return (run("max_pool_backward", images(grad), images(taps), *_geometry(window), out=out, dtype=grad.dtype,
                out_view=whole(out)),
            lambda grad: _max_pool_gather(grad, taps, window=window),
            None)


@op
def _max_pool_gather(run, x, taps, *, window):
    """For each window the pixel of x below its tap in `taps`."""
    return (run("max_pool_gather", images(x), images(taps), *_geometry(window), out=taps.shape, dtype=x.dtype,
                out_view=whole(taps.shape)),
            lambda grad: _max_pool_backward(grad, taps, window=window),
            None)


@op
def sum_pool(run, x, *, window, scale):
    """y[n, o, c] = scale times the sum of x[n, i, c] over the pixels i below window o."""
    out = _outputs(x, window)
    return (run("sum_pool_forward", images(x), scale, *_geometry(window), out=out, out_view=whole(out)),
            lambda grad: sum_pool_backward(grad, window=window, scale=scale))


@op
def sum_pool_backward(run, grad, *, window, scale):
    """x[n, i, c] = scale times the sum of grad[n, o, c] over the windows o that hold pixel i."""
    out = _pixels(grad, window)
    return (run("sum_pool_backward", images(grad), scale, *_geometry(window), out=out, out_view=whole(out)),
            lambda grad: sum_pool(grad, window=window, scale=scale))


@composite
def max_pool(x: TensorLike, *, pool_size: PerAxis, strides: PerAxis | None = None, padding: Padding = "valid",
             data_format: str = "channels_last") -> Tensor:
    """The largest pixel below each window, NaN where there is one. The first of equals takes the gradient.

    Shapes: x (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; one to three spatial
    axes -> y with the spatial sizes of the outputs
    pool_size, strides (pool_size by default): a number, or one for each spatial axis. padding: 'valid', 'same'
    (TensorFlow's rule), or (before, after) pairs; what is padded never counts.
    Raises: ShapeError for a window larger than the image, with the arithmetic; ArgumentError for wrong numbers.
    """
    x, window = _checked("max_pool", x, pool_size, strides, padding, data_format)
    if math.prod(axis.window for axis in window) > MOST:
        raise ArgumentError(f"max_pool: a window of {pool_size!r} has more than {MOST} pixels, which are numbered.")
    return as_format(_max_pool(x, window=window), data_format)


@composite
def average_pool(x: TensorLike, *, pool_size: PerAxis, strides: PerAxis | None = None, padding: Padding = "valid",
                 data_format: str = "channels_last") -> Tensor:
    """The mean of the pixels below each window, of those inside the image only.

    Arguments, shapes and errors as those of `max_pool`.
    """
    x, window = _checked("average_pool", x, pool_size, strides, padding, data_format)
    if all(axis.before == axis.after == 0 for axis in window):
        y = sum_pool(x, window=window, scale=1 / math.prod(axis.window for axis in window))
    else:
        y = elementwise.multiply(sum_pool(x, window=window, scale=1.0), _fractions(window))
    return as_format(y, data_format)


@functools.lru_cache(256)
def _fractions(window):
    """1 / the number of pixels below each window, in shape (*outputs, 1); 1 while the image's size is open."""
    counts = np.ones(1)
    for axis in window:
        if axis.out is None:
            return 1.0
        start = np.arange(axis.out) * axis.stride - axis.before
        inside = np.minimum(start + axis.window, axis.size) - np.maximum(start, 0)
        counts = counts[..., None, :] * inside[:, None]
    return 1 / counts


def _checked(name, x, pool_size, strides, padding, data_format):
    """x as floats with its channels last, and its `window`."""
    x = image(name, elementwise.as_float(as_tensor(x)), data_format)
    window = axes(name, x.shape[1:-1], pool_size, pool_size if strides is None else strides, padding)
    if any(axis.before is not None and max(axis.before, axis.after) >= axis.window for axis in window):
        raise ArgumentError(f"{name}: padding {padding!r} is as wide as the window {pool_size!r} or wider: a window "
                            "would hold no pixel of the image. Pad by less.")
    return x, window
