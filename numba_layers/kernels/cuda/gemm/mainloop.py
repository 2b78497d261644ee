"""The GEMM of matrix multiply and convolution: C[i, j] = bias[j] + sum over k of A[i, k] * B[k, j].

    for each tile of C, BLOCK_M x BLOCK_N, from (i0, j0) on:               # in parallel: the blocks of the grid
        accumulators = bias[j0:j0 + BLOCK_N], in each row                   # in registers: a fragment a thread
        for k0 in range(0, K, BLOCK_K):
            shared A, B = A[i0:..., k0:k0 + BLOCK_K], B[k0:..., j0:...]     # a stage; the next is already being loaded
            barrier
            accumulators += shared A @ shared B                             # FMAs, or mma.sync on tensor cores
        C tile = relu(accumulators)                                         # the epilogue

There is double buffering: while a K-block is multiplied from one half of shared memory, each thread loads its vectors
of the next one from global memory to registers and stores them to the other half, so one barrier a K-block is enough.
The README beside this file has a picture.

How A and B lie in memory is the loaders' business (`gemm.operand`), so a convolution is a GEMM whose loader finds the
pixel of (i, k): an implicit GEMM (`gemm.im2col`).

`tile_gemm(tile, a, b, offset, output)` makes the device function

    gemm(a, b, bias, relu, y, m, n, k, number)

which computes tile `number` of C (see `tile_origin`): a, b are the operands, bias an array of n numbers or None, y
receives C, relu says whether negative sums become 0, (m, n, k) are the sizes. offset(y, i) says which element of y is
C[i, 0]; row-major if not given. y may be a tuple, of which output(y) is (array, offset). Every thread of the block
calls it, any number of times. All integers are uint32, so arrays have less than 2**32 numbers. `persistent_gemm` makes
gemm(a, b, bias, relu, y, m, n, k), a grid-stride loop over all tiles by the blocks of axis x.

Each sum is one chain of multiply-adds in the order of k, as on the CPU, but in tiles with slice-K, which add up the
sums of their slices at last, and on tensor cores. So results repeat bit for bit.
Reference: Goto & van de Geijn 2008; Kerr et al. 2017, "CUTLASS: Fast Linear Algebra in CUDA C++".
"""

import numpy as np
from numba.core.types import uint32

from ..simt.memory import aligned, ld1, optimisation_barrier, st1, st2, st4
from ..toolchain.api import cuda, device
from .fragment import fragment_of
from .operand import row_major, whole_array
from .stage import WORD, stage_of
from .tile import ceil_div, tile_origin

u32 = np.uint32


