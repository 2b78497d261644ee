"""Labels and rows: one-hot encoding and back, unit length; Keras 1's weights of convolutions.

Reference: Keras 2.2.5 and 1.2.2, `keras.utils.np_utils`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import config
from .._legacy import keras1
from ..arguments import unmasked
from ..errors import ArgumentError, DataError, ShapeError, unknown
from . import conv_utils

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from ..typing import ArrayLike, DtypeLike


@keras1({"nb_classes": "num_classes"})
def to_categorical(y: ArrayLike, num_classes: int | None = None, dtype: DtypeLike = "float32") -> NDArray[Any]:
    """One-hot rows of integer labels: out[..., c] = 1 where c is the label.

    Shapes: y (...) or (..., 1), integers in [0, num_classes) -> (..., num_classes)
    num_classes: largest label + 1 when None. Keras 1 calls it nb_classes.
    Raises: DataError for labels outside [0, num_classes).
    """
    y = unmasked(y, "y").astype("int64")
    shape = y.shape[:-1] if y.ndim > 1 and y.shape[-1] == 1 else y.shape
    if y.size == 0 and not num_classes:
        raise DataError("y has no labels, so the number of classes is unknown. Give num_classes.")
    num_classes = int(num_classes or y.max() + 1)
    y = y.ravel()
    if y.size and (y.min() < 0 or y.max() >= num_classes):
        raise DataError(
            f"y holds labels from {y.min()} to {y.max()}, expected 0 to {num_classes - 1}. "
            "Count classes from 0, or raise num_classes."
        )
    categorical = np.zeros((y.size, num_classes), dtype=dtype)
    categorical[np.arange(y.size), y] = 1
    return categorical.reshape(*shape, num_classes)


@keras1({"a": "x"})
def normalize(x: Any, axis: int = -1, order: int = 2) -> NDArray[Any]:
    """x / ||x|| along `axis`, with the norm of `order` (2: Euclid); zero vectors stay zero.

    A single vector becomes a row, (features,) -> (1, features), as in Keras.
    """
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, axis)


def probas_to_classes(y_pred: ArrayLike) -> NDArray[Any]:
    """The class of each row of probabilities: the largest of several columns, or p > 0.5 for a single one.

    Shapes: y_pred (batch, classes), (batch, 1) or (batch,) -> (batch,)
    Raises: ArgumentError for more axes.
    """
    y_pred = np.asarray(y_pred)
    if y_pred.ndim not in (1, 2):
        raise ArgumentError(f"y_pred has shape {y_pred.shape}, expected (batch, classes) or (batch,).")
    if y_pred.ndim == 2 and y_pred.shape[1] > 1:
        return categorical_probas_to_classes(y_pred)
    return (y_pred.reshape(-1) > 0.5).astype("int64")


def categorical_probas_to_classes(p: ArrayLike) -> NDArray[Any]:
    """The column of the largest probability in each row: (batch, classes) -> (batch,)."""
    return np.argmax(np.asarray(p), axis=1)


def convert_kernel(kernel: ArrayLike, dim_ordering: str | None = None) -> NDArray[Any]:
    """`conv_utils.convert_kernel` for Keras 1's weights; dim_ordering: of them, None for `K.image_dim_ordering()`.

    Shapes: 'th' (out, in, *window) or 'tf' (*window, in, out), 4 or 5 axes -> the same, a copy
    Raises: ShapeError for another number of axes; UnknownNameError for another dim_ordering.
    """
    kernel = np.asarray(kernel)
    dim_ordering = dim_ordering or config.image_dim_ordering()
    if not 4 <= kernel.ndim <= 5:
        raise ShapeError(f"the kernel has shape {kernel.shape}, expected 4 or 5 axes.")
    if dim_ordering == "tf":
        return conv_utils.convert_kernel(kernel)
    if dim_ordering == "th":
        return np.flip(kernel, axis=tuple(range(2, kernel.ndim))).copy()
    raise unknown("dim_ordering", dim_ordering, ("tf", "th"))
