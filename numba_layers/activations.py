"""Activations by name: functions of a tensor, element by element but for softmax."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from . import registry
from ._identify import Catalogue
from .autograd.tensor import as_tensor
from .errors import ShapeError
from .ops import activation, elementwise
from .ops.formula import of_numbers

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .autograd.tensor import Tensor
    from .typing import CustomObjects, Identifier, TensorLike


def linear(x: TensorLike) -> Any:
    """x itself."""
    return x


def relu(x: TensorLike, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """x where above `threshold`, but at most `max_value` (None: no limit); else alpha (x - threshold).

    Reference: Nair & Hinton 2010, "Rectified Linear Units Improve Restricted Boltzmann Machines".
    """
    return activation.relu(x, alpha=alpha, max_value=max_value, threshold=threshold)


def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x where positive, else alpha (e**x - 1).

    Reference: Clevert et al. 2016, "Fast and Accurate Deep Network Learning by Exponential Linear Units".
    """
    return activation.elu(x, alpha=alpha)


def selu(x: TensorLike) -> Tensor:
    """1.0507 elu(x, 1.6733): activations of mean 0 and variance 1 stay so. Weights should be `lecun_normal`.

    Reference: Klambauer et al. 2017, "Self-Normalizing Neural Networks".
    """
    return activation.selu(x)


def softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """e**x / Σ e**x, the sum over `axis`: numbers in [0, 1] that add up to 1.

    Raises: ShapeError for x of fewer than two axes: there is no sample to sum over.
    """
    if as_tensor(x).ndim < 2:
        raise ShapeError(f"softmax: x has shape {as_tensor(x).shape}, expected (batch, ..., n).")
    return activation.softmax(x, axis=axis)


def softplus(x: TensorLike) -> Tensor:
    """log(1 + e**x), in (0, ∞)."""
    return activation.softplus(x)


def softsign(x: TensorLike) -> Tensor:
    """x / (1 + |x|), in (-1, 1)."""
    return activation.softsign(x)


def tanh(x: TensorLike) -> Tensor:
    """(e**x - e**-x) / (e**x + e**-x), in [-1, 1]."""
    return activation.tanh(x)


def sigmoid(x: TensorLike) -> Tensor:
    """1 / (1 + e**-x), in [0, 1]."""
    return activation.sigmoid(x)


def hard_sigmoid(x: TensorLike) -> Tensor:
    """0.2 x + 0.5, limited to [0, 1]: 0 below -2.5, 1 above 2.5."""
    return activation.hard_sigmoid(x)


def exponential(x: TensorLike) -> Tensor:
    """e**x"""
    return elementwise.exp(x)


def swish(x: TensorLike) -> Tensor:
    """x / (1 + e**-x), which later Kerases call `silu` as well.

    Reference: Ramachandran et al. 2017, "Searching for Activation Functions".
    """
    return activation.swish(x)


silu = swish


def gelu(x: TensorLike, approximate: bool = False) -> Tensor:
    """x P(X <= x) for a normal X; `approximate`: by tanh in place of the error function.

    Reference: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units".
    """
    if not approximate:
        return activation.gelu(x)
    x = as_tensor(x)
    inner = elementwise.multiply(x, elementwise.add(elementwise.multiply(elementwise.square(x), 0.044715), 1.0))
    raised = elementwise.add(activation.tanh(elementwise.multiply(inner, math.sqrt(2 / math.pi))), 1.0)
    return elementwise.multiply(elementwise.multiply(x, 0.5), raised)


def mish(x: TensorLike) -> Tensor:
    """x tanh(log(1 + e**x)).

    Reference: Misra 2019, "Mish: A Self Regularized Non-Monotonic Activation Function".
    """
    return activation.mish(x)


def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """x where positive, else negative_slope x."""
    return activation.relu(x, alpha=negative_slope)


def relu6(x: TensorLike) -> Tensor:
    """x limited to [0, 6]."""
    return activation.relu(x, max_value=6.0)


def log_softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """x - log Σ e**x, the sum over `axis`: the logarithm of softmax."""
    return activation.log_softmax(x, axis=axis)


_catalogue = Catalogue("activation", {function.__name__: function for function in (
    linear, relu, elu, selu, softmax, softplus, softsign, tanh, sigmoid, hard_sigmoid, exponential, swish, gelu, mish,
    leaky_relu, relu6, log_softmax)} | {"silu": silu})


def get(identifier: Identifier) -> Callable[..., Any]:
    """The activation that a name stands for; functions and layers pass through, None is `linear`.

    A scalar function of the user's (`x * math.tanh(x)`) becomes one of tensors, by `ops.formula`.
    Raises: UnknownNameError with the nearest name; ArgumentError for what is no activation.
    """
    return linear if identifier is None else deserialize(identifier)


def serialize(activation: Callable[..., Any]) -> Any:
    """The activation's name, or the configuration of a layer used as one; `deserialize` reads both."""
    return _catalogue.serialize(activation)


def deserialize(name: Any, custom_objects: CustomObjects = None) -> Any:
    """The activation of that name; `custom_objects`: name -> the user's own function.

    `LeakyReLU` and `ThresholdedReLU` are the layers, as tf.keras takes these names.
    """
    layers: dict[str, Any] = {}
    if isinstance(name, str) and name in ("LeakyReLU", "ThresholdedReLU"):
        return registry.layers()[name]()
    if isinstance(name, dict):
        layers = registry.layers()
    found = _catalogue.get(name, custom={**layers, **(custom_objects or {})})
    return of_numbers(found, 1) or found
