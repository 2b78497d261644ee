"""Convolution on the CPU as implicit GEMM (see `micro/README.md`): register tiles read the image where it lies.

Images are (sample, depth, row, column, channel), windows (depth, row, column, channel, filter); with fewer spatial
axes the first ones have size 1. One half of a tile is GROUP neighbouring pixels of an output row. What their windows
cover lies evenly spaced in the image, so nothing is copied but the windows that reach beyond it, with zeros there.

`convolve` does fprop and dgrad, by the plan (see `kernels.geometry`): fprop has one residue; strided dgrad, which is a
transposed convolution, one for each output residue modulo the stride. Each is a convolution of stride 1 of its own.
The functions here take `axes`, the three axes of one residue.
"""

from collections import namedtuple

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .micro.gemm import FRINGE, GROUP, NR_VECTORS, short_tile_of, tile_of
from .micro.partition import part_of, thread_count
from .micro.plan import axis_of
from .micro.vector import MR, VECTOR_BYTES, Operand, at, ceil_div, copy, divide, lanes_of, transpose
from .micro.workspace import release, scratch

ROW = NR_VECTORS * VECTOR_BYTES                  # bytes of a row of a panel of weights, as wide as a tile
PANEL = 512 << 10                             # bytes of a panel, at most,
PANEL_BUFFER = PANEL + VECTOR_BYTES // 4 * ROW      # with what `transpose` writes below it
WINDOWS = 256 << 10                           # bytes of the windows of a tile that were copied
CHANNELS = 512                                # of a pass that does not take all, at most
GROUPS = 32                                   # of pixels, worth a task

# The part of a window that one pass sums over: from tap (d, h, w) and channel c on. Where `whole`, all of it; else
# some taps and channels of one row.
Pass = namedtuple("Pass", "whole d h w c planes rows taps channels")
Panel = namedtuple("Panel", "j columns wide vectors weights bias")     # of B: filters j.., packed, and their bias
Buffers = namedtuple("Buffers", "windows fringe")


