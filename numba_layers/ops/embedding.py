"""Rows of a table by their numbers: embeddings and one-hot codes."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

from .. import config, devices
from ..autograd.graph import SymbolicTensor
from ..autograd.tensor import as_tensor
from ..errors import ArgumentError, OutOfRangeError, ShapeError
from . import elementwise
from ._op import composite, op, viewed

if TYPE_CHECKING:
    from ..autograd.tensor import Tensor
    from ..typing import DtypeLike, TensorLike


def _integers(indices):
    if indices.dtype == np.int64:
        return indices
    return elementwise.cast(indices, dtype="int64")


@op
def _gather(run, x, indices):
    out, columns = tuple(indices.shape) + tuple(x.shape[1:]), _columns(x.shape)
    y = run("gather_forward", viewed(x, x.shape[0], columns), viewed(indices, -1), out=out,
            out_view=(indices.size, columns), dtype=x.dtype)
    return y, lambda grad, *, into=None: _scatter(grad, indices, shape=x.shape, into=into), None


@op
def _scatter(run, x, indices, *, shape, into=None):
    """y of `shape`: the sum, for each of its rows, of the rows of x whose index names it."""
    columns = _columns(shape)
    y = run("gather_backward_x", viewed(x, indices.size, columns), viewed(indices, -1), out=shape,
            out_view=(shape[0], columns), dtype=x.dtype, into=into)
    return y, lambda grad: _gather(grad, indices), None


def gather(x: TensorLike, indices: TensorLike) -> Tensor:
    """y[n] = x[indices[n]]: rows of x, by numbers from 0.

    Shapes: x (rows, ...), indices of any shape (and type: they are cast to int64) -> y (*indices.shape, ...)
    Raises: OutOfRangeError for an index that is negative or not below the number of rows, where the indices lie in
    the host's memory. On a GPU nobody looks at them: the row is NaN, or 0 in a table of integers.
    """
    return rows_of(x, indices, what="index", among="rows of x")


@composite
def rows_of(x, indices, *, what, among):
    """`gather`, whose message calls an index `what` and the rows `among`."""
    x, indices = as_tensor(x), as_tensor(indices)
    if x.ndim == 0:
        raise ShapeError("gather: x is a number, expected rows (rows, ...).")
    check_range(indices, x.shape[0], what, among, harmless=True)
    return _gather(x, _integers(indices))


def check_range(indices, size, what, among, harmless=False):
    """Compare `indices` with the `size` things they number, where they lie in the host's memory.

    Those that a program is given are compared before each of its runs. harmless: kernels read nothing by one that is
    out of range, so that jitted code may do without the comparison.
    Raises: OutOfRangeError for one that is negative, not below `size`, or NaN.
    """
    if size is None or isinstance(indices, SymbolicTensor) or not isinstance(indices.data, np.ndarray):
        return
    device, check = devices.current(), functools.partial(_check, size, what, among)
    check.harmless = harmless
    check(indices.data if device.recording and device.compares(indices.data, check) else indices.numpy())


def _check(size, what, among, data):
    place = misplaced(data, size)
    if place is not None:
        raise OutOfRangeError(f"{what} {data[place]} is out of range for the {size} {among}, which count from 0."
                              + (f" It stands at {list(place)}." if place else ""))


def misplaced(data, size):
    """The place of the first number of an array that is not in 0 .. size - 1, as a tuple; None where all are."""
    if not data.size:
        return None
    if data.dtype == np.int64:      # one pass for the common case: as unsigned numbers, negative ones are large
        if np.maximum.reduce(data.view(np.uint64), axis=None) < size:
            return None
    wrong = ~((data >= 0) & (data < size))
    return tuple(map(int, np.unravel_index(wrong.argmax(), data.shape))) if wrong.any() else None


def _columns(shape):
    """Numbers in a row."""
    return None if None in shape[1:] else math.prod(shape[1:])


@op
def _one_hot(run, indices, *, depth, dtype):
    return run("one_hot", viewed(indices, -1), out=(*indices.shape, depth), out_view=(indices.size, depth),
               dtype=np.dtype(dtype)), None


def one_hot(indices: TensorLike, *, depth: int, dtype: DtypeLike | None = None) -> Tensor:
    """y[..., k] = 1 where k = indices[...], else 0; an index outside of [0, depth) gives zeros.

    Shapes: indices of any shape (and type: they are cast to int64) -> y (*indices.shape, depth) of floatx
    """
    if depth < 1:
        raise ArgumentError(f"one_hot: depth must be 1 or more, got {depth}.")
    return _one_hot(_integers(as_tensor(indices)), depth=int(depth), dtype=dtype or config.floatx())
