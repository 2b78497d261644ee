"""The gradient of a convolution to its weight (wgrad) on the CPU, an implicit GEMM whose sum runs over the pixels:
products of the image under each tap with the output's gradient.

A task takes some taps and channels, the rows of the tile, and goes over a part of the pixels, a K-block at a time: some
rows of one image, or a part of a row. Where a tile's rows are channels of one tap, few enough, it reads the image
where it lies; where they are taps and channels of one row of the window, few enough, it reads copies of the image's
rows, with zeros beside them; else the windows of a K-block are packed first (im2col), one pixel a row.
"""

from collections import namedtuple

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .micro.gemm import FRINGE, GROUP, NR_VECTORS, tile_of
from .micro.partition import part_of
from .micro.plan import axis_of
from .micro.vector import MR, VECTOR_BYTES, Operand, at, ceil_div, copy, divide, lanes_of
from .micro.workspace import release, scratch

PIXELS = 128                                  # of a K-block, at most
COLUMNS = 256                                 # taps and channels of a task, about
FEW = 32                                      # channels: of more, a tile would use too little of each cache line
WINDOWS, LINES, IN_PLACE = 0, 1, 2            # how a tile reads the image: see `way_of`
ROW = NR_VECTORS * VECTOR_BYTES
PATCHES = PIXELS * (COLUMNS + MR) * 8       # buffers, in bytes: the windows of a K-block,
BESIDE = PIXELS * ROW                         # and its gradients

# How the rows of the product, taps and channels, are cut into chunks for tasks. A run lies side by side in memory:
# some taps and all their channels. A chunk takes `together` runs, or one of `cuts` parts of a run.
Cut = namedtuple("Cut", "taps run runs cuts together")
Chunk = namedtuple("Chunk", "first runs taps e size")    # runs from `first` on, elements e..e + size of each
Block = namedtuple("Block", "n d h w rows columns")      # pixels of a K-block: the first one, rows and columns


@inlined
def cut_of(plan, channels):
    """How the rows of the product are cut, as a `Cut`."""
    d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
    taps = w.taps if w.gap == 1 else 1
    run = taps * channels
    return Cut(taps, run, divide(d.taps * h.taps * w.taps, taps), ceil_div(run, COLUMNS), max(1, divide(COLUMNS, run)))


@inlined
def chunk_of(number, cut):
    """One of the chunks."""
    group = divide(number, cut.cuts)
    e, size = part_of(number - group * cut.cuts, cut.cuts, cut.run, MR)
    first = group * cut.together
    return Chunk(first, min(cut.together, cut.runs - first), cut.taps, e, size)


@inlined
def rows_of_block(grad_y):
    """Rows of the image in a K-block, at most."""
    return max(1, min(grad_y.shape[2], divide(PIXELS, max(1, grad_y.shape[3]))))


@inlined
def block_of(number, grad_y):
    """One of the K-blocks."""
    rows = rows_of_block(grad_y)
    in_row, in_plane = ceil_div(grad_y.shape[3], PIXELS), ceil_div(grad_y.shape[2], rows)
    line = divide(number, in_row)
    plane = divide(line, in_plane)
    n = divide(plane, grad_y.shape[1])
    h, w = (line - plane * in_plane) * rows, (number - line * in_row) * PIXELS
    return Block(n, plane - n * grad_y.shape[1], h, w, min(rows, grad_y.shape[2] - h), min(PIXELS, grad_y.shape[3] - w))


@inlined
def within(first, count, tap, axis, size):
    """(first, number) of `count` outputs from `first` on whose tap lies in the image, along one axis."""
    start = axis.offset + tap * axis.gap
    begin = max(first, ceil_div(max(0, -start), axis.stride))
    end = min(first + count, ceil_div(max(0, size - start), axis.stride))
    return begin, max(0, end - begin)


