"""Convolution to a small C_out on the CPU, with pixels side by side in the vectors.

With three channels, say, a tile as wide as the channels would waste most of each vector. So here the tile's columns are
neighbouring pixels of y, and its rows the channels of y. What a task sees of the image is transposed first, to a row of
pixels for each channel, with zeros beside them: a tap then is a shift along such rows.

By the plan (see `kernels.geometry`) it does dgrad, and fprop whose last axis has stride 1. The sums have the order of
`convolve`, so that they are the same bits.
"""

import math
from collections import namedtuple

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .conv import group_at
from .micro.gemm import GROUP, NR_VECTORS, ROW_VECTORS, even_vectors, group_tile_of, row_tile_of
from .micro.plan import axis_of
from .micro.vector import VECTOR_BYTES, Operand, at, ceil_div, copy, divide, lanes_of, transpose
from .micro.workspace import release, scratch

NARROW = NR_VECTORS * VECTOR_BYTES // 4       # columns of pixels of a task, at least; so many times that at most,
TIMES = 4
ROWS = 8                                      # and rows, at most
IMAGE = 1 << 20                               # buffers, in bytes: the image below a task, transposed; the weights,
WEIGHTS = 512 << 10                           # GROUP channels of y side by side;
SUMS = GROUP * NR_VECTORS * VECTOR_BYTES      # and sums of a tile

# What a task takes and sees. rows, columns: of pixels of y. lines: rows of x. length: of a row of pixels, transposed.
Block = namedtuple("Block", "rows columns lines length")


def fits(problem):
    """Do the buffers hold this `ConvProblem`?"""
    inner, outer, last = problem.source[-1], problem.target[-1], problem.window[-1]
    planes, rows = [1, *(axis.window for axis in problem.window[:-2])][-1], [1, *(
        axis.reach + 1 for axis in problem.window[:-1])][-1]
    lanes = VECTOR_BYTES // 4
    taps = math.prod(axis.window for axis in problem.window)
    return ((problem.form == "dgrad" or last.stride == 1)
            and (planes * rows * inner + lanes) * (NARROW + last.reach + 2 * lanes) * 8 <= IMAGE
            and taps * inner * (outer + GROUP) * 8 <= WEIGHTS)


@inlined
def size_of(plan, channels, lanes):
    """What a `Block` has, for tasks of all residues: as many rows and columns as `IMAGE` holds."""
    planes, reach, beside = 0, 0, 0
    for residue in range(plan.shape[0]):
        d, h, w = axis_of(plan, residue, 0), axis_of(plan, residue, 1), axis_of(plan, residue, 2)
        planes = max(planes, d.taps)
        reach = max(reach, (h.taps - 1) * h.gap)
        beside = max(beside, (w.taps - 1) * w.gap)
    h, w = axis_of(plan, 0, 1), axis_of(plan, 0, 2)
    rows, columns = min(ROWS, h.count), min(TIMES * NARROW, w.count)
    while True:
        lines, length = (rows - 1) * h.stride + reach + 1, ceil_div(columns + beside, lanes) * lanes + lanes
        within = (planes * lines * channels + lanes) * length * divide(VECTOR_BYTES, lanes) <= IMAGE
        if within or rows == 1 and columns <= NARROW:
            return rows, columns, lines, length
        if rows > 1:
            rows = divide(rows, 2)
        else:
            columns = max(NARROW, divide(columns, 2))


@inlined
def transpose_image(x, n, axes, first, block, lanes, image):
    """Transpose what a task sees of image n to `image` (planes, lines, channels, length), with zeros outside of x.

    first: (depth, row, column) of its first pixel, counted in the residue.
    """
    depth, height, width, channels = x.shape[1:]
    h = first[1] * axes[1].stride + axes[1].offset
    w = first[2] * axes[2].stride + axes[2].offset
    before = min(block.length, max(0, -w))
    within = max(0, min(block.length - lanes, width - w) - before)
    for plane in range(axes[0].taps):
        d = first[0] * axes[0].stride + axes[0].offset + plane * axes[0].gap
        for line in range(block.lines):
            inside = 0 <= d < depth and 0 <= h + line < height and within > 0
            if not inside or before > 0 or before + within < block.length - lanes:
                copy(image, 0, image, 0, 1, 0, channels * block.length)
            if inside:
                source = at(x, (((n * depth + d) * height + h + line) * width + max(0, w)) * channels)
                if channels == 1:
                    copy(at(image, before), 0, source, 0, 1, within, within)
                else:
                    transpose(at(image, before), block.length, source, channels, within, channels)
            image = at(image, channels * block.length)


