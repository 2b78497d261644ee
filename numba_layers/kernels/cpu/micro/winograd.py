"""The transforms of Winograd's convolution, Y = M X M.T for the matrices of `math.winograd`, on vectors of channels."""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from ...math.winograd import MATRICES, OUTPUT_2, OUTPUT_4
from .vector import VECTOR_BYTES, Vectors, int64, routine


def _python_transform(kind, x, x_strides, y, y_strides, vectors, bias, relu):
    matrix = np.array(MATRICES[kind], y.dtype)
    rows, columns = matrix.shape
    for j in range(vectors * (VECTOR_BYTES // y.itemsize)):
        block = np.array([[x[r * x_strides[0] + c * x_strides[1] + j] for c in range(columns)] for r in range(columns)])
        block = matrix @ block @ matrix.T
        if kind in (OUTPUT_4, OUTPUT_2):
            block += bias[j]
            block = np.where(relu & (block < 0), 0, block)
        for r in range(rows):
            for c in range(rows):
                y[r * y_strides[0] + c * y_strides[1] + j] = block[r, c]


@routine(_python_transform)
def transform(typing, kind, x, x_strides, y, y_strides, vectors, bias, relu):
    """Y = M X M.T for the matrix `kind` (a constant), on `vectors` vectors side by side.

    Strides are of X's, or Y's, rows and columns. The OUTPUT kinds add the bias and cut negative numbers if relu.
    """
    def codegen(context, builder, signature, arguments):
        _, x, (x_row, x_column), y, (y_row, y_column), vectors, bias, relu = arguments
        vector = Vectors(context, builder, signature.args[1].dtype)
        kind = signature.args[0].literal_value
        matrix = MATRICES[kind]
        rows, columns = range(len(matrix)), range(len(matrix[0]))
        with cgutils.for_range(builder, vectors) as loop:
            j = builder.mul(loop.index, int64(vector.lanes))

            def place(r, c, row, column):
                return vector.offset(int64(r), row, vector.offset(int64(c), column, j))

            block = [_combined(vector, matrix, [vector.load(x, place(r, c, x_row, x_column)) for r in columns])
                     for c in columns]                                  # by columns: M X
            block = [_combined(vector, matrix, [column[r] for column in block]) for r in rows]     # by rows: M X M.T
            if kind in (OUTPUT_4, OUTPUT_2):
                start = vector.load(bias, j)
                block = [[_ended(vector, builder.fadd(value, start), relu) for value in row] for row in block]
            for r in rows:
                for c in rows:
                    vector.store(block[r][c], y, place(r, c, y_row, y_column))

    i, pair = types.int64, types.UniTuple(types.int64, 2)
    return types.void(kind, x, pair, y, pair, i, bias, types.boolean), codegen


def _ended(vector, value, relu):
    zeros = ir.Constant(vector.type, None)
    negative = vector.builder.fcmp_ordered("<", value, zeros)
    every = vector.builder.select(relu, negative, ir.Constant(negative.type, None))
    return vector.builder.select(every, zeros, value)


def _combined(vector, matrix, values):
    """The products of the matrix's rows with `values`, a list of vectors."""
    return [_row(vector, row, values) for row in matrix]


def _row(vector, row, values):
    total = None
    for factor, value in sorted(zip(row, values), key=lambda term: abs(term[0]) != 1):   # sums first, then products
        if factor == 0:
            continue
        if abs(factor) == 1:
            if total is None:
                total = value if factor == 1 else vector.builder.fneg(value)
            else:
                total = (vector.builder.fadd if factor == 1 else vector.builder.fsub)(total, value)
        else:
            constant = ir.Constant(vector.type, [vector.element(float(factor))] * vector.lanes)
            total = vector.builder.fmul(constant, value) if total is None else \
                vector.multiply_add(constant, value, total)
    return total
