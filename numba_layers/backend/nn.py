"""Activations, cross-entropies, normalisation and dropout."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from .. import config, ops
from ..autograd.tensor import Tensor, as_tensor
from ..config import epsilon as fuzz
from ..config import standardize_data_format
from ..errors import ShapeError
from ..ops._op import composite
from ..ops.embedding import check_range
from .elementwise import clip

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import TensorLike


def relu(x: TensorLike, alpha: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Tensor:
    """max(x, 0), at most `max_value`; alpha (x - threshold) below `threshold`. All may be tensors."""
    if not any(isinstance(given, Tensor) or np.ndim(given) for given in (alpha, max_value, threshold)):
        return ops.relu(x, alpha=alpha, max_value=max_value, threshold=threshold)
    if isinstance(threshold, Tensor) or np.ndim(threshold) or threshold:
        y = ops.where(ops.greater(x, threshold), x, ops.multiply(ops.subtract(x, threshold), alpha))
    else:
        y = ops.prelu(x, alpha)
    return y if max_value is None else ops.minimum(y, max_value)


def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x where x > 0, alpha (e^x - 1) elsewhere."""
    return ops.elu(x, alpha=alpha)


def softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """e^x / Σ e^x along `axis`."""
    return ops.softmax(x, axis=axis)


def softplus(x: TensorLike) -> Tensor:
    """log(1 + e^x)"""
    return ops.softplus(x)


def softsign(x: TensorLike) -> Tensor:
    """x / (1 + |x|)"""
    return ops.softsign(x)


def sigmoid(x: TensorLike) -> Tensor:
    """1 / (1 + e^-x)"""
    return ops.sigmoid(x)


def hard_sigmoid(x: TensorLike) -> Tensor:
    """0.2 x + 0.5, limited to [0, 1]."""
    return ops.hard_sigmoid(x)


def tanh(x: TensorLike) -> Tensor:
    """Hyperbolic tangent."""
    return ops.tanh(x)


def _either_order(function):
    """In Keras 1 the output comes before the target: so it is where `config.keras_version()` is 1.x."""
    @functools.wraps(function)
    def call(*args, **kwargs):
        if len(args) > 1 and config.keras_version().startswith("1."):
            args = (args[1], args[0], *args[2:])
        elif len(args) == 1 and config.keras_version().startswith("1.") and "target" in kwargs:
            args, kwargs = (), kwargs | {"output": args[0]}  # type: ignore[misc]
        return function(*args, **kwargs)

    return call


@_either_order
def categorical_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False,
                             axis: int = -1) -> Tensor:
    """-Σ_c target[c] log p[c], p the output divided by its sum and clipped, or softmax(output) of logits.

    Shapes: target and output with classes on `axis` -> the same without it
    """
    if from_logits:
        return ops.negative(ops.sum(ops.multiply(target, ops.log_softmax(output, axis=axis)), axis=axis))
    scaled = ops.divide(output, ops.sum(output, axis=axis, keepdims=True))
    return ops.negative(ops.sum(ops.multiply(target, ops.log(clip(scaled, fuzz(), 1 - fuzz()))), axis=axis))


@_either_order
def sparse_categorical_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False,
                                    axis: int = -1) -> Tensor:
    """-log p[target] for integer targets, p as in `categorical_crossentropy`.

    Shapes: output with classes on `axis`; target one integer for each row -> output's shape without `axis`
    Raises: OutOfRangeError for a target that is no class; on a GPU, its loss is NaN.
    """
    logits = output if from_logits else ops.log(clip(output, fuzz(), 1 - fuzz()))
    logs = _classes_last(ops.log_softmax(logits, axis=axis), axis)
    return ops.negative(_chosen(logs, _classes(target, logs)))


@composite
def _classes(target, scores):
    """`target`, whose numbers are classes of `scores`."""
    target = as_tensor(target)
    check_range(target, scores.shape[-1], "class number", "classes of output")
    return target


def _classes_last(x, axis):
    """x with `axis` moved to the end."""
    axis %= x.ndim
    if axis == x.ndim - 1:
        return x
    return ops.transpose(x, axes=tuple(other for other in range(x.ndim) if other != axis) + (axis,))


@composite
def _chosen(scores, target):
    """scores[..., target]: the entry of one class in each row; NaN for one that is no class."""
    index = ops.reshape(ops.cast(target, dtype="int64"), shape=scores.shape[:-1])
    chosen = ops.one_hot(index, depth=scores.shape[-1], dtype=scores.dtype)
    score = ops.sum(ops.where(ops.cast(chosen, dtype="bool"), scores, 0.0), axis=-1)
    return ops.divide(score, ops.sum(chosen, axis=-1))      # by 1, or by 0 where there is no such class


