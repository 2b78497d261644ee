"""Pooling and upsampling window by window: channels-last arrays (batch, *spatial, channels), any spatial axes."""

import numpy as np

from tests.reference.conv import borders, each_axis, output_sizes


def windows(sizes, pool_size, strides, padding):
    """(output pixel, its pixels of the image) for each output pixel; windows end where the image ends."""
    pool_size = each_axis(pool_size, len(sizes))
    strides = pool_size if strides is None else each_axis(strides, len(sizes))
    geometry = (sizes, pool_size, strides, padding, (1,) * len(sizes))
    before = [pair[0] for pair in borders(*geometry)]
    for place in np.ndindex(*output_sizes(*geometry)):
        first = [s * i - b for i, s, b in zip(place, strides, before)]
        yield (..., *place, slice(None)), (slice(None), *(slice(max(f, 0), f + k) for f, k in zip(first, pool_size)))


def pool(reduce, x, pool_size, strides, padding):
    found = list(windows(x.shape[1:-1], pool_size, strides, padding))
    last = found[-1][0][1:-1]
    y = np.empty((len(x), *(i + 1 for i in last), x.shape[-1]), x.dtype)
    for place, pixels in found:
        y[place] = reduce(x[pixels], axis=tuple(range(1, x.ndim - 1)))
    return y


def max_pool(x, *, pool_size, strides=None, padding="valid"):
    """The largest pixel of each window; NaN where there is one."""
    return pool(np.max, np.asarray(x), pool_size, strides, padding)


def max_pool_backward(x, grad_y, *, pool_size, strides=None, padding="valid"):
    """Each window's gradient goes to its largest pixel, the first of equals in row-major order."""
    grad = np.zeros(x.shape)
    for place, pixels in windows(x.shape[1:-1], pool_size, strides, padding):
        part = x[pixels].reshape(len(x), -1, x.shape[-1])
        chosen = np.arange(part.shape[1])[:, None] == np.argmax(part, 1)[:, None]
        grad[pixels] += (chosen * grad_y[place][:, None]).reshape(x[pixels].shape)
    return grad


def average_pool(x, *, pool_size, strides=None, padding="valid"):
    """The mean of each window's pixels, those of the image only."""
    return pool(np.mean, np.asarray(x, "float64"), pool_size, strides, padding)


def average_pool_backward(x, grad_y, *, pool_size, strides=None, padding="valid"):
    grad = np.zeros(x.shape)
    for place, pixels in windows(x.shape[1:-1], pool_size, strides, padding):
        share = grad_y[place] / np.prod(x[pixels].shape[1:-1])
        grad[pixels] += share.reshape(len(x), *[1] * (x.ndim - 2), -1)
    return grad


def upsample(x, *, size):
    """Each pixel size[i] times along spatial axis i."""
    for axis, times in enumerate(each_axis(size, x.ndim - 2), 1):
        x = np.repeat(x, times, axis)
    return x


def upsample_backward(grad_y, *, size):
    """Each pixel gathers the gradients of its copies."""
    for axis, times in enumerate(each_axis(size, grad_y.ndim - 2), 1):
        shape = grad_y.shape
        grad_y = grad_y.reshape(*shape[:axis], shape[axis] // times, times, *shape[axis + 1:]).sum(axis + 1)
    return grad_y
