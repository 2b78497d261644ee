"""Winograd's convolution in registers: its transforms, Y = M X M.T for the matrices of `math.winograd`.

A transform turns a `block`, 36 numbers of one thread as rows of SIDE, in place: along its columns, then its rows.

Reference: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", §4.1 and §4.2.
"""

import numpy as np
from llvmlite import ir
from numba.core import types

from ...math.winograd import (
    GRADIENT_4,
    INPUT_2,
    INPUT_4,
    MATRICES,
    OUTPUT_2,
    OUTPUT_4,
    SIDE,
    WEIGHT_2,
    WEIGHT_4,
    WINDOW_4,
    pairs,
)
from ..simt.index import divmod_u32, mad
from ..simt.memory import INT64, element_pointer, ld1, st1
from ..toolchain.api import device, intrinsic
from .mma import tile_fma

FRAGMENT = 8               # rows and columns of a point's products that one thread accumulates: 8 x 8
ACCUMULATORS = FRAGMENT * FRAGMENT
u32 = np.uint32

multiply_add = tile_fma(1, FRAGMENT // 4, 4, 4, 0, 0)   # (total, a, at, b, at): an outer product


@device
def place_of(number, blocks):
    """(sample, row, column) of a block; blocks: how many rows and columns of them an image has."""
    line, column = divmod_u32(number, blocks[1])
    n, row = divmod_u32(line, blocks[0])
    return n, row, column


# ---- blocks in memory --------------------------------------------------------------------------------------


def reading(side):
    """A device function (x, n, i, j, c, valid, block): block = x[n, i:i + side, j:j + side, c], zeros outside of x.

    Zeros everywhere unless `valid`.
    """

    @device
    def read_row(x, n, i, j, c, valid, first, block):
        height, width, channels = u32(x.shape[1]), u32(x.shape[2]), u32(x.shape[3])
        start = mad(mad(mad(n, height, i), width, j), channels, c)
        inside = valid and i < height
        for q in range(side):
            value = x.dtype.type(0)
            if inside and u32(j + q) < width:
                value = ld1(x, mad(u32(q), channels, start))
            block[first + q] = value

    @device
    def read(x, n, i, j, c, valid, block):   # no loop: compilers do not unroll such long ones
        read_row(x, n, i, j, c, valid, 0, block)
        read_row(x, n, u32(i + 1), j, c, valid, SIDE, block)
        read_row(x, n, u32(i + 2), j, c, valid, 2 * SIDE, block)
        read_row(x, n, u32(i + 3), j, c, valid, 3 * SIDE, block)
        if side == SIDE:
            read_row(x, n, u32(i + 4), j, c, valid, 4 * SIDE, block)
            read_row(x, n, u32(i + 5), j, c, valid, 5 * SIDE, block)

    return read


def writing(side):
    """A device function (block, bias, relu, y, n, i, j, f): y[n, i:i + side, j:j + side, f] = block + bias, as far as
    there is y, relu if so."""

    @device
    def write_row(block, first, bias, relu, y, n, i, j, f):
        height, width, filters, zero = u32(y.shape[1]), u32(y.shape[2]), u32(y.shape[3]), y.dtype.type(0)
        start = mad(mad(mad(n, height, i), width, j), filters, f)
        for q in range(side):
            value = block[first + q] + bias
            if i < height and u32(j + q) < width:
                st1(y, mad(u32(q), filters, start), zero if relu and value < zero else value)

    @device
    def write(block, bias, relu, y, n, i, j, f):
        write_row(block, 0, bias, relu, y, n, i, j, f)
        write_row(block, SIDE, bias, relu, y, n, u32(i + 1), j, f)
        if side == 4:
            write_row(block, 2 * SIDE, bias, relu, y, n, u32(i + 2), j, f)
            write_row(block, 3 * SIDE, bias, relu, y, n, u32(i + 3), j, f)

    return write


def spreading(side):
    """Device functions (block, array, at, step): to array[at + k * step], number k of a block, and back."""

    @device
    def spread(block, array, at, step):
        for k in range(side * side):
            st1(array, mad(u32(k), step, at), block[k // side * SIDE + k % side])

    @device
    def gather(block, array, at, step):
        for k in range(side * side):
            block[k // side * SIDE + k % side] = ld1(array, mad(u32(k), step, at))

    return spread, gather


read_4, read_6 = reading(4), reading(6)
write_2, write_4 = writing(2), writing(4)
(spread_3, gather_3), (spread_4, gather_4), (spread_6, gather_6) = spreading(3), spreading(4), spreading(6)


# ---- transforms --------------------------------------------------------------------------------------------


def in_both_axes(along, inputs, outputs):
    """A device function (block) that turns inputs x inputs numbers to outputs x outputs by `along`."""

    @device
    def transform(block):
        for c in range(inputs):
            along(block, c, SIDE)
        for r in range(outputs):
            along(block, r * SIDE, 1)

    return transform


def _combined(builder, rows, values):
    """The products of `rows` with `values`, a list of numbers (LLVM)."""
    return [_combination(builder, row, values) for row in rows]


def _combination(builder, row, values):
    """Σ row[k] values[k], from the first term that is not negative on; a factor of all is multiplied once (LLVM)."""
    terms, scale = [(factor, value) for factor, value in zip(row, values) if factor], 1
    if len({abs(factor) for factor, _ in terms}) == 1:
        scale = abs(terms[0][0])
        terms = [(factor / scale, value) for factor, value in terms]
    if all(factor < 0 for factor, _ in terms):
        scale, terms = -scale, [(-factor, value) for factor, value in terms]
    first = next(k for k, (factor, _) in enumerate(terms) if factor > 0)
    total = None
    for factor, value in [terms.pop(first), *terms]:
        if abs(factor) != 1:
            value = builder.fmul(ir.Constant(value.type, float(abs(factor))), value)
        total = value if total is None else (builder.fadd if factor > 0 else builder.fsub)(total, value)
    return total if scale == 1 else builder.fmul(ir.Constant(total.type, float(scale)), total)


def _product(builder, matrix, values):
    """matrix @ values, by fewer operations: what two rows, or two columns, have in common is computed once (LLVM)."""
    halves = {r: (equal, opposite) for r, equal, opposite in pairs(matrix)}
    if not halves:
        values, matrix = _paired(builder, list(zip(*matrix)), values)
    result = []
    for r, row in enumerate(matrix):
        if r in halves:
            even, odd = _combined(builder, halves[r], values)
            result += [builder.fadd(even, odd), builder.fsub(even, odd)]
        elif len(result) == r:
            result.append(_combination(builder, row, values))
    return result


def _paired(builder, columns, values):
    """Sums and differences of the values whose columns are alike but for signs, and the rows of them (LLVM)."""
    values, columns = list(values), [list(column) for column in columns]
    for c, equal, opposite in pairs(columns):
        one, other = values[c:c + 2]
        values[c:c + 2] = builder.fadd(one, other), builder.fsub(one, other)
        columns[c:c + 2] = equal, opposite
    return values, list(zip(*columns))


def along(matrix):
    """An intrinsic (x, at, step): x[at + r step] = Σ_c matrix[r][c] x[at + c step]."""
    @intrinsic
    def transform(typingctx, x, at, step):
        def codegen(context, builder, signature, arguments):
            x, at, step = arguments
            places = [element_pointer(context, builder, signature, (x, builder.add(at, builder.mul(step, INT64(k)))))
                      for k in range(max(len(matrix), len(matrix[0])))]
            values = [builder.load(place) for place in places[:len(matrix[0])]]
            for value, place in zip(_product(builder, matrix, values), places):
                builder.store(value, place)
            return context.get_dummy_value()
        return types.void(x, types.int64, types.int64), codegen
    return transform


def transform_of(kind):
    """The device function (block) of a matrix of `math.winograd`."""
    matrix = MATRICES[kind]
    return in_both_axes(along(matrix), len(matrix[0]), len(matrix))


input_4, weight_4, output_4 = transform_of(INPUT_4), transform_of(WEIGHT_4), transform_of(OUTPUT_4)
input_2, weight_2, output_2 = transform_of(INPUT_2), transform_of(WEIGHT_2), transform_of(OUTPUT_2)
gradient_4, window_4 = transform_of(GRADIENT_4), transform_of(WINDOW_4)
