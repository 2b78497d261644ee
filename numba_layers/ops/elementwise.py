"""Arithmetic element by element, on shapes that broadcast as NumPy's do.

Integers and truth values that meet floats become floats; float32 and float64 together are an error. Where a
function has a kink, the gradient is TensorFlow 1.15's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .. import config
from ..autograd.tensor import as_tensor
from ..errors import DtypeError, nearest
from . import reduction
from ._broadcast import broadcast
from ._op import FLAT, flat, op, reshaped, viewed

if TYPE_CHECKING:
    from ..autograd.tensor import Tensor
    from ..typing import DtypeLike, TensorLike

_DTYPES = ("bool", "float32", "float64", "int32", "int64", "uint8")


def _as(run, x, dtype):
    if x.dtype == dtype:
        return x
    return run("cast", flat(x), out=x.shape, dtype=np.dtype(dtype), out_view=FLAT)


def in_floats(run, x):
    """x in floatx, where it was of integers or truth values."""
    return x if x.dtype.kind == "f" else _as(run, x, config.floatx())


def _same_type(run, *tensors):
    """The tensors in one type; two float types stay as they are, and `run` complains."""
    dtypes = [tensor.dtype for tensor in tensors]
    if all(dtype == dtypes[0] for dtype in dtypes):
        return tensors
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    common = floats[0] if floats else np.result_type(*dtypes)
    return tuple(tensor if tensor.dtype.kind == "f" else _as(run, tensor, common) for tensor in tensors)


def unary(run, name, x, *options, dtype=None):
    """Run `<name>_forward` on the elements of x."""
    return run(f"{name}_forward", flat(x), *options, out=x.shape, dtype=dtype, out_view=FLAT)


def binary(run, name, x, y, dtype=None):
    """Run `<name>_forward` on the elements of x and y, which broadcast."""
    x, y = _same_type(run, x, y)
    shape, *layout = broadcast(name, x, y)
    if x.shape == y.shape:
        return run(f"{name}_forward", flat(x), flat(y), *layout, out=shape, dtype=dtype, out_view=FLAT)
    return run(f"{name}_forward", viewed(x, -1), viewed(y, -1), *layout,
               out=shape, dtype=dtype, out_view=(-1,))


# Arithmetic of two tensors

@op
def add(run, x: TensorLike, y: TensorLike):
    """x + y"""
    return (binary(run, "add", x, y),
            lambda grad: reduction.unbroadcast(grad, x),
            lambda grad: reduction.unbroadcast(grad, y))


@op
def subtract(run, x: TensorLike, y: TensorLike):
    """x - y"""
    return (binary(run, "subtract", x, y),
            lambda grad: reduction.unbroadcast(grad, x),
            lambda grad: reduction.unbroadcast(negative(grad), y))


@op
def multiply(run, x: TensorLike, y: TensorLike):
    """x y"""
    return (binary(run, "multiply", x, y),
            lambda grad: reduction.unbroadcast(multiply(grad, y), x),
            lambda grad: reduction.unbroadcast(multiply(grad, x), y))


@op
def divide(run, x: TensorLike, y: TensorLike):
    """x / y, in floats."""
    z = binary(run, "divide", in_floats(run, x) if y.dtype.kind != "f" else x, y)
    return (z,
            lambda grad: reduction.unbroadcast(divide(grad, y), x),
            lambda grad: reduction.unbroadcast(negative(multiply(divide(grad, y), z)), y))


@op
def floor_divide(run, x: TensorLike, y: TensorLike):
    """⌊x / y⌋; without gradient."""
    return binary(run, "floor_divide", x, y), None, None


@op
def mod(run, x: TensorLike, y: TensorLike):
    """x - y ⌊x / y⌋: the remainder has the sign of y, as in Python."""
    return (binary(run, "mod", x, y),
            lambda grad: reduction.unbroadcast(grad, x),
            lambda grad: reduction.unbroadcast(negative(multiply(grad, floor_divide(x, y))), y))


def power(x: TensorLike, y: TensorLike) -> Tensor:
    """x ** y; quick and exact for the numbers 2, 0.5 and -1."""
    shortcut = _POWERS.get(y) if isinstance(y, int | float) else None
    return shortcut(x) if shortcut else _power(x, y)


@op
def _power(run, x, y):
    z = binary(run, "power", x, y)
    return (z,
            lambda grad: reduction.unbroadcast(multiply(grad, multiply(y, power(x, subtract(y, 1)))), x),
            lambda grad: reduction.unbroadcast(multiply(grad, multiply(z, _log_or_zero(x))), y))


def _log_or_zero(x):
    """log x where x is positive, else 0: the gradient of x**y with respect to y is taken as 0 there."""
    positive = greater(x, 0)
    return where(positive, log(where(positive, x, 1)), 0)


@op
def maximum(run, x: TensorLike, y: TensorLike):
    """The larger of x and y; of two equal ones x receives the gradient."""
    return (binary(run, "maximum", x, y),
            lambda grad: reduction.unbroadcast(where(greater_equal(x, y), grad, 0), x),
            lambda grad: reduction.unbroadcast(where(greater_equal(x, y), 0, grad), y))


@op
def minimum(run, x: TensorLike, y: TensorLike):
    """The smaller of x and y; of two equal ones x receives the gradient."""
    return (binary(run, "minimum", x, y),
            lambda grad: reduction.unbroadcast(where(less_equal(x, y), grad, 0), x),
            lambda grad: reduction.unbroadcast(where(less_equal(x, y), 0, grad), y))


# Functions of one tensor

@op
def negative(run, x: TensorLike):
    """-x"""
    return unary(run, "negative", x), lambda grad: negative(grad)


@op
def abs(run, x: TensorLike):
    """|x|"""
    return unary(run, "abs", x), lambda grad: multiply(grad, sign(x))


@op
def sign(run, x: TensorLike):
    """-1, 0 or 1; without gradient."""
    return unary(run, "sign", x), None


@op
def square(run, x: TensorLike):
    """x²"""
    return unary(run, "square", x), lambda grad: multiply(grad, multiply(x, 2))


@op
def sqrt(run, x: TensorLike):
    """√x"""
    y = unary(run, "sqrt", in_floats(run, x))
    return y, lambda grad: divide(multiply(grad, 0.5), y)


@op
def reciprocal(run, x: TensorLike):
    """1 / x"""
    y = unary(run, "reciprocal", in_floats(run, x))
    return y, lambda grad: negative(multiply(grad, square(y)))


_POWERS = {2: square, 0.5: sqrt, -1: reciprocal}


@op
def exp(run, x: TensorLike):
    """e**x"""
    y = unary(run, "exp", in_floats(run, x))
    return y, lambda grad: multiply(grad, y)


@op
def expm1(run, x: TensorLike):
    """e**x - 1, right also for small x."""
    y = unary(run, "expm1", in_floats(run, x))
    return y, lambda grad: multiply(grad, add(y, 1))


@op
def log(run, x: TensorLike):
    """Natural logarithm."""
    return unary(run, "log", in_floats(run, x)), lambda grad: divide(grad, x)


@op
def log1p(run, x: TensorLike):
    """log(1 + x), right also for small x."""
    return unary(run, "log1p", in_floats(run, x)), lambda grad: divide(grad, add(x, 1))


@op
def sin(run, x: TensorLike):
    """sin x, x in radians."""
    return unary(run, "sin", in_floats(run, x)), lambda grad: multiply(grad, cos(x))


@op
def cos(run, x: TensorLike):
    """cos x, x in radians."""
    return unary(run, "cos", in_floats(run, x)), lambda grad: negative(multiply(grad, sin(x)))


@op
def erf(run, x: TensorLike):
    """2/√π ∫₀ˣ e**(-t²) dt"""
    return (unary(run, "erf", in_floats(run, x)),
            lambda grad: multiply(grad, multiply(exp(negative(square(x))), 2 / math.sqrt(math.pi))))


@op
def round(run, x: TensorLike):
    """The nearest integer, halves to the even one; without gradient."""
    return unary(run, "round", x), None


@op
def floor(run, x: TensorLike):
    """⌊x⌋; without gradient."""
    return unary(run, "floor", x), None


@op
def ceil(run, x: TensorLike):
    """⌈x⌉; without gradient."""
    return unary(run, "ceil", x), None


@op
def clip(run, x: TensorLike, *, low: float, high: float):
    """x limited to [low, high] (numbers); the gradient passes where low <= x <= high."""
    low, high = x.dtype.type(low), x.dtype.type(high)
    return unary(run, "clip", x, low, high), lambda grad: clip_backward(x, grad, low=low, high=high)


@op
def clip_backward(run, x, grad, *, low, high):
    """grad where low <= x <= high, else 0."""
    return (run("clip_backward", flat(x), flat(grad), low, high, out=x.shape, out_view=FLAT),
            None,
            lambda grad_out: clip_backward(x, grad_out, low=low, high=high))


# Choices and truth values

@op
def where(run, condition: TensorLike, x: TensorLike, y: TensorLike):
    """x where condition holds, else y; the three broadcast."""
    condition = _as(run, condition, "bool")
    x, y = _same_type(run, x, y)
    shape, *layout = broadcast("where", condition, x, y)
    z = run("where_forward", viewed(condition, -1), viewed(x, -1), viewed(y, -1), *layout,
            out=shape, dtype=x.dtype, out_view=(-1,))
    return (z,
            None,
            lambda grad: reduction.unbroadcast(where(condition, grad, 0), x),
            lambda grad: reduction.unbroadcast(where(condition, 0, grad), y))


@op
def equal(run, x: TensorLike, y: TensorLike):
    """x == y, element by element (the operator == compares the tensors themselves)."""
    return binary(run, "equal", x, y, dtype="bool"), None, None


@op
def not_equal(run, x: TensorLike, y: TensorLike):
    """x != y, element by element."""
    return binary(run, "not_equal", x, y, dtype="bool"), None, None


@op
def less(run, x: TensorLike, y: TensorLike):
    """x < y"""
    return binary(run, "less", x, y, dtype="bool"), None, None


@op
def less_equal(run, x: TensorLike, y: TensorLike):
    """x <= y"""
    return binary(run, "less_equal", x, y, dtype="bool"), None, None


@op
def greater(run, x: TensorLike, y: TensorLike):
    """x > y"""
    return binary(run, "greater", x, y, dtype="bool"), None, None


@op
def greater_equal(run, x: TensorLike, y: TensorLike):
    """x >= y"""
    return binary(run, "greater_equal", x, y, dtype="bool"), None, None


@op
def logical_and(run, x: TensorLike, y: TensorLike):
    """Both are true (not 0)."""
    return binary(run, "logical_and", _as(run, x, "bool"), _as(run, y, "bool"), dtype="bool"), None, None


@op
def logical_or(run, x: TensorLike, y: TensorLike):
    """One is true (not 0)."""
    return binary(run, "logical_or", _as(run, x, "bool"), _as(run, y, "bool"), dtype="bool"), None, None


@op
def logical_not(run, x: TensorLike):
    """x is false (0)."""
    return unary(run, "logical_not", _as(run, x, "bool"), dtype="bool"), None


@op
def isnan(run, x: TensorLike):
    """x is not a number."""
    return unary(run, "isnan", x, dtype="bool"), None


@op
def isinf(run, x: TensorLike):
    """x is infinite."""
    return unary(run, "isinf", x, dtype="bool"), None


# Other types, other values

def cast(x: TensorLike, *, dtype: DtypeLike) -> Tensor:
    """x in another type; x itself where it has that type. Floats to integers drop the fraction.

    Raises: DtypeError for a type without kernels.
    """
    if str(np.dtype(dtype)) not in _DTYPES:
        raise DtypeError(f"cast: no tensors of type {np.dtype(dtype)}. {nearest(np.dtype(dtype), _DTYPES)}")
    x = as_tensor(x)
    return x if x.dtype == dtype else _cast(x, dtype=np.dtype(dtype))


def as_float(x):
    """x, in floatx where it was of integers or truth values."""
    x = as_tensor(x)
    return x if x.dtype.kind == "f" else cast(x, dtype=config.floatx())


@op
def _cast(run, x, *, dtype):
    between_floats = x.dtype.kind == dtype.kind == "f"
    return _as(run, x, dtype), (lambda grad: cast(grad, dtype=x.dtype)) if between_floats else None


@op
def stop_gradient(run, x: TensorLike):
    """x, through which no gradient passes."""
    return reshaped(run, x, x.shape), None


@op
def fill_like(run, x: TensorLike, *, value: float):
    """A tensor like x, each element `value`; without gradient."""
    return run("fill", x.dtype.type(value), out=x.shape, dtype=x.dtype, out_view=(-1,)), None


def zeros_like(x: TensorLike) -> Tensor:
    """A tensor like x, each element 0."""
    return fill_like(x, value=0)


def ones_like(x: TensorLike) -> Tensor:
    """A tensor like x, each element 1."""
    return fill_like(x, value=1)
