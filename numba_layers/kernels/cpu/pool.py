"""Pooling on the CPU: the largest pixel of each window, or the sum, and the gradients.

Images are (sample, depth, row, column, channel); with fewer spatial axes the first ones have size 1. Window o of an
axis covers the pixels from o stride - before on, as far as they are in the image; tap (p, q, r) of a window (P, Q, R)
has number (p Q + q) R + r. A task owns COLUMNS neighbouring pixels of a row of what it writes: forwards it looks at
the pixels of their windows, backwards at the windows that hold them.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .micro.vector import at, ceil_div, divide
from .micro.window import largest, scaled_sum, sum_where

COLUMNS = 64


@inlined
def task_count(image):
    return image.shape[0] * image.shape[1] * image.shape[2] * ceil_div(image.shape[3], COLUMNS)


@inlined
def task_pixels(task, image):
    """Sample, depth and row of a task, its first column and the one behind its last."""
    depths, rows, columns = image.shape[1:4]
    across = ceil_div(columns, COLUMNS)
    row, first = divide(task, across), task % across * COLUMNS
    plane = divide(row, rows)
    return divide(plane, depths), plane % depths, row % rows, first, min(first + COLUMNS, columns)


@inlined
def pixel(image, n, d, i, j):
    """Pointer to the channels of a pixel."""
    _, depths, rows, columns, channels = image.shape
    return at(image, (((n * depths + d) * rows + i) * columns + j) * channels)


@inlined
def steps_of(image):
    """How many numbers further the next pixel lies along each axis."""
    _, _, rows, columns, channels = image.shape
    return rows * columns * channels, columns * channels, channels


@inlined
def covered(output, window, stride, before, size):
    """Along an axis, of the pixels below a window: the first, how many, the tap that lies on the first."""
    start = output * stride - before
    first = max(start, 0)
    return first, min(start + window, size) - first, first - start


@inlined
def holding(position, window, stride, before, outputs):
    """Along an axis, of the windows over a pixel: the first, how many, the tap of the first that lies on it."""
    position += before
    first = divide(max(position - window + stride, 0), stride)
    return first, max(min(divide(position, stride) + 1, outputs) - first, 0), position - first * stride


@cpu_kernel
def max_pool_forward(x, window, strides, before, y, taps):
    """y[n, o] = the largest of the pixels of x below window o, the first of equals; NaN wins. taps = its number.

    Shapes: x (n, d, h, w, c), y and taps (n, od, oh, ow, c); window, strides, before: 3 numbers.
    """
    channels = y.shape[4]
    tap_steps = window[1] * window[2], window[2], 1
    for task in prange(task_count(y)):
        n, od, oi, first_column, last_column = task_pixels(task, y)
        d, depths, p = covered(od, window[0], strides[0], before[0], x.shape[1])
        i, rows, q = covered(oi, window[1], strides[1], before[1], x.shape[2])
        for oj in range(first_column, last_column):
            j, columns, r = covered(oj, window[2], strides[2], before[2], x.shape[3])
            tap = p * tap_steps[0] + q * tap_steps[1] + r
            largest(pixel(x, n, d, i, j), (depths, rows, columns), steps_of(x), tap, tap_steps, channels,
                    pixel(y, n, od, oi, oj), pixel(taps, n, od, oi, oj))


@cpu_kernel
def max_pool_backward(grad, taps, window, strides, before, grad_x):
    """grad_x[n, i] = the sum of grad[n, o] over the windows o whose largest pixel was i.

    Shapes: grad and taps (n, od, oh, ow, c), grad_x (n, d, h, w, c); window, strides, before: 3 numbers.
    """
    channels = grad.shape[4]
    tap_steps = window[1] * window[2], window[2], 1
    next_taps = -strides[0] * tap_steps[0], -strides[1] * tap_steps[1], -strides[2]
    for task in prange(task_count(grad_x)):
        n, d, i, first_column, last_column = task_pixels(task, grad_x)
        od, depths, p = holding(d, window[0], strides[0], before[0], grad.shape[1])
        oi, rows, q = holding(i, window[1], strides[1], before[1], grad.shape[2])
        for j in range(first_column, last_column):
            oj, columns, r = holding(j, window[2], strides[2], before[2], grad.shape[3])
            tap = p * tap_steps[0] + q * tap_steps[1] + r
            sum_where(pixel(grad, n, od, oi, oj), pixel(taps, n, od, oi, oj), (depths, rows, columns), steps_of(grad),
                      tap, next_taps, channels, pixel(grad_x, n, d, i, j))


@cpu_kernel
def max_pool_gather(x, taps, window, strides, before, y):
    """y[n, o] = the pixel of x below the tap of window o that `taps` names: what `max_pool_backward` undoes.

    Shapes: x (n, d, h, w, c), y and taps (n, od, oh, ow, c); window, strides, before: 3 numbers.
    """
    for task in prange(task_count(y)):
        n, od, oi, first_column, last_column = task_pixels(task, y)
        for oj in range(first_column, last_column):
            for c in range(y.shape[4]):
                tap = np.int64(taps[n, od, oi, oj, c])
                d = od * strides[0] - before[0] + tap // (window[1] * window[2])
                i = oi * strides[1] - before[1] + tap // window[2] % window[1]
                j = oj * strides[2] - before[2] + tap % window[2]
                y[n, od, oi, oj, c] = x[n, d, i, j, c]


@cpu_kernel
def sum_pool_forward(x, scale, window, strides, before, y):
    """y[n, o] = scale times the sum of the pixels of x below window o.

    Shapes: x (n, d, h, w, c), y (n, od, oh, ow, c); window, strides, before: 3 numbers.
    """
    for task in prange(task_count(y)):
        n, od, oi, first_column, last_column = task_pixels(task, y)
        d, depths, _ = covered(od, window[0], strides[0], before[0], x.shape[1])
        i, rows, _ = covered(oi, window[1], strides[1], before[1], x.shape[2])
        for oj in range(first_column, last_column):
            j, columns, _ = covered(oj, window[2], strides[2], before[2], x.shape[3])
            scaled_sum(pixel(x, n, d, i, j), (depths, rows, columns), steps_of(x), scale, y.shape[4],
                       pixel(y, n, od, oi, oj))


@cpu_kernel
def sum_pool_backward(grad, scale, window, strides, before, grad_x):
    """grad_x[n, i] = scale times the sum of grad[n, o] over the windows o that hold pixel i.

    Shapes: grad (n, od, oh, ow, c), grad_x (n, d, h, w, c); window, strides, before: 3 numbers.
    """
    for task in prange(task_count(grad_x)):
        n, d, i, first_column, last_column = task_pixels(task, grad_x)
        od, depths, _ = holding(d, window[0], strides[0], before[0], grad.shape[1])
        oi, rows, _ = holding(i, window[1], strides[1], before[1], grad.shape[2])
        for j in range(first_column, last_column):
            oj, columns, _ = holding(j, window[2], strides[2], before[2], grad.shape[3])
            scaled_sum(pixel(grad, n, od, oi, oj), (depths, rows, columns), steps_of(grad), scale, grad_x.shape[4],
                       pixel(grad_x, n, d, i, j))