@_either_order
def binary_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False) -> Tensor:
    """-(target log p + (1 - target) log(1 - p)) of each element, p the clipped output or sigmoid(logits)."""
    if from_logits:
        # max(x, 0) - x target + log(1 + e^-|x|): the same without overflow
        tail = ops.log1p(ops.exp(ops.negative(ops.abs(output))))
        return ops.add(ops.subtract(ops.relu(output), ops.multiply(output, target)), tail)
    p = clip(output, fuzz(), 1 - fuzz())
    rest = ops.multiply(ops.subtract(1.0, target), ops.log(ops.subtract(1.0, p)))
    return ops.negative(ops.add(ops.multiply(target, ops.log(p)), rest))


def l2_normalize(x: TensorLike, axis: int | Sequence[int] | None = None) -> Tensor:
    """x / sqrt(Σ x²) along `axis`; a zero vector stays zero."""
    return ops.l2_normalize(x, axis=axis)


def in_top_k(predictions: TensorLike, targets: TensorLike, k: int) -> Tensor:
    """True where the target's prediction is among the k largest; classes tied with the k-th are in.

    Shapes: predictions (batch, classes), targets (batch,) integers -> (batch,); False for a target that is no class
    """
    own = ops.expand_dims(_chosen(predictions, targets), axis=-1)
    better = ops.sum(ops.cast(ops.greater(predictions, own), dtype="int64"), axis=-1)
    return ops.logical_and(ops.less(better, k), _is_finite(ops.squeeze(own, axis=-1)))


def _is_finite(x):
    return ops.less(ops.abs(x), np.inf)


def bias_add(x: TensorLike, bias: TensorLike, data_format: str | None = None) -> Tensor:
    """x + bias, the bias a vector over the channels or a tensor of one sample's shape, channels last.

    Where channels are first such a tensor's numbers are taken in the order in which they lie, as Keras takes them: it
    is reshaped, not transposed.
    Raises: ShapeError for other biases.
    """
    channels_first = standardize_data_format(data_format) == "channels_first" and x.ndim > 2
    if bias.ndim not in (1, x.ndim - 1):
        raise ShapeError(f"bias_add: bias has shape {bias.shape}, expected (channels,) or {x.ndim - 1} axes, "
                         f"for x of shape {x.shape}.")
    if channels_first and bias.ndim == 1:
        bias = ops.reshape(bias, shape=(-1,) + (1,) * (x.ndim - 2))
    elif channels_first:
        bias = ops.reshape(bias, shape=(bias.shape[-1], *bias.shape[:-1]))
    return ops.add(x, bias)


def normalize_batch_in_training(x: TensorLike, gamma: TensorLike | None, beta: TensorLike | None,
                                reduction_axes: Sequence[int], epsilon: float = 1e-3) -> tuple[Tensor, Tensor, Tensor]:
    """x normalised with its own mean and variance over `reduction_axes`: (normalised, mean, variance).

    gamma or beta None: 1 and 0.
    """
    x = as_tensor(x)
    reduced = [axis % x.ndim for axis in reduction_axes]
    return ops.batch_normalize(x, gamma, beta, axis=[axis for axis in range(x.ndim) if axis not in reduced],
                               epsilon=epsilon)


def batch_normalization(x: TensorLike, mean: TensorLike, var: TensorLike, beta: TensorLike | None,
                        gamma: TensorLike | None, axis: int = -1, epsilon: float = 1e-3) -> Tensor:
    """gamma (x - mean) / sqrt(var + epsilon) + beta; gamma or beta None: 1 and 0.

    Vectors belong to `axis`; tensors of x's rank broadcast. Keras 1 has epsilon in the place of axis: a float there is
    epsilon.
    """
    if isinstance(axis, float):
        axis, epsilon = -1, axis
    x, mean, var = as_tensor(x), as_tensor(mean), as_tensor(var)
    axis = _axis_of_channels(x, mean, axis % x.ndim)
    vectors = [mean, var, *(None if tensor is None else as_tensor(tensor) for tensor in (gamma, beta))]
    if all(tensor is None or tensor.size == x.shape[axis] for tensor in vectors):
        flat = [tensor if tensor is None or tensor.ndim == 1 else ops.reshape(tensor, shape=(-1,))
                for tensor in vectors]
        return ops.normalize(x, *flat, axis=axis, epsilon=epsilon)  # type: ignore[arg-type]
    mean, var, gamma, beta = (_along(tensor, x, axis) for tensor in vectors)
    scale = ops.divide(1.0, ops.sqrt(ops.add(var, epsilon)))
    if gamma is not None:
        scale = ops.multiply(scale, gamma)
    normalized = ops.multiply(ops.subtract(x, mean), scale)
    return normalized if beta is None else ops.add(normalized, beta)


def _axis_of_channels(x, mean, axis):
    """The axis that a mean of x's rank has, `axis` where it has none or several."""
    wide = [place for place, size in enumerate(mean.shape) if size != 1] if mean.ndim == x.ndim > 1 else []
    return wide[0] if len(wide) == 1 else axis


def _along(tensor, x, axis):
    """A vector as a tensor that broadcasts along `axis` of x."""
    if tensor is None or tensor.ndim != 1:
        return tensor
    return ops.reshape(tensor, shape=(-1,) + (1,) * (x.ndim - 1 - axis))
