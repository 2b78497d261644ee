"""Enlargement on the GPU: straight lines between the slices of one axis. (Repetition is the gradient of `pool`'s sum.)

Arrays are (outer, n, inner), n the size of the axis. Slice i of x lies at i * times of y, and what is behind the last
one equals it, as TensorFlow 1's `resize_bilinear` has it. A thread owns one number, and every so many behind it.
"""

import numpy as np

from .simt.grid import first, step
from .simt.index import divided, divided_again, flat, inverse, joined
from .toolchain.target import cuda_kernel


@cuda_kernel
def interpolate_forward(x, times, y):
    """y[o, i times + p, k] = x[o, i, k] + (x[o, i + 1, k] - x[o, i, k]) p / times, 0 <= p < times.

    Shapes: x (outer, n, inner), y (outer, n times, inner).
    """
    slices, inner, times = np.uint32(x.shape[1]), np.uint32(x.shape[2]), np.uint32(times)
    inverse_inner, inverse_times = inverse(inner), inverse(times)
    source, target = flat(x), flat(y)
    number = first()
    while number < np.uint32(y.size):
        line, k = divided_again(number, inner, inverse_inner)
        line, p = divided_again(line, times, inverse_times)     # slices of all x
        _, i = divided(line, slices)
        here = source[joined(line, inner, k)]
        behind = source[joined(line + np.uint32(i + 1 < slices), inner, k)]
        target[number] = here + (behind - here) * (x.dtype.type(p) / x.dtype.type(times))
        number = np.uint32(number + step())


@cuda_kernel
def interpolate_backward(grad, times, grad_x):
    """grad_x[o, i, k] = the sum of grad[o, j, k] over the slices j made of slice i, times its share in them.

    Shapes: grad (outer, n times, inner), grad_x (outer, n, inner).
    """
    slices, inner, times = np.uint32(grad_x.shape[1]), np.uint32(grad_x.shape[2]), np.uint32(times)
    inverse_inner, inverse_slices = inverse(inner), inverse(slices)
    source, target, one = flat(grad), flat(grad_x), grad.dtype.type(1)
    number = first()
    while number < np.uint32(grad_x.size):
        line, k = divided_again(number, inner, inverse_inner)
        _, i = divided_again(line, slices, inverse_slices)
        own = joined(np.uint32(line * times), inner, k)
        total, p = grad.dtype.type(0), np.uint32(0)
        while p < times:
            share = grad.dtype.type(p) / grad.dtype.type(times)
            total += source[joined(p, inner, own)] * (one - share if i + 1 < slices else one)
            if i > 0:
                total += source[joined(np.uint32(p - times), inner, own)] * share
            p = np.uint32(p + 1)
        target[number] = total
        number = np.uint32(number + step())
