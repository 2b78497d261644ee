"""What a layer keeps: weights, their constraints and penalties, losses and updates.

Layers written for Keras 1 assign these, before or after `super().__init__`, and change them in place:
`self.trainable_weights = [W]`, `self.constraints[W] = nonneg()`, `self.losses.append(...)`.
"""

from __future__ import annotations

import warnings
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from .. import constraints
from ..autograd.context import deferring
from ..autograd.tensor import Variable
from ..errors import ArgumentError
from .context import collected
from .node import as_list
from .watched import WatchedList

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_LISTS = ("_regularizers", "_trainable_weights", "_non_trainable_weights",
          "_added_losses",          # outside of `call`: they count at every step
          "_added_updates",
          "_losses_of_calls")       # symbolic ones, or functions that give them; each step's call adds its own


class Belongings:
    """The part of `Layer` that keeps them.

    any_added: whether any layer of the process was ever given losses or updates outside of `call`.
    """

    any_added = False
    trainable: bool
    _losses_of_calls: list[Any]

    def _keep_lists(self, anew=False):
        """Begin the lists that the layer has not begun itself, or all."""
        self.__dict__.update({name: [] for name in _LISTS if anew or name not in self.__dict__})

    # -- weights -------------------------------------------------------------------------------------------------

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes: the layer's own list, which may be changed in place."""
        return self._trainable_weights if self.trainable else []

    @trainable_weights.setter
    def trainable_weights(self, weights: Sequence[Variable]) -> None:
        self._trainable_weights = self._variables(weights, "trainable_weights")

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves as they are."""
        return self._non_trainable_weights if self.trainable else self._trainable_weights + self._non_trainable_weights

    @non_trainable_weights.setter
    def non_trainable_weights(self, weights: Sequence[Variable]) -> None:
        self._non_trainable_weights = self._variables(weights, "non_trainable_weights")

    def _variables(self, weights, role):
        """`weights` as a list, itself where it is one; those without a name get one."""
        weights = weights if isinstance(weights, list) else list(weights)
        for number, weight in enumerate(weights):
            if not isinstance(weight, Variable):
                raise ArgumentError(f"{role} must be variables, as K.variable, self.init(shape) and add_weight make "
                                    f"them; entry {number} is {weight!r:.80}.")
            if weight.name is None and hasattr(self, "name"):
                weight.name = f"{self.name}/{role.removesuffix('s')}_{number}"
        return weights

    @property
    def weights(self) -> list[Variable]:
        return [*self.trainable_weights, *self.non_trainable_weights]

    @property
    def constraints(self) -> Any:
        """Keras 1's dictionary {weight: constraint}; what is put in it is applied after each update."""
        return _Constraints(self)

    @constraints.setter
    def constraints(self, given: Any) -> None:
        if isinstance(given, _Constraints) and given.layer is self:
            return
        known = self.constraints
        for weight in [weight for weight in known if weight not in given]:
            del known[weight]
        known.update(given)

    # -- penalties, losses, updates ------------------------------------------------------------------------------

    @property
    def penalties(self) -> list[Any]:
        """(regularizer, weight) pairs whose sum is added to the training loss."""
        return list(self._regularizers)

    @property
    def regularizers(self) -> list[Any]:
        """The list of Keras 1.0 and 1.1; Keras 1.2 takes it, does nothing with it and says so, as we do."""
        return WatchedList(self.__dict__.get("_listed_regularizers", ()), self._list_regularizers)

    @regularizers.setter
    def regularizers(self, given: Any) -> None:
        self._list_regularizers(given)

    def _list_regularizers(self, given):
        self._listed_regularizers = list(given)
        if given:
            warnings.warn(f"{type(self).__name__}: `regularizers` has no effect, as in Keras since 1.2. Add penalties "
                          "by self.add_loss(regularizer(W)), or make W by self.add_weight(..., regularizer=...).",
                          stacklevel=3)

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Add scalar tensors to the training loss: those of the inputs inside `call`, others anywhere.

        What is made outside of `call`, of weights or of the model's tensors, is computed anew at each step.
        """
        _collect(as_list(losses), collected.losses, self._list("_added_losses"))

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        """Assign new values to variables after each training step: (variable, value) pairs; see `add_loss`."""
        _collect(updates if isinstance(updates, list) else [updates], collected.updates, self._list("_added_updates"))

    def add_state_update(self, updates: Any) -> None:
        """Have a stateful layer's next batch begin with other states: (variable, value) pairs, at this batch's end."""
        if collected.states is not None:
            collected.states.extend(updates)

    def inner_layers(self) -> list[Any]:
        """The layers and models inside of this one."""
        return [*getattr(self, "layers", ()), *as_list(getattr(self, "layer", None))]

    @property
    def losses(self) -> list[Any]:
        """All losses of the layer, symbolic: of regularizers, and those that `add_loss` was given."""
        penalties = [regularizer(weight) for regularizer, weight in self.penalties]
        losses = [*penalties, *self._added_losses, *self._called_losses()]
        return WatchedList(losses, lambda changed: self._set_losses(changed, losses))

    @losses.setter
    def losses(self, losses: Sequence[Any]) -> None:
        self._set_losses(losses, ())

    def _set_losses(self, losses, before):
        """Make `losses` those of the layer; inside `call`, those not seen `before` are of the step under way."""
        if collected.losses is not None or not deferring():
            _collect([loss for loss in losses if not _among(before, loss)], collected.losses, [])
            return
        self._regularizers = []
        self._added_losses = []
        _keep([loss for loss in losses if not _among(self._list("_losses_of_calls"), loss)], self._added_losses)

    @property
    def updates(self) -> list[Any]:
        """(variable, value) pairs that `add_update` was given outside of `call`."""
        updates = list(self._list("_added_updates"))
        return WatchedList(updates, lambda changed: self._set_updates(changed, updates))

    @updates.setter
    def updates(self, updates: Sequence[Any]) -> None:
        self._set_updates(updates, ())

    def _set_updates(self, updates, before):
        if collected.updates is not None or not deferring():
            _collect([update for update in updates if not _among(before, update)], collected.updates, [])
            return
        self._added_updates = []
        _keep(updates, self._added_updates)

    def _losses_anywhere(self):
        return self.losses

    def _called_losses(self):
        """The symbolic losses of calls; calls that were put off until someone asks are made now."""
        losses = [loss() if callable(loss) else [loss] for loss in self._losses_of_calls]
        self._losses_of_calls = [loss for some in losses for loss in some]
        return self._losses_of_calls

    def _list(self, name):
        return self.__dict__.setdefault(name, [])


class _Constraints(MutableMapping):
    """The constraints of a layer's weights, which the weights themselves hold."""

    def __init__(self, layer):
        self.layer = layer

    def __iter__(self):
        return (weight for weight in getattr(self.layer, "weights", ()) if weight.constraint is not None)

    def __len__(self):
        return sum(1 for _ in self)

    def __getitem__(self, weight):
        if getattr(weight, "constraint", None) is None:
            raise KeyError(weight)
        return weight.constraint

    def __setitem__(self, weight, constraint):
        if not isinstance(weight, Variable):
            raise ArgumentError(f"constraints are for variables, as K.variable and add_weight make them, not for "
                                f"{weight!r:.80}.")
        weight.constraint = constraints.get(constraint)

    def __delitem__(self, weight):
        weight.constraint = None

    def __repr__(self):
        return repr(dict(self))


def _collect(added, of_this_step, of_all_steps):
    """Keep what is added in the list of the step under way, or outside of all evaluation in that for all steps."""
    if of_this_step is not None:
        of_this_step.extend(added)
    elif deferring():
        _keep(added, of_all_steps)


def _keep(added, of_all_steps):
    of_all_steps.extend(added)
    Belongings.any_added |= bool(of_all_steps)


def _among(entries, entry):
    return any(entry is other for other in entries)
