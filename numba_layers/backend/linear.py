"""Products of matrices and rows of tables."""

from .. import ops


def dot(x, y):
    """Σ_i x[..., i] y[..., i, :]: the last axis of x with the last but one of y (or its only one)."""
    return ops.dot(x, y)


def batch_dot(x, y, axes=None):
    """The product of each sample of x with the same sample of y, summed over `axes` (an int, or a pair).

    Shapes: x (batch, ...), y (batch, ...) -> (batch, rest of x, rest of y), at least (batch, 1)
    axes: by default the last of x and the last but one of y (its last, for 2 axes).
    """
    return ops.batch_dot(x, y, axes=axes)


def transpose(x):
    """x with its axes in reverse order."""
    return ops.transpose(x)


def gather(reference, indices):
    """Rows of `reference`: out[i, ...] = reference[indices[i], ...]."""
    return ops.gather(reference, indices)
