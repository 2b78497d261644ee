"""Winograd's convolution on the CPU: 3 x 3 windows, stride 1, blocks of m x m outputs at a time (see `micro.winograd`).

A task owns some blocks of the image. It transforms what lies below them, multiplies by the transformed weights,
one register tile for MR blocks, and transforms back, all in buffers that stay in the second-level cache.
"""

import numpy as np
from numba import prange

from ..math.winograd import INPUT_2, INPUT_4, OUTPUT_2, OUTPUT_4, POINTS, WEIGHT_2, WEIGHT_4
from .compile import cpu_kernel, inlined
from .micro.gemm import GROUP, NR_VECTORS, panel_vectors, tile_of
from .micro.partition import part_of, thread_count
from .micro.vector import MR, VECTOR_BYTES, Operand, at, ceil_div, copy, divide, lanes_of, transpose
from .micro.winograd import transform
from .micro.workspace import release, scratch

VECTOR = 16                                        # numbers in a vector, at most
BLOCKS = 32                                        # of outputs, at a time
ROW = NR_VECTORS * VECTOR_BYTES                       # bytes of a row of a panel
INPUTS = 1280 << 10                                # buffers, in bytes: the transformed inputs,
PRODUCTS = POINTS * (BLOCKS * ROW + VECTOR_BYTES)  # their products with a panel of weights,
PATCH = 256 << 10                                  # one block at the border, inputs
OUTPUT = 16 * ROW                                  # or outputs,
CHANNELS = 32                                      # some channels of weights at a time
TAPS = 9 * CHANNELS * ROW + VECTOR_BYTES // 4 * ROW