@inlined
def pack_run(x, block, row, axes, tap, chunk, target, target_row):
    """Pack a run of a chunk below the pixels of one row of a K-block, one pixel a row.

    tap: (depth, row, column) in the window of the run's first tap.
    """
    taps, e, size, pixels = chunk.taps, chunk.e, chunk.size, block.columns
    depth, height, width, channels = x.shape[1:]
    stride = axes[2].stride
    i_d = block.d * axes[0].stride + axes[0].offset + tap[0] * axes[0].gap
    i_h = (block.h + row) * axes[1].stride + axes[1].offset + tap[1] * axes[1].gap
    i_w = block.w * stride + axes[2].offset + tap[2] * axes[2].gap
    line = ((block.n * depth + i_d) * height + i_h) * width
    if not (0 <= i_d < depth and 0 <= i_h < height):
        copy(target, target_row, target, 0, pixels, 0, size)
        return
    pixel = 0
    while pixel < pixels:
        column = i_w + pixel * stride
        here = at(target, pixel * target_row)
        if column >= 0 and column + taps <= width:     # all pixels from here whose taps are inside, at once
            some = min(pixels - pixel, divide(width - taps - column, stride) + 1)
            copy(here, target_row, at(x, (line + column) * channels + e), stride * channels, some, size, size)
            pixel += some
        else:
            before = min(size, max(0, -column * channels - e))
            within = max(0, min(size, (width - column) * channels - e) - before)
            copy(here, 0, here, 0, 1, 0, before)
            start = (line + column) * channels + e + before if within > 0 else 0
            copy(at(here, before), 0, at(x, start), 0, 1, within, size - before)
            pixel += 1


@inlined
def tap_of(number, axes):
    """(depth, row, column) in the window of tap `number`."""
    line = divide(number, axes[2].taps)
    d = divide(line, axes[1].taps)
    return d, line - d * axes[1].taps, number - line * axes[2].taps


@inlined
def pack_windows(x, block, axes, chunk, target, target_row):
    """Pack what a chunk takes of the windows of a K-block's pixels, one pixel a row of `target`."""
    for row in range(block.rows):
        for run in range(chunk.runs):
            pack_run(x, block, row, axes, tap_of((chunk.first + run) * chunk.taps, axes), chunk,
                     at(target, row * block.columns * target_row + run * chunk.size), target_row)


@inlined
def pack_lines(x, block, axes, chunk, target, length):
    """Pack the rows of the image that the runs of a chunk see below each row of a K-block, `length` elements each.

    A run is all taps of a row of the window, so that its elements below a pixel lie side by side.
    """
    depth, height, width, channels = x.shape[1:]
    first = block.w * axes[2].stride + axes[2].offset
    before = min(length, max(0, -first * channels))
    within = max(0, min(length, (width - first) * channels) - before)
    for row in range(block.rows):
        for run in range(chunk.runs):
            k_d, k_h, _ = tap_of((chunk.first + run) * chunk.taps, axes)
            i_d = block.d * axes[0].stride + axes[0].offset + k_d * axes[0].gap
            i_h = (block.h + row) * axes[1].stride + axes[1].offset + k_h * axes[1].gap
            some = within if 0 <= i_d < depth and 0 <= i_h < height else 0
            start = (((block.n * depth + i_d) * height + i_h) * width + max(0, first)) * channels if some > 0 else 0
            copy(target, 0, target, 0, 1, 0, before)
            copy(at(target, before), 0, at(x, start), 0, 1, some, length - before)
            target = at(target, length)


@inlined
def add_in_place(x, block, axes, chunk, r, b, c, vectors):
    """Add to tile c the products of a chunk's rows r.. , channels of one tap, read where they lie in the image."""
    depth, height, width, channels = x.shape[1:]
    run = divide(r, chunk.size)
    element = chunk.e + r - run * chunk.size
    tap = divide(element, channels)
    k_d, k_h, k_w = tap_of((chunk.first + run) * chunk.taps + tap, axes)
    h, rows = within(block.h, block.rows, k_h, axes[1], height)
    w, columns = within(block.w, block.columns, k_w, axes[2], width)
    d = block.d * axes[0].stride + axes[0].offset + k_d * axes[0].gap
    if 0 <= d < depth and rows > 0 and columns > 0:
        i_h = h * axes[1].stride + axes[1].offset + k_h * axes[1].gap
        i_w = w * axes[2].stride + axes[2].offset + k_w * axes[2].gap
        start = (((block.n * depth + d) * height + i_h) * width + i_w) * channels + element - tap * channels
        strides = 1, GROUP, axes[2].stride * channels, axes[1].stride * width * channels, 0
        b_start = (h - block.h) * b.strides[1] + (w - block.w) * b.strides[0]
        tile_of(vectors, Operand(at(x, start), strides), Operand(at(b.pointer, b_start), b.strides), (1, rows, columns),
                c, c, False)


