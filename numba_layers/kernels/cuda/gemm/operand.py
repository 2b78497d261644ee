"""Loaders of matrices for the tile engine (see `gemm.mainloop`).

They read quads of 128 bits where a matrix begins at a multiple of 16 bytes and its rows are whole quads, else number by
number.
"""

from collections import namedtuple

import numpy as np

from ..simt.memory import aligned, ld1, ld4
from ..toolchain.api import device

u32 = np.uint32

Loader = namedtuple("Loader", "across start read move")


def one_by_one(one, move):
    """A `read` of four steps of `move`: for quads whose numbers do not lie side by side. one(x, state): a number."""

    @device
    def read(x, state):
        second = move(x, state, u32(1))
        third = move(x, second, u32(1))
        return one(x, state), one(x, second), one(x, third), one(x, move(x, third, u32(1)))

    return read


@device
def _matrix(x):
    """(array, rows, columns, where it begins) of a matrix,"""
    return x, u32(x.shape[0]), u32(x.shape[1]), u32(0)


@device
def _sample(operand):
    """of one sample's matrix, given as (matrices, number of the sample)."""
    x, s = operand
    rows, columns = u32(x.shape[1]), u32(x.shape[2])
    return x, rows, columns, u32(s * rows * columns)


def _matrix_across(matrix):
    """The loader of a matrix whose rows run along the sum."""
    @device
    def start(operand, i, k):
        x, rows, depth, begin = matrix(operand)
        inside = i if i < rows else u32(rows - u32(1))
        return u32(begin + inside * depth + k), k, aligned(x) and depth % u32(4) == u32(0)

    @device
    def read(operand, state):
        x, rows, depth, begin = matrix(operand)
        at, k, whole = state
        zero = x.dtype.type(0)
        if whole:
            return ld4(x, at) if k < depth else (zero, zero, zero, zero)
        return (ld1(x, at) if k < depth else zero,
                ld1(x, u32(at + u32(1))) if u32(k + u32(1)) < depth else zero,
                ld1(x, u32(at + u32(2))) if u32(k + u32(2)) < depth else zero,
                ld1(x, u32(at + u32(3))) if u32(k + u32(3)) < depth else zero)

    @device
    def move(operand, state, terms):
        at, k, whole = state
        return u32(at + terms), u32(k + terms), whole

    return Loader(True, start, read, move)


def _matrix_down(matrix):
    """The loader of a matrix whose columns run along the sum."""
    @device
    def start(operand, i, k):
        x, depth, columns, begin = matrix(operand)
        whole = aligned(x) and columns % u32(4) == u32(0)
        inside = u32(columns - u32(4)) if whole and i >= columns else i
        return u32(begin + k * columns + inside), k, whole

    @device
    def read(operand, state):
        x, depth, columns, begin = matrix(operand)
        at, k, whole = state
        zero, inside = x.dtype.type(0), k < depth
        if whole:
            return ld4(x, at) if inside else (zero, zero, zero, zero)
        i = u32(at - begin - k * columns)
        return (ld1(x, at) if inside and i < columns else zero,
                ld1(x, u32(at + u32(1))) if inside and u32(i + u32(1)) < columns else zero,
                ld1(x, u32(at + u32(2))) if inside and u32(i + u32(2)) < columns else zero,
                ld1(x, u32(at + u32(3))) if inside and u32(i + u32(3)) < columns else zero)

    @device
    def move(operand, state, terms):
        x, depth, columns, begin = matrix(operand)
        at, k, whole = state
        return u32(at + terms * columns), u32(k + terms), whole

    return Loader(False, start, read, move)


across, down = _matrix_across(_matrix), _matrix_down(_matrix)
across_samples, down_samples = _matrix_across(_sample), _matrix_down(_sample)


@device
def matrix_row(y, i):
    """Where row i of a matrix begins."""
    return u32(i * y.shape[-1])


@device
def itself(y):
    """(the array that receives a matrix, where it begins),"""
    return y, u32(0)


@device
def sample(operand):
    """and those of one of several, given as (matrices, its number)."""
    y, rows, columns, begin = _sample(operand)
    return y, begin