def holds(channels, at_once, itemsize=8):
    """Do the buffers hold `at_once` blocks of inputs with that many channels?"""
    lanes = VECTOR_BYTES // itemsize
    unit = max(lanes, MR)
    padded = -(-channels // unit) * unit
    return POINTS * (at_once * padded + lanes) * itemsize <= INPUTS and POINTS * padded * itemsize <= PATCH


def fits(problem):
    """Do the buffers hold this `ConvProblem`?"""
    return holds(problem.source[-1], MR)


def points_shape(problem, m):
    """Shape of weights transformed for m x m blocks: (points, in * out filled up to whole vectors, and one more)."""
    return (m + 2) ** 2, problem.source[-1] * -(-problem.target[-1] // VECTOR) * VECTOR + VECTOR


@inlined
def panel_width(filters, lanes):
    """Width of the panels of weights: at most a tile's, and nearly equal."""
    return panel_vectors(filters, lanes) * lanes


@cpu_kernel
def winograd_weight(weight, transposed, u):
    """u[point] = G g G.T of each window g, in panels as wide as a tile: (point, panel, in, <= tile's width).

    Shapes: weight (3, 3, in, out), or if transposed (3, 3, out, in), which is turned by half; u (points, in * out,
    out filled up to whole vectors, and a vector more). A task owns some channels of a panel.
    """
    inner, outer = (weight.shape[3], weight.shape[2]) if transposed else (weight.shape[2], weight.shape[3])
    lanes = lanes_of(u)
    stride = weight.shape[3]
    width = panel_width(outer, lanes)
    panels, parts = ceil_div(outer, width), ceil_div(inner, CHANNELS)
    for task in prange(panels * parts):
        panel = divide(np.int64(task), parts)
        c = (np.int64(task) - panel * parts) * CHANNELS
        channels = min(CHANNELS, inner - c)
        j = panel * width
        columns = min(width, outer - j)
        wide = ceil_div(columns, lanes) * lanes
        taps, = scratch(u, TAPS)
        for tap in range(9):
            here = at(taps, tap * channels * wide)
            if transposed:
                transpose(here, wide, at(weight, ((8 - tap) * outer + j) * stride + c), stride, columns, channels)
            else:
                copy(here, wide, at(weight, (tap * inner + c) * stride + j), stride, channels, columns, wide)
        source, target = (3 * channels * wide, channels * wide), at(u, j * inner + c * wide)
        size, vectors = u.shape[1], divide(channels * wide, lanes)
        if u.shape[0] == POINTS:
            transform(WEIGHT_4, taps, source, target, (6 * size, size), vectors, taps, False)
        else:
            transform(WEIGHT_2, taps, source, target, (4 * size, size), vectors, taps, False)
        release(taps)


@inlined
def block_at(number, rows, columns, m):
    """(sample, first row, first column) of the outputs of a block."""
    row = divide(number, columns)
    n = divide(row, rows)
    return n, (row - n * rows) * m, (number - row * columns) * m


@inlined
def block_of(x, origin, size, c, channels, padded, patch):
    """(pointer, strides) of x[n, i:i + size, j:j + size, c:c + channels], channels filled up to `padded`.

    origin: (n, i, j).
    Where it lies beyond x, with zeros there, or is no whole vectors, the block is copied to `patch`.
    """
    n, i, j = origin
    height, width, all_channels = x.shape[1:]
    start = ((n * height + i) * width + j) * all_channels + c
    if padded == channels and i >= 0 and j >= 0 and i + size <= height and j + size <= width:
        return at(x, start), (width * all_channels, all_channels)
    row = size * padded
    before, end = min(size, max(0, -j)), max(0, min(size, width - j))
    for r in range(size):
        here = at(patch, r * row)
        copy(here, 0, here, 0, 1, 0, row)
        if 0 <= i + r < height and before < end:
            copy(at(here, before * padded), padded, at(x, start + (r * width + before) * all_channels), all_channels,
                 end - before, channels, padded)
    return at(patch, 0), (row, padded)


@inlined
def transform_output(products, point, wide, bias, relu, m, y, origin, f, columns, fringe):
    """Transform products, its points `point` apart, to y[n, i:i + m, j:j + m, f:f + columns]; origin: (n, i, j)."""
    n, i, j = origin
    height, width, filters = y.shape[1:]
    start = ((n * height + i) * width + j) * filters + f
    target, strides = at(y, start), (width * filters, filters)
    outside = columns < wide or i + m > height or j + m > width
    if outside:
        target, strides = at(fringe, 0), (m * wide, wide)
    vectors = divide(wide, lanes_of(y))
    if m == 4:
        transform(OUTPUT_4, products, (6 * point, point), target, strides, vectors, bias, relu)
    else:
        transform(OUTPUT_2, products, (4 * point, point), target, strides, vectors, bias, relu)
    if outside:
        for r in range(min(m, height - i)):
            copy(at(y, start + r * width * filters), filters, at(fringe, r * m * wide), wide,
                 min(m, width - j), columns, columns)


@inlined
def blocks_at_a_time(points, padded_channels, lanes):
    """How many blocks' transformed inputs the buffer holds, in whole tiles."""
    capacity = divide(divide(INPUTS // VECTOR_BYTES * lanes, points) - lanes, padded_channels)
    return max(MR, min(BLOCKS, divide(capacity, MR) * MR))


@inlined
def tasks_of(blocks, at_a_time):
    """Number of tasks: no buffer too small, no thread without work."""
    return max(ceil_div(blocks, at_a_time), min(thread_count(), ceil_div(blocks, MR)))


@cpu_kernel
def winograd_convolve(x, u, bias, before, relu, y):
    """y = bias + convolution of x by the transformed weights u, relu if `relu`.

    Shapes: x (n, height, width, in), u of `winograd_weight`, y (n, out height, out width, out); before: rows and
    columns of zeros in front of x. A task owns some blocks of outputs.
    """
    points, inner, filters = u.shape[0], x.shape[3], y.shape[3]
    lanes = lanes_of(y)
    size = 6 if points == POINTS else 4
    m = size - 2
    rows, columns = ceil_div(y.shape[1], m), ceil_div(y.shape[2], m)
    blocks = y.shape[0] * rows * columns
    padded_channels = ceil_div(inner, lanes) * lanes
    tasks = tasks_of(blocks, blocks_at_a_time(points, padded_channels, lanes))
    for task in prange(tasks):
        first, count = part_of(np.int64(task), tasks, blocks, MR)
        inputs, products, patch, fringe, start = scratch(y, INPUTS, PRODUCTS, PATCH, OUTPUT, ROW)
        micro_panels = ceil_div(count, MR)
        v_point = micro_panels * MR * padded_channels + lanes     # else all points fall on the same lines of the cache
        for b in range(count):
            n, i, j = block_at(first + b, rows, columns, m)
            block, strides = block_of(x, (n, i - before[0], j - before[1]), size, 0, inner, padded_channels, patch)
            target, vectors = at(inputs, b * padded_channels), divide(padded_channels, lanes)
            if m == 4:
                transform(INPUT_4, block, strides, target, (6 * v_point, v_point), vectors, patch, False)
            else:
                transform(INPUT_2, block, strides, target, (4 * v_point, v_point), vectors, patch, False)
        width = panel_width(filters, lanes)
        for f in range(0, filters, width):
            some = min(width, filters - f)
            vectors = ceil_div(some, lanes)
            wide = vectors * lanes
            point = micro_panels * MR * wide + lanes
            copy(start, 0, start, 0, 1, 0, wide)
            for p in range(points):
                panel = at(u, p * u.shape[1] + f * inner)
                for s in range(micro_panels):
                    c = at(products, p * point + s * MR * wide)
                    v = at(inputs, p * v_point + s * MR * padded_channels)
                    tile_of(vectors, Operand(v, (padded_channels, GROUP * padded_channels, 1, 0, 0)),
                            Operand(panel, (wide, 0)), (1, 1, inner), Operand(start, (0, 0)),
                            Operand(c, (wide, GROUP * wide)), False)
            copy(start, 0, at(bias, f), 0, 1, some, wide)
            for b in range(count):
                transform_output(at(products, b * wide), point, wide, start, relu, m, y,
                                 block_at(first + b, rows, columns, m), f, some, fringe)
        release(inputs)