@inlined
def add_block(x, grad_y, block, axes, chunk, way, buffers, target):
    """Add to the gradient of a chunk's weights, `target` (rows, filters), what the pixels of a K-block give."""
    filters, lanes, (patch, fringe, beside) = grad_y.shape[4], lanes_of(x), buffers
    runs, size, pixel = chunk.runs, chunk.size, axes[2].stride * x.shape[4]
    length = (block.columns - 1) * pixel + chunk.taps * x.shape[4]
    if way == LINES:
        pack_lines(x, block, axes, chunk, patch, length)
    elif way == WINDOWS:
        size, runs = runs * size, 1
        pixel = ceil_div(size, MR) * MR
        length = block.columns * pixel
        pack_windows(x, block, axes, chunk, patch, pixel)
    start = ((block.n * grad_y.shape[1] + block.d) * grad_y.shape[2] + block.h) * grad_y.shape[3] + block.w
    panels = ceil_div(filters, NR_VECTORS * lanes)
    for panel in range(panels):
        j, some = part_of(panel, panels, filters, lanes)
        vectors = ceil_div(some, lanes)
        wide = vectors * lanes
        b, b_strides = at(grad_y, start * filters + j), (filters, grad_y.shape[3] * filters)
        if some < wide:
            for r in range(block.rows):
                copy(at(beside, r * block.columns * wide), wide,
                     at(grad_y, (start + r * grad_y.shape[3]) * filters + j), filters, block.columns, some, wide)
            b, b_strides = at(beside, 0), (wide, block.columns * wide)
        for run in range(runs):
            for r in range(0, size, MR):
                rows = min(MR, size - r)
                c, c_strides = at(target, (run * size + r) * filters + j), (filters, GROUP * filters)
                outside = rows < MR or some < wide
                if outside:
                    copy(fringe, wide, c, filters, rows, some, wide)
                    c, c_strides = at(fringe, 0), (wide, GROUP * wide)
                if way == IN_PLACE:
                    add_in_place(x, block, axes, chunk, run * size + r, Operand(b, b_strides), Operand(c, c_strides),
                                 vectors)
                else:
                    a = at(patch, run * length + r + (chunk.e if way == LINES else 0))
                    tile_of(vectors, Operand(a, (1, GROUP, pixel, runs * length, 0)), Operand(b, b_strides),
                            (1, block.rows, block.columns), Operand(c, c_strides), Operand(c, c_strides), False)
                if outside:
                    copy(at(target, (run * size + r) * filters + j), filters, fringe, wide, rows, some, some)


@inlined
def way_of(axis, channels):
    """How tiles read the image, by the last axis of the window."""
    if channels > FEW:
        return WINDOWS
    if channels % MR == 0:
        return IN_PLACE
    fits = axis.taps * channels <= COLUMNS      # of a row of the window; as many pixels' are in `PATCHES`
    return LINES if axis.gap == 1 and axis.stride <= axis.taps and fits else WINDOWS


@cpu_kernel
def convolve_backward_weight(x, grad_y, plan, grad_weight):
    """grad_weight[part, tap, c, f] = sum over the pixels of a part of x[pixel's tap, c] grad_y[pixel, f].

    Shapes: x (n, depth, height, width, channels), grad_y (n, depth, height, width, filters), grad_weight
    (part, depth, height, width, channels, filters); plan as for `convolve`, of the way forward.
    The parts cut the pixels, by the shapes alone, and are to be added up. A task owns some taps and channels of one.
    """
    parts, filters = grad_weight.shape[0], grad_weight.shape[5]
    channels = x.shape[4]
    blocks = (grad_y.shape[0] * grad_y.shape[1] * ceil_div(grad_y.shape[2], rows_of_block(grad_y))
              * ceil_div(grad_y.shape[3], PIXELS))
    chunks = ceil_div(cut_of(plan, channels).runs, cut_of(plan, channels).together) * cut_of(plan, channels).cuts
    for task in prange(parts * chunks):
        cut = cut_of(plan, channels)
        axes = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        part = divide(np.int64(task), chunks)
        chunk = chunk_of(np.int64(task) - part * chunks, cut)
        first, count = part_of(part, parts, blocks, 1)
        total = chunk.runs * chunk.size
        way = way_of(axes[2], channels)
        buffers = scratch(x, PATCHES, FRINGE, BESIDE)
        target = at(grad_weight, ((part * cut.runs + chunk.first) * cut.run + chunk.e) * filters)
        copy(target, 0, target, 0, 1, 0, total * filters)
        if way == WINDOWS:
            copy(buffers[0], 0, buffers[0], 0, 1, 0, PIXELS * ceil_div(total, MR) * MR)   # for columns beyond `total`
        for number in range(first, first + count):
            add_block(x, grad_y, block_of(number, grad_y), axes, chunk, way, buffers, target)
        release(buffers[0])
