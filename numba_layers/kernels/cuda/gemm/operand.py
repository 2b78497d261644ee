"""Loaders of a GEMM's operands from global memory, and those of matrices.

A `Loader` says where the elements of an operand are. Each thread loads a vector of 4 at a time, and advances along K:

    k_contiguous       True where the vector is A[i, k:k + 4], False where it is A[i:i + 4, k] (M-contiguous);
                       for B read A[i, k] as B[k, j] with j for i (N-contiguous)
    start(x, i, k)     the state of the thread whose first vector begins at (i, k): a tuple of numbers, whose types stay
    load(x, state)     the vector's 4 values
    advance(x, state, k)   the state of the vector k further along K

as device functions. `x` is whatever the kernel gives the GEMM for the operand, an array or a tuple of arrays and
numbers. i is a multiple of 4 where the vector is M- or N-contiguous, else k is. Positions may lie outside: beyond K
`load` must answer zeros; beyond M (or N) anything, since those sums are not stored, but it may not read outside of its
arrays.

Vectors are loaded in 128 bits where a matrix begins at a multiple of 16 bytes and its rows are whole vectors, else
element by element.
"""

from collections import namedtuple

import numpy as np

from ..simt.memory import aligned, ld1, ld4
from ..toolchain.api import device

u32 = np.uint32

Loader = namedtuple("Loader", "k_contiguous start load advance")


def load_scalars(one, advance):
    """A `load` of four steps of `advance`: for vectors that are not contiguous. one(x, state): an element."""

    @device
    def load(x, state):
        second = advance(x, state, u32(1))
        third = advance(x, second, u32(1))
        return one(x, state), one(x, second), one(x, third), one(x, advance(x, third, u32(1)))

    return load


@device
def _matrix(x):
    """(array, rows, columns, offset) of a matrix,"""
    return x, u32(x.shape[0]), u32(x.shape[1]), u32(0)


@device
def _batch_matrix(operand):
    """of one matrix of a batch, given as (matrices, its number)."""
    x, s = operand
    rows, columns = u32(x.shape[1]), u32(x.shape[2])
    return x, rows, columns, u32(s * rows * columns)


def _k_contiguous(matrix):
    """The loader of a matrix (M or N, K), row-major."""
    @device
    def start(operand, i, k):
        x, rows, depth, begin = matrix(operand)
        inside = i if i < rows else u32(rows - u32(1))
        return u32(begin + inside * depth + k), k, aligned(x) and depth % u32(4) == u32(0)

    @device
    def load(operand, state):
        x, rows, depth, begin = matrix(operand)
        at, k, vectors = state
        zero = x.dtype.type(0)
        if vectors:
            return ld4(x, at) if k < depth else (zero, zero, zero, zero)
        return (ld1(x, at) if k < depth else zero,
                ld1(x, u32(at + u32(1))) if u32(k + u32(1)) < depth else zero,
                ld1(x, u32(at + u32(2))) if u32(k + u32(2)) < depth else zero,
                ld1(x, u32(at + u32(3))) if u32(k + u32(3)) < depth else zero)

    @device
    def advance(operand, state, terms):
        at, k, vectors = state
        return u32(at + terms), u32(k + terms), vectors

    return Loader(True, start, load, advance)


def _mn_contiguous(matrix):
    """The loader of a matrix (K, M or N), row-major."""
    @device
    def start(operand, i, k):
        x, depth, columns, begin = matrix(operand)
        vectors = aligned(x) and columns % u32(4) == u32(0)
        inside = u32(columns - u32(4)) if vectors and i >= columns else i
        return u32(begin + k * columns + inside), k, vectors

    @device
    def load(operand, state):
        x, depth, columns, begin = matrix(operand)
        at, k, vectors = state
        zero, inside = x.dtype.type(0), k < depth
        if vectors:
            return ld4(x, at) if inside else (zero, zero, zero, zero)
        i = u32(at - begin - k * columns)
        return (ld1(x, at) if inside and i < columns else zero,
                ld1(x, u32(at + u32(1))) if inside and u32(i + u32(1)) < columns else zero,
                ld1(x, u32(at + u32(2))) if inside and u32(i + u32(2)) < columns else zero,
                ld1(x, u32(at + u32(3))) if inside and u32(i + u32(3)) < columns else zero)

    @device
    def advance(operand, state, terms):
        x, depth, columns, begin = matrix(operand)
        at, k, vectors = state
        return u32(at + terms * columns), u32(k + terms), vectors

    return Loader(False, start, load, advance)


k_contiguous, mn_contiguous = _k_contiguous(_matrix), _mn_contiguous(_matrix)
batch_k_contiguous, batch_mn_contiguous = _k_contiguous(_batch_matrix), _mn_contiguous(_batch_matrix)


@device
def row_major(y, i):
    """Offset of row i of a matrix."""
    return u32(i * y.shape[-1])


@device
def whole_array(y):
    """(the array that receives a result, offset of the result in it),"""
    return y, u32(0)


@device
def batch_item(operand):
    """and those of one matrix of a batch, given as (matrices, its number)."""
    y, rows, columns, begin = _batch_matrix(operand)
    return y, begin
