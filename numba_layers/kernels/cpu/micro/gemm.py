"""The register tile: the innermost block of matrix multiply and convolution, as vector instructions (see README.md).

    C[r, j] = init[r, j] + sum over q, s, p of A[r, q, s, p] * B[q, s, p, j]      r < MR, j < NR = vectors * lanes

All the sums stay in registers while p runs, beside one row of B and one number of A at a time. The rows come in
groups of GROUP that may lie anywhere; for a convolution they are neighbouring pixels. The sum comes in planes of
segments: the planes and rows of the image below a window. For a product of matrices it is one block. The machine's
registers give the shape: sums fill 24 of the 32 vector registers of AVX-512 (8 x 48 floats) and of NEON
(8 x 12), 12 of the 16 of AVX2 (4 x 24). Numba's own vectoriser finds no such loop.

Each sum is one chain of multiply-adds in the order of q, s and p. Cutting a long sum (`init` is then C itself), or the
matrix in blocks, therefore changes no bit of the result.
Reference: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication"; Van Zee & van de Geijn 2015,
"BLIS: a framework for rapidly instantiating BLAS functionality".
"""

from itertools import chain

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from ..compile import inlined
from .vector import MR, VECTOR_BYTES, Operand, Vectors, ceil_div, int64, operand_type, routine

GROUP = 4        # rows of a tile that lie evenly spaced; MR is a multiple of it
SHORT = MR - 2    # rows of a tile for a group that has no more than half of its rows
NR_VECTORS = 3   # NR of the widest tile, in vectors; tiles of 1 and 2 vectors finish a row of tiles
TALL = NR_VECTORS * MR   # rows of a tile of one vector, for as many sums
ROW_VECTORS = 6   # of a tile of one row: sums enough for the FMA units

CACHE_LINE = 64  # bytes
FRINGE = MR * NR_VECTORS * VECTOR_BYTES     # bytes of a buffer for a tile that reaches beyond the result


def _place(r, strides):
    """Where row r begins, by the strides (of a row, of a group of rows)."""
    return r % GROUP * strides[0] + r // GROUP * strides[1]


