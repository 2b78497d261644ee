"""Pooling on the GPU: the largest pixel of each window, or the sum, and the gradients.

Images are (sample, depth, row, column, channel); with fewer spatial axes the first ones have size 1. Window o of an
axis covers the pixels from o stride - before on, as far as they are in the image; tap (p, q, r) of a window (P, Q, R)
has number (p Q + q) R + r. A block owns a chunk of a row of what it writes, a thread every so many of its numbers,
channels fastest: forwards it looks at the pixels of their windows, backwards at the windows that hold them.
"""

import math

import numpy as np

from .simt.index import divmod_u32, fast_divmod, flat, mad, reciprocal
from .toolchain.api import cuda, device
from .toolchain.target import THREADS, cuda_kernel

PER_THREAD = 4                            # numbers of a row for a thread, which finds the row but once
MOST_ROWS, MOST_CHUNKS = 1 << 20, 4096    # blocks of a launch; the rest is striding


def rows(*arguments):
    """Launch shape: a block for each row of the image that is the last argument, several for long ones."""
    image = arguments[-1]
    numbers = math.prod(image.shape[3:])
    threads = max(32, min(THREADS, -(-numbers // 32) * 32))
    chunks = -(-numbers // (threads * PER_THREAD))
    return (max(1, min(MOST_ROWS, math.prod(image.shape[:3]))), max(1, min(MOST_CHUNKS, chunks))), threads


@device
def three(numbers):
    return np.uint32(numbers[0]), np.uint32(numbers[1]), np.uint32(numbers[2])


@device
def inverses(numbers):
    return reciprocal(numbers[0]), reciprocal(numbers[1]), reciprocal(numbers[2])


@device
def row_count(image):
    return np.uint32(image.shape[0] * image.shape[1] * image.shape[2])


@device
def row_size(image):
    return np.uint32(image.shape[3] * image.shape[4])


@device
def row_place(row, image):
    """Sample, depth and row within its plane of one of all rows."""
    plane, i = divmod_u32(row, np.uint32(image.shape[2]))
    n, d = divmod_u32(plane, np.uint32(image.shape[1]))
    return n, d, i


@device
def pixel(image, n, d, i, j):
    """The first number of a pixel."""
    row = mad(mad(n, np.uint32(image.shape[1]), d), np.uint32(image.shape[2]), i)
    return np.uint32(mad(row, np.uint32(image.shape[3]), j) * np.uint32(image.shape[4]))


@device
def steps_of(image):
    """How many numbers further the next pixel lies along each axis."""
    row = row_size(image)
    return np.uint32(np.uint32(image.shape[2]) * row), row, np.uint32(image.shape[4])


@device
def first_in_row():
    """The number of a row with which this thread begins."""
    return mad(np.uint32(cuda.blockIdx.y), np.uint32(cuda.blockDim.x), np.uint32(cuda.threadIdx.x))


@device
def step_in_row():
    return np.uint32(cuda.gridDim.y * cuda.blockDim.x)


@device
def covered(output, window, stride, before, size):
    """Along an axis, of the pixels below a window: the first, how many, the tap that lies on the first."""
    start = np.uint32(output * stride)
    tap = np.uint32(max(start, before) - start)
    behind = min(window, np.uint32(np.uint32(size) + before - start))
    return np.uint32(start + tap - before), np.uint32(behind - tap), tap


@device
def holding(position, window, stride, inverse_stride, before, outputs):
    """Along an axis, of the windows over a pixel: the first, how many, the tap of the first that lies on it."""
    position = np.uint32(position + before)
    last = min(fast_divmod(position, stride, inverse_stride)[0], np.uint32(np.uint32(outputs) - np.uint32(1)))
    tap = np.uint32(position - np.uint32(last * stride))
    if tap >= window:       # it lies between windows
        return last, np.uint32(0), tap
    others = min(fast_divmod(np.uint32(window - np.uint32(1) - tap), stride, inverse_stride)[0], last)
    return np.uint32(last - others), np.uint32(others + np.uint32(1)), mad(others, stride, tap)


@device
def sum_of_box(x, place, counts, steps):
    """The sum of a box of pixels of one channel, which begins at x[place]."""
    total = x.dtype.type(0)
    a = np.uint32(0)
    while a < counts[0]:
        b = np.uint32(0)
        while b < counts[1]:
            here = mad(b, steps[1], mad(a, steps[0], place))
            c = np.uint32(0)
            while c < counts[2]:
                total += x[mad(c, steps[2], here)]
                c = np.uint32(c + 1)
            b = np.uint32(b + 1)
        a = np.uint32(a + 1)
    return total


@device
def largest_of_box(x, place, counts, steps, tap, tap_steps):
    """The largest number of a box, the first of equals and of NaNs, which win; and the number of its tap."""
    best, found = x.dtype.type(-np.inf), tap
    a = np.uint32(0)
    while a < counts[0]:
        b = np.uint32(0)
        while b < counts[1]:
            here = mad(b, steps[1], mad(a, steps[0], place))
            first = mad(b, tap_steps[1], mad(a, tap_steps[0], tap))
            c = np.uint32(0)
            while c < counts[2]:
                value = x[mad(c, steps[2], here)]
                if not value <= best and best == best:
                    best, found = value, np.uint32(first + c)
                c = np.uint32(c + 1)
            b = np.uint32(b + 1)
        a = np.uint32(a + 1)
    return best, found


@device
def sum_where(x, taps, place, counts, steps, tap, tap_steps):
    """The sum of those numbers of a box of windows whose entry of `taps` names the pixel: `tap`, for the first."""
    total = x.dtype.type(0)
    a = np.uint32(0)
    while a < counts[0]:
        b = np.uint32(0)
        while b < counts[1]:
            here = mad(b, steps[1], mad(a, steps[0], place))
            wanted = np.uint32(tap - mad(a, tap_steps[0], np.uint32(b * tap_steps[1])))
            c = np.uint32(0)
            while c < counts[2]:
                window = mad(c, steps[2], here)
                value = x[window]       # at once, not when the mark has come
                if np.uint32(taps[window]) == np.uint32(wanted - np.uint32(c * tap_steps[2])):
                    total += value
                c = np.uint32(c + 1)
            b = np.uint32(b + 1)
        a = np.uint32(a + 1)
    return total


@cuda_kernel(launch=rows)
def max_pool_forward(x, window, strides, before, y, taps):
    """y[n, o] = the largest of the pixels of x below window o, the first of equals; NaN wins. taps = its number.

    Shapes: x (n, d, h, w, c), y and taps (n, od, oh, ow, c); window, strides, before: 3 numbers.
    """
    pixels, best, marks, channels = flat(x), flat(y), flat(taps), np.uint32(y.shape[4])
    window, strides, before = three(window), three(strides), three(before)
    inverse_channels = reciprocal(channels)
    tap_steps = np.uint32(window[1] * window[2]), window[2]
    row = np.uint32(cuda.blockIdx.x)
    while row < row_count(y):
        n, od, oi = row_place(row, y)
        d, depths, p = covered(od, window[0], strides[0], before[0], x.shape[1])
        i, rows, q = covered(oi, window[1], strides[1], before[1], x.shape[2])
        number = first_in_row()
        while number < row_size(y):
            oj, c = fast_divmod(number, channels, inverse_channels)
            j, columns, r = covered(oj, window[2], strides[2], before[2], x.shape[3])
            tap = mad(p, tap_steps[0], mad(q, tap_steps[1], r))
            value, found = largest_of_box(pixels, np.uint32(pixel(x, n, d, i, j) + c), (depths, rows, columns),
                                          steps_of(x), tap, tap_steps)
            o = mad(row, row_size(y), number)
            best[o], marks[o] = value, found
            number = np.uint32(number + step_in_row())
        row = np.uint32(row + cuda.gridDim.x)


@cuda_kernel(launch=rows)
def max_pool_backward(grad, taps, window, strides, before, grad_x):
    """grad_x[n, i] = the sum of grad[n, o] over the windows o whose largest pixel was i.

    Shapes: grad and taps (n, od, oh, ow, c), grad_x (n, d, h, w, c); window, strides, before: 3 numbers.
    """
    numbers, marks, totals, channels = flat(grad), flat(taps), flat(grad_x), np.uint32(grad.shape[4])
    window, strides, before = three(window), three(strides), three(before)
    inverse_channels, inverse_strides = reciprocal(channels), inverses(strides)
    tap_steps = np.uint32(window[1] * window[2]), window[2]
    next_taps = np.uint32(strides[0] * tap_steps[0]), np.uint32(strides[1] * tap_steps[1]), strides[2]
    row = np.uint32(cuda.blockIdx.x)
    while row < row_count(grad_x):
        n, d, i = row_place(row, grad_x)
        od, depths, p = holding(d, window[0], strides[0], inverse_strides[0], before[0], grad.shape[1])
        oi, rows, q = holding(i, window[1], strides[1], inverse_strides[1], before[1], grad.shape[2])
        number = first_in_row()
        while number < row_size(grad_x):
            j, c = fast_divmod(number, channels, inverse_channels)
            oj, columns, r = holding(j, window[2], strides[2], inverse_strides[2], before[2], grad.shape[3])
            tap = mad(p, tap_steps[0], mad(q, tap_steps[1], r))
            totals[mad(row, row_size(grad_x), number)] = sum_where(
                numbers, marks, np.uint32(pixel(grad, n, od, oi, oj) + c), (depths, rows, columns), steps_of(grad),
                tap, next_taps)
            number = np.uint32(number + step_in_row())
        row = np.uint32(row + cuda.gridDim.x)


@cuda_kernel(launch=rows)
def max_pool_gather(x, taps, window, strides, before, y):
    """y[n, o] = the pixel of x below the tap of window o that `taps` names: what `max_pool_backward` undoes.

    Shapes: x (n, d, h, w, c), y and taps (n, od, oh, ow, c); window, strides, before: 3 numbers.
    """
    pixels, marks, chosen, channels = flat(x), flat(taps), flat(y), np.uint32(y.shape[4])
    window, strides, before = three(window), three(strides), three(before)
    inverse_channels = reciprocal(channels)
    row = np.uint32(cuda.blockIdx.x)
    while row < row_count(y):
        n, od, oi = row_place(row, y)
        number = first_in_row()
        while number < row_size(y):
            oj, c = fast_divmod(number, channels, inverse_channels)
            o = mad(row, row_size(y), number)
            line, r = divmod_u32(np.uint32(marks[o]), window[2])
            p, q = divmod_u32(line, window[1])
            d = np.uint32(mad(od, strides[0], p) - before[0])
            i = np.uint32(mad(oi, strides[1], q) - before[1])
            j = np.uint32(mad(oj, strides[2], r) - before[2])
            chosen[o] = pixels[np.uint32(pixel(x, n, d, i, j) + c)]
            number = np.uint32(number + step_in_row())
        row = np.uint32(row + cuda.gridDim.x)


@cuda_kernel(launch=rows)
def sum_pool_forward(x, scale, window, strides, before, y):
    """y[n, o] = scale times the sum of the pixels of x below window o.

    Shapes: x (n, d, h, w, c), y (n, od, oh, ow, c); window, strides, before: 3 numbers.
    """
    pixels, sums, channels = flat(x), flat(y), np.uint32(y.shape[4])
    window, strides, before = three(window), three(strides), three(before)
    inverse_channels = reciprocal(channels)
    row = np.uint32(cuda.blockIdx.x)
    while row < row_count(y):
        n, od, oi = row_place(row, y)
        d, depths, _ = covered(od, window[0], strides[0], before[0], x.shape[1])
        i, rows, _ = covered(oi, window[1], strides[1], before[1], x.shape[2])
        number = first_in_row()
        while number < row_size(y):
            oj, c = fast_divmod(number, channels, inverse_channels)
            j, columns, _ = covered(oj, window[2], strides[2], before[2], x.shape[3])
            total = sum_of_box(pixels, np.uint32(pixel(x, n, d, i, j) + c), (depths, rows, columns), steps_of(x))
            sums[mad(row, row_size(y), number)] = scale * total
            number = np.uint32(number + step_in_row())
        row = np.uint32(row + cuda.gridDim.x)


@cuda_kernel(launch=rows)
def sum_pool_backward(grad, scale, window, strides, before, grad_x):
    """grad_x[n, i] = scale times the sum of grad[n, o] over the windows o that hold pixel i.

    Shapes: grad (n, od, oh, ow, c), grad_x (n, d, h, w, c); window, strides, before: 3 numbers.
    """
    numbers, totals, channels = flat(grad), flat(grad_x), np.uint32(grad.shape[4])
    window, strides, before = three(window), three(strides), three(before)
    inverse_channels, inverse_strides = reciprocal(channels), inverses(strides)
    row = np.uint32(cuda.blockIdx.x)
    while row < row_count(grad_x):
        n, d, i = row_place(row, grad_x)
        od, depths, _ = holding(d, window[0], strides[0], inverse_strides[0], before[0], grad.shape[1])
        oi, rows, _ = holding(i, window[1], strides[1], inverse_strides[1], before[1], grad.shape[2])
        number = first_in_row()
        while number < row_size(grad_x):
            j, c = fast_divmod(number, channels, inverse_channels)
            oj, columns, _ = holding(j, window[2], strides[2], inverse_strides[2], before[2], grad.shape[3])
            total = sum_of_box(numbers, np.uint32(pixel(grad, n, od, oi, oj) + c), (depths, rows, columns),
                               steps_of(grad))
            totals[mad(row, row_size(grad_x), number)] = scale * total
            number = np.uint32(number + step_in_row())
        row = np.uint32(row + cuda.gridDim.x)
