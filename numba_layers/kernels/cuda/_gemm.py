"""The tile engine of matrix multiply and convolution: C[i, j] = first[j] + sum over k of A[i, k] * B[k, j].

A block owns one tile of C at a time. The sum comes in slabs of `depth` terms: each thread reads 4 elements of A's
part of a slab and 4 of B's from global memory (a quad) while the slab before is multiplied from shared memory; there
are two buffers and one barrier a slab. A thread's sums stay in registers.

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
outside of its arrays. A loader of matrices: `across`, `down`.

`multiplier(tile, a, b, place)` makes the device function

    multiply(a, b, first, relu, y, m, n, k, i0, j0)

which computes the tile whose corner is (i0, j0): a, b are the operands, first an array of n numbers or None, y the
array that receives C, relu whether negative sums become 0, (m, n, k) the sizes. place(y, i) says which element of y
is C[i, 0]; row by row (`matrix_row`) if not given. Every thread of the block calls it, any number of times.
All integers are uint32. `corner` orders tiles, `tile_for` chooses one for the size of a result.

Each sum is one chain of multiply-adds in the order of k, as on the CPU, but in tiles with slices, which add up the
sums of their slices at last. So results repeat bit for bit.
Reference: Goto & van de Geijn 2008; Kerr et al. 2017, "CUTLASS: Fast Linear Algebra in CUDA C++".
"""

from collections import namedtuple

import numpy as np

from ._cuda import cuda, device
from ._intrinsics import aligned, fresh, ld1, ld4, multiply_slab, st1, st4

u32 = np.uint32
WARP = 32
BAND = u32(8)   # rows of tiles that are computed together, so that they share what they read in the L2 cache

Loader = namedtuple("Loader", "across start read move")


