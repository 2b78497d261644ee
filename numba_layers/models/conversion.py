"""Weights of convolutions as other Kerases saved them: Keras 1 in another order of axes, Theano the other way round.

Theano's convolutions flip the window, ours (like TensorFlow's) do not: a weight from Theano is flipped when it is read.
Reference: Keras 2.2.5, `engine.saving.preprocess_weights_for_loading`.
"""

from collections import namedtuple

import numpy as np

from ..autograd.tensor import from_order, stored
from .places import own_layers

Origin = namedtuple("Origin", "keras1 theano")      # who wrote a file: Keras 1? the Theano backend?


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
