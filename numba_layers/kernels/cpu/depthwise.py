"""Depthwise convolution on the CPU: each channel has a window of its own. Vectors of channels, see `micro.depthwise`.

Images are (sample, row, column, channel), windows (row, column, channel). As `convolve` does, these kernels take
their geometry as a plan (see `kernels.geometry`): dgrad is the same walk as fprop by another plan. Pixels whose window
reaches beyond the image see only the taps within it.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .micro.depthwise import add_products, filter_pixels
from .micro.partition import part_of
from .micro.plan import axis_of
from .micro.vector import at, ceil_div, copy, divide

COLUMNS = 64     # pixels of a row that one task filters
CHANNELS = 128   # for which one task sums the gradient of the weights,
PIXELS = 16      # and how many it takes at a time: what their windows cover stays in the first-level cache


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
    room = size - offset - span
    return first, max(first, 0 if room <= 0 else min(axis.count, ceil_div(room, stride)))


@inlined
def next_pixels(t, behind, axis, size):
    """(pixels, first, taps): how many outputs from t on see the same taps of an axis, and which these are."""
    first_whole, behind_whole = whole_windows(axis, size)
    if first_whole <= t < behind_whole:
        return min(behind, behind_whole) - t, 0, axis.taps
    first, last = taps_within(t * axis.stride + axis.offset, axis.gap, axis.taps, size)
    return 1, first, last - first


@cpu_kernel
def depthwise(x, weight, bias, plan, relu, y):
    """y[n, o, c] = bias[c] + sum over taps k of x[n, o's tap k, c] weight[k, c], through relu if `relu`.

    Shapes: x and y (n, rows, columns, channels), weight (rows, columns, channels), bias (channels,), plan as for
    `convolve`. A task owns some columns of a row of one residue.
    """
    height, width, channels = x.shape[1:]
    lines, pieces = axis_of(plan, 0, 1).count, ceil_div(axis_of(plan, 0, 2).count, COLUMNS)
    for task in prange(len(plan) * y.shape[0] * lines * pieces):
        line = divide(np.int64(task), pieces)
        sample = divide(line, lines)
        residue = divide(sample, y.shape[0])
        n, t_h, t = sample - residue * y.shape[0], line - sample * lines, (task - line * pieces) * COLUMNS
        down, across = axis_of(plan, residue, 1), axis_of(plan, residue, 2)
        behind = min(t + COLUMNS, across.count) if t_h < down.count else 0

        top = t_h * down.stride + down.offset
        p, last = taps_within(top, down.gap, down.taps, height)
        x_row = (n * height + top + p * down.gap) * width
        w_row = (down.first_tap + p * down.next_tap) * weight.shape[1] + across.first_tap
        y_row = (n * y.shape[1] + down.start + t_h * down.step) * y.shape[2] + across.start
        x_strides = across.stride * channels, down.gap * width * channels, across.gap * channels
        w_strides = down.next_tap * weight.shape[1] * channels, across.next_tap * channels
        while t < behind:
            pixels, q, taps = next_pixels(t, behind, across, width)
            x_here = x_row + t * across.stride + across.offset + q * across.gap
            filter_pixels(at(x, x_here * channels), x_strides,
                          at(weight, 0), (w_row + q * across.next_tap) * channels, w_strides, (last - p, taps),
                          at(bias, 0), relu,
                          at(y, (y_row + t * across.step) * channels), across.step * channels, pixels, channels)
            t += pixels


@cpu_kernel
def depthwise_backward_weight(x, grad_y, plan, grad_weight):
    """grad_weight[part, k, c] = sum over the pixels o of a part of x[n, o's tap k, c] grad_y[n, o, c].

    Shapes: x and grad_y (n, rows, columns, channels), grad_weight (part, rows, columns, channels); plan of
    fprop. The parts cut the pixels, by the shapes alone, and are to be added up. A task owns some channels of one.
    """
    height, width, channels = x.shape[1:]
    lines, columns = grad_y.shape[1:3]
    parts, window_rows, window_columns = grad_weight.shape[:3]
    slices = ceil_div(channels, CHANNELS)
    for task in prange(parts * slices):
        down, across = axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        part = divide(np.int64(task), slices)
        c = (task - part * slices) * CHANNELS
        some = min(CHANNELS, channels - c)
        target = part * window_rows * window_columns
        for tap in range(target, target + window_rows * window_columns):
            copy(at(grad_weight, tap * channels + c), 0, at(grad_weight, 0), 0, 1, 0, some)

        pixel, left = part_of(part, parts, grad_y.shape[0] * lines * columns, 1)
        while left > 0:
            line = divide(pixel, columns)
            n = divide(line, lines)
            t = pixel - line * columns
            behind = min(columns, t + left)
            pixel, left = pixel + behind - t, left - (behind - t)
            top = (line - n * lines) * down.stride + down.offset
            while t < behind:
                pixels, q, taps = next_pixels(t, min(behind, t + PIXELS), across, width)
                column = t * across.stride + across.offset + q * across.gap
                for p in range(*taps_within(top, down.gap, window_rows, height)):
                    row = (n * height + top + p * down.gap) * width
                    tap = target + p * window_columns + q
                    add_products(at(x, (row + column) * channels + c), across.stride * channels,
                                 across.gap * channels, at(grad_y, (line * columns + t) * channels + c), channels,
                                 pixels, at(grad_weight, tap * channels + c), channels, taps, some)
                t += pixels
