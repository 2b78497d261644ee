"""Functions of each element. Comparisons give truth values; operands broadcast as in NumPy."""

import numpy as np

from .. import ops
from ..autograd.tensor import Tensor


def abs(x):
    """|x|"""
    return ops.abs(x)


def square(x):
    """x²"""
    return ops.square(x)


def exp(x):
    """e^x"""
    return ops.exp(x)


def log(x):
    """Natural logarithm."""
    return ops.log(x)


def sign(x):
    """-1, 0 or 1."""
    return ops.sign(x)


def sin(x):
    """Sine of x in radians."""
    return ops.sin(x)


def cos(x):
    """Cosine of x in radians."""
    return ops.cos(x)


def round(x):
    """The nearest whole number, the even one of two."""
    return ops.round(x)


def sqrt(x):
    """sqrt(max(x, 0))"""
    return ops.sqrt(ops.clip(x, low=0.0, high=np.inf))


def pow(x, a):
    """x^a"""
    return ops.power(x, a)


def clip(x, min_value, max_value):
    """x limited to [min_value, max_value]; None is no limit, and min_value wins over a smaller max_value."""
    low = -np.inf if min_value is None else min_value
    high = np.inf if max_value is None else max_value
    if isinstance(low, Tensor | np.ndarray) or isinstance(high, Tensor | np.ndarray):
        return ops.minimum(ops.maximum(x, low), ops.maximum(low, high))
    return ops.clip(x, low=float(low), high=float(max(low, high)))


def equal(x, y):
    """True where x = y."""
    return ops.equal(x, y)


def not_equal(x, y):
    """True where x ≠ y."""
    return ops.not_equal(x, y)


def greater(x, y):
    """True where x > y."""
    return ops.greater(x, y)


def greater_equal(x, y):
    """True where x ≥ y."""
    return ops.greater_equal(x, y)


def less(x, y):
    """True where x < y."""
    return ops.less(x, y)


def less_equal(x, y):
    """True where x ≤ y."""
    return ops.less_equal(x, y)


def maximum(x, y):
    """The larger of x and y."""
    return ops.maximum(x, y)


def minimum(x, y):
    """The smaller of x and y."""
    return ops.minimum(x, y)


lesser, lesser_equal = less, less_equal     # Keras 1 says so
