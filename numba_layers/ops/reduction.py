"""Reductions over one axis, several or all: sums, means, extremes, positions, running sums.

A reduction sees its tensor as (outer, n, inner) and reduces the middle, run after run of adjacent axes.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from ..autograd.tensor import as_tensor
from ..errors import ShapeError, shown
from . import elementwise, shape
from ._op import composite, op, viewed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..autograd.tensor import Tensor
    from ..typing import TensorLike

ROW_CHUNK = 16384    # numbers of a row that are combined without a partial result
COLUMN_CHUNK = 256   # the same for a column
FOLD = 64            # many narrow columns, fewer than FOLD, are walked as (n / FOLD, FOLD * columns)


def axes_of(name, x, axis):
    """`axis` (None: all; an int; several) as an ascending tuple of non-negative ints, checked against `x`."""
    if axis is None:
        return tuple(range(x.ndim))
    axes = [axis] if isinstance(axis, int | np.integer) else list(axis)
    for entry in axes:
        if not -x.ndim <= entry < x.ndim:
            raise ShapeError(f"{name}: axis {shown(entry)} is out of range for x of shape {x.shape}. "
                             f"Legal: {-x.ndim} to {x.ndim - 1}." if x.ndim else
                             f"{name}: axis {shown(entry)} is out of range: x is a number, without axes.")
    positive = sorted(int(entry) % x.ndim for entry in axes)
    if len(set(positive)) < len(positive):
        raise ShapeError(f"{name}: an axis of {tuple(axes)} is named twice (x has shape {x.shape}).")
    return tuple(positive)


def axis_of(name, x, axis):
    """One axis of `x` as a non-negative int."""
    return axes_of(name, x, (axis,))[0]


def reduced_shape(x, axes, keepdims):
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    return tuple(size for axis, size in enumerate(x.shape) if axis not in axes)


def _nothing(name, x, axis):
    return ShapeError(f"{name}: axis {axis} of x (shape {x.shape}) is empty, and nothing has no {name}.")


def _reduce(run, name, x, axes, keepdims, dtype=None, of_nothing=None, into=None):
    """Run kernels `<name>_rows` and `<name>_columns` until nothing is left to reduce."""
    out = reduced_shape(x, axes, keepdims)
    dtype = dtype or x.dtype
    if None in x.shape:
        return run(f"{name}_rows", x, out=out, dtype=dtype)
    if x.size == 0:
        empty = [axis for axis in axes if x.shape[axis] == 0]
        if of_nothing is None and empty:
            raise _nothing(name, x, empty[0])
        return run("fill", dtype.type(of_nothing or 0), out=out, dtype=dtype, out_view=(-1,), into=into)
    *launches, (kernel, seen, result) = _plan(name, x.shape, axes)
    for partial_kernel, partial_seen, partial in launches:
        x = run(partial_kernel, viewed(x, *partial_seen), out=partial, dtype=dtype)
    return run(kernel, viewed(x, *seen), out=out, dtype=dtype, out_view=result, into=into)


def reduced(run, name, x, axes):
    """x without `axes`, by the kernels of a reduction, within an op of another family."""
    return _reduce(run, name, x, axes, keepdims=False)


@functools.lru_cache(4096)
def _plan(name, sizes, axes):
    """(kernel, shape in which it sees its input, shape of its output) of each launch for `axes`."""
    runs = [(reduced, math.prod(size for _, size in group)) for reduced, group in itertools.groupby(
        ((axis in axes, size) for axis, size in enumerate(sizes) if size > 1), key=lambda pair: pair[0])]
    return list(_launches(name, runs))


def _launches(name, runs):
    """The launches for `runs`: pairs (reduced?, size), neighbours differing."""
    outer = math.prod(size for _, size in runs)
    inner = 1
    for reduced, size in reversed(runs):
        outer //= size
        if not reduced:
            inner *= size
            continue
        n = size
        while n > 1:
            if inner == 1:
                left = -(-n // ROW_CHUNK)
                yield f"{name}_rows", (outer, n), (outer, left)
            else:
                fold = math.gcd(n, FOLD) if inner < FOLD and n * inner > ROW_CHUNK else 1
                chunks = -(-n // (fold * COLUMN_CHUNK))
                left = fold * chunks
                yield f"{name}_columns", (outer, n // fold, fold * inner), (outer, chunks, fold * inner)
            n = left
    if True not in dict(runs):
        yield f"{name}_rows", (inner, 1), (inner, 1)


@op
def sum(run, x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False, into: Any = None):
    """Sum over `axis` (None for all, an int, several); the sum of nothing is 0. Truth values are counted.

    into: an array to write the sum to.
    """
    axes = axes_of("sum", x, axis)
    dtype = np.dtype(np.int64) if x.dtype.kind == "b" else x.dtype
    return (_reduce(run, "sum", x, axes, keepdims, dtype, of_nothing=0, into=into),
            lambda grad: _spread(grad, x, axes))


def sum_parts(run, partial, into=None):
    """Inside an op: the sum over the first axis of what a kernel wrote in parts."""
    parts, *shape = partial.shape
    return run("sum_columns", viewed(partial, 1, parts, -1), out=tuple(shape), out_view=(1, 1, -1), into=into)


@op
def prod(run, x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False):
    """Product over `axis`; the product of nothing is 1."""
    axes = axes_of("prod", x, axis)
    return (_reduce(run, "prod", x, axes, keepdims, of_nothing=1),
            lambda grad: elementwise.multiply(_kept(grad, x, axes), _product_of_others(x, axes)))


@op
def max(run, x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False):
    """Largest over `axis`, NaN where there is one; equal ones share the gradient.

    Raises: ShapeError when `axis` is empty.
    """
    axes = axes_of("max", x, axis)
    y = _reduce(run, "max", x, axes, keepdims)
    return y, lambda grad: _shared(grad, x, y, axes)


@op
def min(run, x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False):
    """Smallest over `axis`, NaN where there is one; equal ones share the gradient.

    Raises: ShapeError when `axis` is empty.
    """
    axes = axes_of("min", x, axis)
    y = _reduce(run, "min", x, axes, keepdims)
    return y, lambda grad: _shared(grad, x, y, axes)


def any(x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Is one over `axis` true (not 0)?"""
    return _any(elementwise.cast(x, dtype="bool"), axis=axis, keepdims=keepdims)


