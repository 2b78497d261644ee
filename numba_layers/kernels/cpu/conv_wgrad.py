"""The gradient of a convolution to its weight, on the CPU: products of the image under each tap with the output's
gradient, summed over the pixels.

A task takes some taps and channels, the rows of the tile, and goes over a part of the pixels, piece by piece: some
rows of one image, or a part of a row. Where a tile's rows are channels of one tap, few enough, it reads the image
where it lies; else the windows of a piece are copied first, one pixel a row.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .conv import GAP, OFFSET, STRIDE, TAPS
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
    tile_of,
)
from .micro.workspace import release, scratch

PIXELS = 128                                  # of a piece, at most
COLUMNS = 256                                 # taps and channels of a task, about
IN_PLACE = 32                                 # channels: of more, a tile would use too little of each cache line
ROW = VECTORS * VECTOR_BYTES
PATCHES = PIXELS * (COLUMNS + ROWS) * 8       # buffers, in bytes: the windows of a piece,
BESIDE = PIXELS * ROW                         # and its gradients


@inlined
def piece_of(number, grad_y, rows, columns):
    """((sample, depth, row, column) of the first pixel, number of rows, of columns) of piece `number`.

    rows, columns: of a piece, at most.
    """
    across, down = ceil_div(grad_y.shape[3], columns), ceil_div(grad_y.shape[2], rows)
    line = divide(number, across)
    plane = divide(line, down)
    n = divide(plane, grad_y.shape[1])
    h, w = (line - plane * down) * rows, (number - line * across) * columns
    place = n, plane - n * grad_y.shape[1], h, w
    return place, min(rows, grad_y.shape[2] - h), min(columns, grad_y.shape[3] - w)


@inlined
def within(first, count, tap, axes, size):
    """(first, number) of `count` outputs from `first` on whose tap lies in the image, along one axis."""
    start = axes[OFFSET] + tap * axes[GAP]
    begin = max(first, ceil_div(max(0, -start), axes[STRIDE]))
    end = min(first + count, ceil_div(max(0, size - start), axes[STRIDE]))
    return begin, max(0, end - begin)


@inlined
def patches_of_run(x, place, pixels, axes, h, tap, taps, e, size, target, target_row):
    """Copy part of a window's row for neighbouring pixels: elements e..e + size of taps tap..tap + taps, a pixel a row.

    place: (sample, depth, row, column) of the output's first pixel; h: (depth, row) of the window.
    """
    depth, height, width, channels = x.shape[1:]
    stride = axes[2, STRIDE]
    i_d = place[1] * axes[0, STRIDE] + axes[0, OFFSET] + h[0] * axes[0, GAP]
    i_h = place[2] * axes[1, STRIDE] + axes[1, OFFSET] + h[1] * axes[1, GAP]
    i_w = place[3] * stride + axes[2, OFFSET] + tap * axes[2, GAP]
    row = ((place[0] * depth + i_d) * height + i_h) * width
    if not (0 <= i_d < depth and 0 <= i_h < height):
        copy(target, target_row, target, 0, pixels, 0, size)
        return
    pixel = 0
    while pixel < pixels:
        column = i_w + pixel * stride
        here = at(target, pixel * target_row)
        if column >= 0 and column + taps <= width:     # all pixels from here whose taps are inside, at once
            some = min(pixels - pixel, divide(width - taps - column, stride) + 1)
            copy(here, target_row, at(x, (row + column) * channels + e), stride * channels, some, size, size)
            pixel += some
        else:
            before = min(size, max(0, -column * channels - e))
            within = max(0, min(size, (width - column) * channels - e) - before)
            copy(here, 0, here, 0, 1, 0, before)
            start = (row + column) * channels + e + before if within > 0 else 0
            copy(at(here, before), 0, at(x, start), 0, 1, within, size - before)
            pixel += 1


@inlined
def patches(x, piece, axes, runs, run_taps, e, size, target, target_row):
    """The windows of a piece's pixels, one a row of `target`: elements e..e + size of each of `runs`."""
    place, rows, columns = piece
    for r in range(rows):
        here = place[0], place[1], place[2] + r, place[3]
        for run in range(runs[1]):
            number = (runs[0] + run) * run_taps
            line = divide(number, axes[2, TAPS])
            d = divide(line, axes[1, TAPS])
            patches_of_run(x, here, columns, axes, (d, line - d * axes[1, TAPS]), number - line * axes[2, TAPS],
                           run_taps, e, size, at(target, r * columns * target_row + run * size), target_row)


