"""Losses: how far `y_pred` is from `y_true`, one number for each sample.

Shapes: y_true and y_pred (batch, ..., n) -> (batch, ...): the last axis goes: a model averages the rest.
`y_true` may be of any type and is taken in y_pred's; epsilon is `K.epsilon()`.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from . import config
from ._identify import Catalogue
from .autograd.tensor import as_tensor
from .errors import ShapeError
from .ops import activation, elementwise, embedding, loss, reduction
from .ops.formula import of_numbers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .autograd.tensor import Tensor
    from .ops.formula import Formula
    from .typing import CustomObjects, Identifier, TensorLike


def _pair(y_true: TensorLike, y_pred: TensorLike) -> tuple[Tensor, Any]:
    """Both as tensors of y_pred's float type."""
    y_pred = elementwise.as_float(y_pred)
    return elementwise.cast(y_true, dtype=y_pred.dtype), y_pred


def _mean(x: TensorLike) -> Tensor:
    return reduction.mean(x, axis=-1)


def _at_least(x: TensorLike, low: float) -> Tensor:
    return elementwise.maximum(x, low)


def mean_squared_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean (y_pred - y_true)²"""
    return loss.mean_squared_error(*_pair(y_true, y_pred))


def mean_absolute_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean |y_pred - y_true|"""
    return loss.mean_absolute_error(*_pair(y_true, y_pred))


def mean_absolute_percentage_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """100 mean |y_true - y_pred| / max(|y_true|, epsilon)"""
    y_true, y_pred = _pair(y_true, y_pred)
    size = _at_least(elementwise.abs(y_true), config.epsilon())
    return 100.0 * _mean(elementwise.abs((y_true - y_pred) / size))


