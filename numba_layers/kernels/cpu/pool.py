"""Pooling on the CPU: the largest pixel of each window, or the sum, and the gradients.

Images are (sample, depth, row, column, channel); with fewer spatial axes the first ones have size 1. Window o of an
axis covers the pixels from o stride - before on, as far as they are in the image; tap (p, q, r) of a window (P, Q, R)
has number (p Q + q) R + r. A task owns COLUMNS neighbouring pixels of a row of what it writes: forwards it looks at
the pixels of their windows, backwards at the windows that hold them. A vector holds channels of a pixel; where these
are few, a task goes over its row once for each tap of the window instead.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .micro.flat import flat
from .micro.vector import at, ceil_div, divide, lanes_of
from .micro.window import largest, scaled_sum, sum_where

COLUMNS = 64
FEW = 4      # channels, at most, for which rows are better than vectors of channels, whatever the stride


@inlined
def task_count(image):
    return image.shape[0] * image.shape[1] * image.shape[2] * ceil_div(image.shape[3], COLUMNS)


@inlined
def task_pixels(task, image):
    """Sample, depth and row of a task, its first column and the one behind its last."""
    depths, rows, columns = image.shape[1:4]
    blocks = ceil_div(columns, COLUMNS)
    row, first = divide(task, blocks), task % blocks * COLUMNS
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


@inlined
def holding_after(first, tap, last, rest, pixels, window, stride):
    """What `holding` knows, without division, of a pixel so many further that no more than one window begins or ends.

    The first window, its tap on the pixel, the last one (those behind the last output are counted) and its tap.
    """
    tap, rest = tap + pixels, rest + pixels
    if tap == window:
        first, tap = first + 1, tap - stride
    if rest == stride:
        last, rest = last + 1, rest - stride
    return first, tap, last, rest


@inlined
def by_rows(channels, stride, lanes):
    """Is a pixel too small for vectors of channels? With stride 1, rows go into vectors whole."""
    return channels <= FEW or (stride == 1 and channels < lanes)


@inlined
def first_of(image, n, d, i):
    """Number of the first element of a row."""
    return ((n * image.shape[1] + d) * image.shape[2] + i) * image.shape[3] * image.shape[4]


@inlined
def outputs_within(first, last, tap, stride, before, outputs):
    """(first, behind): outputs of a row whose tap `tap` lies on a pixel from `first` to before `last`."""
    low = ceil_div(max(first + before - tap, 0), stride)
    return low, max(low, min(divide(max(last + before - tap + stride - 1, 0), stride), outputs))


@inlined
def taps_below(first, last, window, stride, before, size):
    """(first, behind): taps of the windows of outputs `first` to before `last` that may lie in a row of `size`."""
    return max(0, before - (last - 1) * stride), min(window, size + before - first * stride)


@inlined
def taps_above(first, last, window, stride, before, outputs):
    """(first, behind): taps of windows that may lie on the pixels `first` to before `last` of a row."""
    return max(0, first + before - (outputs - 1) * stride), min(window, last + before)


@inlined
def runs(stride, channels, outputs):
    """(runs, length, element's step in the image, in the output): so many outputs of a row as runs of memory."""
    return (1, outputs * channels, 1, 1) if stride == 1 else (channels, outputs, stride * channels, channels)


@inlined
def fill(array, start, count, number):
    for k in range(np.uint64(count)):
        array[np.uint64(start) + k] = number


@inlined
def scale_run(y, start, count, scale):
    for k in range(np.uint64(count)):
        y[np.uint64(start) + k] *= scale


@inlined
def add_run(x, x_start, x_step, y, y_start, y_step, count):
    """y += x, element by element, each with a step of its own."""
    here, there = np.uint64(x_start), np.uint64(y_start)
    if x_step == 1 and y_step == 1:     # in vectors, as stride 2 is
        for k in range(np.uint64(count)):
            y[there + k] += x[here + k]
    elif x_step == 2 and y_step == 1:
        for k in range(np.uint64(count)):
            y[there + k] += x[here + np.uint64(2) * k]
    else:
        for k in range(np.uint64(count)):
            y[there + k * np.uint64(y_step)] += x[here + k * np.uint64(x_step)]


@inlined
def keep_larger(value, mark, y, taps, j):
    """NaN wins, the first of equals stays."""
    best, number = y[j], taps[j]
    wins = (not value <= best) & (best == best)
    y[j] = value if wins else best
    taps[j] = mark if wins else number


@inlined
def largest_run(x, x_start, x_step, tap, y, taps, y_start, y_step, count):
    """y = the larger of x and y, taps = the number `tap` where it is x."""
    here, there, mark = np.uint64(x_start), np.uint64(y_start), taps.dtype.type(tap)
    if x_step == 1 and y_step == 1:
        for k in range(np.uint64(count)):
            keep_larger(x[here + k], mark, y, taps, there + k)
    elif x_step == 2 and y_step == 1:
        for k in range(np.uint64(count)):
            keep_larger(x[here + np.uint64(2) * k], mark, y, taps, there + k)
    else:
        for k in range(np.uint64(count)):
            keep_larger(x[here + k * np.uint64(x_step)], mark, y, taps, there + k * np.uint64(y_step))


@inlined
def add_run_where(grad, taps, start, step, tap, grad_x, x_start, x_step, count):
    """grad_x += grad where taps is `tap`."""
    here, there, mark, zero = np.uint64(start), np.uint64(x_start), taps.dtype.type(tap), grad.dtype.type(0)
    if x_step == 1 and step == 1:
        for k in range(np.uint64(count)):
            value = grad[here + k]
            grad_x[there + k] += value if taps[here + k] == mark else zero
    elif x_step == 2 and step == 1:
        for k in range(np.uint64(count)):
            value = grad[here + k]
            grad_x[there + np.uint64(2) * k] += value if taps[here + k] == mark else zero
    else:
        for k in range(np.uint64(count)):
            j = here + k * np.uint64(step)
            value = grad[j]
            grad_x[there + k * np.uint64(x_step)] += value if taps[j] == mark else zero


@cpu_kernel
def max_pool_forward(x, window, strides, before, y, taps):
    """y[n, o] = the largest of the pixels of x below window o, the first of equals; NaN wins. taps = its number.

    Shapes: x (n, d, h, w, c), y and taps (n, od, oh, ow, c); window, strides, before: 3 numbers.
    """
    channels = y.shape[4]
    tap_steps = window[1] * window[2], window[2], 1
    narrow = by_rows(channels, strides[2], lanes_of(x))
    x_flat, y_flat, taps_flat = flat(x), flat(y), flat(taps)
    for task in prange(task_count(y)):
        n, od, oi, first_column, last_column = task_pixels(task, y)
        d, depths, p = covered(od, window[0], strides[0], before[0], x.shape[1])
        i, rows, q = covered(oi, window[1], strides[1], before[1], x.shape[2])
        if narrow:
            first = first_of(y, n, od, oi)
            start, count = first + first_column * channels, (last_column - first_column) * channels
            fill(y_flat, start, count, -np.inf)
            tap = p * tap_steps[0] + q * tap_steps[1]
            fill(taps_flat, start, count, tap)
            for oj in range(first_column, min(last_column, ceil_div(before[2], strides[2]))):
                fill(taps_flat, first + oj * channels, channels, tap + before[2] - oj * strides[2])
            for a in range(depths):
                for b in range(rows):
                    row = first_of(x, n, d + a, i + b)
                    tap_from, tap_behind = taps_below(first_column, last_column, window[2], strides[2], before[2],
                                                      x.shape[3])
                    for r in range(tap_from, tap_behind):
                        low, behind = outputs_within(0, x.shape[3], r, strides[2], before[2], last_column)
                        low = max(low, first_column)
                        number, length, x_step, y_step = runs(strides[2], channels, max(behind - low, 0))
                        here = row + (low * strides[2] - before[2] + r) * channels
                        tap = (p + a) * tap_steps[0] + (q + b) * tap_steps[1] + r
                        for c in range(number):
                            largest_run(x_flat, here + c, x_step, tap, y_flat, taps_flat, first + low * channels + c,
                                        y_step, length)
            continue
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
    narrow = by_rows(channels, strides[2], lanes_of(grad))
    grad_flat, taps_flat, x_flat = flat(grad), flat(taps), flat(grad_x)
    for task in prange(task_count(grad_x)):
        n, d, i, first_column, last_column = task_pixels(task, grad_x)
        od, depths, p = holding(d, window[0], strides[0], before[0], grad.shape[1])
        oi, rows, q = holding(i, window[1], strides[1], before[1], grad.shape[2])
        if narrow:
            first = first_of(grad_x, n, d, i)
            fill(x_flat, first + first_column * channels, (last_column - first_column) * channels, 0)
            for a in range(depths):
                for b in range(rows):
                    row = first_of(grad, n, od + a, oi + b)
                    tap_from, tap_behind = taps_above(first_column, last_column, window[2], strides[2], before[2],
                                                      grad.shape[3])
                    for r in range(tap_behind - 1, tap_from - 1, -1):      # a pixel's windows from the first on
                        low, behind = outputs_within(first_column, last_column, r, strides[2], before[2],
                                                     grad.shape[3])
                        number, length, x_step, step = runs(strides[2], channels, behind - low)
                        here = first + (low * strides[2] - before[2] + r) * channels
                        tap = p * tap_steps[0] + q * tap_steps[1] + a * next_taps[0] + b * next_taps[1] + r
                        for c in range(number):
                            add_run_where(grad_flat, taps_flat, row + low * channels + c, step, tap, x_flat, here + c,
                                          x_step, length)
            continue
        oj, columns, r = holding(first_column, window[2], strides[2], before[2], grad.shape[3])
        last = divide(first_column + before[2], strides[2])
        rest = first_column + before[2] - last * strides[2]
        for j in range(first_column, last_column):
            columns = max(min(last + 1, grad.shape[3]) - oj, 0)
            tap = p * tap_steps[0] + q * tap_steps[1] + r
            sum_where(pixel(grad, n, od, oi, oj), pixel(taps, n, od, oi, oj), (depths, rows, columns), steps_of(grad),
                      tap, next_taps, channels, pixel(grad_x, n, d, i, j))
            oj, r, last, rest = holding_after(oj, r, last, rest, 1, window[2], strides[2])


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
    channels = y.shape[4]
    narrow = by_rows(channels, strides[2], lanes_of(x))
    x_flat, y_flat = flat(x), flat(y)
    for task in prange(task_count(y)):
        n, od, oi, first_column, last_column = task_pixels(task, y)
        d, depths, _ = covered(od, window[0], strides[0], before[0], x.shape[1])
        i, rows, _ = covered(oi, window[1], strides[1], before[1], x.shape[2])
        if narrow:
            first = first_of(y, n, od, oi)
            start, count = first + first_column * channels, (last_column - first_column) * channels
            fill(y_flat, start, count, 0)
            for a in range(depths):
                for b in range(rows):
                    row = first_of(x, n, d + a, i + b)
                    tap_from, tap_behind = taps_below(first_column, last_column, window[2], strides[2], before[2],
                                                      x.shape[3])
                    for r in range(tap_from, tap_behind):
                        low, behind = outputs_within(0, x.shape[3], r, strides[2], before[2], last_column)
                        low = max(low, first_column)
                        number, length, x_step, y_step = runs(strides[2], channels, max(behind - low, 0))
                        here = row + (low * strides[2] - before[2] + r) * channels
                        for c in range(number):
                            add_run(x_flat, here + c, x_step, y_flat, first + low * channels + c, y_step, length)
            scale_run(y_flat, start, count, scale)
            continue
        for oj in range(first_column, last_column):
            j, columns, _ = covered(oj, window[2], strides[2], before[2], x.shape[3])
            scaled_sum(pixel(x, n, d, i, j), (depths, rows, columns), steps_of(x), scale, y.shape[4],
                       pixel(y, n, od, oi, oj), 1)


@cpu_kernel
def sum_pool_backward(grad, scale, window, strides, before, grad_x):
    """grad_x[n, i] = scale times the sum of grad[n, o] over the windows o that hold pixel i.

    Shapes: grad (n, od, oh, ow, c), grad_x (n, d, h, w, c); window, strides, before: 3 numbers.
    """
    channels = grad.shape[4]
    narrow = by_rows(channels, strides[2], lanes_of(grad))
    grad_flat, x_flat = flat(grad), flat(grad_x)
    for task in prange(task_count(grad_x)):
        n, d, i, first_column, last_column = task_pixels(task, grad_x)
        od, depths, _ = holding(d, window[0], strides[0], before[0], grad.shape[1])
        oi, rows, _ = holding(i, window[1], strides[1], before[1], grad.shape[2])
        if narrow:
            first = first_of(grad_x, n, d, i)
            start, count = first + first_column * channels, (last_column - first_column) * channels
            fill(x_flat, start, count, 0)
            for a in range(depths):
                for b in range(rows):
                    row = first_of(grad, n, od + a, oi + b)
                    tap_from, tap_behind = taps_above(first_column, last_column, window[2], strides[2], before[2],
                                                      grad.shape[3])
                    for r in range(tap_behind - 1, tap_from - 1, -1):
                        low, behind = outputs_within(first_column, last_column, r, strides[2], before[2],
                                                     grad.shape[3])
                        number, length, x_step, step = runs(strides[2], channels, behind - low)
                        here = first + (low * strides[2] - before[2] + r) * channels
                        for c in range(number):
                            add_run(grad_flat, row + low * channels + c, step, x_flat, here + c, x_step, length)
            scale_run(x_flat, start, count, scale)
            continue
        oj, columns, r = holding(first_column, window[2], strides[2], before[2], grad.shape[3])
        last = divide(first_column + before[2], strides[2])
        rest = first_column + before[2] - last * strides[2]
        j = first_column
        while j < last_column:
            columns = max(min(last + 1, grad.shape[3]) - oj, 0)
            same = min(window[2] - r, strides[2] - rest, last_column - j)      # pixels in the same windows
            scaled_sum(pixel(grad, n, od, oi, oj), (depths, rows, columns), steps_of(grad), scale, channels,
                       pixel(grad_x, n, d, i, j), same)
            oj, r, last, rest = holding_after(oj, r, last, rest, same, window[2], strides[2])
            j += same
