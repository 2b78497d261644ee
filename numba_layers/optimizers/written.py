"""Optimizers written as for Keras: subclasses of `Optimizer` with `get_updates(loss, params)` or `get_gradients`."""

import inspect

import numpy as np

from ..autograd.graph import Graph, Step, SymbolicTensor
from ..autograd.tensor import Tensor, Variable, as_tensor, stored
from ..backend.updates import carry_out
from ..ops import multiply
from ..ops._op import op


class WrittenUpdates:
    """What a user's `get_updates` asks for: (variable, new value) pairs made of K functions, run once a step.

    Its parameters' names tell Keras 2's `(loss, params)` from Keras 1's `(params, constraints, loss)`.
    Constraints are left out: the model applies them after each step.
    """

    def __init__(self, state):
        params = [variable.like(Variable(variable.data, name=variable.name)) for variable in state.variables]
        self._loss = TrainingLoss(state, params)
        known = {"loss": self._loss, "params": params, "constraints": {}}
        wanted = inspect.signature(state.optimizer.get_updates).parameters
        names = [name for name in wanted if name in known] or ["loss", "params"]
        updates = state.optimizer.get_updates(**{name: known[name] for name in names})
        self._variables = [variable for variable, _ in updates]
        self._graph = Graph([as_tensor(value) for _, value in updates])

    def run(self, loss):
        """Compute all new values from the old ones, then assign them."""
        self._loss.begin(loss)
        carry_out(self._variables, self._graph.run([]))


class TrainingLoss(SymbolicTensor):
    """The loss of a model in training as `get_updates` sees it: its gradients are those of the last backward pass.

    It can be differentiated like any tensor, and has the value that the step was given.
    """

    def __init__(self, state, params):
        super().__init__((), state.weights.dtype, name="loss")
        self._state = state
        self._gradients = {id(stored(param)): param.like(Variable(view, trainable=False))
                           for param, view in zip(params, state.cut(state.gradients))}
        self._clipped = False
        self.value = None
        self.step = Step(lambda *params: _recorded(*params, loss=self), [stored(param) for param in params], {}, [self])

    def begin(self, loss):
        """Before a step: the loss's value, and the gradients clipped where `gradients` promised it."""
        self.value = Tensor(np.array(np.nan, self.dtype)) if loss is None else loss
        if self._clipped:
            self._state.clip()

    def gradients(self, optimizer, params):
        """The gradients by `params`, clipped for `optimizer`, as they lie in the model's array.

        None for weights that are not the model's, and for an optimizer that the model's own asks for its updates.
        """
        own = optimizer is self._state.optimizer
        if not own or any(id(stored(param)) not in self._gradients for param in params):
            return None
        self._clipped = True
        return [self._gradients[id(stored(param))] for param in params]

    def parts(self, params):
        """The gradients by `params`, as arrays for kernels."""
        return [self._gradients[id(param)].data for param in params]


@op
def _recorded(run, *params, loss):
    """The loss's value, on the tape as if it had been computed from `params` now."""
    return loss.value, *(lambda grad, part=part: multiply(grad, Tensor(part)) for part in loss.parts(params))
