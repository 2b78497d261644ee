"""The built-in optimizers' steps as K updates: `get_gradients(loss, params)` and `get_updates(loss, params)`.

The arithmetic is that of training: one step of the graph copies a weight and its slots and launches the optimizer's
kernel on the copies.
"""

import functools
from collections import namedtuple

import numpy as np

from .. import constraints as all_constraints
from .. import devices, ops
from ..autograd.graph import SymbolicTensor, defer
from ..autograd.tensor import Tensor
from ..backend import gradients, int_shape, update, zeros
from ..errors import ArgumentError, UnknownArgumentError, nearest
from ..ops._op import contiguous, launch, local
from .written import TrainingLoss

Asked = namedtuple("Asked", "loss params constraints", defaults=[None])


def asked(given, named):
    """What `get_updates` was asked for, in Keras 2's order (loss, params) or Keras 1's (params, constraints, loss)."""
    order = ("params", "constraints", "loss") if given and isinstance(given[0], list | tuple) else ("loss", "params")
    found = dict(zip(order, given)) | named
    wrong = set(found) - set(Asked._fields)
    if wrong or len(given) > len(order):
        name = wrong.pop() if wrong else f"number {len(order) + 1}"
        raise UnknownArgumentError(f"get_updates: unknown argument {name!r}. {nearest(name, Asked._fields)}")
    if found.get("loss") is None or found.get("params") is None:
        raise ArgumentError("get_updates needs a loss and a list of weights: get_updates(loss, params), or Keras 1's "
                            "get_updates(params, constraints, loss).")
    return Asked(**found)


def clipped_gradients(optimizer, loss, params):
    """Gradients of `loss` by `params`, limited by the optimizer's clipnorm (of all together), then clipvalue."""
    if isinstance(loss, TrainingLoss):
        known = loss.gradients(optimizer, params)
        if known is not None:
            return known
    grads = gradients(loss, params)
    if optimizer.clipnorm and grads:
        norm = ops.sqrt(functools.reduce(ops.add, [ops.sum(ops.square(grad)) for grad in grads]))
        scale = ops.where(ops.greater_equal(norm, optimizer.clipnorm), ops.divide(optimizer.clipnorm, norm), 1)
        grads = [ops.multiply(grad, scale) for grad in grads]
    if optimizer.clipvalue:
        grads = [ops.clip(grad, low=-optimizer.clipvalue, high=optimizer.clipvalue) for grad in grads]
    return grads


def updates_of(optimizer, loss, params, constraints):
    """(updates, weights to save) of one step: it updates its number, slots, and weights, with constraints applied."""
    params = list(params)
    grads = optimizer.get_gradients(loss, params)
    slots = [[zeros(int_shape(param), dtype=param.dtype, name=f"{param.name}/{slot}") for param in params]
             for slot in optimizer.slots]
    updates = [update(optimizer.iterations, optimizer.iterations + 1)]
    for param, grad, *own in zip(params, grads, *slots):
        templates = [SymbolicTensor(int_shape(param), param.dtype) for _ in range(1 + len(own))]
        value, *values = defer(functools.partial(_stepped, optimizer), (optimizer.iterations, grad, param, *own), {},
                               templates)
        constraint = all_constraints.get(_constraint(param, constraints))
        updates += map(update, own, values)
        updates.append(update(param, value if constraint is None else constraint(value)))
    return updates, optimizer._saved(params, [variable for slot in slots for variable in slot])


def _constraint(param, constraints):
    """The constraint of a weight: by Keras 1's dictionary, where it is in one, else its own."""
    own = getattr(param, "constraint", None)
    return constraints.get(param, own) if isinstance(constraints, dict) else own


def _stepped(optimizer, iterations, grad, *state):
    """A weight and its slots, `state`, as they are after the next step along `grad`: as new tensors."""
    kernel, numbers = optimizer.update(int(iterations.data) + 1)
    arrays = [_copied(tensor) for tensor in state]
    weight, *slots = [array.reshape(-1) for array in arrays]
    launch(kernel, contiguous(local(grad)).reshape(-1), np.array(numbers, weight.dtype),
           *optimizer._slots_of(kernel, slots), weight)
    return [Tensor(array) for array in arrays]


def _copied(tensor):
    array = devices.empty(tensor.shape, tensor.dtype)
    array[...] = tensor.data
    return array
