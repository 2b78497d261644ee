"""The tile engine of matrix multiply and convolution: C[i, j] = first[j] + sum over k of A[i, k] * B[k, j].

A block owns one tile of C at a time. The sum comes in slabs of `depth` terms: each thread reads 4 elements of A's
part of a slab and 4 of B's from global memory (a quad), or twice as much, while the slab before is multiplied from
shared memory; there are two buffers and one barrier a slab. A thread's sums stay in registers.

How A and B lie in memory is the loaders' business, so a convolution is a product whose loader finds the pixel of
(i, k). A `Loader` says

    across            True where the 4 elements of a quad are A[i, k:k + 4], False where they are A[i:i + 4, k];
                      for B read A[i, k] as B[k, j] with j for i
    start(x, i, k)    the state of the thread whose first quad begins at (i, k): a tuple of numbers, whose types stay
    read(x, state)    the quad's 4 values
    move(x, state, depth)   the state of the quad `depth` further along the sum

as device functions. `x` is whatever the kernel gives `multiply` for the operand, an array or a tuple of arrays and
numbers. i is a multiple of 4 where the quad is not `across`, else k is. Positions may lie outside: beyond the sum
`read` must answer zeros; beyond the rows (or columns) anything, since those sums are not stored, but it may not read
outside of its arrays. Loaders of matrices: `across`, `down`; of one of several, given as (matrices, its number):
`across_samples`, `down_samples`.

`multiplier(tile, a, b, place)` makes the device function

    multiply(a, b, first, relu, y, m, n, k, number)

which computes tile `number` of C (see `corner`): a, b are the operands, first an array of n numbers or None, y the
array that receives C, relu whether negative sums become 0, (m, n, k) the sizes. place(y, i) says which element of y
is C[i, 0]; row by row (`matrix_row`) if not given. y may be a tuple, of which array(y) is the array. Every thread of
the block calls it, any number of times. All integers are uint32, so arrays have less than 2**32 numbers.
`product(tile, a, b, place, target)` makes multiply(a, b, first, relu, y, m, n, k), which goes through all tiles by the
blocks of axis x.

`tiled(a, b)` decorates a function that takes such a `multiply` and answers a kernel: it registers the kernel, in one
variant for each tile, of which a launch takes the one that fits the result's size, type and `matmul_precision`.

Each sum is one chain of multiply-adds in the order of k, as on the CPU, but in tiles with slices, which add up the
sums of their slices at last, and on tensor cores. So results repeat bit for bit.
Reference: Goto & van de Geijn 2008; Kerr et al. 2017, "CUTLASS: Fast Linear Algebra in CUDA C++".
"""

from collections import namedtuple

import numpy as np
from numba.core.types import uint32

from .... import config, devices
from ....registry import register_kernel
from ..simt.memory import aligned, ld1, optimisation_barrier, st1, st2, st4
from ..toolchain.api import cuda, device
from ..toolchain.target import CudaKernel, CudaVariants
from .fragment import share_of
from .operand import Loader, itself, matrix_row
from .stage import WORD, staged

__all__ = ["LARGE", "Loader", "MIDDLE", "MOST_X", "MOST_Y", "SMALL", "TENSOR_CORES", "TILES", "Tile", "multiplier",
           "product", "tile_for", "tiled"]

u32 = np.uint32
BAND = u32(8)    # rows of tiles that are computed together, so that they share what they read in the L2 cache
PROCESSORS = 100                  # of a large GPU: so many tiles keep it busy
MOST_X, MOST_Y = 2**31 - 1, 65535   # blocks that a launch may have


# ---- tiles -------------------------------------------------------------------------------------------------


