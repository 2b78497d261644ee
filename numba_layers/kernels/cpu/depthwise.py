"""Depthwise convolution on the CPU: each channel has a window of its own. Vectors of channels, see `micro.depthwise`.

Images are (sample, row, column, channel), windows (row, column, channel). As `convolve` does, these kernels take
their geometry as a plan (see `kernels.geometry`): dgrad is the same walk as fprop by another plan. Pixels whose window
reaches beyond the image see only the taps within it.

Where channels are few and pixels are neighbours in both images, a vector holds the channels of several pixels, and
weights are repeated beside each other to meet them.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .micro.depthwise import Row, Taps, add_products, filter_pixels, filter_row, repeated_row
from .micro.partition import part_of, thread_count
from .micro.plan import axis_of
from .micro.vector import Operand, add, at, ceil_div, copy, divide, lanes_of
from .micro.workspace import release, scratch

COLUMNS = 64     # pixels of a row that one task filters
CHANNELS = 128   # for which one task sums the gradient of the weights,
PIXELS = 16      # and how many it takes at a time: what their windows cover stays in the first-level cache
NARROW = 32      # channels, at most, for which pixels stand side by side in the vectors;
TASKS = 4        # then for each thread
REPEATED = 256 << 10                      # bytes of repeated weights, or of their gradients, at most,
REPEATED_BUFFER = REPEATED + NARROW * 8   # with what `repeat` writes behind them,
BIAS = 2 << 10                            # and of a repeated bias
LONGEST = 1 << 30                         # elements of a row that 32 bits number, in and around it


@inlined
def taps_within(source, gap, taps, size):
    """(first, behind): the taps j with 0 <= source + j * gap < size."""
    first = 0 if source >= 0 else min(taps, ceil_div(-source, gap))
    return first, max(first, 0 if source >= size else min(taps, ceil_div(size - source, gap)))


@inlined
def whole_windows(axis, size):
    """(first, behind): the outputs t of an axis (a `PlanAxis`) all of whose taps lie within an image of `size`."""
    stride, offset, span = axis.stride, axis.offset, (axis.taps - 1) * axis.gap
    first = 0 if offset >= 0 else min(axis.count, ceil_div(-offset, stride))
    left = size - offset - span
    return first, max(first, 0 if left <= 0 else min(axis.count, ceil_div(left, stride)))


@inlined
def next_pixels(t, behind, axis, size):
    """(pixels, first, taps): how many outputs from t on see the same taps of an axis, and which these are."""
    first_whole, behind_whole = whole_windows(axis, size)
    if first_whole <= t < behind_whole:
        return min(behind, behind_whole) - t, 0, axis.taps
    first, last = taps_within(t * axis.stride + axis.offset, axis.gap, axis.taps, size)
    return 1, first, last - first


@inlined
def narrow(plan, width, channels, lanes):
    """Does `filter_row` suit: are pixels neighbours in both images, their channels few, the buffers large enough?"""
    if not 0 < channels <= NARROW:
        return False
    for residue in range(len(plan)):
        h, w = axis_of(plan, residue, 1), axis_of(plan, residue, 2)
        size = h.taps * w.taps * repeated_row(channels, lanes) * 8
        reach = (width + w.count + abs(w.offset) + w.taps * w.gap) * channels
        if w.stride != 1 or w.step != 1 or size > REPEATED or reach > LONGEST:
            return False
    return True


@inlined
def tasks_for(rows):
    """TASKS for each thread, of at least a row."""
    return min(rows, TASKS * thread_count())


@inlined
def repeat(numbers, channels, capacity, target):
    """Fill `capacity` numbers of target, and less than `channels` more, with `channels` numbers again and again."""
    copy(target, channels, numbers, 0, ceil_div(capacity, channels), channels, channels)


@inlined
def filter_rows(rows, x, weight, bias, plan, relu, y):
    """Rows of all residues, `rows` = (first, number), of images with few channels."""
    height, width, channels = x.shape[1:]
    w_row, of_sample, residue = repeated_row(channels, lanes_of(y)), axis_of(plan, 0, 1).count, np.int64(-1)
    weights, biases = scratch(y, REPEATED_BUFFER, BIAS)
    repeat(at(bias, 0), channels, w_row, biases)
    for row in range(rows[0], rows[0] + rows[1]):
        sample = divide(row, of_sample)
        before, residue = residue, divide(sample, y.shape[0])
        h, w = axis_of(plan, residue, 1), axis_of(plan, residue, 2)
        if residue != before:
            for p in range(h.taps):
                for q in range(w.taps):
                    tap = ((h.first_tap + p * h.next_tap) * weight.shape[1]
                           + w.first_tap + q * w.next_tap)
                    repeat(at(weight, tap * channels), channels, w_row, at(weights, (p * w.taps + q) * w_row))
        n, t_h = sample - residue * y.shape[0], row - sample * of_sample
        if t_h < h.count:
            top = t_h * h.stride + h.offset
            p, last = taps_within(top, h.gap, h.taps, height)
            x_row = (n * height + top + p * h.gap) * width
            y_row = (n * y.shape[1] + h.start + t_h * h.step) * y.shape[2] + w.start
            filter_row(Row(at(x, x_row * channels), width * channels, w.offset * channels,
                           (h.gap * width * channels, w.gap * channels)),
                       Taps(weights, p * w.taps * w_row, (w.taps * w_row, w_row), (last - p, w.taps)),
                       biases, relu, at(y, y_row * channels), w.count * channels, channels)
    release(weights)


@inlined
def filter_columns(row, t, x, weight, bias, plan, relu, y):
    """COLUMNS pixels from t on of a row of some residue."""
    height, width, channels = x.shape[1:]
    of_sample = axis_of(plan, 0, 1).count
    sample = divide(row, of_sample)
    residue = divide(sample, y.shape[0])
    n, t_h = sample - residue * y.shape[0], row - sample * of_sample
    h, w = axis_of(plan, residue, 1), axis_of(plan, residue, 2)
    behind = min(t + COLUMNS, w.count) if t_h < h.count else 0

    top = t_h * h.stride + h.offset
    p, last = taps_within(top, h.gap, h.taps, height)
    x_row = (n * height + top + p * h.gap) * width
    w_row = (h.first_tap + p * h.next_tap) * weight.shape[1] + w.first_tap
    y_row = (n * y.shape[1] + h.start + t_h * h.step) * y.shape[2] + w.start
    x_strides = w.stride * channels, h.gap * width * channels, w.gap * channels
    w_strides = h.next_tap * weight.shape[1] * channels, w.next_tap * channels
    while t < behind:
        pixels, q, taps = next_pixels(t, behind, w, width)
        x_here = x_row + t * w.stride + w.offset + q * w.gap
        filter_pixels(Operand(at(x, x_here * channels), x_strides),
                      Taps(at(weight, 0), (w_row + q * w.next_tap) * channels, w_strides, (last - p, taps)),
                      at(bias, 0), relu, Operand(at(y, (y_row + t * w.step) * channels), (w.step * channels,)),
                      pixels, channels)
        t += pixels


@cpu_kernel
def depthwise(x, weight, bias, plan, relu, y):
    """y[n, o, c] = bias[c] + sum over taps k of x[n, o's tap k, c] weight[k, c], through relu if `relu`.

    Shapes: x and y (n, rows, columns, channels), weight (rows, columns, channels), bias (channels,), plan as for
    `convolve`. A task owns some columns of a row of one residue, or some rows of images with few channels.
    """
    rows, blocks = len(plan) * y.shape[0] * axis_of(plan, 0, 1).count, ceil_div(axis_of(plan, 0, 2).count, COLUMNS)
    narrow_rows = narrow(plan, x.shape[2], y.shape[3], lanes_of(y))
    tasks = tasks_for(rows) if narrow_rows else rows * blocks
    for task in prange(tasks):
        if narrow_rows:
            filter_rows(part_of(np.int64(task), tasks, rows, 1), x, weight, bias, plan, relu, y)
        else:
            row = divide(np.int64(task), blocks)
            filter_columns(row, (task - row * blocks) * COLUMNS, x, weight, bias, plan, relu, y)


@inlined
def side_by_side(w, taps, channels, lanes):
    """How many pixels of few channels stand side by side, in whole vectors, while gradients of weights are summed."""
    if channels > NARROW or w.stride != 1:
        return 1
    pixels = 1
    while pixels * channels % (2 * lanes) > 0:
        pixels *= 2
    return pixels if taps * pixels * channels * 8 <= REPEATED else 1


@cpu_kernel
def depthwise_backward_weight(x, grad_y, plan, grad_weight):
    """grad_weight[split, k, c] = sum over the pixels o of a split of x[n, o's tap k, c] grad_y[n, o, c].

    Shapes: x and grad_y (n, rows, columns, channels), grad_weight (split, rows, columns, channels); plan of fprop.
    Split-K: the pixels are split by the shapes alone, and what the splits give is to be added up. A task owns some
    channels of one. Of few channels, several pixels are summed side by side, and these sums added up at the end.
    """
    height, width, channels = x.shape[1:]
    rows, columns = grad_y.shape[1:3]
    splits, window_rows, window_columns = grad_weight.shape[:3]
    window, blocks = window_rows * window_columns, ceil_div(channels, CHANNELS)
    for task in prange(splits * blocks):
        h, w = axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        group = side_by_side(w, window, channels, lanes_of(x))
        split = divide(np.int64(task), blocks)
        c = (task - split * blocks) * CHANNELS
        some, step = min(CHANNELS, channels - c) * group, channels * group
        target = at(grad_weight, split * window * channels + c)
        beside, _ = scratch(x, REPEATED_BUFFER, BIAS)
        sums = beside if group > 1 else target
        copy(sums, step, sums, 0, window, 0, some)

        pixel, left = part_of(split, splits, grad_y.shape[0] * rows * columns, 1)
        while left > 0:
            row = divide(pixel, columns)
            n = divide(row, rows)
            t = pixel - row * columns
            behind = min(columns, t + left)
            pixel, left = pixel + behind - t, left - (behind - t)
            top = (row - n * rows) * h.stride + h.offset
            while t < behind:
                pixels, q, taps = next_pixels(t, min(behind, t + PIXELS * group), w, width)
                column = t * w.stride + w.offset + q * w.gap
                grad = at(grad_y, (row * columns + t) * channels + c)
                groups = divide(pixels, group)
                rest = (pixels - groups * group) * channels
                for p in range(*taps_within(top, h.gap, window_rows, height)):
                    x_here = at(x, ((n * height + top + p * h.gap) * width + column) * channels + c)
                    tap = at(sums, (p * window_columns + q) * step)
                    if groups > 0:
                        add_products(Operand(x_here, (w.stride * step, w.gap * channels)), Operand(grad, (step,)),
                                     Operand(tap, (step,)), groups, taps, some)
                    if rest > 0:
                        add_products(Operand(at(x_here, groups * step), (0, w.gap * channels)),
                                     Operand(at(grad, groups * step), (0,)), Operand(tap, (step,)), 1, taps, rest)
                t += pixels

        if group > 1:
            copy(target, channels, target, 0, window, 0, channels)
            for k in range(window):
                for pixel in range(group):
                    add(at(target, k * channels), 0, at(beside, (k * group + pixel) * channels), 0, 1, channels)
        release(beside)
