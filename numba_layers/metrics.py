"""Metrics: figures that are reported, not trained. A number for each sample, of which a model takes the mean.

Every loss is a metric too. `matthews_correlation`, `precision`, `recall`, `fbeta_score` and `fmeasure`, from
Keras 1, give one number for a whole batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import config, losses
from ._identify import Catalogue
from .autograd.tensor import as_tensor
from .errors import ArgumentError
from .losses import (
    binary_crossentropy,
    categorical_crossentropy,
    cosine_proximity,
    kullback_leibler_divergence,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    sparse_categorical_crossentropy,
)
from .ops import elementwise, embedding, reduction, shape

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .autograd.tensor import Tensor
    from .typing import CustomObjects, Identifier, TensorLike


def _share(truth):
    """1.0 where true, 0.0 elsewhere, in floatx."""
    return elementwise.cast(truth, dtype=config.floatx())


def _labels(y_true, y_pred):
    """Sparse labels as int64, an axis for each of y_pred's but the last."""
    y_true = elementwise.cast(y_true, dtype="int64")
    return shape.squeeze(y_true, axis=-1) if y_true.ndim == as_tensor(y_pred).ndim else y_true


def binary_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Fraction of entries where y_true = y_pred rounded (0.5 counts as 0)."""
    y_pred = elementwise.as_float(y_pred)
    y_true = elementwise.cast(y_true, dtype=y_pred.dtype)
    return reduction.mean(_share(elementwise.equal(y_true, elementwise.round(y_pred))), axis=-1)


def categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where the largest entries of y_true and y_pred are at one place, else 0."""
    return _share(elementwise.equal(reduction.argmax(y_true, axis=-1), reduction.argmax(y_pred, axis=-1)))


def sparse_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """1 where y_true is the place of the largest entry of y_pred, else 0.

    Shapes: y_true (batch, ..., 1) or (batch, ...), y_pred (batch, ..., n) -> (batch, ...)
    """
    return _share(elementwise.equal(_labels(y_true, y_pred), reduction.argmax(y_pred, axis=-1)))


def top_k_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike, k: int = 5) -> Tensor:
    """1 where the class of y_true's largest entry is among the k most likely of y_pred, else 0.

    A class as likely as the k-th is among them; rows of y_pred that are not finite count 0.
    """
    return _in_top_k(reduction.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: TensorLike, y_pred: TensorLike, k: int = 5) -> Tensor:
    """`top_k_categorical_accuracy` for labels y_true, (batch, ..., 1) or (batch, ...); 0 for one that is no class."""
    return _in_top_k(_labels(y_true, y_pred), y_pred, k)


def _in_top_k(labels, y_pred, k):
    y_pred = elementwise.as_float(y_pred)
    chosen = embedding.one_hot(labels, depth=y_pred.shape[-1], dtype=y_pred.dtype)
    likelihood = reduction.sum(chosen * y_pred, axis=-1, keepdims=True)
    ahead = reduction.sum(_share(elementwise.greater(y_pred, likelihood)), axis=-1)
    # 1 for a label that is a class, in a row whose numbers are finite
    known = elementwise.equal(reduction.sum(chosen + y_pred * 0.0, axis=-1), 1.0)
    return _share(elementwise.logical_and(elementwise.less(ahead, float(k)), known))


# Keras 1's, one number for a batch

def _yes(y):
    return elementwise.round(elementwise.clip(elementwise.as_float(y), low=0.0, high=1.0))


