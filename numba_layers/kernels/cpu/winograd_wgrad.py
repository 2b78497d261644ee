"""The gradient of 3 x 3 windows by Winograd's algorithm, on the CPU (see `winograd` and `micro.winograd`).

A task takes part of the image's blocks. It transforms the inputs below them and the output's gradients, some blocks at
a time, and adds to the gradient of each point the product over those blocks.
"""

from collections import namedtuple

import numpy as np
from numba import prange

from ..math.winograd import GRADIENT_4, INPUT_4, POINTS, WINDOW_4
from .compile import cpu_kernel, inlined
from .micro.gemm import FRINGE, GROUP, tile_of
from .micro.partition import part_of
from .micro.vector import MR, VECTOR_BYTES, Operand, at, ceil_div, copy, divide, lanes_of
from .micro.winograd import transform
from .micro.workspace import release, scratch
from .winograd import INPUTS, PATCH, ROW, VECTOR, block_at, block_of, holds, panel_width

BLOCKS = 64                                        # at a time, at most
GRADIENTS = POINTS * (BLOCKS * ROW + VECTOR_BYTES)      # bytes of their transformed gradients, a panel of filters

# Transformed blocks of the image: (point, block, number), so many numbers of each; elements from point to point and
# from block to block.
Points = namedtuple("Points", "pointer point row numbers")


def fits(problem):
    """Do the buffers hold this `ConvProblem`, and do its weights fill whole vectors?"""
    return holds(problem.x[-1], 1) and problem.x[-1] * problem.y[-1] % VECTOR == 0


@inlined
def add_products(inputs, gradients, blocks, f, some, fringe, target, filters):
    """target[p, c, f:f + some] += sum over blocks of inputs[p, block, c] gradients[p, block]; both as `Points`."""
    channels, wide = inputs.numbers, gradients.row
    vectors = divide(wide, lanes_of(target))
    for p in range(POINTS):
        for c in range(0, channels, MR):
            rows = min(MR, channels - c)
            y = at(target, (p * channels + c) * filters + f)
            y_strides = filters, GROUP * filters
            outside = rows < MR or some < wide
            if outside:
                copy(fringe, wide, y, filters, rows, some, wide)
                y, y_strides = at(fringe, 0), (wide, GROUP * wide)
            tile_of(vectors, Operand(at(inputs.pointer, p * inputs.point + c), (1, GROUP, inputs.row, 0, 0)),
                    Operand(at(gradients.pointer, p * gradients.point), (wide, 0)), (1, 1, blocks),
                    Operand(y, y_strides), Operand(y, y_strides), False)
            if outside:
                copy(at(target, (p * channels + c) * filters + f), filters, fringe, wide, rows, some, some)


@cpu_kernel
def winograd_backward_points(x, grad_y, before, products):
    """products[part, point, c, f] = sum over a part of the blocks of (B.T x B)[point, c] (A grad_y A.T)[point, f].

    Shapes: x (n, height, width, channels), grad_y (n, out height, out width, filters), products (part, points,
    channels, filters); before: rows and columns of zeros in front of x. A task owns a part.
    """
    parts, _, channels, filters = products.shape
    lanes, width = lanes_of(x), panel_width(filters, lanes_of(x))
    rows, columns = ceil_div(grad_y.shape[1], 4), ceil_div(grad_y.shape[2], 4)
    blocks = x.shape[0] * rows * columns
    unit = max(lanes, MR)
    padded_channels = ceil_div(channels, unit) * unit
    capacity = divide(divide(INPUTS // VECTOR_BYTES * lanes, POINTS) - lanes, padded_channels)
    at_a_time = max(1, min(BLOCKS, capacity))
    for task in prange(parts):
        first, count = part_of(np.int64(task), parts, blocks, 1)
        inputs, gradients, patch, fringe = scratch(x, INPUTS, GRADIENTS, PATCH, FRINGE)
        target = at(products, np.int64(task) * POINTS * channels * filters)
        copy(target, 0, target, 0, 1, 0, POINTS * channels * filters)
        for start in range(first, first + count, at_a_time):
            some_blocks = min(at_a_time, first + count - start)
            v_point = some_blocks * padded_channels + lanes       # else all points fall on the same lines of the cache
            for b in range(some_blocks):
                n, i, j = block_at(start + b, rows, columns, 4)
                block, strides = block_of(x, (n, i - before[0], j - before[1]), 6, 0, channels, padded_channels,
                                          patch)
                transform(INPUT_4, block, strides, at(inputs, b * padded_channels), (6 * v_point, v_point),
                          divide(padded_channels, lanes), patch, False)
            for f in range(0, filters, width):
                some = min(width, filters - f)
                wide = ceil_div(some, lanes) * lanes
                point = some_blocks * wide + lanes
                for b in range(some_blocks):
                    n, i, j = block_at(start + b, rows, columns, 4)
                    block, strides = block_of(grad_y, (n, i, j), 4, f, some, wide, patch)
                    transform(GRADIENT_4, block, strides, at(gradients, b * wide), (6 * point, point),
                              divide(wide, lanes), patch, False)
                add_products(Points(inputs, v_point, padded_channels, channels), Points(gradients, point, wide, some),
                             some_blocks, f, some, fringe, target, filters)
        release(inputs)


@cpu_kernel
def winograd_backward_weight(products, grad_weight):
    """grad_weight = G.T products G, window by window.

    Shapes: products (points, channels, filters), grad_weight (3, 3, channels, filters), channels * filters a multiple
    of a vector. A task owns the windows of some vectors.
    """
    lanes = lanes_of(products)
    size = grad_weight.shape[2] * grad_weight.shape[3]
    tasks = ceil_div(size, 16 * lanes)
    for task in prange(tasks):
        e, count = part_of(np.int64(task), tasks, size, lanes)
        transform(WINDOW_4, at(products, e), (6 * size, size), at(grad_weight, e), (3 * size, size),
                  divide(count, lanes), at(products, 0), False)
