"""What a compiled model needs to train: its weights in an arena, and the optimizer's state beside it."""

import numpy as np

from .. import devices
from .arena import Arena


class Training:
    """The arena of the weights that `optimizer` trains and the optimizer's state for them, on the current device."""

    def __init__(self, optimizer, variables):
        self.optimizer, self._variables = optimizer, variables
        self.arena = Arena(variables)
        self.state = optimizer.prepare(self.arena.weights, self.arena.gradients, variables)
        self.counters = devices.empty((2,), np.int64)   # see `kernels.cpu.batch`
        self.figures = {}       # of many steps: their number -> an array

    @property
    def key(self):
        """What else a step's launches depend on."""
        return id(self), self.optimizer.variant()

    @property
    def arrays(self):
        """The arrays that outlive a step."""
        return [self.arena.weights, self.arena.gradients, *self.state.arrays]

    @property
    def scratch(self):
        """Those of them that a step writes before it reads them."""
        return [self.arena.gradients]

    @property
    def device(self):
        return self.arena.device

    def moved(self):
        """The same on the device that is the current one now."""
        there = Training(self.optimizer, self._variables)
        there.state.set_weights(self.state.get_weights())
        return there
