"""Convolution on the CPU: register tiles (see `micro.gemm`) that read the image where it lies.

Images are (sample, depth, row, column, channel), windows (depth, row, column, channel, filter); with fewer spatial
axes the first ones have size 1. One half of a tile is GROUP neighbouring pixels of an output row. What their windows
cover lies evenly spaced in the image, so nothing is copied but the windows that reach beyond it, with zeros there.

`convolve` takes its geometry as a plan, numbers for each phase and spatial axis. A convolution has one phase; the
gradient to its input, which is a transposed convolution, has one for each remainder of the input's pixels modulo
the stride: pixels of a phase see the same taps of the window, as a convolution of stride 1.

A plan's row says for one axis that output `start + t * step`, t < count, sums over taps j < taps: the input at
t * stride + offset + j * gap, times the window's tap first_tap + j * next_tap.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .matmul import EDGE, share
from .micro.gemm import (
    GROUP,
    ROWS,
    VECTOR_BYTES,
    VECTORS,
    at,
    ceil_div,
    copy,
    divide,
    lanes_of,
    thread_count,
    tile_of,
    transpose,
)
from .micro.workspace import release, scratch

START, STEP, COUNT, STRIDE, OFFSET, GAP, TAPS, FIRST_TAP, NEXT_TAP = range(9)   # of a plan's axis

ROW = VECTORS * VECTOR_BYTES                  # bytes of a row of a panel of weights, as wide as a tile
PANEL = 512 << 10                             # bytes of a panel, at most,
PANEL_BUFFER = PANEL + VECTOR_BYTES // 4 * ROW      # with what `transpose` writes below it
WINDOWS = 256 << 10                           # bytes of the windows of a tile that were copied
CHANNELS = 512                                # of a pass that does not take all, at most
GROUPS = 32                                   # of pixels, worth a task


@inlined
def passes_of(axes, channels, lanes):
    """(whole, taps, channels) of a pass over the window, as much as the buffers hold.

    Where `whole`, a pass takes all of it: for each pixel and row of the window, one run of memory. Else it takes so
    many neighbouring taps of one row, and so many channels.
    """
    rows, taps = axes[0, TAPS] * axes[1, TAPS], axes[2, TAPS]
    covered = (GROUP - 1) * axes[2, STRIDE] + taps
    room = WINDOWS // VECTOR_BYTES * lanes
    whole = (axes[2, GAP] == 1 and rows * taps * channels * ROW <= PANEL
             and rows * covered * channels * (ROWS // GROUP) <= room)
    if whole:
        return True, taps, channels
    channels = min(channels, CHANNELS)
    taps = min(taps, divide(PANEL, ROW * channels), divide(room, ROWS * channels))
    return False, max(1, taps), channels


@inlined
def pack_taps(weight, transposed, axes, one, j, columns, wide, panel):
    """Copy the weights of a pass to `panel` (planes, rows, taps, channels, wide), with zeros to whole vectors."""
    window_rows, window_columns, inner, outer = weight.shape[1:]
    _, d, h, w, c, planes, rows, taps, channels = one
    for plane in range(d, d + planes):
        kd = axes[0, FIRST_TAP] + plane * axes[0, NEXT_TAP]
        for row in range(h, h + rows):
            kh = axes[1, FIRST_TAP] + row * axes[1, NEXT_TAP]
            for tap in range(w, w + taps):
                kw = axes[2, FIRST_TAP] + tap * axes[2, NEXT_TAP]
                start = ((kd * window_rows + kh) * window_columns + kw) * inner * outer
                if transposed:
                    transpose(panel, wide, at(weight, start + j * outer + c), outer, columns, channels)
                else:
                    copy(panel, wide, at(weight, start + c * outer + j), outer, channels, columns, wide)
                panel = at(panel, channels * wide)


@inlined
def windows_of_rows(x, n, d, h, w, gaps, planes, rows, covered, target):
    """Copy x[n, d + gaps[0] * q, h + gaps[1] * r, w:w + covered] to target (planes, rows, covered, channels).

    q < planes, r < rows; zeros outside.
    """
    depth, height, width, channels = x.shape[1:]
    line = covered * channels
    before = min(covered, max(0, -w)) * channels
    within = max(0, min(covered, width - w) * channels - before)
    inside = h >= 0 and h + gaps[1] * (rows - 1) < height       # then all rows of a plane are copied at once
    together = max(1, rows) if inside else 1
    for q in range(planes):
        plane = d + gaps[0] * q
        for r in range(0, rows, together):
            row = h + gaps[1] * r
            count = within if 0 <= plane < depth and 0 <= row < height else 0
            start = (((n * depth + plane) * height + row) * width + max(0, w)) * channels if count > 0 else 0
            if before > 0:
                copy(target, line, target, 0, together, 0, before)
            copy(at(target, before), line, at(x, start), gaps[1] * width * channels, together, count, line - before)
            target = at(target, together * line)


@inlined
def windows_of_taps(x, n, d, h, w, stride, gap, taps, c, some, target):
    """Copy x[n, d, h, w + gap * t + stride * r, c:c + some] to target (taps, GROUP, some); zeros outside."""
    depth, height, width, channels = x.shape[1:]
    inside = 0 <= d < depth and 0 <= h < height
    for t in range(taps):
        for r in range(GROUP):
            column = w + gap * t + stride * r
            count = some if inside and 0 <= column < width else 0
            start = (((n * depth + d) * height + h) * width + column) * channels + c if count > 0 else 0
            copy(target, 0, at(x, start), 0, 1, count, some)
            target = at(target, some)


@inlined
def group_after(place, counts):
    """The place (sample, depth, row, group in the row) that follows `place`."""
    n, d, h, g = place
    g += 1
    if g == counts[2]:
        g = 0
        h += 1
    if h == counts[1]:
        h = 0
        d += 1
    if d == counts[0]:
        d = 0
        n += 1
    return n, d, h, g


@inlined
def group_at(number, counts):
    """The place of group `number` of all."""
    row = divide(number, counts[2])
    plane = divide(row, counts[1])
    n = divide(plane, counts[0])
    return n, plane - n * counts[0], row - plane * counts[1], number - row * counts[2]


@inlined
def column_of(g, groups):
    """The first column of group `g` of a row of `groups`: the two at the ends come first, to share a tile's copies."""
    return GROUP * (g if g == 0 else (groups - 1 if g == 1 else g - 1))


