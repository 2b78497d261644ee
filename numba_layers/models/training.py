"""What a compiled model needs to train: its weights in an arena, and the optimizer's state beside it."""

from .arena import Arena


class Training:
    """The arena of the weights that `optimizer` trains and the optimizer's state for them, on the current device."""

    def __init__(self, optimizer, variables):
        self.optimizer, self._variables = optimizer, variables
        self.arena = Arena(variables)
        self.state = optimizer.prepare(self.arena.weights, self.arena.gradients, variables)

    @property
    def device(self):
        return self.arena.device

    def moved(self):
        """The same on the device that is the current one now."""
        there = Training(self.optimizer, self._variables)
        there.state.set_weights(self.state.get_weights())
        return there
