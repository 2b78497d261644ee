"""A layer's weights: made, read and set."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from .. import config, initializations, initializers, regularizers
from .._legacy import Keras1Name
from ..arguments import unmasked
from ..autograd.tensor import Variable, stored
from ..errors import ArgumentError, DtypeError, ModelError, ShapeError, UnknownArgumentError, nearest
from .belongings import Belongings
from .dry import dry_build
from .memory import fitting
from .named import names_layer
from .reordered import ReorderedVariable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ..typing import ArrayLike

# The arguments of add_weight, in Keras 2's order and in Keras 1's
_WEIGHT = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")
_OF_DEVICES = frozenset((      # tf.keras's arguments for several devices, which change nothing on one
    "aggregation", "caching_device", "collections", "experimental_autocast", "getter", "partitioner", "synchronization",
    "use_resource"))
_WEIGHT_KERAS1 = ("shape", "initializer", "name", "trainable", "regularizer", "constraint")


def initializer_of(identifier, **options):
    """The initializer of a weight: Keras 1's where its spelling or its generation is in use, else Keras 2's.

    options: fixed arguments of Keras 1's.
    """
    if isinstance(identifier, Keras1Name) or (config.keras1() and isinstance(identifier, str)):
        return initializations.get(identifier, **options)
    return initializers.get(identifier)


class Weights(Belongings):
    """The part of `Layer` that makes weights and takes values for them."""

    name: str
    built: bool
    _is_sketch = False      # its weights have shapes and no memory

    def add_weight(self, *given: Any, **named: Any) -> Variable:
        """Make a weight and keep it: add_weight(name, shape, dtype, initializer, regularizer, trainable, constraint).

        Where the shape comes first the order is Keras 1's: (shape, initializer, name, trainable, regularizer,
        constraint). order, by keyword: how users see the axes (see `ReorderedVariable`).
        Returns: a Variable.
        """
        order = _WEIGHT_KERAS1 if given and isinstance(given[0], tuple | list) else _WEIGHT
        options = dict(zip(order, given)) | named
        for name in named:
            if name not in (*_WEIGHT, "order") and name not in _OF_DEVICES:
                raise UnknownArgumentError(f"add_weight: unknown argument {name!r}. {nearest(name, _WEIGHT)}")
        if len(options) < len(given) + len(named):
            raise ArgumentError(f"add_weight: {len(given)} arguments without names are "
                                f"({', '.join(order[:len(given)])}); one was given twice, or there are too many.")
        return self._weight_of(**{name: value for name, value in options.items() if name not in _OF_DEVICES})

    def add_variable(self, *given: Any, **named: Any) -> Variable:
        """`add_weight` under the name of TensorFlow 1's layers."""
        return self.add_weight(*given, **named)

    def _weight_of(self, name=None, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True,
                   constraint=None, order=None):
        dtype, shape, trainable = dtype or config.floatx(), () if shape is None else shape, trainable is not False
        make = initializer_of("glorot_uniform" if initializer is None else initializer)
        draw = functools.partial(initializers.drawn, make, tuple(shape), dtype)
        dry = None if self._is_sketch else dry_build()
        if self._is_sketch:
            value = np.broadcast_to(np.zeros((), dtype), tuple(shape))
        elif dry is not None:
            value = dry.zeros(name, tuple(shape), dtype)
        else:
            with fitting(name, tuple(shape)):
                value = np.array(draw(), order="C")
        if value.shape != tuple(shape):
            raise ShapeError(f"the initializer of weight {name!r} gave shape {value.shape}, expected {tuple(shape)}.")
        weight = Variable(value, name=f"{self.name}/{name or 'weight'}", constraint=constraint, trainable=trainable)
        if order is not None:
            weight = ReorderedVariable(weight, order)
        if dry is not None:
            dry.later(weight, draw)
        if regularizer is not None:
            sums = isinstance(regularizer, regularizers.L1L2)       # over all entries, whatever the order of the axes
            self._regularizers.append((regularizer, stored(weight) if sums else weight))
        (self._trainable_weights if trainable else self._non_trainable_weights).append(weight)
        return weight

    def _weights_by_layer(self):
        return self.weights

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of the weights as a list of arrays."""
        return [weight.value.copy() for weight in self._weights_by_layer()]

    @names_layer
    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Set all weights from a list of arrays, in the order of `get_weights`; all or none are set.

        Raises: ShapeError naming the weight that does not fit.
        """
        variables = self._weights_by_layer()
        if not isinstance(weights, list | tuple) and not (isinstance(weights, np.ndarray) and weights.ndim):
            raise ArgumentError(f"expected a list of arrays of weights, got {type(weights).__name__}.")
        if len(weights) != len(variables):
            raise ShapeError(f"expected {len(variables)} arrays of weights, got {len(weights)}."
                             + ("" if self.built else " It has no weights yet: give it an input shape first."))
        values = [unmasked(value, "weights") for value in weights]
        for variable, value in zip(variables, values):
            if variable.value.shape != value.shape:
                raise ShapeError(f"weight {variable.name} has shape {variable.value.shape}, the array given "
                                 f"{value.shape}.")
            if value.dtype.kind not in "biuf":
                raise DtypeError(f"weight {variable.name} takes numbers, the array given holds {value.dtype}.")
        for variable, value in zip(variables, values):
            variable.value[...] = value

    def count_params(self) -> int:
        """Number of weights, in elements."""
        if not self.built:
            raise ModelError(f'{type(self).__name__} "{self.name}" has no weights yet: give it an input shape first.')
        return sum(weight.size for weight in self.weights)
