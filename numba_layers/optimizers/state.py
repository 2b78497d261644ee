"""What an optimizer keeps for one model: the model's arena, slots beside it, and limits of clipping."""

import numpy as np

from .. import devices
from ..autograd.tensor import Variable
from ..errors import ShapeError
from ..ops._op import launch, local
from .rates import Rates, zeros
from .written import WrittenUpdates

NORM_SUMS = 64   # partial sums of the gradients' norm


class State:
    """One model's part of an optimizer, all slots zero at first; rates and the count of steps are the optimizer's own.

    weights, gradients: 1-D arrays of one float type, one entry for each trainable parameter.
    variables: the trainable `Variable`s, in the model's order, their `data` views into `weights`.
    `saved` lists the variables that `get_weights` gives copies of.
    """

    def __init__(self, optimizer, weights, gradients, variables):
        if not (weights.ndim == 1 and weights.shape == gradients.shape and weights.dtype == gradients.dtype):
            raise ShapeError(f"{type(optimizer).__name__}: weights {weights.dtype}{weights.shape} and gradients "
                             f"{gradients.dtype}{gradients.shape} must be 1-D arrays of one size and type.")
        self.optimizer, self.weights, self.gradients = optimizer, weights, gradients
        self.variables = list(variables)
        self.clips_norm, self.clips = bool(optimizer.clipnorm), bool(optimizer.clipnorm or optimizer.clipvalue)
        self._limits = np.array([optimizer.clipnorm or np.inf, optimizer.clipvalue or np.inf], weights.dtype)
        self._sums = zeros(NORM_SUMS, weights.dtype)
        self._written = WrittenUpdates(self) if optimizer.is_written else None
        if self._written is not None:
            self.saved = list(optimizer.weights)
            return
        self.slots = {slot: zeros(weights.shape, weights.dtype) for slot in optimizer.slots}
        self._rates = Rates(optimizer, weights.dtype)
        self.saved = optimizer._saved(self.variables, self._slot_variables())

    @property
    def arrays(self):
        """The arrays that outlive a step, beside weights and gradients."""
        if self._written is not None:
            return [variable.data for variable in self.saved]
        return [*self.slots.values(), *self._rates.arrays, self._sums]

    @property
    def named(self):
        """(what it is called, array) of each of them."""
        if self._written is not None:
            return [(variable.name, variable.data) for variable in self.saved]
        rates = zip(["rates", "memory of rates"], self._rates.arrays)
        return [*self.slots.items(), *rates, ("sums of squares", self._sums)]

    def step(self, loss=None):
        """Clip the gradients and update the weights by them, in place; `loss`: for updates that look at its value."""
        self.begin_step()
        self.launch_update(loss)

    def begin_step(self):
        """Count the step and write its numbers (rates, corrections) to the array that the kernel reads."""
        if self._written is None:
            self._kernel = self._rates.count(local(self.optimizer.iterations))

    def launch_update(self, loss=None):
        """Launch the step's kernels: their arguments are the same arrays each time."""
        if self._written is not None:
            self._written.run(loss)
            return
        self.clip()
        slots = self.optimizer._slots_of(self._kernel, self.slots.values())
        launch(self._kernel, self.gradients, self._rates.numbers, *slots, self.weights)

    def clip(self):
        """Limit the gradients as the optimizer said when it took on the model."""
        if self.clips_norm:
            launch("gradient_square_sums", self.gradients, self._sums)
        if self.clips:
            launch("clip_gradients", self._sums, self._limits, self.gradients)

    def cut(self, array):
        """For each variable its part of a slot, with the variable's shape and memory order."""
        return [devices.part(array, variable.data, self.weights) for variable in self.variables]

    def _slot_variables(self):
        """The slots, one after the other, as a `Variable` for each of the model's."""
        return [Variable(view, name=f"{variable.name}/{slot}", trainable=False)
                for slot, array in self.slots.items()
                for variable, view in zip(self.variables, self.cut(array))]

    def get_weights(self):
        """Copies of the state; see `Optimizer.get_weights`."""
        return [np.array(variable.data) for variable in self.saved]

    def set_weights(self, weights):
        """Restore what `get_weights` gave; see `Optimizer.set_weights`."""
        self.optimizer._restore(self.saved, weights)