@inlined
def input_of(place, groups, axes, d, h, w):
    """(sample, depth, row, column) of the input at tap d, h, w of a group's first pixel; groups: of a row."""
    n, t_d, t_h, g = place
    t_w = column_of(g, groups)
    return (n, t_d * axes[0, STRIDE] + axes[0, OFFSET] + d * axes[0, GAP],
            t_h * axes[1, STRIDE] + axes[1, OFFSET] + h * axes[1, GAP],
            t_w * axes[2, STRIDE] + axes[2, OFFSET] + w * axes[2, GAP])


@inlined
def output_of(place, groups, axes, y):
    """(element of y, number of pixels) of a group."""
    n, d, h, g = place
    row = (n * y.shape[1] + axes[0, START] + d * axes[0, STEP]) * y.shape[2] + axes[1, START] + h * axes[1, STEP]
    t_w = column_of(g, groups)
    column = axes[2, START] + t_w * axes[2, STEP]
    return (row * y.shape[3] + column) * y.shape[4], min(GROUP, axes[2, COUNT] - t_w)


@inlined
def convolve_pass(groups, x, axes, one, panel, bias, begun, columns, windows, edge, relu, j, y):
    """Add what a pass gives to columns j.. of the pixels in `groups` = (first, number); to the bias unless begun."""
    depth, height, width, channels = x.shape[1:]
    whole, d, h, w, c, planes, rows, taps, some = one
    stride, gap, gaps = axes[2, STRIDE], axes[2, GAP], (axes[0, GAP], axes[1, GAP])
    counts = axes[0, COUNT], axes[1, COUNT], ceil_div(axes[2, COUNT], GROUP)
    covered = (GROUP - 1) * stride + (taps - 1) * gap + 1                   # columns below a group
    vectors = ceil_div(columns, lanes_of(y))
    wide, y_row = vectors * lanes_of(y), axes[2, STEP] * y.shape[4]
    segment, plane = gaps[1] * width * channels, gaps[0] * height * width * channels
    if whole:
        sum_counts, copied = (planes, rows, taps * channels), planes * rows * covered * channels
        copied_strides = stride * channels, covered * channels, rows * covered * channels
    else:
        sum_counts, copied = (1, taps, some), taps * GROUP * some
        segment, copied_strides = gap * channels, (some, GROUP * some, 0)

    place, left = group_at(groups[0], counts), groups[1]
    while left > 0:
        paired = left > 1 and ROWS > GROUP           # a last group alone is computed twice: both write the same
        second = group_after(place, counts) if paired else place
        n, i_d, i_h, i_w = input_of(place, counts[2], axes, d, h, w)
        n2, i_d2, i_h2, i_w2 = input_of(second, counts[2], axes, d, h, w)
        inside = (min(i_d, i_d2) >= 0 and max(i_d, i_d2) + (planes - 1) * gaps[0] < depth
                  and min(i_h, i_h2) >= 0 and max(i_h, i_h2) + (rows - 1) * gaps[1] < height
                  and min(i_w, i_w2) >= 0 and max(i_w, i_w2) + covered <= width)
        if inside:
            start = ((n * depth + i_d) * height + i_h) * width + i_w
            jump = ((n2 * depth + i_d2) * height + i_h2) * width + i_w2 - start
            a, a_strides = at(x, start * channels + c), (stride * channels, jump * channels, 1, segment, plane)
        else:
            jump = copied if paired else 0
            a, a_strides = at(windows, 0), (copied_strides[0], jump, 1, copied_strides[1], copied_strides[2])
            if whole:
                windows_of_rows(x, n, i_d, i_h, i_w, gaps, planes, rows, covered, windows)
                if paired:
                    windows_of_rows(x, n2, i_d2, i_h2, i_w2, gaps, planes, rows, covered, at(windows, copied))
            else:
                windows_of_taps(x, n, i_d, i_h, i_w, stride, gap, taps, c, some, windows)
                if paired:
                    windows_of_taps(x, n2, i_d2, i_h2, i_w2, stride, gap, taps, c, some, at(windows, copied))

        y0, pixels = output_of(place, counts[2], axes, y)
        y1, pixels2 = output_of(second, counts[2], axes, y)
        y_here = at(y, y0 + j)
        y_strides = y_row, y1 - y0
        fits = columns == wide and min(pixels, pixels2) == GROUP
        if not fits:
            y_strides = wide, GROUP * wide
            if begun:
                copy(edge, wide, y_here, y_row, pixels, columns, wide)
                if ROWS > GROUP:
                    copy(at(edge, GROUP * wide), wide, at(y, y1 + j), y_row, pixels2, columns, wide)
            y_here = at(edge, 0)
        init, init_strides = (y_here, y_strides) if begun else (bias, (0, 0))
        tile_of(vectors, a, a_strides, panel, (wide, sum_counts[2] * wide), sum_counts, init, init_strides, relu,
                y_here, y_strides)
        if not fits:
            copy(at(y, y0 + j), y_row, edge, wide, pixels, columns, columns)
            if paired:
                copy(at(y, y1 + j), y_row, at(edge, GROUP * wide), wide, pixels2, columns, columns)
        place = group_after(second, counts)
        left -= ROWS // GROUP