@inlined
def passes_of(axes, channels, lanes):
    """(whole, taps, channels) of a pass over the window, as much as the buffers hold.

    Where `whole`, a pass takes all of it: for each pixel and row of the window, one run of memory. Else it takes so
    many neighbouring taps of one row, and so many channels.
    """
    rows, taps = axes[0].taps * axes[1].taps, axes[2].taps
    covered = (GROUP - 1) * axes[2].stride + taps
    capacity = WINDOWS // VECTOR_BYTES * lanes
    whole = (axes[2].gap == 1 and rows * taps * channels * ROW <= PANEL
             and rows * covered * channels * (MR // GROUP) <= capacity)
    if whole:
        return True, taps, channels
    channels = min(channels, CHANNELS)
    taps = min(taps, divide(PANEL, ROW * channels), divide(capacity, MR * channels))
    return False, max(1, taps), channels


@inlined
def pack_weights(weight, transposed, axes, part, panel):
    """Pack the weights of a pass to a panel (planes, rows, taps, channels, wide), with zeros to whole vectors."""
    window_rows, window_columns, inner, outer = weight.shape[1:]
    target = panel.weights
    for plane in range(part.d, part.d + part.planes):
        kd = axes[0].first_tap + plane * axes[0].next_tap
        for row in range(part.h, part.h + part.rows):
            kh = axes[1].first_tap + row * axes[1].next_tap
            for tap in range(part.w, part.w + part.taps):
                kw = axes[2].first_tap + tap * axes[2].next_tap
                start = ((kd * window_rows + kh) * window_columns + kw) * inner * outer
                if transposed:
                    transpose(target, panel.wide, at(weight, start + panel.j * outer + part.c), outer, panel.columns,
                              part.channels)
                else:
                    copy(target, panel.wide, at(weight, start + part.c * outer + panel.j), outer, part.channels,
                         panel.columns, panel.wide)
                target = at(target, part.channels * panel.wide)


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
def input_of(place, groups, axes, part):
    """(sample, depth, row, column) of the input at a pass's first tap of a group's first pixel; groups: of a row."""
    n, t_d, t_h, g = place
    t_w = column_of(g, groups)
    return (n, t_d * axes[0].stride + axes[0].offset + part.d * axes[0].gap,
            t_h * axes[1].stride + axes[1].offset + part.h * axes[1].gap,
            t_w * axes[2].stride + axes[2].offset + part.w * axes[2].gap)


@inlined
def output_of(place, groups, axes, y):
    """(element of y, number of pixels) of a group."""
    n, d, h, g = place
    row = (n * y.shape[1] + axes[0].start + d * axes[0].step) * y.shape[2] + axes[1].start + h * axes[1].step
    t_w = column_of(g, groups)
    column = axes[2].start + t_w * axes[2].step
    return (row * y.shape[3] + column) * y.shape[4], min(GROUP, axes[2].count - t_w)


@inlined
def windows_of(x, place, axes, part, covered, target):
    """Copy what a pass reads below a group of pixels to `target`, with zeros beyond the image."""
    n, d, h, w = place
    if part.whole:
        windows_of_rows(x, n, d, h, w, (axes[0].gap, axes[1].gap), part.planes, part.rows, covered, target)
    else:
        windows_of_taps(x, n, d, h, w, axes[2].stride, axes[2].gap, part.taps, part.c, part.channels, target)


@inlined
def convolve_pass(groups, x, axes, part, panel, buffers, begun, relu, y):
    """Add what a pass gives to a panel's filters of the pixels in `groups` = (first, number); to the bias unless begun.
    """
    depth, height, width, channels = x.shape[1:]
    stride, gap, gaps = axes[2].stride, axes[2].gap, (axes[0].gap, axes[1].gap)
    counts = axes[0].count, axes[1].count, ceil_div(axes[2].count, GROUP)
    covered = (GROUP - 1) * stride + (part.taps - 1) * gap + 1              # columns below a group
    wide, columns, j, fringe = panel.wide, panel.columns, panel.j, buffers.fringe
    y_row = axes[2].step * y.shape[4]
    segment, plane = gaps[1] * width * channels, gaps[0] * height * width * channels
    if part.whole:
        sum_counts = part.planes, part.rows, part.taps * channels
        copied = part.planes * part.rows * covered * channels
        copied_strides = stride * channels, covered * channels, part.rows * covered * channels
    else:
        sum_counts, copied = (1, part.taps, part.channels), part.taps * GROUP * part.channels
        segment, copied_strides = gap * channels, (part.channels, GROUP * part.channels, 0)

    place, left = group_at(groups[0], counts), groups[1]
    while left > 0:
        paired = left > 1 and MR > GROUP             # a last group alone is computed twice: both write the same
        second = group_after(place, counts) if paired else place
        source = input_of(place, counts[2], axes, part)
        source2 = input_of(second, counts[2], axes, part)
        (n, i_d, i_h, i_w), (n2, i_d2, i_h2, i_w2) = source, source2
        inside = (min(i_d, i_d2) >= 0 and max(i_d, i_d2) + (part.planes - 1) * gaps[0] < depth
                  and min(i_h, i_h2) >= 0 and max(i_h, i_h2) + (part.rows - 1) * gaps[1] < height
                  and min(i_w, i_w2) >= 0 and max(i_w, i_w2) + covered <= width)
        if inside:
            start = ((n * depth + i_d) * height + i_h) * width + i_w
            jump = ((n2 * depth + i_d2) * height + i_h2) * width + i_w2 - start
            a, a_strides = at(x, start * channels + part.c), (stride * channels, jump * channels, 1, segment, plane)
        else:
            jump = copied if paired else 0
            a, a_strides = buffers.windows, (copied_strides[0], jump, 1, copied_strides[1], copied_strides[2])
            windows_of(x, source, axes, part, covered, a)
            if paired:
                windows_of(x, source2, axes, part, covered, at(a, copied))

        y0, pixels = output_of(place, counts[2], axes, y)
        y1, pixels2 = output_of(second, counts[2], axes, y)
        y_here = at(y, y0 + j)
        y_strides = y_row, y1 - y0
        short = pixels2 <= GROUP // 2 and (pixels == GROUP if paired else MR == GROUP)    # the end of a row
        outside = columns < wide or min(pixels, pixels2) < GROUP and not (short and pixels2 == GROUP // 2)
        if outside:
            y_strides = wide, GROUP * wide
            if begun:
                copy(fringe, wide, y_here, y_row, pixels, columns, wide)
                if MR > GROUP:
                    copy(at(fringe, GROUP * wide), wide, at(y, y1 + j), y_row, pixels2, columns, wide)
            y_here = at(fringe, 0)
        start_here, init_strides = (y_here, y_strides) if begun else (panel.bias, (0, 0))
        b = Operand(panel.weights, (wide, sum_counts[2] * wide))
        init, c = Operand(start_here, init_strides), Operand(y_here, y_strides)
        if short:
            short_tile_of(panel.vectors, Operand(a, a_strides), b, sum_counts, init, c, relu)
        else:
            tile_of(panel.vectors, Operand(a, a_strides), b, sum_counts, init, c, relu)
        if outside:
            copy(at(y, y0 + j), y_row, fringe, wide, pixels, columns, columns)
            if paired:
                copy(at(y, y1 + j), y_row, at(fringe, GROUP * wide), wide, pixels2, columns, columns)
        place = group_after(second, counts)
        left -= MR // GROUP


@inlined
def convolve_part(groups, panels, x, weight, transposed, bias, axes, relu, y):
    """The pixels in `groups` of a residue of y, (first, number); the filters in `panels`, (first, number, of all)."""
    lanes, channels, filters = lanes_of(y), x.shape[4], y.shape[4]
    weights, windows, fringe, start = scratch(y, PANEL_BUFFER, WINDOWS, FRINGE, ROW)
    whole, tap_step, channel_step = passes_of(axes, channels, lanes)
    planes, rows = (axes[0].taps, axes[1].taps) if whole else (1, 1)
    lines = axes[0].taps * axes[1].taps
    passes = 1      # without taps there is still the bias
    if not whole and lines * axes[2].taps > 0:
        passes = lines * ceil_div(axes[2].taps, tap_step) * ceil_div(channels, channel_step)
    for number in range(panels[0], panels[0] + panels[1]):
        j, columns = part_of(number, panels[2], filters, lanes)
        vectors = ceil_div(columns, lanes)
        panel = Panel(j, columns, vectors * lanes, vectors, weights, start)
        copy(start, 0, at(bias, j), 0, 1, columns, vectors * lanes)
        d, h, w, c = 0, 0, 0, 0
        for step in range(passes):
            taps = min(tap_step, axes[2].taps - w) if lines > 0 else 0
            part = Pass(whole, d, h, w, c, planes, rows, taps, min(channel_step, channels - c))
            pack_weights(weight, transposed, axes, part, panel)
            convolve_pass(groups, x, axes, part, panel, Buffers(windows, fringe), step > 0,
                          relu and step == passes - 1, y)
            c += part.channels
            if c >= channels:
                c = 0
                w += taps
            if w >= axes[2].taps:
                w = 0
                h += rows
            if h >= axes[1].taps:
                h = 0
                d += 1
    release(weights)


@inlined
def groups_of(plan, residue, y):
    """Number of groups of pixels of a residue."""
    d, h, w = axis_of(plan, residue, 0), axis_of(plan, residue, 1), axis_of(plan, residue, 2)
    return y.shape[0] * d.count * h.count * ceil_div(w.count, GROUP)


@inlined
def parts_of(plan, y):
    """(parts of the pixels, parts of the filters) of each residue: enough tasks for the threads, none too small."""
    groups = 1
    for residue in range(plan.shape[0]):
        groups = max(groups, groups_of(plan, residue, y))
    wanted = max(thread_count(), ceil_div(4 * thread_count(), plan.shape[0]))
    pixel_parts = max(1, min(wanted, divide(groups, GROUPS)))
    panels = ceil_div(y.shape[4], NR_VECTORS * lanes_of(y))
    return pixel_parts, max(1, min(panels, ceil_div(thread_count(), pixel_parts * plan.shape[0])))


@cpu_kernel
def convolve(x, weight, bias, plan, transposed, relu, y):
    """y[pixel] = bias + sum of weight[tap] @ x[pixel's tap] by `plan` (residue, axis, field), relu if `relu`.

    Shapes: x (n, depth, height, width, in), y (n, depth, height, width, out), bias (out,),
    weight (depth, height, width, in, out), or (..., out, in) if transposed
    Tasks are parts of the pixels of a residue and of the filters; each writes its own part of y.
    """
    parts = parts_of(plan, y)
    tasks = parts[0] * parts[1]
    for task in prange(plan.shape[0] * tasks):
        part = divide(np.int64(task), plan.shape[0])        # residues differ in taps: each thread gets some of all
        residue = np.int64(task) - part * plan.shape[0]
        pixel_part = divide(part, parts[1])
        axes = axis_of(plan, residue, 0), axis_of(plan, residue, 1), axis_of(plan, residue, 2)
        panels = ceil_div(y.shape[4], NR_VECTORS * lanes_of(y))
        convolve_part(part_of(pixel_part, parts[0], groups_of(plan, residue, y), MR // GROUP),
                      (*part_of(part - pixel_part * parts[1], parts[1], panels, 1), panels),
                      x, weight, transposed, bias, axes, relu, y)
