"""Sums, means, extremes and their like over axes: `axis` None (all), an int or several."""

from .. import ops
from ..config import floatx


def max(x, axis=None, keepdims=False):
    """The largest element."""
    return ops.max(x, axis=axis, keepdims=keepdims)


def min(x, axis=None, keepdims=False):
    """The smallest element."""
    return ops.min(x, axis=axis, keepdims=keepdims)


def sum(x, axis=None, keepdims=False):
    """Σ x"""
    return ops.sum(x, axis=axis, keepdims=keepdims)


def prod(x, axis=None, keepdims=False):
    """Π x"""
    return ops.prod(x, axis=axis, keepdims=keepdims)


def mean(x, axis=None, keepdims=False):
    """Σ x / n; truth values count as 0 and 1."""
    return ops.mean(_numbers(x), axis=axis, keepdims=keepdims)


def var(x, axis=None, keepdims=False):
    """Mean of (x - mean)²."""
    return ops.var(_numbers(x), axis=axis, keepdims=keepdims)


def std(x, axis=None, keepdims=False):
    """Square root of the variance."""
    return ops.std(_numbers(x), axis=axis, keepdims=keepdims)


def logsumexp(x, axis=None, keepdims=False):
    """log Σ exp(x), without overflow."""
    return ops.logsumexp(x, axis=axis, keepdims=keepdims)


def any(x, axis=None, keepdims=False):
    """True where some element is not zero."""
    return ops.any(ops.cast(x, dtype="bool"), axis=axis, keepdims=keepdims)


def all(x, axis=None, keepdims=False):
    """True where no element is zero."""
    return ops.all(ops.cast(x, dtype="bool"), axis=axis, keepdims=keepdims)


def argmax(x, axis=-1):
    """Position of the largest element, the first among equals."""
    return ops.argmax(x, axis=axis)


def argmin(x, axis=-1):
    """Position of the smallest element, the first among equals."""
    return ops.argmin(x, axis=axis)


def cumsum(x, axis=0):
    """Running sums."""
    return ops.cumsum(x, axis=axis)


def cumprod(x, axis=0):
    """Running products."""
    return ops.cumprod(x, axis=axis)


def _numbers(x):
    return ops.cast(x, dtype=floatx()) if x.dtype == bool else x
