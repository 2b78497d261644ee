"""Products of matrices by NumPy, in float64."""

import numpy as np


def dense(x, weight, bias, activation="linear"):
    y = np.asarray(x, "float64") @ weight + (0 if bias is None else bias)
    return {"linear": y, "relu": np.maximum(y, 0), "tanh": np.tanh(y)}[activation]


def batch_dot(a, b, axes):
    """Sample by sample, as Keras 2.2.5's NumPy backend does it."""
    if axes is None:
        axes = (a.ndim - 1, b.ndim - 1 if b.ndim == 2 else b.ndim - 2)
    elif isinstance(axes, int):
        axes = (axes, axes)
    axes = (axes[0] % a.ndim - 1, axes[1] % b.ndim - 1)
    result = np.array([np.tensordot(one, other, axes) for one, other in zip(a, b)])
    return result[:, None] if result.ndim == 1 else result
