"""Sums, means, extremes and their like over axes: `axis` None (all), an int or several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from ..config import floatx

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..autograd.tensor import Tensor
    from ..typing import TensorLike


def max(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The largest element."""
    return ops.max(x, axis=axis, keepdims=keepdims)


def min(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The smallest element."""
    return ops.min(x, axis=axis, keepdims=keepdims)


def sum(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Σ x"""
    return ops.sum(x, axis=axis, keepdims=keepdims)


def prod(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Π x"""
    return ops.prod(x, axis=axis, keepdims=keepdims)


def mean(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Σ x / n; truth values count as 0 and 1."""
    return ops.mean(_numbers(x), axis=axis, keepdims=keepdims)


def var(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Mean of (x - mean)²."""
    return ops.var(_numbers(x), axis=axis, keepdims=keepdims)


def std(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Square root of the variance."""
    return ops.std(_numbers(x), axis=axis, keepdims=keepdims)


def logsumexp(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """log Σ exp(x), without overflow."""
    return ops.logsumexp(x, axis=axis, keepdims=keepdims)


def any(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """True where some element is not zero."""
    return ops.any(ops.cast(x, dtype="bool"), axis=axis, keepdims=keepdims)


def all(x: TensorLike, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """True where no element is zero."""
    return ops.all(ops.cast(x, dtype="bool"), axis=axis, keepdims=keepdims)


def argmax(x: TensorLike, axis: int = -1) -> Tensor:
    """Position of the largest element, the first among equals."""
    return ops.argmax(x, axis=axis)


def argmin(x: TensorLike, axis: int = -1) -> Tensor:
    """Position of the smallest element, the first among equals."""
    return ops.argmin(x, axis=axis)


def cumsum(x: TensorLike, axis: int = 0) -> Tensor:
    """Running sums."""
    return ops.cumsum(x, axis=axis)


def cumprod(x: TensorLike, axis: int = 0) -> Tensor:
    """Running products."""
    return ops.cumprod(x, axis=axis)


def _numbers(x: TensorLike) -> Any:
    return ops.cast(x, dtype=floatx()) if x.dtype == bool else x