@np.errstate(all="ignore")
def _python_tile(height, vectors, a, b, counts, init, c, relu):
    columns = vectors * (VECTOR_BYTES // c.pointer.itemsize)
    planes, segments, depth = counts
    for r in range(height):
        total = init.pointer[_place(r, init.strides):][:columns].copy()
        for q, s, p in np.ndindex(planes, segments, depth):
            number = a.pointer[_place(r, a.strides) + p * a.strides[2] + s * a.strides[3] + q * a.strides[4]]
            total += number * b.pointer[p * b.strides[0] + (q * segments + s) * b.strides[1]:][:columns]
        c.pointer[_place(r, c.strides):][:columns] = np.where(relu & (total < 0), 0, total)


@routine(_python_tile)
def tile(typing, height, vectors, a, b, counts, init, c, relu):
    """One tile, `height` rows by `vectors` vectors (constants): C = init + A @ B, negative numbers set to zero if relu.

    counts: (planes, segments, depth) of the sum. a, b, init and c are `Operand`; strides of a: of A's rows, groups of
    rows, columns p, segments and planes; of b: of B's rows p and segments, all planes' in a row; of init and c: of
    rows and groups.
    Shapes: A (height, planes, segments, depth), B (planes, segments, depth, vectors * lanes), init and C (height,
    vectors * lanes)
    init's strides (0, 0) start all rows from one (the bias), init = C adds to what is there.
    """
    def codegen(context, builder, signature, arguments):
        _emit_tile(context, builder, signature, arguments)

    pointer = c.types[0]
    a, b, init, c = (operand_type(pointer, rank) for rank in (5, 2, 2, 2))
    return types.void(height, vectors, a, b, types.UniTuple(types.int64, 3), init, c, types.boolean), codegen


def _python_tiles(height, vectors, number, a, b, depth, init, c, relu):
    for first in range(0, number * height, height):
        a_here, *others = (Operand(pointer[first * row:], (row, GROUP * row, *column, 0, 0))
                           for pointer, (row, *column) in (a, init, c))
        _python_tile(height, vectors, a_here, Operand(b.pointer, (*b.strides, 0)), (1, 1, depth), *others, relu)


@routine(_python_tiles)
def tiles(typing, height, vectors, number, a, b, depth, init, c, relu):
    """So many tiles below each other, for products of matrices; what a row writes too much, the next ones overwrite.

    Strides of a: of A's rows and columns; of b, init and c: of rows.
    """
    def codegen(context, builder, signature, arguments):
        height, vectors, number, a, b, depth, init, c, relu = arguments
        rows, zero = signature.args[0].literal_value, int64(0)
        with cgutils.for_range(builder, number) as t:
            first = builder.mul(t.index, int64(rows))
            a, init, c = (Operand(builder.gep(pointer, [builder.mul(first, row)]),
                                  (row, builder.mul(row, int64(GROUP)), *column, *[zero] * 2 * len(column)))
                          for pointer, (row, *column) in (a, init, c))
            _emit_tile(context, builder, signature, (height, vectors, a, Operand(b.pointer, (*b.strides, zero)),
                                                     (int64(1), int64(1), depth), init, c, relu))

    i, pointer = types.int64, c.types[0]
    a, b, init, c = (operand_type(pointer, rank) for rank in (2, 1, 1, 1))
    return types.void(height, vectors, i, a, b, i, init, c, types.boolean), codegen


def _emit_tile(context, builder, signature, arguments):
    """The instructions of `tile`."""
    _, _, a, b, (planes, segments, depth), init, c, relu = arguments
    height, vectors = (kind.literal_value for kind in signature.args[:2])
    vector = Vectors(context, builder, next(kind.types[0].dtype for kind in signature.args if hasattr(kind, "types")))
    a_row, a_group, a_column, a_segment, a_plane = a.strides
    b_row, b_segment = b.strides
    columns = [int64(v * vector.lanes) for v in range(vectors)]

    def row_starts(strides):
        row, group = strides
        for r in range(height):
            yield vector.offset(int64(r % GROUP), row, builder.mul(int64(r // GROUP), group))

    sums = [[vector.variable(vector.load(init.pointer, builder.add(start, j))) for j in columns]
            for start in row_starts(init.strides)]
    for start in row_starts(c.strides):     # the caches have C at hand by the time the sums are made
        for j in columns[::max(1, CACHE_LINE // VECTOR_BYTES)]:
            vector.prefetch(c.pointer, builder.add(start, j))
    with cgutils.for_range(builder, planes) as q, cgutils.for_range(builder, segments) as s:
        a_here = builder.gep(a.pointer, [vector.offset(s.index, a_segment, builder.mul(q.index, a_plane))])
        b_here = builder.gep(b.pointer, [builder.mul(vector.offset(q.index, segments, s.index), b_segment)])
        # A pointer to each group: from a single one LLVM would step to row after row, one by one.
        groups = [vector.barrier(builder.gep(a_here, [builder.mul(int64(g), a_group)]))
                  for g in range(-(-height // GROUP))]
        with cgutils.for_range(builder, depth) as p:
            b_vectors = [vector.load(b_here, vector.offset(p.index, b_row, j)) for j in columns]
            for r, row_sums in enumerate(sums):
                here = vector.offset(p.index, a_column, builder.mul(int64(r % GROUP), a_row))
                number = vector.broadcast(builder.load(builder.gep(groups[r // GROUP], [here])))
                for total, b_vector in zip(row_sums, b_vectors):
                    builder.store(vector.multiply_add(number, b_vector, builder.load(total)), total)
    with builder.if_then(relu):
        zeros = ir.Constant(vector.type, None)
        for total in chain.from_iterable(sums):
            value = builder.load(total)
            builder.store(builder.select(builder.fcmp_ordered("<", value, zeros), zeros, value), total)
    for start, row_sums in zip(row_starts(c.strides), sums):    # in order, see `tiles`
        for j, total in zip(columns, row_sums):
            vector.store(builder.load(total), c.pointer, builder.add(start, j))


@inlined
def panel_vectors(columns, lanes):
    """Width of the next panel of B, in vectors: at most a tile's, and no panel much narrower than the others.

    A tile of one vector has too few sums to keep two FMA units busy.
    """
    return even_vectors(columns, lanes, NR_VECTORS)


@inlined
def even_vectors(columns, lanes, most):
    """Vectors of the next part of some columns, in as few parts of at most so many as there can be."""
    vectors = ceil_div(columns, lanes)
    return ceil_div(vectors, ceil_div(vectors, most))


def _tile_of(height):
    """`tile` of a height, and of a width known at run time, 1 to NR_VECTORS vectors."""
    @inlined
    def tile_of(vectors, a, b, counts, init, c, relu):
        if vectors == 3:
            tile(height, 3, a, b, counts, init, c, relu)
        elif vectors == 2:
            tile(height, 2, a, b, counts, init, c, relu)
        else:
            tile(height, 1, a, b, counts, init, c, relu)

    return tile_of


tile_of, short_tile_of = _tile_of(MR), _tile_of(SHORT)
group_tile_of = tile_of if MR == GROUP else _tile_of(GROUP)


@inlined
def tiles_of(vectors, number, a, b, depth, init, c, relu):
    """`tiles` of MR rows, and of a width known at run time; those of width 0 have TALL rows and one vector."""
    if vectors == 3:
        tiles(MR, 3, number, a, b, depth, init, c, relu)
    elif vectors == 2:
        tiles(MR, 2, number, a, b, depth, init, c, relu)
    elif vectors == 1:
        tiles(MR, 1, number, a, b, depth, init, c, relu)
    else:
        tiles(TALL, 1, number, a, b, depth, init, c, relu)


@inlined
def row_tile_of(vectors, a, b, counts, init, c, relu):
    """`tile` of one row, 1 to ROW_VECTORS vectors wide."""
    if vectors == 6:
        tile(1, 6, a, b, counts, init, c, relu)
    elif vectors == 5:
        tile(1, 5, a, b, counts, init, c, relu)
    elif vectors == 4:
        tile(1, 4, a, b, counts, init, c, relu)
    elif vectors == 3:
        tile(1, 3, a, b, counts, init, c, relu)
    elif vectors == 2:
        tile(1, 2, a, b, counts, init, c, relu)
    else:
        tile(1, 1, a, b, counts, init, c, relu)