class Tile(namedtuple("Tile", "name rows columns depth threads slices numbers alone many")):
    """A block's tile of the result, and how its threads share it.

    depth: terms of the sum in a slab. slices: a slab is cut in so many parts, each multiplied by threads of its own,
    whose sums are added up when the tile ends. numbers: what is multiplied, 'exact', 'tf32' or 'bf16'.
    alone, many: clock cycles that a term takes where a GPU's processors have a tile each at most, and for each round
    of tiles where they have many; reckoned from the instructions and the time that memory takes to answer.
    """

    def count(self, m, n):
        """How many tiles cover an (m, n) result."""
        return -(-m // self.rows) * -(-n // self.columns)


LARGE = Tile("128", 128, 128, 8, 256, 1, "exact", 128, 128)
MIDDLE = Tile("64", 64, 64, 16, 256, 1, "exact", 44, 40)
SMALL = Tile("32", 32, 32, 32, 256, 4, "exact", 19, 16)   # for results too small to fill a GPU: it divides the sum too
TF32 = Tile("tf32_64", 64, 64, 16, 128, 1, "tf32", 38, 14), Tile("tf32_128", 128, 128, 16, 256, 1, "tf32", 38, 32)
BF16 = Tile("bf16_64", 64, 64, 16, 128, 1, "bf16", 38, 10), Tile("bf16_128", 128, 128, 16, 256, 1, "bf16", 38, 20)
TILES = LARGE, MIDDLE, SMALL, *TF32, *BF16
TENSOR_CORES = (8, 0)   # the compute capability whose tensor cores take TF32 and bfloat16


def tile_for(m, n, dtype, samples=1):
    """The fastest tile for `samples` (m, n) results, of those that the device and `matmul_precision` allow.

    float64 has none above MIDDLE, whose sums fill the registers.
    """
    tiles = [SMALL, MIDDLE] if dtype.itemsize == 8 else [SMALL, MIDDLE, LARGE]
    precision = config.matmul_precision()
    if precision != "float32" and dtype.itemsize == 4 and devices.current().capability >= TENSOR_CORES:
        tiles = [SMALL, *(TF32 if precision == "tf32" else BF16)]
    return min(tiles, key=lambda tile: max(tile.alone, tile.many * samples * tile.count(m, n) / PROCESSORS))


@device
def ceil_div(a, b):
    return u32((a + b - u32(1)) // b)


@device
def corner(tile, m, n, rows, columns):
    """(i0, j0) of tile number `tile`: bands of BAND rows of tiles, one after the other, each column by column."""
    down, across = ceil_div(m, rows), ceil_div(n, columns)
    band = u32(tile // (BAND * across))
    within = u32(tile - band * BAND * across)
    height = u32(min(BAND, u32(down - band * BAND)))
    column = u32(within // height)
    return u32((band * BAND + within - column * height) * rows), u32(column * columns)


# ---- the tile ----------------------------------------------------------------------------------------------


def multiplier(tile, a, b, place=matrix_row, target=itself):
    """The device function `multiply` for a tile and two loaders; see above."""
    depth, word, slices, per_slice = u32(tile.depth), u32(WORD[tile.numbers]), tile.slices, tile.threads // tile.slices
    a, b = staged(a, tile.rows, tile), staged(b, tile.columns, tile)
    start_a, read_a, move_a, first_a, store_a, strides_a, size_a = a
    start_b, read_b, move_b, first_b, store_b, strides_b, size_b = b
    rows, columns, run_rows, run_columns, gap_rows, gap_columns, own, begin, slab = share_of(tile, a, b)
    (across_a, along_a), (across_b, along_b) = (map(u32, strides) for strides in (strides_a, strides_b))
    sums, members, store, taken = rows * columns, u32(per_slice), *((st2, _two) if run_columns == 2 else (st4, _four))
    height, width = u32(tile.rows), u32(tile.columns)
    buffers, next_a, next_b = _buffers(tile, 2 * size_a, 2 * size_b), u32(size_a), u32(size_b)

    @device
    def multiply(a, b, first, relu, result, m, n, k, number):
        y, begin_y = target(result)
        shared_a, shared_b = buffers(y)
        total = cuda.local.array(sums, y.dtype)
        zero = y.dtype.type(0)
        thread = optimisation_barrier(u32(cuda.threadIdx.x))
        part = u32(thread // members)
        i0, j0 = corner(number, optimisation_barrier(m), optimisation_barrier(n), height, width)

        i, p = first_a(thread)
        state_a, to_a = start_a(a, u32(i0 + i), p), u32(i * across_a + p // word * along_a)
        i, p = first_b(thread)
        state_b, to_b = start_b(b, u32(j0 + i), p), u32(i * across_b + p // word * along_b)
        values_a, values_b = read_a(a, state_a), read_b(b, state_b)

        column = u32(j0 + own(thread)[1])
        for c in range(columns):
            j = u32(column + c % run_columns + c // run_columns * gap_columns)
            value = zero
            if first is not None:
                if j < n and part == u32(0):
                    value = ld1(first, j)
            for r in range(rows):
                total[r * columns + c] = value

        i, j, w = begin(thread)
        to, begin_at = _pair(to_a, to_b), _pair(i * across_a + w * along_a, j * across_b + w * along_b)
        done, other = u32(0), _pair(next_a, next_b)
        while True:
            store_a(shared_a, _left(to), values_a)
            store_b(shared_b, _right(to), values_b)
            cuda.syncthreads()
            state_a, state_b = move_a(a, state_a, depth), move_b(b, state_b, depth)
            values_a, values_b = read_a(a, state_a), read_b(b, state_b)
            slab(total, shared_a, _left(begin_at), shared_b, _right(begin_at))
            done, to, begin_at, other = u32(done + depth), u32(to + other), u32(begin_at + other), u32(-other)
            if done >= k:
                break

        # again: until here the accumulators need the registers
        i0, j0 = corner(optimisation_barrier(number), m, n, height, width)
        thread = optimisation_barrier(thread)
        row, column = own(thread)
        row, column, part = u32(i0 + row), u32(j0 + column), u32(thread // members)
        if slices > 1:   # the sums of the others, through shared memory, added in their order
            cuda.syncthreads()
            at = u32(thread % members)
            for following in range(1, slices):
                if part == u32(following):
                    for e in range(sums):
                        shared_a[u32(e * members + at)] = total[e]
                cuda.syncthreads()
                if part == u32(0):
                    for e in range(sums):
                        total[e] += shared_a[u32(e * members + at)]
                cuda.syncthreads()

        if part == u32(0):
            if relu:
                for e in range(sums):
                    total[e] = zero if total[e] < zero else total[e]
            whole = aligned(y) and n % u32(run_columns) == u32(0)
            for r in range(rows):
                i = u32(row + r % run_rows + r // run_rows * gap_rows)
                if i < m:
                    line = u32(begin_y + place(y, i))
                    for run in range(columns // run_columns):
                        j, e = u32(column + run * gap_columns), r * columns + run_columns * run
                        if whole:
                            if j < n:
                                store(y, u32(line + j), taken(total, e))
                        else:
                            for c in range(run_columns):
                                if u32(j + c) < n:
                                    st1(y, u32(line + j + c), total[e + c])
        cuda.syncthreads()   # before the buffers serve another tile

    return multiply


@device
def _pair(left, right):
    """Two numbers below 2**16 as one: registers are scarce."""
    return u32(left | right << u32(16))


@device
def _left(pair):
    return u32(pair & u32(0xFFFF))


@device
def _right(pair):
    return u32(pair >> u32(16))


def _buffers(tile, size_a, size_b):
    """A device function (y) -> two arrays in shared memory, of y's type or of words."""
    @device
    def exact(y):
        return cuda.shared.array(size_a, y.dtype, alignment=16), cuda.shared.array(size_b, y.dtype, alignment=16)

    @device
    def words(y):
        return cuda.shared.array(size_a, uint32, alignment=16), cuda.shared.array(size_b, uint32, alignment=16)

    return exact if tile.numbers == "exact" else words


@device
def _two(total, e):
    return total[e], total[e + 1]


@device
def _four(total, e):
    return total[e], total[e + 1], total[e + 2], total[e + 3]


def product(tile, a, b, place=matrix_row, target=itself):
    """The device function `multiply` that goes through all tiles of a result; see above."""
    multiply_tile, rows, columns = multiplier(tile, a, b, place, target), u32(tile.rows), u32(tile.columns)

    @device
    def multiply(a, b, first, relu, y, m, n, k):
        tile, tiles = u32(cuda.blockIdx.x), u32(ceil_div(m, rows) * ceil_div(n, columns))
        while tile < tiles:
            multiply_tile(a, b, first, relu, y, m, n, k, tile)
            tile = u32(tile + cuda.gridDim.x)

    return multiply


# ---- kernels -----------------------------------------------------------------------------------------------


def matrix_shape(*arguments):
    """(samples, m, n) of the last argument: a matrix, or one for each sample."""
    shape = arguments[-1].shape
    return (1, *shape) if len(shape) == 2 else shape


def tiled(a, b, place=matrix_row, target=itself, shape=matrix_shape):
    """Decorator: the kernel that a function makes of `multiply`, in a variant for each tile, registered by its name.

    shape(*arguments): (samples, m, n) of the results; blocks of axis y go through the samples.
    """
    def decorate(make):
        def variant(tile):
            def launch(*arguments):
                samples, m, n = shape(*arguments)
                return (max(1, min(MOST_X, tile.count(m, n))), max(1, min(MOST_Y, samples))), tile.threads

            kernel = make(product(tile, a, b, place, target))
            return CudaKernel(kernel, f"{make.__name__}_{tile.name}", launch, {"launch_bounds": (tile.threads, 2)},
                              least=(7, 5) if tile.numbers == "exact" else TENSOR_CORES)

        def choose(*arguments):
            samples, m, n = shape(*arguments)
            return tile_for(m, n, arguments[-1].dtype, samples).name

        kernel = CudaVariants(make.__name__, choose, {tile.name: variant(tile) for tile in TILES})
        register_kernel(kernel.name, "cuda", kernel)
        return kernel

    return decorate
