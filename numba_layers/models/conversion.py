"""Weights as other Kerases saved them: of convolutions in another order of axes or the other way round, of gates apart.

Theano's convolutions flip the window, ours (like TensorFlow's) do not: a weight from Theano is flipped when it is read.
Keras 1 has a weight for each gate of a recurrent layer, Keras 2 one for all gates side by side.
Reference: Keras 2.2.5, `engine.saving.preprocess_weights_for_loading`.
"""

from collections import namedtuple

import numpy as np

from ..autograd.tensor import from_order, stored
from ..layers.recurrent_cells import Cell
from .places import own_layers

Origin = namedtuple("Origin", "keras1 theano")      # who wrote a file: Keras 1? the Theano backend?


class Joined:
    """Arrays of a file side by side, as one of them."""

    def __init__(self, parts):
        self._parts = parts
        self.dtype = parts[0].dtype
        self.shape = self.placeholder().shape

    def placeholder(self):
        return np.concatenate([part.placeholder() for part in self._parts], axis=-1)

    def read(self):
        return np.concatenate([part.read() for part in self._parts], axis=-1)

    def attribute(self, name):
        return None


def gathered(layer, stored, origin):
    """The arrays `stored` of Keras 1 for `layer`, whose gates lie side by side; all others as they are."""
    if not origin.keras1 or len(stored) == len(layer.weights):
        return stored
    found, left = [], list(stored)
    for own in own_layers(layer):
        gates = own.by_gate if isinstance(own, Cell) and not own.apart and own.use_bias else ()
        count = 3 * len(gates) or len(own.weights)
        part, left = left[:count], left[count:]
        fit = len(part) == count and all(array.dtype.kind in "biuf" and array.shape[-1:] == part[0].shape[-1:]
                                         and len(array.shape) in (1, 2) for array in part)
        if gates and not fit:
            return stored
        found += [Joined([part[3 * gates.index(gate) + role] for gate in own.gates]) for role in range(3)] if gates \
            else part
    return found if not left and len(found) == len(layer.weights) else stored


def owners(layer):
    """id of a weight -> the convolution whose window it is, in `layer` and all layers inside."""
    return {id(weight): own for own in own_layers(layer) if hasattr(own, "keras1_order")
            for weight in own.weights if weight.ndim > 1}


def arranged(array, order, weight, owners, origin):
    """The value `array` of a file for `weight`, in the engine's layout; None if it does not fit.

    order: of its axes, as our files tell it, or None.
    """
    owner, weight = owners.get(id(weight)), stored(weight)
    if owner is not None and origin.keras1:
        order = owner.keras1_order(weight.ndim)
        if owner.rank == 1 and array.ndim == 4 and array.shape != _in_keras1(weight, order):
            array = array.transpose(2, 3, 1, 0)     # as Keras before 1.2 had it, (filters, in, steps, 1)
    if order is not None:
        if sorted(axis for axis in order if axis is not None) != list(range(weight.ndim)):
            return None
        if array.ndim != len(order) or any(axis is None and size != 1 for axis, size in zip(order, array.shape)):
            return None
        array = from_order(array, order)
    if array.shape != weight.shape:
        return None
    return _unflipped(array, owner, origin)


def arranged_slot(array, weight, owners, origin):
    """The same for an optimizer's slot of `weight`; slots of another size hold nothing about single weights."""
    if array.size != weight.size or not origin.keras1:
        return _unflipped(array, owners.get(id(weight)), origin) if array.shape == stored(weight).shape else array
    return arranged(array, None, weight, owners, origin)


def _in_keras1(weight, order):
    return tuple(1 if axis is None else weight.shape[axis] for axis in order)


def _unflipped(array, owner, origin):
    """A weight of Theano's as correlation has it; other arrays as they are."""
    if owner is None or not origin.theano or not owner.theano_flips:
        return array
    return np.flip(array, axis=range(owner.rank))
