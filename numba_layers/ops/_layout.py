"""Images in the two orders of axes: kernels see channels last, users may see channels first.

Channels-first tensors are views, by strides, of channels-last memory: what one convolution writes the next one
finds as it wants it, and nothing is copied between them.
"""

from ..autograd.graph import is_symbolic
from ..kernels.geometry import RANK
from ._op import op, permuted, viewed
from .shape import transpose


def channels_last(x, data_format):
    """x (batch, *spatial, channels), given in `data_format`; copied only if its channels lie first in memory too."""
    return x if data_format == "channels_last" else _in_order(x, last=True)


def as_format(y, data_format):
    """y (batch, *spatial, channels) in `data_format`: what undoes `channels_last`. A view, never a copy."""
    return y if data_format == "channels_last" else _in_order(y, last=False)


def _in_order(x, last):
    """x with its channels brought from the first place to the last, or back."""
    axes = (0, *range(2, x.ndim), 1) if last else (0, x.ndim - 1, *range(1, x.ndim - 1))
    if last and not is_symbolic(x) and not x.data.transpose(axes).flags.c_contiguous:
        return transpose(x, axes=axes)
    return _permute(x, axes=axes, last=last)


@op
def _permute(run, x, *, axes, last):
    """x with its axes in another order, as a view of the same memory."""
    return permuted(run, x, axes), lambda grad: _in_order(grad, last=not last)


def whole(shape, rank=RANK):
    """`shape` (batch, *spatial, channels) with `rank` spatial axes, those missing of size 1 in front."""
    return (shape[0], *(1,) * (rank + 2 - len(shape)), *shape[1:])


def images(x, rank=RANK):
    """x (batch, *spatial, channels) as kernels of `rank` spatial axes see it."""
    return viewed(x, *whole(x.shape, rank))
