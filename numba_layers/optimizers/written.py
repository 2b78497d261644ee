"""Optimizers written as for Keras: subclasses of `Optimizer` with `get_updates(loss, params)`."""

import inspect

import numpy as np

from ..autograd.graph import Graph, placeholder
from ..autograd.tensor import Variable, as_tensor


class WrittenUpdates:
    """What a user's `get_updates` asks for: (variable, new value) pairs made of K functions, run once a step.

    Its parameters' names tell Keras 2's `(loss, params)` from Keras 1's `(params, constraints, loss)`.
    Constraints are left out: the model applies them after each step.
    """

    def __init__(self, optimizer, variables):
        known = {
            "loss": placeholder((), name="loss"),
            "params": [Variable(variable.data, name=variable.name, deferred=True) for variable in variables],
            "constraints": {},
        }
        wanted = inspect.signature(optimizer.get_updates).parameters
        updates = optimizer.get_updates(**{name: known[name] for name in wanted if name in known})
        self._variables = [variable for variable, _ in updates]
        self._graph = Graph([as_tensor(value) for _, value in updates])

    def run(self):
        """Compute all new values from the old ones, then assign them."""
        values = [np.array(value.data) for value in self._graph.run([])]
        for variable, value in zip(self._variables, values):
            variable.assign(value)
