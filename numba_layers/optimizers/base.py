"""What optimizers share: hyperparameters, the step, clipping, slots, saved weights and configuration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .. import config
from .._legacy import Constructed
from ..arguments import call_with, options_of, real, unmasked
from ..autograd.tensor import Tensor, Variable
from ..errors import ArgumentError, DtypeError, ModelError, ShapeError, UnknownArgumentError, nearest
from ..ops._op import local
from .rates import Rule, launch_rates, memory_of, zeros
from .state import State
from .updates import asked, clipped_gradients, updates_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray
    from typing_extensions import Self, Unpack

    from ..typing import ArrayLike, Clipping, Config

KERAS1_EPSILON = 1e-8
MOST_STEPS = 2**53      # whole numbers up to it are floats, too


class Hyperparameter(Constructed):
    """A number that may change while training: `optimizer.lr` is a `Variable`, `optimizer.lr = x` sets it.

    Legal values are at least 0, at most `most`, and less than `below`.
    """

    def __init__(self, most: float = math.inf, below: float = math.inf) -> None:
        self.limits = most, below

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, optimizer: Any, owner: Any = None) -> Any:
        return self if optimizer is None else optimizer.__dict__[self.name]

    def __set__(self, optimizer: Any, value: Any) -> None:
        value = checked(optimizer, self.name, value, *self.limits)
        variable = optimizer.__dict__.get(self.name)
        if variable is None:
            value = np.array(value, config.floatx())
            optimizer.__dict__[self.name] = Variable(value, name=self.name, trainable=False)
        else:
            variable.assign(value)


def checked(optimizer, name, value, most=math.inf, below=math.inf):
    """`value` as a float in its range; the error names the optimizer and the argument."""
    number = real(value, f"{type(optimizer).__name__}: {name}")
    if not (0 <= number <= most and number < below):
        legal = f"in [0, {most:g}]" if most < math.inf else f"in [0, {below:g})"
        raise ArgumentError(f"{type(optimizer).__name__}: {name} must be {legal}, got {number:g}.")
    return number


def epsilon_or_default(optimizer, epsilon):
    """`epsilon`, at least 0; None means K.epsilon(), or what Keras 1 took where that holds."""
    if epsilon is None:
        return KERAS1_EPSILON if config.keras1() else config.epsilon()
    return checked(optimizer, "epsilon", epsilon)


class Optimizer(Constructed):
    """Base of the optimizers: clipping, the count of steps, slots, weights and configuration.

    clipnorm: when the L2 norm of all gradients together reaches it, they are scaled down to it.
    clipvalue: each entry is then limited to [-clipvalue, clipvalue].   None or 0: no clipping.

    A subclass says `numbers` (names of its hyperparameters) and `slots` (in the order in which Keras saves
    them), and gives `update(step)`: the name of its kernel, and this step's numbers for the kernel's `rates`.
    Or, slower, it is written as for Keras, with `get_updates(loss, params)`. The built-in ones have a `rule`: a kernel
    of their own counts the step and computes its numbers.
    `iterations` is the number of steps done, an int64 `Variable`. One optimizer may serve several models: they share
    its rates and `iterations`, as in Keras, and have slots and clipping of their own.
    """

    numbers: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    saves_iterations = True
    rule: Rule | None = None
    lr: Any
    decay: Any

    def __init__(self, **clipping: Unpack[Clipping]) -> None:
        wrong = set(clipping) - {"clipnorm", "clipvalue"}
        if wrong:
            name = wrong.pop()
            legal = [*self.numbers, "epsilon", "clipnorm", "clipvalue"]
            raise UnknownArgumentError(
                f"{type(self).__name__}: unknown argument {name!r}. {nearest(name, legal)}")
        self.clipnorm, self.clipvalue = (
            None if clipping.get(name) is None else checked(self, name, clipping[name])
            for name in ("clipnorm", "clipvalue"))
        self.iterations = Variable(np.array(0, np.int64), name="iterations", trainable=False)
        self.updates: list[Any] = []
        self.weights: list[Variable] = []
        self._state: State | None = None

    def prepare(self, weights: NDArray[Any], gradients: NDArray[Any], variables: Sequence[Variable]) -> State:
        """Take on a model: its `State`, which makes the steps of this model. `step` and the like mean the last one.

        weights, gradients: 1-D arrays of one float type, one entry for each trainable parameter.
        variables: the trainable `Variable`s, in the model's order, their `data` views into `weights`.
        """
        state = State(self, weights, gradients, variables)
        self._state, self.weights = state, state.saved
        return state

    @property
    def is_written(self) -> bool:
        """True where a user's `get_updates` or `get_gradients` says what a step does."""
        return any(getattr(getattr(self, name), "__func__", None) is not getattr(Optimizer, name)
                   for name in ("get_updates", "get_gradients"))

    def step(self) -> None:
        """Clip the gradients of the model taken on last and update its weights by them, in place."""
        if self._state is None:
            raise ModelError(f"{type(self).__name__} has no weights to update yet: prepare(...) it first, as "
                             "model.fit and model.train_on_batch do.")
        self._state.step()

    def update(self, step: int) -> tuple[str, tuple[float, ...]]:
        """(kernel name, its numbers) for step 1, 2, ...

        A subclass that defines it, or `rate(step)`, is asked before each step; it may call that of a built-in one.
        """
        if self.rule is None:
            raise NotImplementedError(f"{type(self).__name__} does not say how it updates: define update(step).")
        numbers = zeros((self.rule.rates,), np.float64)
        decayed = {"lr": self.rate(step), "decay": 0} if "decay" in self.rule.arrays else {}
        arrays = [local(Tensor(np.array(decayed.get(name, getattr(self, name)), np.float64)))
                  for name in self.rule.arrays]
        launch_rates(self, arrays, memory_of(self), local(Variable(np.array(step - 1, np.int64))), numbers)
        return self.kernel(), tuple(np.asarray(numbers).tolist())

    def kernel(self) -> str:
        """Name of the kernel that updates the weights, where the optimizer has a `rule`."""
        raise NotImplementedError(f"{type(self).__name__} does not say which kernel updates: define kernel().")

    @property
    def counts_by_launch(self) -> bool:
        """True where one launch counts a step and computes its numbers: a `rule`, with no method of a user's own."""
        return self.rule is not None and all(
            getattr(getattr(self, name), "__func__", None) is getattr(Optimizer, name) for name in ("update", "rate"))

    def variant(self) -> tuple[Any, ...]:
        """What decides which kernels a step launches, and with which fixed numbers: quick to ask, hashable.

        Hyperparameters that are not in it lie in arrays, which the kernels read at each step.
        """
        if not self.counts_by_launch:
            return ()
        return self.kernel(), *(float(getattr(self, name)) for name in self.rule.numbers)  # type: ignore[union-attr]

    def get_updates(self, *given: Any, **named: Any) -> list[Any]:
        """`get_updates(loss, params)`, or Keras 1's `(params, constraints, loss)`: a step, as updates for K.function.

        Each call makes slots of its own, which `weights` then lists. Subclasses written as for Keras define it, with
        the arguments of either; it is called once a model, and its updates are carried out at each step.
        """
        wanted = asked(given, named)
        self.updates, self.weights = updates_of(self, *wanted)
        return self.updates

    def get_gradients(self, loss: Tensor, params: Sequence[Variable]) -> list[Any]:
        """Gradients of `loss` by the weights `params`, clipped, as tensors for K functions."""
        return clipped_gradients(self, loss, params)

    def rate(self, step: int) -> float:
        """Learning rate of step 1, 2, ...: lr / (1 + decay (step - 1))."""
        return float(self.lr) / (1 + float(self.decay) * (step - 1))

    def _slots_of(self, kernel, slots):
        """Those of the slots (arrays) that a kernel takes."""
        return slots

    def _slot_variables(self, variables, slots):
        """What is saved of one model beside the count of steps, given the `slots` of all its `variables`."""
        return slots

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of the state of the model taken on last, in Keras 2's order.

        The count of steps where Keras saves it, then slot by slot the parts of all variables, in the model's order.
        """
        return [np.array(weight.data) for weight in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Restore what `get_weights` gave; Keras 1's list and one that begins with a count of steps will do.

        Raises: ShapeError where number or shapes of the arrays do not fit; DtypeError for what is no number and
        ArgumentError for no count of steps. All or none are set.
        """
        if not self.weights and self._state is None:
            raise ModelError(f"{type(self).__name__}: its weights can be set once a compiled model uses it.")
        self._restore(self.weights, weights)

    def _restore(self, variables, weights):
        weights = [unmasked(weight, "optimizer weights") for weight in weights]
        targets = self._targets(variables, weights)
        if [weight.shape for weight in weights] != [target.shape for target in targets]:
            raise ShapeError(
                f"{type(self).__name__}: expected {len(targets)} arrays of shapes "
                f"{[target.shape for target in targets]}, got {len(weights)} of shapes "
                f"{[weight.shape for weight in weights]}.")
        for target, weight in zip(targets, weights):
            if weight.dtype.kind not in "biuf":
                raise DtypeError(f"{type(self).__name__}: {target.name} takes numbers, the array given holds "
                                 f"{weight.dtype}.")
            if target is self.iterations and not 0 <= weight <= MOST_STEPS:
                raise ArgumentError(f"{type(self).__name__}: the number of steps done must lie in 0..{MOST_STEPS}, "
                                    f"got {weight}.")
        for target, weight in zip(targets, weights):
            target.assign(weight)

    def _saved(self, variables, slots):
        """What `get_weights` lists for one model."""
        return [self.iterations] * self.saves_iterations + self._slot_variables(variables, slots)

    def _targets(self, variables, weights):
        """The variables that a list of saved arrays is for."""
        counted = len(weights) == len(variables) + 1 and weights[0].size == 1 and not self.saves_iterations
        return [self.iterations, *variables] if counted else variables

    def get_config(self) -> Config:
        """Constructor arguments as plain numbers."""
        numbers = {name: float(getattr(self, name)) for name in self.numbers}
        clipping = {"clipnorm": self.clipnorm, "clipvalue": self.clipvalue}
        return numbers | {name: limit for name, limit in clipping.items() if limit is not None}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The optimizer with these constructor arguments."""
        return call_with(cls, options_of(config, cls.__name__))
