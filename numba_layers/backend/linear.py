"""Products of matrices and rows of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops

if TYPE_CHECKING:
    from ..autograd.tensor import Tensor
    from ..typing import PerAxis, TensorLike


def dot(x: TensorLike, y: TensorLike) -> Tensor:
    """Σ_i x[..., i] y[..., i, :]: the last axis of x with the last but one of y (or its only one)."""
    return ops.dot(x, y)


def batch_dot(x: TensorLike, y: TensorLike, axes: PerAxis | None = None) -> Tensor:
    """The product of each sample of x with the same sample of y, summed over `axes` (an int, or a pair).

    Shapes: x (batch, ...), y (batch, ...) -> (batch, rest of x, rest of y), at least (batch, 1)
    axes: by default the last of x and the last but one of y (its last, for 2 axes).
    """
    return ops.batch_dot(x, y, axes=axes)


def transpose(x: TensorLike) -> Tensor:
    """x with its axes in reverse order."""
    return ops.transpose(x)


def gather(reference: TensorLike, indices: TensorLike) -> Tensor:
    """Rows of `reference`: out[i, ...] = reference[indices[i], ...]."""
    return ops.gather(reference, indices)