@inlined
def pack_weights(weight, transposed, axes, shape, packed):
    """Pack the weights of a residue to (planes, rows, taps, inner, wide), with zeros beyond outer.

    shape: (inner, outer, wide). `conv.pack_weights` wants rows of whole vectors; these are a number, or a few groups.
    """
    inner, outer, wide = shape
    for plane in range(axes[0].taps):
        kd = axes[0].first_tap + plane * axes[0].next_tap
        for row in range(axes[1].taps):
            kh = axes[1].first_tap + row * axes[1].next_tap
            for tap in range(axes[2].taps):
                kw = axes[2].first_tap + tap * axes[2].next_tap
                here = at(weight, ((kd * weight.shape[1] + kh) * weight.shape[2] + kw) * inner * outer)
                for i in range(inner):
                    for o in range(wide):
                        source = o * inner + i if transposed else i * outer + o
                        packed[i * wide + o] = here[source] if o < outer else weight.dtype.type(0)
                packed = at(packed, inner * wide)


@inlined
def fill(target, size, value):
    for j in range(size):
        target[j] = value


@inlined
def store(target, step, source, size, relu):
    """Store numbers `step` apart, negative ones as zero if `relu`."""
    for j in range(size):
        value = source[j]
        target[j * step] = type(value)(0) if relu and value < 0 else value


@inlined
def add_taps(vectors, weights, c, image, axes, row, block, sums):
    """Add to the sums of a tile, channels of y from c on by pixels, what all taps give to the pixels at `image`.

    weights: an `Operand`, its strides: (outer, inner).
    """
    wide, inner = weights.strides
    width = vectors * lanes_of(sums)
    total = Operand(sums, (width, GROUP * width))
    for plane in range(axes[0].taps):
        for tap in range(axes[1].taps):
            line = plane * block.lines + row * axes[1].stride + tap * axes[1].gap
            start = (plane * axes[1].taps + tap) * axes[2].taps * inner * wide + c
            a = Operand(at(weights.pointer, start), (1, GROUP, wide, inner * wide, 0))
            b = Operand(at(image, line * inner * block.length), (block.length, axes[2].gap))
            if wide == 1:
                row_tile_of(vectors, a, b, (1, axes[2].taps, inner), total, total, False)
            else:
                group_tile_of(vectors, a, b, (1, axes[2].taps, inner), total, total, False)


@cpu_kernel
def convolve_small_c_out(x, weight, bias, plan, transposed, relu, y):
    """y[pixel] = bias + sum of weight[tap] @ x[pixel's tap] by `plan` (residue, axis, field), relu if `relu`.

    Shapes as for `convolve`. A task owns some rows and columns of the pixels of a residue in one image.
    """
    lanes, inner, outer = lanes_of(y), x.shape[4], y.shape[4]
    size = size_of(plan, inner, lanes)
    d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)     # the residue with the most pixels
    blocks = d.count, ceil_div(h.count, size[0]), ceil_div(w.count, size[1])
    tasks = y.shape[0] * blocks[0] * blocks[1] * blocks[2]
    for task in prange(plan.shape[0] * tasks):
        part = divide(np.int64(task), plan.shape[0])        # residues differ in taps: each thread gets some of all
        residue = np.int64(task) - part * plan.shape[0]
        axes = axis_of(plan, residue, 0), axis_of(plan, residue, 1), axis_of(plan, residue, 2)
        block, wide = Block(size[0], size[1], size[2], size[3]), 1 if outer == 1 else ceil_div(outer, GROUP) * GROUP
        n, t_d, row, column = group_at(part, blocks)
        t_h, t_w = row * block.rows, column * block.columns
        rows, columns = min(block.rows, axes[1].count - t_h), min(block.columns, axes[2].count - t_w)
        if t_d >= axes[0].count or rows <= 0 or columns <= 0:
            continue
        image, weights, sums = scratch(y, IMAGE, WEIGHTS, SUMS)
        transpose_image(x, n, axes, (t_d, t_h, t_w), block, lanes, image)
        pack_weights(weight, transposed, axes, (inner, outer, wide), weights)
        for row in range(rows):
            place = ((n * y.shape[1] + axes[0].start + t_d * axes[0].step) * y.shape[2] + axes[1].start
                     + (t_h + row) * axes[1].step) * y.shape[3]
            done = 0
            while done < columns:
                vectors = even_vectors(columns - done, lanes, ROW_VECTORS if wide == 1 else NR_VECTORS)
                width = vectors * lanes
                some = min(width, columns - done)
                for c in range(0, wide, GROUP):
                    for k in range(c, min(c + GROUP, wide)):
                        fill(at(sums, (k - c) * width), width, bias[k] if k < outer else y.dtype.type(0))
                    add_taps(vectors, Operand(weights, (wide, inner)), c, at(image, done), axes, row, block, sums)
                    for k in range(c, min(c + GROUP, outer)):
                        target = at(y, (place + axes[2].start + (t_w + done) * axes[2].step) * outer + k)
                        store(target, axes[2].step * outer, at(sums, (k - c) * width), some, relu)
                done += some
        release(image)