class Tile(namedtuple("Tile", "rows columns depth groups slices")):
    """A block's tile of the result, and how its threads share it.

    depth: terms of the sum in a slab. groups: a thread owns 4 * groups rows by 4 * groups columns. slices: a slab is
    cut in so many parts, each multiplied by threads of its own, whose sums are added up when the tile ends.
    """

    @property
    def threads(self):
        return self.rows * self.columns // (16 * self.groups ** 2) * self.slices

    def count(self, m, n):
        """How many tiles cover an (m, n) result."""
        return -(-m // self.rows) * -(-n // self.columns)


LARGE = Tile(128, 128, 8, groups=2, slices=1)
MIDDLE = Tile(64, 64, 16, groups=1, slices=1)
SMALL = Tile(32, 32, 32, groups=1, slices=4)    # for results too small to fill a GPU: a block divides the sum as well
ENOUGH = 100                                    # tiles that keep a GPU busy


def tile_for(m, n, itemsize, batch=1):
    """The largest tile of which a result has enough; float64 has none above MIDDLE, whose sums fill the registers."""
    for tile in (LARGE, MIDDLE)[itemsize == 8:]:
        if batch * tile.count(m, n) >= ENOUGH:
            return tile
    return SMALL


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


# ---- loaders of matrices -----------------------------------------------------------------------------------


@device
def _start_across(x, i, k):
    rows, depth = u32(x.shape[0]), u32(x.shape[1])
    inside = i if i < rows else u32(rows - u32(1))
    return u32(inside * depth + k), k, aligned(x) and depth % u32(4) == u32(0)


@device
def _read_across(x, state):
    at, k, whole = state
    depth, zero = u32(x.shape[1]), x.dtype.type(0)
    if whole:
        return ld4(x, at) if k < depth else (zero, zero, zero, zero)
    return (ld1(x, at) if k < depth else zero,
            ld1(x, u32(at + u32(1))) if u32(k + u32(1)) < depth else zero,
            ld1(x, u32(at + u32(2))) if u32(k + u32(2)) < depth else zero,
            ld1(x, u32(at + u32(3))) if u32(k + u32(3)) < depth else zero)


@device
def _move_across(x, state, depth):
    at, k, whole = state
    return u32(at + depth), u32(k + depth), whole


@device
def _start_down(x, i, k):
    columns = u32(x.shape[1])
    whole = aligned(x) and columns % u32(4) == u32(0)
    inside = u32(columns - u32(4)) if whole and i >= columns else i
    return u32(k * columns + inside), k, inside, whole


@device
def _read_down(x, state):
    at, k, i, whole = state
    columns, zero = u32(x.shape[1]), x.dtype.type(0)
    inside = k < u32(x.shape[0])
    if whole:
        return ld4(x, at) if inside else (zero, zero, zero, zero)
    return (ld1(x, at) if inside and i < columns else zero,
            ld1(x, u32(at + u32(1))) if inside and u32(i + u32(1)) < columns else zero,
            ld1(x, u32(at + u32(2))) if inside and u32(i + u32(2)) < columns else zero,
            ld1(x, u32(at + u32(3))) if inside and u32(i + u32(3)) < columns else zero)


@device
def _move_down(x, state, depth):
    at, k, i, whole = state
    return u32(at + depth * x.shape[1]), u32(k + depth), i, whole


across = Loader(True, _start_across, _read_across, _move_across)    # a matrix whose rows run along the sum
down = Loader(False, _start_down, _read_down, _move_down)           # one whose columns do


@device
def matrix_row(y, i):
    """Where row i of a matrix begins."""
    return u32(i * y.shape[1])


# ---- a tile ------------------------------------------------------------------------------------------------


def _stored(loader, length, depth):
    """Device functions for one operand in shared memory [k, i], `length` in i: (place of a thread's quad, store it).

    Rows are padded by 4: the quads of a warp then meet no bank twice, or twice for slabs of 16 and more.
    """
    stride = u32(length + 4)
    quads = u32(depth // 4 if loader.across else length // 4)   # neighbouring threads read along memory

    if loader.across:
        @device
        def place(thread):
            return u32(thread // quads), u32(thread % quads * u32(4))

        @device
        def store(shared, at, values):
            shared[at], shared[u32(at + stride)] = values[0], values[1]
            shared[u32(at + u32(2) * stride)], shared[u32(at + u32(3) * stride)] = values[2], values[3]
    else:
        @device
        def place(thread):
            return u32(thread % quads * u32(4)), u32(thread // quads)

        @device
        def store(shared, at, values):
            st4(shared, at, values)

    return place, store


def multiplier(tile, a, b, place=matrix_row):
    """The device function `multiply` for a tile and two loaders; see above."""
    rows, columns, depth, groups, slices = tile
    assert rows * depth == columns * depth == 4 * tile.threads   # one quad a thread
    place_a, store_a = _stored(a, rows, depth)
    place_b, store_b = _stored(b, columns, depth)
    start_a, read_a, move_a, start_b, read_b, move_b = a.start, a.read, a.move, b.start, b.read, b.move
    stride_a, stride_b, slab_depth = u32(rows + 4), u32(columns + 4), u32(depth)
    size_a, size_b = depth * (rows + 4), depth * (columns + 4)
    buffer_a, buffer_b = u32(size_a), u32(size_b)
    both_a, both_b, sums, edge = 2 * size_a, 2 * size_b, 16 * groups * groups, 4 * groups
    gap_a, gap_b = u32(rows // groups), u32(columns // groups)
    slab = multiply_slab(depth // slices, groups, int(gap_a), int(gap_b), int(stride_a), int(stride_b))
    per_slice, slice_depth = u32(tile.threads // slices), u32(depth // slices)
    wide = u32(columns // groups // 32)   # warps side by side: one is 4 threads high and 8 wide

    @device
    def owned(thread):
        """(row, column) within the tile of a thread's first sum."""
        warp, lane = u32(thread // u32(32)), u32(thread % u32(32))
        return (u32((warp // wide * u32(4) + lane // u32(8)) * u32(4)),
                u32((warp % wide * u32(8) + lane % u32(8)) * u32(4)))

    @device
    def multiply(a, b, first, relu, y, m, n, k, i0, j0):
        shared_a = cuda.shared.array(both_a, y.dtype, alignment=16)
        shared_b = cuda.shared.array(both_b, y.dtype, alignment=16)
        total = cuda.local.array(sums, y.dtype)
        zero = y.dtype.type(0)
        thread = u32(cuda.threadIdx.x)
        part, member = u32(thread // per_slice), u32(thread % per_slice)
        row, column = owned(member)
        first_row, first_column = u32(i0 + row), u32(j0 + column)

        i, p = place_a(thread)
        state_a, at_a = start_a(a, u32(i0 + i), p), u32(p * stride_a + i)
        j, p = place_b(thread)
        state_b, at_b = start_b(b, u32(j0 + j), p), u32(p * stride_b + j)
        next_a, next_b = read_a(a, state_a), read_b(b, state_b)

        for c in range(edge):
            j = u32(first_column + c % 4 + c // 4 * gap_b)
            value = zero
            if first is not None:
                if j < n and part == u32(0):
                    value = ld1(first, j)
            for r in range(edge):
                total[r * edge + c] = value

        from_a = u32(part * slice_depth * stride_a + row)
        from_b = u32(part * slice_depth * stride_b + column)
        done, buffer = u32(0), u32(0)
        while True:
            store_a(shared_a, u32(at_a + buffer * buffer_a), next_a)
            store_b(shared_b, u32(at_b + buffer * buffer_b), next_b)
            cuda.syncthreads()
            state_a, state_b = move_a(a, state_a, slab_depth), move_b(b, state_b, slab_depth)
            next_a, next_b = read_a(a, state_a), read_b(b, state_b)
            slab(total, shared_a, u32(from_a + buffer * buffer_a), shared_b, u32(from_b + buffer * buffer_b))
            done, buffer = u32(done + slab_depth), u32(u32(1) - buffer)
            if done >= k:
                break

        first_row, first_column = fresh(first_row), fresh(first_column)
        if slices > 1:   # the sums of the others, through shared memory, added in their order
            cuda.syncthreads()
            for other in range(1, slices):
                if part == u32(other):
                    for e in range(sums):
                        shared_a[u32(e * per_slice + member)] = total[e]
                cuda.syncthreads()
                if part == u32(0):
                    for e in range(sums):
                        total[e] += shared_a[u32(e * per_slice + member)]
                cuda.syncthreads()

        if part == u32(0):
            if relu:
                for e in range(sums):
                    total[e] = zero if total[e] < zero else total[e]
            whole = aligned(y) and n % u32(4) == u32(0)
            for r in range(edge):
                i = u32(first_row + r % 4 + r // 4 * gap_a)
                if i < m:
                    line = place(y, i)
                    for g in range(groups):
                        j, e = u32(first_column + g * gap_b), r * edge + 4 * g
                        if whole:
                            if j < n:
                                st4(y, u32(line + j), (total[e], total[e + 1], total[e + 2], total[e + 3]))
                        else:
                            for c in range(4):
                                if u32(j + c) < n:
                                    st1(y, u32(line + j + c), total[e + c])
        cuda.syncthreads()   # before the buffers serve another tile

    return multiply
