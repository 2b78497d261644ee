"""What optimizers share: hyperparameters, the step, clipping, slots, saved weights and configuration."""

import math

import numpy as np

from .. import config, devices
from ..arguments import call_with, options_of
from ..autograd.tensor import Variable
from ..errors import ArgumentError, ModelError, ShapeError, UnknownArgumentError, nearest
from ..ops._op import launch
from .written import WrittenUpdates

KERAS1_EPSILON = 1e-8
NORM_SUMS = 64   # partial sums of the gradients' norm


class Hyperparameter:
    """A number that may change while training: `optimizer.lr` is a `Variable`, `optimizer.lr = x` sets it.

    Legal values are at least 0, at most `most`, and less than `below`.
    """

    def __init__(self, most=math.inf, below=math.inf):
        self.limits = most, below

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, optimizer, owner=None):
        return self if optimizer is None else optimizer.__dict__[self.name]

    def __set__(self, optimizer, value):
        value = checked(optimizer, self.name, value, *self.limits)
        variable = optimizer.__dict__.get(self.name)
        if variable is None:
            value = np.array(value, config.floatx())
            optimizer.__dict__[self.name] = Variable(value, name=self.name, deferred=True, trainable=False)
        else:
            variable.assign(value)


def checked(optimizer, name, value, most=math.inf, below=math.inf):
    """`value` as a float in its range; the error names the optimizer and the argument."""
    value = float(value)
    if not (0 <= value <= most and value < below):
        legal = f"in [0, {most:g}]" if most < math.inf else f"in [0, {below:g})"
        raise ArgumentError(f"{type(optimizer).__name__}: {name} must be {legal}, got {value:g}.")
    return value


def epsilon_or_default(optimizer, epsilon):
    """`epsilon`, at least 0; None means K.epsilon(), or what Keras 1 took where that holds."""
    if epsilon is None:
        return KERAS1_EPSILON if config.keras1() else config.epsilon()
    return checked(optimizer, "epsilon", epsilon)


