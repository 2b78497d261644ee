"""Transposed convolution to a small C_out on the CPU, with pixels side by side in the vectors.

With three channels, say, a tile as wide as the channels would waste most of each vector. So here the tile's columns
are neighbouring pixels of x, transposed, and its rows the taps and channels of one row of the window. What a tap gives
is added to a row of the image that is kept apart by channels, and by columns modulo the stride, where it is one run.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .micro.gemm import GROUP, NR_VECTORS, tile_of
from .micro.plan import axis_of
from .micro.vector import MR, VECTOR_BYTES, Operand, add, at, ceil_div, copy, divide, lanes_of, transpose
from .micro.workspace import release, scratch

INNER = 1024                                         # channels of x at most,
LINE = 512                                           # taps and channels of a row of the window,
IMAGE_ROW = 256 << 10                                # bytes of a row of the image: see `fits`
ROW = NR_VECTORS * VECTOR_BYTES
PIXELS = (INNER + VECTOR_BYTES // 4) * ROW           # buffers, in bytes: transposed pixels,
PRODUCTS = (LINE + MR) * ROW                       # what they give,
LAST = MR * INNER * 8                              # and the last weights, that do not fill a tile


def fits(problem):
    """Do the buffers hold this `ConvProblem`?"""
    (*_, width, channels), (*_, grad_width, inner), last = problem.x, problem.y, problem.window[-1]
    columns = grad_width + 2 * (width + last.window * last.dilation) // last.stride + 2      # of `line`, and more
    return inner <= INNER and last.window * channels <= LINE and channels * last.stride * columns * 8 <= IMAGE_ROW


@inlined
def products_of_line(pixels, wide, weight, start, lines, inner, zeros, last, products):
    """products (lines, wide) = weights at `start` (lines, inner) @ pixels (inner, wide)."""
    for r in range(0, lines, MR):
        a = at(weight, start + r * inner)
        if r + MR > lines:
            copy(last, inner, a, inner, lines - r, inner, inner)
            a = at(last, 0)
        tile_of(divide(wide, lanes_of(weight)), Operand(a, (inner, GROUP * inner, 1, 0, 0)),
                Operand(pixels, (wide, 0)), (1, 1, inner), Operand(zeros, (0, 0)),
                Operand(at(products, r * wide), (wide, GROUP * wide)), False)


@cpu_kernel
def convolve_small_c_out(x, weight, bias, plan, relu, y):
    """y = bias + sum over the pixels of x of weight[tap] x[pixel], added at the pixel's taps in y; relu if `relu`.

    The gradient of a convolution to its input, by `plan` of the convolution itself (see `conv`).
    Shapes: x (n, depth, height, width, in), weight (depth, height, width, out, in), y (n, depth, height, width, out)
    A task owns a row of y.
    """
    lanes, inner = lanes_of(y), x.shape[4]
    depth, height, width, channels = y.shape[1:]
    for task in prange(y.shape[0] * depth * height):
        plane = divide(np.int64(task), height)
        row = np.int64(task) - plane * height
        n = divide(plane, depth)
        axes = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        stride, taps = axes[2].stride, axes[2].taps
        lines = taps * channels                                              # rows of a tile, for one row of the window
        margin = ceil_div(max(0, -axes[2].offset), stride)                   # columns, by stride, left of the image,
        beyond = divide(axes[2].offset + margin * stride + (taps - 1) * axes[2].gap, stride)
        padded = max(beyond + x.shape[3], margin + ceil_div(width, stride))  # and all of them
        pixels, products, last, line, zeros = scratch(y, PIXELS, PRODUCTS, LAST, IMAGE_ROW, ROW)
        copy(line, 0, line, 0, 1, 0, channels * stride * padded)
        copy(zeros, 0, zeros, 0, 1, 0, NR_VECTORS * lanes)
        for kd in range(axes[0].taps):
            for kh in range(axes[1].taps):
                d = plane - n * depth - axes[0].offset - kd * axes[0].gap
                h = row - axes[1].offset - kh * axes[1].gap
                x_d, x_h = divide(max(0, d), axes[0].stride), divide(max(0, h), axes[1].stride)
                if (x_d * axes[0].stride != d or x_h * axes[1].stride != h
                        or x_d >= x.shape[1] or x_h >= x.shape[2]):
                    continue
                start = (kd * axes[1].taps + kh) * lines * inner
                x_row = ((n * x.shape[1] + x_d) * x.shape[2] + x_h) * x.shape[3]
                for w in range(0, x.shape[3], NR_VECTORS * lanes):
                    some = min(NR_VECTORS * lanes, x.shape[3] - w)
                    wide = ceil_div(some, lanes) * lanes
                    transpose(pixels, wide, at(x, (x_row + w) * inner), inner, some, inner)
                    products_of_line(pixels, wide, weight, start, lines, inner, zeros, last, products)
                    for tap in range(taps):
                        column = axes[2].offset + margin * stride + tap * axes[2].gap
                        t = divide(column, stride)
                        add(at(line, (column - t * stride) * padded + t + w), stride * padded,
                            at(products, tap * channels * wide), wide, channels, some)
        for c in range(channels):
            for residue in range(min(stride, width)):
                for t in range(ceil_div(width - residue, stride)):
                    value = at(line, (c * stride + residue) * padded + margin + t)[0] + bias[c]
                    negative = relu and value < 0
                    y[n, plane - n * depth, row, t * stride + residue, c] = 0 if negative else value
        release(pixels)
