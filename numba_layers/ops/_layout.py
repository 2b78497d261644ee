"""Images in the two orders of axes: kernels see channels last, users may see channels first.

Channels-first tensors are views, by strides, of channels-last memory: what one convolution writes the next one
finds as it wants it, and nothing is copied between them.
"""

from ._op import op, permuted


@op
def _permute(run, x, *, axes):
    """x with its axes in the order `axes`, as a view of the same memory."""
    back = tuple(axes.index(axis) for axis in range(len(axes)))
    return permuted(run, x, axes), lambda grad: _permute(grad, axes=back)


def channels_last(x, data_format):
    """x (batch, *spatial, channels), given in `data_format`."""
    if data_format == "channels_last":
        return x
    return _permute(x, axes=(0, *range(2, x.ndim), 1))


def as_format(y, data_format):
    """y (batch, *spatial, channels) in `data_format`: what undoes `channels_last`."""
    if data_format == "channels_last":
        return y
    return _permute(y, axes=(0, y.ndim - 1, *range(1, y.ndim - 1)))