@inlined
def convolve_part(groups, panels, x, weight, transposed, bias, axes, relu, y):
    """The pixels in `groups` of y's phase `axes`, the filters in `panels`; both are (first, number)."""
    lanes, channels, filters = lanes_of(y), x.shape[4], y.shape[4]
    panel, windows, edge, first = scratch(y, PANEL_BUFFER, WINDOWS, EDGE, ROW)
    whole, tap_step, channel_step = passes_of(axes, channels, lanes)
    planes, rows = (axes[0, TAPS], axes[1, TAPS]) if whole else (1, 1)
    lines = axes[0, TAPS] * axes[1, TAPS]
    passes = 1      # without taps there is still the bias
    if not whole and lines * axes[2, TAPS] > 0:
        passes = lines * ceil_div(axes[2, TAPS], tap_step) * ceil_div(channels, channel_step)
    for number in range(panels[0], panels[0] + panels[1]):
        j = number * VECTORS * lanes
        columns = min(VECTORS * lanes, filters - j)
        wide = ceil_div(columns, lanes) * lanes
        copy(first, 0, at(bias, j), 0, 1, columns, wide)
        d, h, w, c = 0, 0, 0, 0
        for step in range(passes):
            taps, some = min(tap_step, axes[2, TAPS] - w), min(channel_step, channels - c)
            if lines == 0:
                taps = 0
            one = whole, d, h, w, c, planes, rows, taps, some
            pack_taps(weight, transposed, axes, one, j, columns, wide, panel)
            cut = relu and step == passes - 1
            convolve_pass(groups, x, axes, one, panel, first, step > 0, columns, windows, edge, cut, j, y)
            c += some
            if c >= channels:
                c = 0
                w += taps
            if w >= axes[2, TAPS]:
                w = 0
                h += rows
            if h >= axes[1, TAPS]:
                h = 0
                d += 1
    release(panel)


