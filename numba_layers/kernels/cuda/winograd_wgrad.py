"""The gradient of 3 x 3 windows by Winograd's algorithm (wgrad, see `winograd` and `gemm.winograd`), split-K.

A thread block owns WIDTH channels by WIDTH filters of a split of the blocks. It transforms the inputs below them and
the output's gradients to shared memory, some blocks at a time, and for each point, a small GEMM, 4 threads accumulate a
fragment of 8 x 8 each, in registers.
"""

import math

import numpy as np

from ..math.winograd import POINTS
from .gemm.winograd import (
    ACCUMULATORS,
    FRAGMENT,
    gather_6,
    gradient_4,
    input_4,
    multiply_add,
    place_of,
    read_4,
    read_6,
    spread_3,
    spread_6,
    window_4,
)
from .simt.grid import grid_size, thread_id
from .simt.index import divmod_u32, mad
from .simt.memory import st1
from .toolchain.api import cuda, device
from .toolchain.target import MOST_BLOCKS, THREADS, cuda_kernel

SIDES = 2                                   # threads for a point: SIDES by SIDES
WIDTH = SIDES * FRAGMENT                        # channels of a thread block, and filters
BLOCKS = 4                                  # of pixels, at a time
SHARED = POINTS * BLOCKS * WIDTH            # numbers of shared memory of either operand
u32 = np.uint32
M, GROUP = u32(4), u32(SIDES * SIDES)


def squares(x, grad_y, before, products):
    """Launch shape: a thread block for WIDTH channels and WIDTH filters of a split."""
    splits, points, channels, filters = products.shape
    return (max(1, math.ceil(filters / WIDTH)), max(1, math.ceil(channels / WIDTH)), max(1, splits)), POINTS * SIDES**2


@device
def split_start(split, splits, blocks):
    """Where one of nearly equal splits of all blocks begins."""
    return u32(split * blocks // splits)


@cuda_kernel(launch=squares)
def winograd_backward_points(x, grad_y, before, products):
    """products[split, point, c, f] = sum over a split of the blocks of (B.T x B)[point, c] (A grad_y A.T)[point, f].

    Shapes: x (n, height, width, channels), grad_y (n, out height, out width, filters), products (split, points,
    channels, filters); before: rows and columns of zeros in front of x. A thread block owns WIDTH channels by WIDTH
    filters of a split, a thread a fragment of 8 by 8 for a point.
    """
    inputs = cuda.shared.array(SHARED, x.dtype, alignment=16)
    gradients = cuda.shared.array(SHARED, x.dtype, alignment=16)
    total, block = cuda.local.array(ACCUMULATORS, x.dtype), cuda.local.array(POINTS, x.dtype)
    thread = u32(cuda.threadIdx.x)
    point, member = divmod_u32(thread, GROUP)
    r0, s0 = u32(member // u32(SIDES) * FRAGMENT), u32(member % u32(SIDES) * FRAGMENT)
    channels, filters, splits = u32(x.shape[3]), u32(grad_y.shape[3]), u32(products.shape[0])
    top, left = u32(before[0]), u32(before[1])
    c0, f0 = u32(cuda.blockIdx.y * WIDTH), u32(cuda.blockIdx.x * WIDTH)
    split = u32(cuda.blockIdx.z)
    blocks = u32((grad_y.shape[1] + 3) // 4), u32((grad_y.shape[2] + 3) // 4)
    number = u32(u32(x.shape[0]) * blocks[0] * blocks[1])
    b0, end = split_start(split, splits, number), split_start(u32(split + 1), splits, number)
    for k in range(ACCUMULATORS):
        total[k] = 0
    while b0 < end:
        pair = thread
        while pair < BLOCKS * WIDTH:
            b, c = divmod_u32(pair, u32(WIDTH))
            n, i, j = place_of(u32(b0 + b), blocks)
            i, j, inside = u32(i * M), u32(j * M), u32(b0 + b) < end
            read_6(x, n, u32(i - top), u32(j - left), u32(c0 + c), inside and u32(c0 + c) < channels, block)
            input_4(block)
            spread_6(block, inputs, pair, u32(BLOCKS * WIDTH))
            read_4(grad_y, n, i, j, u32(f0 + c), inside and u32(f0 + c) < filters, block)
            gradient_4(block)
            spread_6(block, gradients, pair, u32(BLOCKS * WIDTH))
            pair = u32(pair + POINTS * GROUP)
        cuda.syncthreads()
        place = u32(point * u32(BLOCKS * WIDTH))
        for b in range(BLOCKS):
            multiply_add(total, inputs, u32(place + b * WIDTH + r0), gradients, u32(place + b * WIDTH + s0))
        cuda.syncthreads()
        b0 = u32(b0 + BLOCKS)
    line = mad(split, u32(POINTS), point)
    for r in range(FRAGMENT):
        c = u32(c0 + r0 + r)
        if c < channels:
            start = mad(mad(line, channels, c), filters, u32(f0 + s0))
            for s in range(FRAGMENT):
                if u32(f0 + s0 + s) < filters:
                    st1(products, u32(start + s), total[r * FRAGMENT + s])


def windows(products, grad_weight):
    """Launch shape: a thread for each window."""
    return max(1, min(MOST_BLOCKS, math.ceil(grad_weight.size / 9 / THREADS))), THREADS


@cuda_kernel(launch=windows)
def winograd_backward_weight(products, grad_weight):
    """grad_weight = G.T products G, window by window.

    Shapes: products (points, channels, filters), grad_weight (3, 3, channels, filters). A thread owns a window.
    """
    block = cuda.local.array(POINTS, products.dtype)
    i, size = thread_id(), u32(u32(products.shape[1]) * u32(products.shape[2]))
    while i < size:
        gather_6(block, products, i, size)
        window_4(block)
        spread_3(block, grad_weight, i, size)
        i = u32(i + grid_size())