def tile_gemm(tile, a, b, offset=row_major, output=whole_array):
    """The device function `gemm` of one tile for two loaders; see above."""
    block_k, word = u32(tile.block_k), u32(WORD[tile.precision])
    slices, members = tile.slice_k, u32(tile.threads // tile.slice_k)
    a, b = stage_of(a, tile.block_m, tile), stage_of(b, tile.block_n, tile)
    start_a, load_a, advance_a, position_a, store_a, strides_a, size_a = a
    start_b, load_b, advance_b, position_b, store_b, strides_b, size_b = b
    rows, columns, vector_m, vector_n, stride_m, stride_n, origin, factors, multiply_add = fragment_of(tile, a, b)
    (mn_a, k_a), (mn_b, k_b) = (map(u32, strides) for strides in (strides_a, strides_b))
    store, vector = (st2, _two) if vector_n == 2 else (st4, _four)
    accumulators, block_m, block_n = rows * columns, u32(tile.block_m), u32(tile.block_n)
    buffers, next_a, next_b = _double_buffers(tile, size_a, size_b), u32(size_a), u32(size_b)

    @device
    def gemm(a, b, bias, relu, result, m, n, k, number):
        y, begin_y = output(result)
        shared_a, shared_b = buffers(y)
        total = cuda.local.array(accumulators, y.dtype)
        zero = y.dtype.type(0)
        thread = optimisation_barrier(u32(cuda.threadIdx.x))
        slice = u32(thread // members)
        i0, j0 = tile_origin(number, optimisation_barrier(m), optimisation_barrier(n), block_m, block_n)

        i, p = position_a(thread)
        state_a, to_a = start_a(a, u32(i0 + i), p), u32(i * mn_a + p // word * k_a)
        i, p = position_b(thread)
        state_b, to_b = start_b(b, u32(j0 + i), p), u32(i * mn_b + p // word * k_b)
        values_a, values_b = load_a(a, state_a), load_b(b, state_b)

        column = u32(j0 + origin(thread)[1])
        for c in range(columns):
            j = u32(column + c % vector_n + c // vector_n * stride_n)
            value = zero
            if bias is not None:
                if j < n and slice == u32(0):
                    value = ld1(bias, j)
            for r in range(rows):
                total[r * columns + c] = value

        i, j, w = factors(thread)
        to, from_ = _pair(to_a, to_b), _pair(i * mn_a + w * k_a, j * mn_b + w * k_b)
        done, other = u32(0), _pair(next_a, next_b)
        while True:
            store_a(shared_a, _left(to), values_a)
            store_b(shared_b, _right(to), values_b)
            cuda.syncthreads()
            state_a, state_b = advance_a(a, state_a, block_k), advance_b(b, state_b, block_k)
            values_a, values_b = load_a(a, state_a), load_b(b, state_b)
            multiply_add(total, shared_a, _left(from_), shared_b, _right(from_))
            done, to, from_, other = u32(done + block_k), u32(to + other), u32(from_ + other), u32(-other)
            if done >= k:
                break

        # again, rather than kept: until here the accumulators need the registers
        i0, j0 = tile_origin(optimisation_barrier(number), m, n, block_m, block_n)
        thread = optimisation_barrier(thread)
        row, column = origin(thread)
        row, column, slice = u32(i0 + row), u32(j0 + column), u32(thread // members)
        if slices > 1:   # the sums of the others, through shared memory, added in their order
            cuda.syncthreads()
            at = u32(thread % members)
            for following in range(1, slices):
                if slice == u32(following):
                    for e in range(accumulators):
                        shared_a[u32(e * members + at)] = total[e]
                cuda.syncthreads()
                if slice == u32(0):
                    for e in range(accumulators):
                        total[e] += shared_a[u32(e * members + at)]
                cuda.syncthreads()

        if slice == u32(0):
            if relu:
                for e in range(accumulators):
                    total[e] = zero if total[e] < zero else total[e]
            vectors = aligned(y) and n % u32(vector_n) == u32(0)
            for r in range(rows):
                i = u32(row + r % vector_m + r // vector_m * stride_m)
                if i < m:
                    line = u32(begin_y + offset(y, i))
                    for v in range(columns // vector_n):
                        j, e = u32(column + v * stride_n), r * columns + vector_n * v
                        if vectors:
                            if j < n:
                                store(y, u32(line + j), vector(total, e))
                        else:
                            for c in range(vector_n):
                                if u32(j + c) < n:
                                    st1(y, u32(line + j + c), total[e + c])
        cuda.syncthreads()   # before the buffers serve another tile

    return gemm


def persistent_gemm(tile, a, b, offset=row_major, output=whole_array):
    """The device function `gemm` that goes through all tiles of a result; see above."""
    one_tile, block_m, block_n = tile_gemm(tile, a, b, offset, output), u32(tile.block_m), u32(tile.block_n)

    @device
    def gemm(a, b, bias, relu, y, m, n, k):
        tile, tiles = u32(cuda.blockIdx.x), u32(ceil_div(m, block_m) * ceil_div(n, block_n))
        while tile < tiles:
            one_tile(a, b, bias, relu, y, m, n, k, tile)
            tile = u32(tile + cuda.gridDim.x)

    return gemm


@device
def _pair(left, right):
    """Two offsets in shared memory, below 2**16, in one register: registers are scarce."""
    return u32(left | right << u32(16))


@device
def _left(pair):
    return u32(pair & u32(0xFFFF))


@device
def _right(pair):
    return u32(pair >> u32(16))


def _double_buffers(tile, size_a, size_b):
    """A device function (y) -> two arrays in shared memory, of y's type or of words, each for two K-blocks."""
    size_a, size_b = 2 * size_a, 2 * size_b

    @device
    def numbers(y):
        return cuda.shared.array(size_a, y.dtype, alignment=16), cuda.shared.array(size_b, y.dtype, alignment=16)

    @device
    def words(y):
        return cuda.shared.array(size_a, uint32, alignment=16), cuda.shared.array(size_b, uint32, alignment=16)

    return numbers if tile.precision == "fp32" else words


@device
def _two(total, e):
    return total[e], total[e + 1]


@device
def _four(total, e):
    return total[e], total[e + 1], total[e + 2], total[e + 3]