@inlined
def parts_of(plan, y):
    """(parts of the pixels, parts of the filters) of each phase: enough tasks for the threads, none too small."""
    groups = 1
    for phase in range(plan.shape[0]):
        axes = plan[phase]
        groups = max(groups, y.shape[0] * axes[0, COUNT] * axes[1, COUNT] * ceil_div(axes[2, COUNT], GROUP))
    wanted = ceil_div(4 * thread_count(), plan.shape[0])
    pixel_parts = max(1, min(wanted, divide(groups, GROUPS)))
    panels = ceil_div(y.shape[4], VECTORS * lanes_of(y))
    return pixel_parts, max(1, min(panels, ceil_div(thread_count(), pixel_parts * plan.shape[0])))


@cpu_kernel
def convolve(x, weight, bias, plan, transposed, relu, y):
    """y[pixel] = bias + sum of weight[tap] @ x[pixel's tap] by `plan` (residue, axis, field), relu if `relu`.

    Shapes: x (n, depth, height, width, in), y (n, depth, height, width, out), bias (out,),
    weight (depth, height, width, in, out), or (..., out, in) if transposed
    Tasks are parts of the pixels of a phase and of the filters; each writes its own part of y.
    """
    parts = parts_of(plan, y)
    phase_tasks = parts[0] * parts[1]
    for task in prange(plan.shape[0] * phase_tasks):
        phase = divide(np.int64(task), phase_tasks)
        part = np.int64(task) - phase * phase_tasks
        pixel_part = divide(part, parts[1])
        axes = plan[phase]
        groups = y.shape[0] * axes[0, COUNT] * axes[1, COUNT] * ceil_div(axes[2, COUNT], GROUP)
        panels = ceil_div(y.shape[4], VECTORS * lanes_of(y))
        convolve_part(share(pixel_part, parts[0], groups, ROWS // GROUP),
                      share(part - pixel_part * parts[1], parts[1], panels, 1),
                      x, weight, transposed, bias, axes, relu, y)
