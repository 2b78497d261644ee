"""Windows that overlap, on the CPU: what lies in several of them is added up."""

import numpy as np
from numba import prange

from .compile import cpu_kernel


@cpu_kernel
def im2col_backward_x(grad, steps, window, strides, windows, grad_x):
    """grad_x[n, i, j, c] = the sum of grad over all taps of windows that lie on pixel (i, j) of sample n.

    Shapes: grad flat, where window (a, b) of sample n has channel c of its tap (p, q) at a steps[0] + b steps[1]
    + n steps[2] + p steps[3] + q steps[4] + c steps[5]; grad_x (samples, rows, columns, channels).
    window, strides, windows: rows and columns of a window, from one to the next, and how many there are.
    A task owns a row of grad_x.
    """
    rows, columns, channels = grad_x.shape[1:]
    for task in prange(grad_x.shape[0] * rows):
        n, i = task // rows, task % rows
        for j in range(columns):
            pixel = grad_x[n, i, j]
            for c in range(channels):
                pixel[c] = 0
            for p in range(window[0]):
                down = i - p
                a = down // strides[0]
                if down < 0 or a >= windows[0] or a * strides[0] != down:
                    continue
                for q in range(window[1]):
                    across = j - q
                    b = across // strides[1]
                    if across < 0 or b >= windows[1] or b * strides[1] != across:
                        continue
                    first = a * steps[0] + b * steps[1] + n * steps[2] + p * steps[3] + q * steps[4]
                    if steps[5] == 1:
                        k = np.uint64(first)
                        for c in range(np.uint64(channels)):
                            pixel[c] += grad[k + c]
                    else:
                        for c in range(channels):
                            pixel[c] += grad[first + c * steps[5]]
