"""Constraints: what a weight must obey after each update. Tensor -> tensor of the same shape.

`axis`, one or several: where a unit's incoming weights lie, 0 for a Dense kernel (in, out), [0, 1, 2] for a
Conv2D kernel (rows, columns, in, out). ‖w‖ is √Σ w² over it; epsilon is `K.epsilon()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import config
from ._identify import Catalogue, configuration
from ._legacy import Constructed
from .arguments import axis as axes_of
from .arguments import call_with, real
from .errors import ArgumentError
from .ops import elementwise, reduction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typing_extensions import Self

    from .autograd.tensor import Tensor
    from .typing import Config, CustomObjects, Identifier, PerAxis


class Constraint(Constructed):
    """Base of the constraints: a subclass gives `__call__(w) -> tensor`, and `names` of its arguments."""

    names: tuple[str, ...] = ()

    def __init__(self) -> None:
        """A constraint without arguments."""

    def get_config(self) -> Config:
        """Constructor arguments as plain values."""
        return configuration(self, {name: getattr(self, name) for name in self.names})

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The constraint with these constructor arguments."""
        return call_with(cls, config)


def _norm(w: Tensor, axis: PerAxis) -> Tensor:
    return elementwise.sqrt(reduction.sum(elementwise.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """‖w‖ at most `max_value`: w min(‖w‖, max_value) / (‖w‖ + epsilon).   m: Keras 1's word for max_value.

    Reference: Srivastava et al. 2014, "Dropout", §5.1.
    """

    names = ("max_value", "axis")

    def __init__(self, max_value: float = 2, axis: int = 0, m: float | None = None) -> None:
        self.max_value = max_value if m is None else m
        self.axis = axes_of(axis, "MaxNorm: axis")
        real(self.max_value, "MaxNorm: max_value", least=0)

    def __call__(self, w: Tensor) -> Tensor:
        norm = _norm(w, self.axis)
        return w * (elementwise.clip(norm, low=0.0, high=float(self.max_value)) / (norm + config.epsilon()))


class NonNeg(Constraint):
    """No weight below 0: those that are become 0."""

    def __call__(self, w: Tensor) -> Tensor:
        return w * elementwise.cast(elementwise.greater_equal(w, 0.0), dtype=w.dtype)


class UnitNorm(Constraint):
    """‖w‖ = 1: w / (‖w‖ + epsilon)."""

    names = ("axis",)

    def __init__(self, axis: int = 0) -> None:
        self.axis = axes_of(axis, "UnitNorm: axis")

    def __call__(self, w: Tensor) -> Tensor:
        return w / (_norm(w, self.axis) + config.epsilon())


class MinMaxNorm(Constraint):
    """‖w‖ towards [min_value, max_value]: w (rate c + (1 - rate) ‖w‖) / (‖w‖ + epsilon), c = ‖w‖ limited.

    rate: in [0, 1]; 1 enforces the limits at each step.   low, high: Keras 1's words for the limits.
    """

    names = ("min_value", "max_value", "rate", "axis")

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int = 0,
                 low: float | None = None, high: float | None = None) -> None:
        self.min_value = min_value if low is None else low
        self.max_value = max_value if high is None else high
        self.rate, self.axis = rate, axes_of(axis, "MinMaxNorm: axis")
        if real(self.min_value, "MinMaxNorm: min_value", least=0) > real(self.max_value, "MinMaxNorm: max_value", 0):
            raise ArgumentError(f"MinMaxNorm: expected 0 <= min_value <= max_value, got {self.min_value} and "
                                f"{self.max_value}.")
        real(rate, "MinMaxNorm: rate", least=0, most=1)

    def __call__(self, w: Tensor) -> Tensor:
        norm = _norm(w, self.axis)
        limited = elementwise.clip(norm, low=float(self.min_value), high=float(self.max_value))
        wanted = float(self.rate) * limited + (1.0 - self.rate) * norm
        return w * (wanted / (norm + config.epsilon()))


max_norm = maxnorm = MaxNorm
non_neg = nonneg = NonNeg
unit_norm = unitnorm = UnitNorm
min_max_norm = MinMaxNorm

_catalogue = Catalogue("constraint", {constraint.__name__: constraint for constraint in (
    MaxNorm, NonNeg, UnitNorm, MinMaxNorm)}, makers=True)


def get(identifier: Identifier, kwargs: Mapping[str, Any] | None = None) -> Any:
    """The constraint that a name or a configuration stands for; objects and functions pass, None is None.

    kwargs: options that go with a name.
    Raises: UnknownNameError with the nearest name; ArgumentError for what is no constraint.
    """
    return _catalogue.get(identifier, kwargs)


def serialize(constraint: Any) -> Any:
    """{'class_name': ..., 'config': ...}, or the name of a function; `deserialize` reads both."""
    return _catalogue.serialize(constraint)


def deserialize(config: Any, custom_objects: CustomObjects = None) -> Any:
    """The constraint of what `serialize` gave; `custom_objects`: name -> the user's own class or function."""
    return _catalogue.get(config, custom=custom_objects)