def matthews_correlation(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """(tp tn - fp fn) / (√((tp + fp)(tp + fn)(tn + fp)(tn + fn)) + epsilon), from -1 to 1, for two classes.

    tp, fp, tn, fn: the numbers of true and false positives and negatives.
    Reference: Matthews 1975, "Comparison of the predicted and observed secondary structure of T4 phage
    lysozyme", Biochimica et Biophysica Acta 405.
    """
    truth, answer = _yes(y_true), _yes(y_pred)
    tp, tn = reduction.sum(truth * answer), reduction.sum((1.0 - truth) * (1.0 - answer))
    fp, fn = reduction.sum((1.0 - truth) * answer), reduction.sum(truth * (1.0 - answer))
    scale = elementwise.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / (scale + config.epsilon())


def _right_ones(y_true, y_pred):
    return reduction.sum(_yes(elementwise.multiply(y_true, y_pred)))


def precision(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Fraction of the entries answered yes that are yes."""
    return _right_ones(y_true, y_pred) / (reduction.sum(_yes(y_pred)) + config.epsilon())


def recall(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """Fraction of the entries that are yes and are answered so."""
    return _right_ones(y_true, y_pred) / (reduction.sum(_yes(y_true)) + config.epsilon())


def fbeta_score(y_true: TensorLike, y_pred: TensorLike, beta: float = 1) -> Tensor:
    """(1 + beta²) P R / (beta² P + R + epsilon) of precision P and recall R, which counts beta times as much.

    Raises: ArgumentError for beta below 0.
    """
    if beta < 0:
        raise ArgumentError(f"fbeta_score: beta must be at least 0, got {beta}.")
    p, r = precision(y_true, y_pred), recall(y_true, y_pred)
    return (1.0 + beta**2) * (p * r) / (float(beta**2) * p + r + config.epsilon())


def fmeasure(y_true: TensorLike, y_pred: TensorLike) -> Tensor:
    """2 P R / (P + R + epsilon): the harmonic mean of precision and recall."""
    return fbeta_score(y_true, y_pred, beta=1)


mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence
cosine = cosine_proximity
fscore = f1score = fmeasure

FUNCTIONS = (
    binary_accuracy, categorical_accuracy, sparse_categorical_accuracy, top_k_categorical_accuracy,
    sparse_top_k_categorical_accuracy, matthews_correlation, precision, recall, fbeta_score, fmeasure,
    *losses.FUNCTIONS)
SHORT_NAMES = losses.SHORT_NAMES | {"fscore": fmeasure, "f1score": fmeasure}

_catalogue = Catalogue("metric", {function.__name__: function for function in FUNCTIONS} | SHORT_NAMES)


def accuracy_for(loss, output_shape):
    """The function that 'accuracy' means beside this loss, on an output of this shape."""
    kinds = {"binary": binary_accuracy, "sparse": sparse_categorical_accuracy,
             "one hot": categorical_accuracy}
    return kinds[_kind(loss, output_shape)]


def crossentropy_for(loss, output_shape):
    """The function that 'crossentropy' means beside this loss, on an output of this shape."""
    kinds = {"binary": binary_crossentropy, "sparse": sparse_categorical_crossentropy,
             "one hot": categorical_crossentropy}
    return kinds[_kind(loss, output_shape)]


def _kind(loss, output_shape):
    """What targets a loss has: yes or no, labels, or one-hot rows."""
    loss = losses.get(loss)
    if output_shape[-1] == 1 or loss is losses.binary_crossentropy:
        return "binary"
    return "sparse" if loss is losses.sparse_categorical_crossentropy else "one hot"


def get(identifier: Identifier) -> Any:
    """The metric that a name stands for; a function passes through.

    A scalar function of y_true and y_pred becomes the mean over the last axis of what it gives, by `ops.formula`.
    Raises: UnknownNameError with the nearest name; ArgumentError for what is no metric.
    """
    return losses.of_elements(_catalogue.get(identifier), strictly=True)


def serialize(metric: Callable[..., Any]) -> Any:
    """The metric's name, which `deserialize` reads."""
    return _catalogue.serialize(metric)


def deserialize(name: Any, custom_objects: CustomObjects = None) -> Any:
    """The metric of that name; `custom_objects`: name -> the user's own function."""
    return losses.of_elements(_catalogue.get(name, custom=custom_objects), strictly=True)
