"""Loops over the timesteps of a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from ..autograd.tensor import as_tensor
from ..errors import ShapeError
from ..ops.recurrence import swapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..autograd.tensor import Tensor
    from ..typing import TensorLike


def rnn(step_function: Callable[..., Any], inputs: TensorLike, initial_states: Sequence[TensorLike],
        go_backwards: bool = False, mask: TensorLike | None = None, constants: Sequence[TensorLike] | None = None,
        unroll: bool = False, input_length: int | None = None, time_major: bool = False,
        zero_output_for_mask: bool = False) -> tuple[Tensor, Tensor, list[Tensor]]:
    """(last output, outputs, last states) of a step along the timesteps of `inputs`.

    step_function: (x, states) -> (output, new states), x of one timestep, `states` followed by the `constants`.
    Shapes: inputs (batch, time, ...), initial_states (batch, ...), mask (batch, time) -> outputs (batch, time, ...)
    go_backwards: from the last timestep to the first; outputs come in that order. mask: a timestep that is 0 leaves
    the states, and repeats the output before it (zeros before the first; zeros for all with zero_output_for_mask).
    time_major: inputs, mask and outputs are (time, batch, ...). unroll, input_length: need a known number of timesteps,
    and change nothing else.
    Raises: ShapeError for inputs of fewer than 3 axes, or another mask; ArgumentError for another number of states.
    Reference: Keras 2.2.5, `K.rnn`; `time_major` and `zero_output_for_mask` as in tf.keras.
    """
    inputs = as_tensor(inputs)
    if unroll and input_length is None and inputs.shape[0 if time_major else 1] is None:
        raise ShapeError("rnn: unrolling needs a known number of timesteps; the inputs have shape "
                         f"{inputs.shape}. Leave unroll out.")
    if time_major:
        inputs, mask = swapped(inputs), None if mask is None else swapped(as_tensor(mask))
    last, outputs, states = ops.recurrence(step_function, inputs, initial_states, mask, constants or (),
                                           backwards=go_backwards, zero_outputs=zero_output_for_mask)
    return last, swapped(outputs) if time_major else outputs, states
