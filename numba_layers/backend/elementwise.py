"""Functions of each element. Comparisons give truth values; operands broadcast as in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import ops
from ..autograd.tensor import Tensor

if TYPE_CHECKING:
    from ..typing import TensorLike


def abs(x: TensorLike) -> Tensor:
    """|x|"""
    return ops.abs(x)


def square(x: TensorLike) -> Tensor:
    """x²"""
    return ops.square(x)


def exp(x: TensorLike) -> Tensor:
    """e^x"""
    return ops.exp(x)


def log(x: TensorLike) -> Tensor:
    """Natural logarithm."""
    return ops.log(x)


def sign(x: TensorLike) -> Tensor:
    """-1, 0 or 1."""
    return ops.sign(x)


def sin(x: TensorLike) -> Tensor:
    """Sine of x in radians."""
    return ops.sin(x)


def cos(x: TensorLike) -> Tensor:
    """Cosine of x in radians."""
    return ops.cos(x)


def round(x: TensorLike) -> Tensor:
    """The nearest whole number, the even one of two."""
    return ops.round(x)


def sqrt(x: TensorLike) -> Tensor:
    """sqrt(max(x, 0))"""
    return ops.sqrt(ops.clip(x, low=0.0, high=np.inf))


def pow(x: TensorLike, a: TensorLike) -> Tensor:
    """x^a"""
    return ops.power(x, a)


def clip(x: TensorLike, min_value: float | None, max_value: float | None) -> Tensor:
    """x limited to [min_value, max_value]; None is no limit, and min_value wins over a smaller max_value."""
    low = -np.inf if min_value is None else min_value
    high = np.inf if max_value is None else max_value
    if isinstance(low, Tensor | np.ndarray) or isinstance(high, Tensor | np.ndarray):
        return ops.minimum(ops.maximum(x, low), ops.maximum(low, high))
    return ops.clip(x, low=float(low), high=float(max(low, high)))


def equal(x: TensorLike, y: TensorLike) -> Tensor:
    """True where x = y."""
    return ops.equal(x, y)


def not_equal(x: TensorLike, y: TensorLike) -> Tensor:
    """True where x ≠ y."""
    return ops.not_equal(x, y)


def greater(x: TensorLike, y: TensorLike) -> Tensor:
    """True where x > y."""
    return ops.greater(x, y)


def greater_equal(x: TensorLike, y: TensorLike) -> Tensor:
    """True where x ≥ y."""
    return ops.greater_equal(x, y)


def less(x: TensorLike, y: TensorLike) -> Tensor:
    """True where x < y."""
    return ops.less(x, y)


def less_equal(x: TensorLike, y: TensorLike) -> Tensor:
    """True where x ≤ y."""
    return ops.less_equal(x, y)


def maximum(x: TensorLike, y: TensorLike) -> Tensor:
    """The larger of x and y."""
    return ops.maximum(x, y)


def minimum(x: TensorLike, y: TensorLike) -> Tensor:
    """The smaller of x and y."""
    return ops.minimum(x, y)


lesser, lesser_equal = less, less_equal     # Keras 1 says so