class Optimizer:
    """Base of the optimizers: clipping, the count of steps, slots, weights and configuration.

    clipnorm: when the L2 norm of all gradients together reaches it, they are scaled down to it.
    clipvalue: each entry is then limited to [-clipvalue, clipvalue].   None or 0: no clipping.

    A subclass says `numbers` (names of its hyperparameters) and `slots` (in the order in which Keras saves
    them), and gives `update(step)`: the name of its kernel, and this step's numbers for the kernel's `hyper`.
    Or, slower, it is written as for Keras, with `get_updates(loss, params)`.
    `iterations` is the number of steps done, an int64 `Variable`.
    """

    numbers = ()
    slots = ()
    saves_iterations = True

    def __init__(self, **clipping):
        wrong = set(clipping) - {"clipnorm", "clipvalue"}
        if wrong:
            name = wrong.pop()
            legal = [*self.numbers, "epsilon", "clipnorm", "clipvalue"]
            raise UnknownArgumentError(
                f"{type(self).__name__}: unknown argument {name!r}. {nearest(name, legal)}")
        self.clipnorm, self.clipvalue = (
            None if clipping.get(name) is None else checked(self, name, clipping[name])
            for name in ("clipnorm", "clipvalue"))
        self.iterations = Variable(np.array(0, np.int64), name="iterations", deferred=True, trainable=False)
        self.updates, self.weights = [], []
        self._variables = self._written = None

    def prepare(self, weights, gradients, variables):
        """Take on a model: allocate the slots, all zero.

        weights, gradients: 1-D arrays of one float type, one entry for each trainable parameter.
        variables: the trainable `Variable`s, in the model's order, their `data` views into `weights`.
        """
        if not (weights.ndim == 1 and weights.shape == gradients.shape and weights.dtype == gradients.dtype):
            raise ShapeError(f"{type(self).__name__}: weights {weights.dtype}{weights.shape} and gradients "
                             f"{gradients.dtype}{gradients.shape} must be 1-D arrays of one size and type.")
        self._weights, self._gradients, self._variables = weights, gradients, list(variables)
        self._limits = np.array([self.clipnorm or np.inf, self.clipvalue or np.inf], weights.dtype)
        self._sums = _zeros(NORM_SUMS, weights.dtype)
        if type(self).get_updates is not Optimizer.get_updates:
            self._written = WrittenUpdates(self, self._variables)
            return
        self._slots = {slot: _zeros(weights.shape, weights.dtype) for slot in self.slots}
        self._hyper = np.zeros(len(self.update(1)[1]), weights.dtype)
        self.weights = ([self.iterations] if self.saves_iterations else []) + self._slot_variables()

    def step(self):
        """Clip the gradients and update the weights by them, in place."""
        self.begin_step()
        self.launch_update()

    def begin_step(self):
        """Count the step and write its numbers (rates, corrections) to the array that the kernel reads."""
        if self._variables is None:
            raise ModelError(f"{type(self).__name__} has no weights to update yet: prepare(...) it first, as "
                             "model.fit and model.train_on_batch do.")
        if self._written is not None:
            return
        step = int(self.iterations.data) + 1
        self._kernel, self._hyper[...] = self.update(step)
        self.iterations.data[...] = step

    def launch_update(self):
        """Launch the step's kernels: their arguments are the same arrays each time."""
        if self.clipnorm or self.clipvalue:
            if self.clipnorm:
                launch("gradient_square_sums", self._gradients, self._sums)
            launch("clip_gradients", self._sums, self._limits, self._gradients)
        if self._written is not None:
            self._written.run()
            return
        launch(self._kernel, self._gradients, self._hyper, *self._slots_of(self._kernel), self._weights)

    def update(self, step):
        """(kernel name, its numbers) for step 1, 2, ..."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it updates: define update(step).")

    def get_updates(self, loss, params):
        """For subclasses written as for Keras: a list of `K.update(variable, value)`, done at each step."""
        raise NotImplementedError(f"{type(self).__name__} has update(step) in place of get_updates.")

    def get_gradients(self, loss, params):
        """For `get_updates`: the clipped gradients of the training loss by `params`, for K functions."""
        return [Variable(view, deferred=True, trainable=False) for view in self._cut(self._gradients)]

    def rate(self, step):
        """Learning rate of step 1, 2, ...: lr / (1 + decay (step - 1))."""
        return float(self.lr) / (1 + float(self.decay) * (step - 1))

    def _slots_of(self, kernel):
        return self._slots.values()

    def _slot_variables(self):
        return [Variable(view, name=f"{variable.name}/{slot}", trainable=False)
                for slot, array in self._slots.items()
                for variable, view in zip(self._variables, self._cut(array))]

    def _cut(self, array):
        """For each variable its part of a slot, with the variable's shape and memory order."""
        return [devices.part(array, variable.data, self._weights) for variable in self._variables]

    def get_weights(self):
        """Copies of the state in Keras 2's order: the count of steps where Keras saves it, then slot by slot.

        Of each slot come the parts of all variables, in the model's order.
        """
        return [np.array(weight.data) for weight in self.weights]

    def set_weights(self, weights):
        """Restore what `get_weights` gave; Keras 1's list and one that begins with a count of steps will do.

        Raises: ShapeError where number or shapes of the arrays do not fit.
        """
        if self._variables is None:
            raise ModelError(f"{type(self).__name__}: its weights can be set once a compiled model uses it.")
        weights = [np.asarray(weight) for weight in weights]
        targets = self._targets(weights)
        if [weight.shape for weight in weights] != [target.shape for target in targets]:
            raise ShapeError(
                f"{type(self).__name__}: expected {len(targets)} arrays of shapes "
                f"{[target.shape for target in targets]}, got {len(weights)} of shapes "
                f"{[weight.shape for weight in weights]}.")
        for target, weight in zip(targets, weights):
            target.assign(weight)

    def _targets(self, weights):
        """The variables that a list of saved arrays is for."""
        counted = len(weights) == len(self.weights) + 1 and weights[0].size == 1 and not self.saves_iterations
        return [self.iterations, *self.weights] if counted else self.weights

    def get_config(self):
        """Constructor arguments as plain numbers."""
        numbers = {name: float(getattr(self, name)) for name in self.numbers}
        clipping = {"clipnorm": self.clipnorm, "clipvalue": self.clipvalue}
        return numbers | {name: limit for name, limit in clipping.items() if limit is not None}

    @classmethod
    def from_config(cls, config):
        """The optimizer with these constructor arguments."""
        return call_with(cls, options_of(config, cls.__name__))


def _zeros(shape, dtype):
    array = devices.empty(shape, dtype)
    array[...] = 0
    return array
