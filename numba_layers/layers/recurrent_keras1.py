"""Keras 1's base of recurrent layers, from which scripts derive their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import ops
from ..arguments import flag
from ..autograd.graph import any_symbolic
from ..autograd.tensor import Variable
from ..errors import ModelError, StatelessError
from ..utils.generic_utils import takes
from .base import InputSpec, Layer
from .node import as_list

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import Config


class Recurrent(Layer):
    """Base of recurrent layers of your own: a subclass has `build`, which sets `states`, and `step`.

    `step(x, states) -> (output, new states)` of one timestep, with the constants behind the states.
    `preprocess_input(x)` comes before, `get_constants(x)` gives what steps need beside the states, and
    `get_initial_states(x)` the states at the beginning: zeros of (batch, output_dim), as many as `self.states` has.
    Arguments as of `RNN`.

    Shapes: (batch, time, features) -> (batch, output_dim), or (batch, time, output_dim) with return_sequences
    Reference: Keras 1.2.2 and 2.0.9, "Recurrent".
    """

    supports_masking = True
    units: int

    def __init__(self, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
                 stateful: bool = False, unroll: bool = False, implementation: int = 0, consume_less: str = "cpu",
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.return_sequences = flag(return_sequences, "return_sequences")
        self.return_state = flag(return_state, "return_state")
        self.go_backwards = flag(go_backwards, "go_backwards")
        self.stateful = flag(stateful, "stateful")
        self.unroll = flag(unroll, "unroll")
        self.consume_less, self.implementation = consume_less, implementation
        self.input_dim, self.input_length = kwargs.get("input_dim"), kwargs.get("input_length")
        self.states: Any = [None]
        self.input_spec = [InputSpec(ndim=3)]

    def step(self, x: Any, states: Sequence[Any]) -> Any:
        """(output, new states) of one timestep. Raises: ModelError where a subclass has none."""
        raise ModelError(f"{type(self).__name__} has no method step(self, x, states) -> (output, new states).")

    def preprocess_input(self, x: Any, training: bool | None = None) -> Any:
        """What `step` sees of the inputs of all timesteps: the inputs themselves."""
        return x

    def get_constants(self, x: Any, training: bool | None = None) -> list[Any]:
        """What `step` gets behind the states: nothing."""
        return []

    def get_initial_states(self, x: Any) -> list[Any]:
        """The states before the first timestep: zeros."""
        return [ops.filled_for(x, sizes=self._state_sizes(x.shape)) for _ in self.states]

    def get_initial_state(self, inputs: Any) -> list[Any]:
        """`get_initial_states` under Keras 2's name."""
        return self.get_initial_states(inputs)

    def call(self, x: Any, mask: Any = None, training: bool | None = None, initial_state: Any = None) -> Any:
        options = {"training": training} if training is not None else {}
        kept = self.stateful and all(isinstance(state, Variable) for state in self.states)
        if initial_state is not None:
            states = as_list(initial_state)
        else:
            states = list(self.states) if kept else self.get_initial_state(x)
        constants = self.get_constants(x, **(options if takes(self.get_constants, "training") else {}))
        inputs = self.preprocess_input(x, **(options if takes(self.preprocess_input, "training") else {}))
        last, outputs, states = ops.recurrence(self.step, inputs, states, mask, constants, backwards=self.go_backwards)
        if kept and not any_symbolic([x, *states]):
            self.add_state_update(list(zip(self.states, states)))
        output = outputs if self.return_sequences else last
        return [output, *states] if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        of_output = mask if self.return_sequences else None
        return [of_output, *[None] * len(self.states)] if self.return_state else of_output

    def reset_states(self) -> None:
        """Begin the next batch with zeros."""
        if not self.stateful:
            raise StatelessError(f'{type(self).__name__} "{self.name}" is not stateful: it begins each batch anew.')
        if all(isinstance(state, Variable) for state in self.states):
            for state in self.states:
                state.assign(np.zeros(state.shape, state.dtype))
            return
        shape = self.batch_input_shape or (None,)
        if shape[0] is None:
            raise ModelError(f'{type(self).__name__} "{self.name}" is stateful and needs a batch size: '
                             "batch_input_shape=(batch size, timesteps, features).")
        sizes = shape[0], *self._state_sizes(shape)
        self.states = [Variable(np.zeros(sizes, self.dtype), trainable=False) for _ in self.states]

    def _state_sizes(self, shape):
        """The sizes of a state without the batch, for inputs of `shape`."""
        for name in ("output_dim", "units"):
            if hasattr(self, name):
                return (getattr(self, name),)
        raise ModelError(f"{type(self).__name__} does not say how many units it has: set self.output_dim (Keras 2: "
                         "self.units) in its __init__.")

    def get_config(self) -> Config:
        return super().get_config() | {
            "return_sequences": self.return_sequences, "return_state": self.return_state,
            "go_backwards": self.go_backwards, "stateful": self.stateful, "unroll": self.unroll,
            "implementation": self.implementation, "consume_less": self.consume_less}