def mean_squared_logarithmic_error(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean (log(1 + max(y_pred, epsilon)) - log(1 + max(y_true, epsilon)))²"""
    logarithms = [elementwise.log(_at_least(y, config.epsilon()) + 1.0) for y in _pair(y_true, y_pred)]
    return _mean(elementwise.square(logarithms[1] - logarithms[0]))


def squared_hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean max(1 - y_true y_pred, 0)², for y_true of -1 and 1."""
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(elementwise.square(_at_least(1.0 - y_true * y_pred, 0.0)))


def hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean max(1 - y_true y_pred, 0), for y_true of -1 and 1."""
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(_at_least(1.0 - y_true * y_pred, 0.0))


def categorical_hinge(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """max(0, max((1 - y_true) y_pred) - Σ y_true y_pred + 1), for one-hot y_true.

    Reference: Weston & Watkins 1999, "Support Vector Machines for Multi-Class Pattern Recognition".
    """
    y_true, y_pred = _pair(y_true, y_pred)
    right = reduction.sum(y_true * y_pred, axis=-1)
    wrong = reduction.max((1.0 - y_true) * y_pred, axis=-1)
    return elementwise.maximum(0.0, wrong - right + 1.0)   # in this order the slope at 0 is 0


def logcosh(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean log cosh(y_pred - y_true): about d²/2 for small differences d, |d| - log 2 for large ones."""
    y_true, y_pred = _pair(y_true, y_pred)
    difference = y_pred - y_true
    return _mean(difference + activation.softplus(-2.0 * difference) - math.log(2.0))


def categorical_crossentropy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """-Σ y_true log q with q = y_pred / Σ y_pred limited to [epsilon, 1 - epsilon], for one-hot y_true."""
    return loss.categorical_crossentropy(*_pair(y_true, y_pred))


def sparse_categorical_crossentropy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """-log(p[y_true] / Σ p) with p = y_pred limited to [epsilon, 1 - epsilon].

    Shapes: y_true, labels 0 .. n-1, (batch, ..., 1) or (batch, ...), y_pred (batch, ..., n) -> (batch, ...)
    Raises: OutOfRangeError for a label outside of that range; on a GPU, the loss is NaN.
    """
    y_pred = elementwise.as_float(y_pred)
    y_true = as_tensor(y_true)
    embedding.check_range(y_true, y_pred.shape[-1] if y_pred.ndim else None, "class number", "classes of y_pred")
    dtype = y_pred.dtype if y_true.dtype.kind == "f" else "int64"
    return loss.sparse_categorical_crossentropy(elementwise.cast(y_true, dtype=dtype), y_pred)


def binary_crossentropy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean -y_true log p - (1 - y_true) log(1 - p) with p = y_pred limited to [epsilon, 1 - epsilon]."""
    return loss.binary_crossentropy(*_pair(y_true, y_pred))


def kullback_leibler_divergence(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Σ t log(t / p), where t and p are y_true and y_pred limited to [epsilon, 1].

    Reference: Kullback & Leibler 1951, "On Information and Sufficiency".
    """
    y_true, y_pred = (elementwise.clip(y, low=config.epsilon(), high=1.0) for y in _pair(y_true, y_pred))
    return reduction.sum(y_true * elementwise.log(y_true / y_pred), axis=-1)


def poisson(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """mean y_pred - y_true log(y_pred + epsilon): a Poisson distribution's negative log-likelihood."""
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean(y_pred - y_true * elementwise.log(y_pred + config.epsilon()))


def cosine_proximity(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """-Σ t p with t and p = y_true and y_pred scaled to length 1: -1 in the same direction."""
    y_true, y_pred = (reduction.l2_normalize(y, axis=-1) for y in _pair(y_true, y_pred))
    return -reduction.sum(y_true * y_pred, axis=-1)


mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence
cosine = cosine_proximity

FUNCTIONS = (
    mean_squared_error, mean_absolute_error, mean_absolute_percentage_error, mean_squared_logarithmic_error,
    squared_hinge, hinge, categorical_hinge, logcosh, poisson, cosine_proximity, kullback_leibler_divergence,
    categorical_crossentropy, sparse_categorical_crossentropy, binary_crossentropy)
SHORT_NAMES = {"mse": mse, "mae": mae, "mape": mape, "msle": msle, "kld": kld, "cosine": cosine}

_catalogue = Catalogue("loss", {function.__name__: function for function in FUNCTIONS} | SHORT_NAMES)


def get(identifier: Identifier) -> Any:
    """The loss that a name stands for; a function passes through, None is None.

    A scalar function of y_true and y_pred becomes the mean over the last axis of what it gives, by `ops.formula`.
    Raises: UnknownNameError with the nearest name; ArgumentError for what is no loss.
    """
    return of_elements(_catalogue.get(identifier))


def serialize(function: Callable[..., Any]) -> Any:
    """The loss's name, which `deserialize` reads."""
    return _catalogue.serialize(function)


def deserialize(name: Any, custom_objects: CustomObjects = None) -> Any:
    """The loss of that name; `custom_objects`: name -> the user's own function."""
    return of_elements(_catalogue.get(name, custom=custom_objects))


def of_elements(function: Any, strictly: bool = False) -> Any:
    """A function of two numbers as a loss: its mean over the last axis; what is none of numbers as it is.

    strictly: see `ops.formula.of_numbers`.
    """
    found = of_numbers(function, 2, strictly)
    return function if found is None else _mean_of(found)


@functools.lru_cache(256)
def _mean_of(formula: Formula) -> Any:
    @functools.wraps(formula.function)
    def loss(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
        y_true, y_pred = _pair(y_true, y_pred)
        same = y_true.ndim == y_pred.ndim and all(None in (have, want) or have == want
                                                  for have, want in zip(y_true.shape, y_pred.shape))
        if not same or y_pred.ndim == 0:
            raise ShapeError(f"{formula.__name__}: y_true has shape {y_true.shape} and y_pred {y_pred.shape}: expected "
                             "the same shape, of at least one axis.")
        return _mean(formula(y_true, y_pred))

    loss.formula_of_numbers = formula.function  # type: ignore[attr-defined]
    return loss
