"""Winograd's convolution: 3 x 3 windows, stride 1, blocks of m x m outputs at a time (see `gemm.winograd`).

A thread block owns BLOCKS blocks of outputs and FILTERS filters. It transforms what lies below them, some channels at
a time, to shared memory; for each point, a small GEMM, 8 threads accumulate a fragment of 8 x 8 each, in registers.
"""

import math

import numpy as np

from ..math.winograd import POINTS, SIDE
from .gemm import winograd
from .gemm.winograd import ACCUMULATORS, FRAGMENT, multiply_add, place_of
from .simt.grid import grid_size, thread_id
from .simt.index import divmod_u32, mad
from .simt.memory import ld1, optimisation_barrier
from .toolchain.api import cuda, device
from .toolchain.target import MOST_BLOCKS, THREADS, cuda_kernel

ROWS, COLUMNS = 2, 4                                  # threads for a point, and what a thread block owns:
BLOCKS, FILTERS = ROWS * FRAGMENT, COLUMNS * FRAGMENT
CHANNELS = 8                                          # at a time
SHARED = POINTS * CHANNELS * BLOCKS                   # numbers of shared memory
VECTOR = 16                                           # filters of the transformed weights come in so many
u32 = np.uint32


@device
def row_of(filters):
    """Filters filled up to whole vectors: a row of the transformed weights."""
    return u32((filters + u32(VECTOR - 1)) // u32(VECTOR) * u32(VECTOR))


def points_shape(problem, m):
    """Shape of weights transformed for m x m blocks: (points, in * out filled up to whole vectors, and one more)."""
    return (m + 2) ** 2, problem.source[-1] * -(-problem.target[-1] // VECTOR) * VECTOR + VECTOR


def windows(weight, transposed, u):
    """Launch shape: a thread for each window."""
    return max(1, min(MOST_BLOCKS, math.ceil(weight.size / 9 / THREADS))), THREADS


@cuda_kernel(launch=windows)
def winograd_weight(weight, transposed, u):
    """u[point, c, f] = G g G.T of each window g.

    Shapes: weight (3, 3, in, out), or if transposed (3, 3, out, in), which is turned by half; u (points, in * out,
    out filled up to whole vectors, and a vector more). Neighbouring threads own the windows of neighbouring filters.
    """
    size, third, fourth = u32(u.shape[1]), u32(weight.shape[2]), u32(weight.shape[3])
    inner, outer = (fourth, third) if transposed else (third, fourth)
    window = cuda.local.array(POINTS, u.dtype)
    i, number = thread_id(), u32(inner * outer)
    while i < number:
        c, f = divmod_u32(i, outer)
        start = mad(f, fourth, c) if transposed else mad(c, fourth, f)
        for tap in range(9):
            place = u32(8 - tap if transposed else tap)
            window[tap // 3 * SIDE + tap % 3] = ld1(weight, mad(place, number, start))
        target = mad(c, row_of(outer), f)
        if u.shape[0] == POINTS:
            winograd.weight_4(window)
            winograd.spread_6(window, u, target, size)
        else:
            winograd.weight_2(window)
            winograd.spread_4(window, u, target, size)
        i = u32(i + grid_size())


def outputs(x, u, bias, before, relu, y):
    """Launch shape: a thread block for BLOCKS blocks of outputs and FILTERS filters."""
    m = 4 if u.shape[0] == POINTS else 2
    blocks = y.shape[0] * math.ceil(y.shape[1] / m) * math.ceil(y.shape[2] / m)
    groups = max(1, min(1 << 16, math.ceil(blocks / BLOCKS)))
    return (groups, max(1, math.ceil(y.shape[3] / FILTERS))), u.shape[0] * ROWS * COLUMNS


@cuda_kernel(launch=outputs)
def winograd_convolve(x, u, bias, before, relu, y):
    """y = bias + convolution of x by the transformed weights u, relu if `relu`.

    Shapes: x (n, height, width, in), u of `winograd_weight`, y (n, out height, out width, out); before: rows and
    columns of zeros in front of x. A thread block owns BLOCKS blocks of outputs and FILTERS filters, a thread 8 x 8
    of their products for one point, and then the outputs of some blocks of one filter.
    """
    v = cuda.shared.array(SHARED, x.dtype, alignment=16)    # inputs (point, channel, block), products (point, block, 8)
    total, block = cuda.local.array(ACCUMULATORS, y.dtype), cuda.local.array(POINTS, y.dtype)
    thread, threads = u32(cuda.threadIdx.x), u32(cuda.blockDim.x)
    point, member = divmod_u32(thread, u32(ROWS * COLUMNS))
    some_blocks, some_filters = u32(member // u32(COLUMNS) * u32(FRAGMENT)), u32(member % u32(COLUMNS))
    inner, filters, row = u32(x.shape[3]), u32(y.shape[3]), row_of(u32(y.shape[3]))
    larger = u.shape[0] == POINTS
    m, top, left = u32(4 if larger else 2), u32(before[0]), u32(before[1])
    blocks = u32((u32(y.shape[1]) + m - u32(1)) // m), u32((u32(y.shape[2]) + m - u32(1)) // m)
    number = u32(u32(y.shape[0]) * blocks[0] * blocks[1])
    f0, b0 = u32(cuda.blockIdx.y * FILTERS), u32(cuda.blockIdx.x * BLOCKS)
    weights = u32(point * u32(u.shape[1]) + f0 + some_filters * FRAGMENT)
    while b0 < number:
        for k in range(ACCUMULATORS):
            total[k] = y.dtype.type(0)
        c0 = u32(0)
        while c0 < inner:
            pair = thread
            while pair < BLOCKS * CHANNELS:
                b, c = divmod_u32(pair, u32(CHANNELS))
                n, i, j = place_of(u32(b0 + b), blocks)
                i, j, inside = u32(i * m - top), u32(j * m - left), u32(b0 + b) < number and u32(c0 + c) < inner
                at = mad(c, u32(BLOCKS), b)
                if larger:
                    winograd.read_6(x, n, i, j, u32(c0 + c), inside, block)
                    winograd.input_4(block)
                    winograd.spread_6(block, v, at, u32(CHANNELS * BLOCKS))
                else:
                    winograd.read_4(x, n, i, j, u32(c0 + c), inside, block)
                    winograd.input_2(block)
                    winograd.spread_4(block, v, at, u32(CHANNELS * BLOCKS))
                pair = u32(pair + threads)
            cuda.syncthreads()
            c, at = u32(0), u32(point * u32(CHANNELS * BLOCKS) + some_blocks)
            while c < CHANNELS and u32(c0 + c) < inner:
                multiply_add(total, v, mad(c, u32(BLOCKS), at), u, mad(u32(c0 + c), row, weights))
                c = u32(c + 1)
            cuda.syncthreads()
            c0 = u32(c0 + CHANNELS)
        for some in range(COLUMNS):      # filters that the buffer holds
            if some_filters == u32(some):
                at = u32((point * u32(BLOCKS) + some_blocks) * FRAGMENT)
                for k in range(ACCUMULATORS):
                    v[u32(at + k)] = total[k]
            cuda.syncthreads()
            pair = thread
            while pair < BLOCKS * FRAGMENT:
                b, s = divmod_u32(pair, u32(FRAGMENT))
                f = u32(f0 + some * FRAGMENT + s)
                if u32(b0 + b) < number and f < filters:
                    n, i, j = place_of(u32(b0 + b), blocks)
                    i, j = u32(i * m), u32(j * m)
                    clips = optimisation_barrier(u32(relu)) == u32(1)   # of a plain flag ptxas makes two loops
                    if larger:
                        winograd.gather_6(block, v, pair, u32(BLOCKS * FRAGMENT))
                        winograd.output_4(block)
                        winograd.write_4(block, ld1(bias, f), clips, y, n, i, j, f)
                    else:
                        winograd.gather_4(block, v, pair, u32(BLOCKS * FRAGMENT))
                        winograd.output_2(block)
                        winograd.write_2(block, ld1(bias, f), clips, y, n, i, j, f)
                pair = u32(pair + threads)
            cuda.syncthreads()
        b0 = u32(b0 + cuda.gridDim.x * BLOCKS)