@cpu_kernel
def convolve_backward_weight(x, grad_y, plan, grad_weight):
    """grad_weight[part, tap, c, f] = sum over the pixels of a part of x[pixel's tap, c] grad_y[pixel, f].

    Shapes: x (n, depth, height, width, channels), grad_y (n, depth, height, width, filters), grad_weight
    (part, depth, height, width, channels, filters); plan as for `convolve`, of the way forward.
    The parts cut the pixels, by the shapes alone, and are to be added up. A task owns some taps and channels of one.
    """
    parts, filters = grad_weight.shape[0], grad_weight.shape[5]
    channels, lanes, axes = x.shape[4], lanes_of(x), plan[0]
    depth, height, width = x.shape[1:4]
    in_place = channels % ROWS == 0 and channels <= IN_PLACE
    piece_rows = max(1, min(grad_y.shape[2], divide(PIXELS, max(1, grad_y.shape[3]))))
    pieces = (grad_y.shape[0] * grad_y.shape[1] * ceil_div(grad_y.shape[2], piece_rows)
              * ceil_div(grad_y.shape[3], PIXELS))
    run_taps = axes[2, TAPS] if axes[2, GAP] == 1 else 1    # a run: taps and channels that lie side by side
    run = run_taps * channels
    runs = divide(axes[0, TAPS] * axes[1, TAPS] * axes[2, TAPS], run_taps)
    cuts = ceil_div(run, COLUMNS)                           # of a run; or else so many runs at a time
    together = max(1, divide(COLUMNS, run))
    chunks = ceil_div(runs, together) * cuts
    for task in prange(parts * chunks):
        part = divide(np.int64(task), chunks)
        chunk = np.int64(task) - part * chunks
        first, count = share(part, parts, pieces, 1)
        group = divide(chunk, cuts)
        e, size = share(chunk - group * cuts, cuts, run, ROWS)
        some_runs = group * together, min(together, runs - group * together)
        total = some_runs[1] * size
        row = ceil_div(total, ROWS) * ROWS
        patch, edge, beside = scratch(x, PATCHES, EDGE, BESIDE)
        target = at(grad_weight, ((part * runs + some_runs[0]) * run + e) * filters)
        copy(target, 0, target, 0, 1, 0, total * filters)
        if not in_place:
            copy(patch, 0, patch, 0, 1, 0, PIXELS * row)    # for the columns beyond `total`
        for number in range(first, first + count):
            piece = piece_of(number, grad_y, piece_rows, PIXELS)
            (n, o_d, o_h, o_w), rows, columns = piece
            if not in_place:
                patches(x, piece, axes, some_runs, run_taps, e, size, patch, row)
            start = ((n * grad_y.shape[1] + o_d) * grad_y.shape[2] + o_h) * grad_y.shape[3] + o_w
            for j in range(0, filters, VECTORS * lanes):
                some = min(VECTORS * lanes, filters - j)
                vectors = ceil_div(some, lanes)
                wide = vectors * lanes
                b, b_row, b_segment = at(grad_y, start * filters + j), filters, grad_y.shape[3] * filters
                if some < wide:
                    for r in range(rows):
                        copy(at(beside, r * columns * wide), wide,
                             at(grad_y, (start + r * grad_y.shape[3]) * filters + j), filters, columns, some, wide)
                    b, b_row, b_segment = at(beside, 0), wide, columns * wide
                for r in range(0, total, ROWS):
                    counts, a, a_strides = (1, rows, columns), at(patch, r), (1, GROUP, row, columns * row, 0)
                    b_here = b
                    if in_place:
                        at_run = divide(r, size)
                        element = e + r - at_run * size
                        at_tap = divide(element, channels)
                        tap = (some_runs[0] + at_run) * run_taps + at_tap
                        line = divide(tap, axes[2, TAPS])
                        k_d = divide(line, axes[1, TAPS])
                        k_h, k_w = line - k_d * axes[1, TAPS], tap - line * axes[2, TAPS]
                        h, some_rows = within(o_h, rows, k_h, axes[1], height)
                        w, some_columns = within(o_w, columns, k_w, axes[2], width)
                        d = o_d * axes[0, STRIDE] + axes[0, OFFSET] + k_d * axes[0, GAP]
                        if not 0 <= d < depth or some_rows == 0 or some_columns == 0:
                            continue
                        i_h = h * axes[1, STRIDE] + axes[1, OFFSET] + k_h * axes[1, GAP]
                        i_w = w * axes[2, STRIDE] + axes[2, OFFSET] + k_w * axes[2, GAP]
                        counts = 1, some_rows, some_columns
                        a = at(x, (((n * depth + d) * height + i_h) * width + i_w) * channels
                               + element - at_tap * channels)
                        a_strides = 1, GROUP, axes[2, STRIDE] * channels, axes[1, STRIDE] * width * channels, 0
                        b_here = at(b, (h - o_h) * b_segment + (w - o_w) * b_row)
                    c, c_strides = at(target, r * filters + j), (filters, GROUP * filters)
                    some_lines = min(ROWS, total - r)
                    outside = some_lines < ROWS or some < wide
                    if outside:
                        copy(edge, wide, c, filters, some_lines, some, wide)
                        c, c_strides = at(edge, 0), (wide, GROUP * wide)
                    tile_of(vectors, a, a_strides, b_here, (b_row, b_segment), counts,
                            c, c_strides, False, c, c_strides)
                    if outside:
                        copy(at(target, r * filters + j), filters, edge, wide, some_lines, some, some)
        release(patch)
