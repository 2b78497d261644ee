"""Optimizers: from gradients to new weights, one pass over all of a model's weights a step.

A model keeps its trainable weights in one contiguous array, their gradients in another. An optimizer adds one
such array for each of its slots (moments, mean squares) and updates all by one kernel, `<name>_update`. What
changes between steps lies in small arrays that the kernel reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._identify import Catalogue
from ..absent import attribute_of
from ..errors import ArgumentError
from .base import Hyperparameter, Optimizer
from .rules import SGD, Adadelta, Adagrad, Adam, Adamax, Nadam, RMSprop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..typing import Config, CustomObjects

__getattr__ = attribute_of(__name__)
__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "Adamax", "Hyperparameter", "Nadam", "Optimizer", "RMSprop",
           "adadelta", "adagrad", "adam", "adamax", "deserialize", "get", "nadam", "rmsprop", "serialize",
           "sgd"]

sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam = SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam

_RULES = (SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam)
_catalogue = Catalogue("optimizer", {rule.__name__: rule for rule in _RULES}, makers=True)


def get(identifier: Any, kwargs: Mapping[str, Any] | None = None) -> Optimizer:
    """The optimizer that a name, a configuration or an object stands for; `kwargs`: options beside a name.

    Raises: UnknownNameError with the nearest name; ArgumentError for what is no optimizer.
    """
    if identifier is None or (callable(identifier) and not isinstance(identifier, type)):
        raise ArgumentError(f"expected an optimizer, such as 'adam' or SGD(lr=0.01), got {identifier!r}.")
    return _catalogue.get(identifier, kwargs)


def serialize(optimizer: Optimizer) -> Config:
    """{'class_name': ..., 'config': ...}, which `deserialize` reads."""
    return _catalogue.serialize(optimizer)


def deserialize(config: Mapping[str, Any], custom_objects: CustomObjects = None) -> Optimizer:
    """The optimizer of what `serialize` gave; `custom_objects`: name -> the user's own class."""
    return _catalogue.get(config, custom=custom_objects)
