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

from collections import namedtuple
from itertools import chain

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from ..compile import inlined
from .vector import MR, VECTOR_BYTES, Vectors, ceil_div, int64, routine

GROUP = 4        # rows of a tile that lie evenly spaced; MR is a multiple of it
SHORT = MR - 2    # rows of a tile for a group that has no more than half of its rows
NR_VECTORS = 3   # NR of the widest tile, in vectors; tiles of 1 and 2 vectors finish a row of tiles

CACHE_LINE = 64  # bytes
FRINGE = MR * NR_VECTORS * VECTOR_BYTES     # bytes of a buffer for a tile that reaches beyond the result
Operand = namedtuple("Operand", "pointer strides")      # of `tile_of`; strides as `tile` says


def _place(r, strides):
    """Where row r begins, by the strides (of a row, of a group of rows)."""
    return r % GROUP * strides[0] + r // GROUP * strides[1]


@np.errstate(all="ignore")
def _python_tile(height, vectors, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides):
    columns = vectors * (VECTOR_BYTES // c.itemsize)
    planes, segments, depth = counts
    for r in range(height):
        total = init[_place(r, init_strides):][:columns].copy()
        for q, s, p in np.ndindex(planes, segments, depth):
            number = a[_place(r, a_strides) + p * a_strides[2] + s * a_strides[3] + q * a_strides[4]]
            total += number * b[p * b_strides[0] + (q * segments + s) * b_strides[1]:][:columns]
        c[_place(r, c_strides):][:columns] = np.where(relu & (total < 0), 0, total)


@routine(_python_tile)
def tile(typing, height, vectors, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides):
    """One tile, `height` rows by `vectors` vectors (constants): C = init + A @ B, negative numbers set to zero if relu.

    counts: (planes, segments, depth) of the sum. a_strides: of A's rows, groups of rows, columns p, segments and
    planes. b_strides: of B's rows p and segments, all planes' in a row. init_strides, c_strides: of rows and groups.
    Shapes: A (height, planes, segments, depth), B (planes, segments, depth, vectors * lanes), init and C (height,
    vectors * lanes)
    init_strides = (0, 0) starts all rows from one (the bias), init = C adds to what is there.
    """
    def codegen(context, builder, signature, arguments):
        _, _, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides = arguments
        vector = Vectors(context, builder, signature.args[2].dtype)
        a_row, a_group, a_column, a_segment, a_plane = cgutils.unpack_tuple(builder, a_strides)
        b_row, b_segment = cgutils.unpack_tuple(builder, b_strides)
        planes, segments, depth = cgutils.unpack_tuple(builder, counts)
        columns = [int64(v * vector.lanes) for v in range(vectors.literal_value)]

        def row_starts(strides):
            row, group = cgutils.unpack_tuple(builder, strides)
            for r in range(height.literal_value):
                yield vector.offset(int64(r % GROUP), row, builder.mul(int64(r // GROUP), group))

        sums = [[vector.variable(vector.load(init, builder.add(start, j))) for j in columns]
                for start in row_starts(init_strides)]
        for start in row_starts(c_strides):     # the caches have C at hand by the time the sums are made
            for j in columns[::max(1, CACHE_LINE // VECTOR_BYTES)]:
                vector.prefetch(c, builder.add(start, j))
        with cgutils.for_range(builder, planes) as q, cgutils.for_range(builder, segments) as s:
            a_here = builder.gep(a, [vector.offset(s.index, a_segment, builder.mul(q.index, a_plane))])
            b_here = builder.gep(b, [builder.mul(vector.offset(q.index, segments, s.index), b_segment)])
            # A pointer to each group: from a single one LLVM would step to row after row, one by one.
            groups = [vector.barrier(builder.gep(a_here, [builder.mul(int64(g), a_group)]))
                      for g in range(-(-height.literal_value // GROUP))]
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
        for start, row_sums in zip(row_starts(c_strides), sums):
            for j, total in zip(columns, row_sums):
                vector.store(builder.load(total), c, builder.add(start, j))

    pair, three, five = (types.UniTuple(types.int64, count) for count in (2, 3, 5))
    return types.void(height, vectors, a, five, b, pair, three, init, pair, types.boolean, c, pair), codegen


@inlined
def panel_vectors(columns, lanes):
    """Width of the next panel of B, in vectors: at most a tile's, and no panel much narrower than the others.

    A tile of one vector has too few sums to keep two FMA units busy.
    """
    vectors = ceil_div(columns, lanes)
    return ceil_div(vectors, ceil_div(vectors, NR_VECTORS))


@inlined
def tile_of(vectors, a, b, counts, init, c, relu):
    """`tile` of MR rows and a width known at run time, 1 to NR_VECTORS vectors; a, b, init and c as `Operand`."""
    if vectors == 3:
        tile(MR, 3, a.pointer, a.strides, b.pointer, b.strides, counts, init.pointer, init.strides, relu, c.pointer,
             c.strides)
    elif vectors == 2:
        tile(MR, 2, a.pointer, a.strides, b.pointer, b.strides, counts, init.pointer, init.strides, relu, c.pointer,
             c.strides)
    else:
        tile(MR, 1, a.pointer, a.strides, b.pointer, b.strides, counts, init.pointer, init.strides, relu, c.pointer,
             c.strides)


@inlined
def short_tile_of(vectors, a, b, counts, init, c, relu):
    """The same of SHORT rows."""
    if vectors == 3:
        tile(SHORT, 3, a.pointer, a.strides, b.pointer, b.strides, counts, init.pointer, init.strides, relu, c.pointer,
             c.strides)
    elif vectors == 2:
        tile(SHORT, 2, a.pointer, a.strides, b.pointer, b.strides, counts, init.pointer, init.strides, relu, c.pointer,
             c.strides)
    else:
        tile(SHORT, 1, a.pointer, a.strides, b.pointer, b.strides, counts, init.pointer, init.strides, relu, c.pointer,
             c.strides)
