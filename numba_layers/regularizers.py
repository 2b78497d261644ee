"""Regularizers: penalties on weights or outputs, added to the training loss. Tensor -> scalar tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import config
from ._identify import Catalogue, configuration
from ._legacy import Constructed
from .arguments import call_with, real
from .autograd.tensor import Tensor
from .errors import ShapeError
from .ops import elementwise, linear, reduction, shape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typing_extensions import Self

    from .typing import Config, CustomObjects, Identifier


class Regularizer(Constructed):
    """Base of the regularizers: a subclass gives `__call__(x) -> scalar tensor` and `get_config`."""

    def __init__(self) -> None:
        """A regularizer without arguments."""

    def get_config(self) -> Config:
        return configuration(self, {})

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The regularizer with these constructor arguments."""
        return call_with(cls, config)

    def set_param(self, weight: Any) -> None:
        """Nothing, as in Keras since 1.2; before, it said which weight a regularizer in `layer.regularizers` is for."""

    set_layer = set_param


def _factor(regularizer: Any, name: str, value: Any) -> float:
    """A factor as floatx holds it, at least 0."""
    value = real(value, f"{type(regularizer).__name__}: {name}", least=0)
    return float(np.asarray(value, config.floatx()))


class L1L2(Regularizer):
    """l1 Σ |x| + l2 Σ x², with factors of at least 0; the slope of |x| at 0 is 0."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor(self, "l1", l1), _factor(self, "l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        penalty = None
        for factor, size in ((self.l1, elementwise.abs), (self.l2, elementwise.square)):
            if factor:
                term = factor * reduction.sum(size(x))
                penalty = term if penalty is None else penalty + term
        return Tensor(np.zeros((), x.dtype)) if penalty is None else penalty

    def get_config(self) -> Config:
        return configuration(self, {"l1": self.l1, "l2": self.l2})


class EigenvalueRegularizer(Regularizer):
    """k √λ with λ the largest eigenvalue of wᵀ w, by ten steps of power iteration; w has two axes.

    Reference: Keras 1.2.2, `regularizers.EigenvalueRegularizer`; Golub & Van Loan 2013, §7.3.1.
    """

    def __init__(self, k: float) -> None:
        self.k = _factor(self, "k", k)

    def __call__(self, w: Tensor) -> Tensor:
        if w.ndim != 2:
            raise ShapeError(f"EigenvalueRegularizer: expected weights of two axes, got shape {w.shape}.")
        square = linear.matmul(shape.transpose(w), w)
        direction = Tensor(np.ones((w.shape[1], 1), w.dtype))
        for _ in range(9):
            direction = linear.matmul(square, direction)
        image = linear.matmul(square, direction)
        largest = reduction.sum(image * direction) / reduction.sum(elementwise.square(direction))
        return self.k * elementwise.sqrt(largest)

    def get_config(self) -> Config:
        return configuration(self, {"k": self.k})


L1L2Regularizer = WeightRegularizer = ActivityRegularizer = L1L2


def l1(l: float = 0.01) -> L1L2:
    """l Σ |x|"""
    return L1L2(l1=l)


def l2(l: float = 0.01) -> L1L2:
    """l Σ x²"""
    return L1L2(l2=l)


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """l1 Σ |x| + l2 Σ x²"""
    return L1L2(l1=l1, l2=l2)


l1l2 = activity_l1l2 = l1_l2
activity_l1, activity_l2 = l1, l2

_catalogue = Catalogue("regularizer", {
    "L1L2": L1L2, "l1": l1, "l2": l2, "l1_l2": l1_l2, "l1l2": l1_l2, "activity_l1": l1, "activity_l2": l2,
    "activity_l1l2": l1_l2, "L1L2Regularizer": L1L2, "WeightRegularizer": L1L2, "ActivityRegularizer": L1L2,
    "EigenvalueRegularizer": EigenvalueRegularizer}, makers=True)


def get(identifier: Identifier, kwargs: Mapping[str, Any] | None = None) -> Any:
    """The regularizer that a name or a configuration stands for; objects and functions pass, None is None.

    kwargs: options that go with a name.
    Raises: UnknownNameError with the nearest name; ArgumentError for what is no regularizer.
    """
    return _catalogue.get(identifier, kwargs)


def serialize(regularizer: Any) -> Any:
    """{'class_name': ..., 'config': ...}, or the name of a function; `deserialize` reads both."""
    return _catalogue.serialize(regularizer)


def deserialize(config: Any, custom_objects: CustomObjects = None) -> Any:
    """The regularizer of what `serialize` gave; `custom_objects`: the user's own by name."""
    return _catalogue.get(config, custom=custom_objects)
