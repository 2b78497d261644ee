"""The built-in optimizers' steps as K updates: `get_gradients(loss, params)` and `get_updates(loss, params)`.

The arithmetic is that of training: one step of the graph copies a weight and its slots and launches the optimizer's
kernel on the copies.
"""

import functools
from collections import namedtuple

from .. import constraints as all_constraints
from .. import devices, ops
from ..autograd.graph import SymbolicTensor, defer
from ..autograd.tensor import Tensor
from ..backend import gradients, int_shape, update, zeros
from ..errors import ArgumentError, UnknownArgumentError, nearest
from ..ops._op import contiguous, copied, launch, local
from .rates import Rates
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
    numbers = {dtype: _Numbers(optimizer, dtype) for dtype in {param.dtype for param in params}}
    for param, grad, *own in zip(params, grads, *slots):
        templates = [SymbolicTensor(int_shape(param), param.dtype) for _ in range(1 + len(own))]
        of_step = numbers[param.dtype]
        value, *values = defer(of_step.stepped, (of_step.tensor, grad, param, *own), {}, templates)
        constraint = all_constraints.get(_constraint(param, constraints))
        updates += map(update, own, values)
        updates.append(update(param, value if constraint is None else constraint(value)))
    return updates, optimizer._saved(params, [variable for slot in slots for variable in slot])


def _constraint(param, constraints):
    """The constraint of a weight: by Keras 1's dictionary, where it is in one, else its own."""
    own = getattr(param, "constraint", None)
    return constraints.get(param, own) if isinstance(constraints, dict) else own


class _Numbers:
    """The numbers of a graph's steps, for kernels on weights of `dtype`, as a tensor of the graph, and the kernel."""

    def __init__(self, optimizer, dtype):
        self._optimizer, self._dtype = optimizer, dtype
        self._rates, self._place = Rates(optimizer, dtype), devices.current()
        self.tensor = defer(self._next, (optimizer.iterations,), {}, SymbolicTensor((None,), dtype))

    def _next(self, iterations):
        if self._place is not devices.current():
            self._rates, self._place = Rates(self._optimizer, self._dtype), devices.current()
        self.kernel = self._rates.count(copied(iterations).data)    # the graph's update counts
        return Tensor(self._rates.numbers)

    def stepped(self, numbers, grad, *state):
        """A weight and its slots, `state`, as they are after the step along `grad`: as new tensors."""
        new = [copied(tensor) for tensor in state]
        weight, *slots = [tensor.data.reshape(-1) for tensor in new]
        launch(self.kernel, contiguous(local(grad)).reshape(-1), local(numbers),
               *self._optimizer._slots_of(self.kernel, slots), weight)
        return new