@op
def _any(run, x, *, axis, keepdims):
    return _reduce(run, "any", x, axes_of("any", x, axis), keepdims, of_nothing=0), None


def all(x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Are all over `axis` true (not 0)?"""
    return _all(elementwise.cast(x, dtype="bool"), axis=axis, keepdims=keepdims)


@op
def _all(run, x, *, axis, keepdims):
    return _reduce(run, "all", x, axes_of("all", x, axis), keepdims, of_nothing=1), None


# Gradients of reductions

def _kept(y, x, axes):
    """A reduction `y` of `x`, its reduced axes back in their places with size 1."""
    return shape.reshape(y, shape=reduced_shape(x, axes, keepdims=True))


def _spread(grad, x, axes):
    """The gradient of a sum over `axes`: the same for each element."""
    return shape.broadcast_to(_kept(grad, x, axes), shape=x.shape)


def _shared(grad, x, y, axes):
    """The gradient of the extreme `y`, divided equally among the elements that equal it."""
    ties = elementwise.cast(elementwise.equal(x, _kept(y, x, axes)), dtype=x.dtype)
    contribution = elementwise.divide(_kept(grad, x, axes), sum(ties, axis=axes, keepdims=True))
    return elementwise.multiply(ties, contribution)


def _product_of_others(x, axes):
    """For each element the product of those reduced with it, without itself; right also where some are 0."""
    order = [axis for axis in range(x.ndim) if axis not in axes] + list(axes)
    moved = shape.transpose(x, axes=order)
    lead = moved.shape[:x.ndim - len(axes)]
    rows = shape.reshape(moved, shape=(*lead, math.prod(moved.shape[len(lead):])))
    others = elementwise.multiply(cumprod(rows, exclusive=True), cumprod(rows, exclusive=True, reverse=True))
    return shape.transpose(shape.reshape(others, shape=moved.shape), axes=np.argsort(order).tolist())


def unbroadcast(grad, like):
    """The gradient of a tensor that was broadcast: `grad` summed where `like` was repeated."""
    if grad.shape == like.shape:
        return grad
    leading = grad.ndim - like.ndim
    repeated = [axis for axis, size in enumerate(grad.shape)
                if axis < leading or like.shape[axis - leading] != size]
    return shape.reshape(sum(grad, axis=repeated), shape=like.shape)


# Made of the above

def _count(x, axes):
    """How many numbers make one; of a symbolic tensor with open sizes only the result's shape matters."""
    sizes = [x.shape[axis] for axis in axes]
    return 1 if None in sizes else math.prod(sizes)


@composite
def mean(x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Mean over `axis`, in floats."""
    x = elementwise.as_float(x)
    axes = axes_of("mean", x, axis)
    return elementwise.divide(sum(x, axis=axes, keepdims=keepdims), _count(x, axes))


@composite
def var(x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Variance over `axis`: the mean squared distance from the mean."""
    x = elementwise.as_float(x)
    distance = elementwise.subtract(x, mean(x, axis=axis, keepdims=True))
    return mean(elementwise.square(distance), axis=axis, keepdims=keepdims)


def std(x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Standard deviation over `axis`: the root of the variance."""
    return elementwise.sqrt(var(x, axis=axis, keepdims=keepdims))


@composite
def logsumexp(x: TensorLike, *, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """log Σ e**x over `axis`, without overflow: the largest finite x is taken out of the sum."""
    x = elementwise.as_float(x)
    axes = axes_of("logsumexp", x, axis)
    largest = elementwise.stop_gradient(max(x, axis=axes, keepdims=True))
    largest = elementwise.where(elementwise.isinf(largest), 0, largest)
    total = sum(elementwise.exp(elementwise.subtract(x, largest)), axis=axes, keepdims=True)
    y = elementwise.add(elementwise.log(total), largest)
    return y if keepdims else shape.squeeze(y, axis=axes)


def l2_normalize(x: TensorLike, *, axis: int | Sequence[int] | None = None, epsilon: float = 1e-12) -> Tensor:
    """x / √max(Σ x², epsilon), the sum over `axis`: each slice gets length 1."""
    squares = sum(elementwise.square(x), axis=axis, keepdims=True)
    return elementwise.divide(x, elementwise.sqrt(elementwise.maximum(squares, epsilon)))


# Positions and running results, along one axis

def _positions(function, name, x, axis):
    """`function` of the last axis, applied along `axis`."""
    x = as_tensor(x)
    axis = axis_of(name, x, axis)
    if x.shape[axis] == 0:
        raise _nothing(name, x, axis)
    if axis < x.ndim - 1:
        x = shape.transpose(x, axes=[*(other for other in range(x.ndim) if other != axis), axis])
    return function(x)


def _by_rows(run, kernel, x):
    *lead, n = x.shape
    return run(kernel, viewed(x, -1, n), out=tuple(lead), dtype=np.dtype(np.int64), out_view=(-1,)), None


def argmax(x: TensorLike, *, axis: int = -1) -> Tensor:
    """Position of the first largest along `axis`, as int64; NaN counts as largest."""
    return _positions(_argmax, "argmax", x, axis)


@op
def _argmax(run, x):
    return _by_rows(run, "argmax_forward", x)


def argmin(x: TensorLike, *, axis: int = -1) -> Tensor:
    """Position of the first smallest along `axis`, as int64; NaN counts as smallest."""
    return _positions(_argmin, "argmin", x, axis)


@op
def _argmin(run, x):
    return _by_rows(run, "argmin_forward", x)


def _cumulated(run, kernel, x, axis, exclusive, reverse):
    """Run a kernel that sees `x` as (outer, n, inner) with n the size of `axis`."""
    seen = ()
    if None not in x.shape:
        seen = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1:])
    return run(kernel, viewed(x, *seen), exclusive, reverse, out=x.shape, dtype=x.dtype, out_view=seen)


@op
def cumsum(run, x: TensorLike, *, axis: int = -1, exclusive: bool = False, reverse: bool = False):
    """Running sum along `axis`: y_i = Σ_{j<=i} x_j, or j < i if `exclusive`; from the end if `reverse`."""
    axis = axis_of("cumsum", x, axis)
    return (_cumulated(run, "cumsum_forward", x, axis, exclusive, reverse),
            lambda grad: cumsum(grad, axis=axis, exclusive=exclusive, reverse=not reverse))


@op
def cumprod(run, x: TensorLike, *, axis: int = -1, exclusive: bool = False, reverse: bool = False):
    """Running product along `axis`: y_i = Π_{j<=i} x_j, or j < i if `exclusive`; from the end if `reverse`.

    The gradient divides by x, so it is not a number where x is 0 (as TensorFlow's).
    """
    axis = axis_of("cumprod", x, axis)
    y = _cumulated(run, "cumprod_forward", x, axis, exclusive, reverse)

    def vjp(grad):
        return elementwise.divide(
            cumsum(elementwise.multiply(y, grad), axis=axis, exclusive=exclusive, reverse=not reverse), x)

    return y, vjp
