"""Enlargement on the GPU: straight lines between the slices of one axis. (Repetition is the gradient of `pool`'s sum.)

Arrays are (outer, n, inner), n the size of the axis. Slice i of x lies at i * times of y, and what is behind the last
one equals it, as TensorFlow 1's `resize_bilinear` has it. A thread owns one number, and every so many behind it.
"""

import numpy as np

from .simt.grid import grid_size, thread_id
from .simt.index import divmod_u32, fast_divmod, flat, mad, reciprocal
from .toolchain.target import cuda_kernel


@cuda_kernel
def interpolate_forward(x, times, y):
    """y[o, i times + p, k] = x[o, i, k] + (x[o, i + 1, k] - x[o, i, k]) p / times, 0 <= p < times.

    Shapes: x (outer, n, inner), y (outer, n times, inner).
    """
    slices, inner, times = np.uint32(x.shape[1]), np.uint32(x.shape[2]), np.uint32(times)
    inverse_inner, inverse_times = reciprocal(inner), reciprocal(times)
    source, target = flat(x), flat(y)
    number = thread_id()
    while number < np.uint32(y.size):
        line, k = fast_divmod(number, inner, inverse_inner)
        line, p = fast_divmod(line, times, inverse_times)     # slices of all x
        _, i = divmod_u32(line, slices)
        here = source[mad(line, inner, k)]
        behind = source[mad(line + np.uint32(i + 1 < slices), inner, k)]
        target[number] = here + (behind - here) * (x.dtype.type(p) / x.dtype.type(times))
        number = np.uint32(number + grid_size())


@cuda_kernel
def interpolate_backward(grad, times, grad_x):
    """grad_x[o, i, k] = the sum of grad[o, j, k] over the slices j made of slice i, times its fraction of them.

    Shapes: grad (outer, n times, inner), grad_x (outer, n, inner).
    """
    slices, inner, times = np.uint32(grad_x.shape[1]), np.uint32(grad_x.shape[2]), np.uint32(times)
    inverse_inner, inverse_slices = reciprocal(inner), reciprocal(slices)
    source, target, one = flat(grad), flat(grad_x), grad.dtype.type(1)
    number = thread_id()
    while number < np.uint32(grad_x.size):
        line, k = fast_divmod(number, inner, inverse_inner)
        _, i = fast_divmod(line, slices, inverse_slices)
        own = mad(np.uint32(line * times), inner, k)
        total, p = grad.dtype.type(0), np.uint32(0)
        while p < times:
            fraction = grad.dtype.type(p) / grad.dtype.type(times)
            total += source[mad(p, inner, own)] * (one - fraction if i + 1 < slices else one)
            if i > 0:
                total += source[mad(np.uint32(p - times), inner, own)] * fraction
            p = np.uint32(p + 1)
        target[number] = total
        number = np.uint32(number + grid_size())
