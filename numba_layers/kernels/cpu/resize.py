"""Enlargement on the CPU: straight lines between the slices of one axis. (Repetition is the gradient of `pool`'s sum.)

Arrays are (outer, n, inner), n the size of the axis. Slice i of x lies at i * times of y, and what is behind the last
one equals it, as TensorFlow 1's `resize_bilinear` has it.
"""

from numba import prange

from .compile import cpu_kernel


@cpu_kernel
def interpolate_forward(x, times, y):
    """y[o, i times + p, k] = x[o, i, k] + (x[o, i + 1, k] - x[o, i, k]) p / times, 0 <= p < times.

    Shapes: x (outer, n, inner), y (outer, n times, inner). A task owns the y of one slice of x.
    """
    n = x.shape[1]
    for task in prange(x.shape[0] * n):
        o, i = task // n, task % n
        here, behind = x[o, i], x[o, min(i + 1, n - 1)]
        for p in range(times):
            fraction = x.dtype.type(p) / x.dtype.type(times)
            out = y[o, i * times + p]
            for k in range(out.size):
                out[k] = here[k] + (behind[k] - here[k]) * fraction


@cpu_kernel
def interpolate_backward(grad, times, grad_x):
    """grad_x[o, i, k] = the sum of grad[o, j, k] over the slices j made of slice i, times its fraction of them.

    Shapes: grad (outer, n times, inner), grad_x (outer, n, inner). A task owns one slice of grad_x.
    """
    n = grad_x.shape[1]
    for task in prange(grad_x.shape[0] * n):
        o, i = task // n, task % n
        total = grad_x[o, i]
        for k in range(total.size):
            total[k] = 0
        for p in range(times):
            fraction = grad.dtype.type(p) / grad.dtype.type(times)
            kept = 1 - fraction if i < n - 1 else grad.dtype.type(1)
            own = grad[o, i * times + p]
            for k in range(total.size):
                total[k] += own[k] * kept
            if i > 0:
                before = grad[o, (i - 1) * times + p]
                for k in range(total.size):
                    total[k] += before[k] * fraction
