"""A function of one timestep, applied to a sequence: what all recurrent layers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..autograd.graph import SymbolicTensor, any_symbolic, defer, placeholder
from ..autograd.tensor import as_tensor
from ..autograd.trace import Trace
from ..errors import ArgumentError, ShapeError
from . import elementwise, shape
from ._op import op

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..autograd.tensor import Tensor
    from ..typing import ShapeLike, TensorLike


@op
def filled_for(run, x: TensorLike, *, sizes: ShapeLike, value: float = 0.0):
    """`value` for each sample of x, in its type: (batch, ...) -> (batch, *sizes)"""
    return run("fill", float(value), out=(x.shape[0], *sizes), dtype=x.dtype, out_view=(-1,)), None


def recurrence(step: Callable[..., Any], inputs: TensorLike, states: Sequence[TensorLike],
               mask: TensorLike | None = None, constants: Sequence[TensorLike] = (), *, backwards: bool = False,
               zero_outputs: bool = False) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The last output, all outputs and the last states of `step` along the second axis of `inputs`.

    step: (x, [*states, *constants]) -> (output, new states), for the inputs of one timestep.
    Shapes: inputs (batch, time, ...), states (batch, ...), mask (batch, time) -> outputs (batch, time, ...)
    A masked timestep (0 in `mask`) leaves the states of its sample, and repeats the output before (zeros before the
    first; with `zero_outputs`, zeros). backwards: from the last timestep to the first; outputs come in that order.
    Raises: ShapeError for inputs or a mask of other ranks or lengths; ArgumentError for another number of states.
    """
    inputs, states, constants = as_tensor(inputs), [as_tensor(state) for state in states], list(constants)
    if inputs.ndim < 3:
        raise ShapeError(f"rnn: the inputs need at least 3 axes (batch, time, ...), got shape {inputs.shape}.")
    mask = None if mask is None else _mask_for(inputs, as_tensor(mask))
    if not any_symbolic([inputs, *states, *([] if mask is None else [mask]), *constants]):
        return _along(step, inputs, states, mask, constants, backwards, zero_outputs)
    return _deferred(step, inputs, states, mask, constants, backwards, zero_outputs)


def _mask_for(inputs, mask):
    """The mask of (batch, time); Keras 1 had an axis of size 1 behind."""
    if mask.ndim == 3 and mask.shape[-1] == 1:
        mask = shape.squeeze(mask, axis=-1)
    differ = [axis for axis in (0, 1) if mask.ndim == 2 and None not in (mask.shape[axis], inputs.shape[axis])
              and mask.shape[axis] != inputs.shape[axis]]
    if mask.ndim != 2 or differ:
        raise ShapeError(f"rnn: the mask has shape {mask.shape}, expected (batch, time) of the inputs, whose shape is "
                         f"{inputs.shape}.")
    return elementwise.cast(mask, dtype="bool")


def _deferred(step, inputs, states, mask, constants, backwards, zero_outputs):
    """The same for symbolic tensors: `step` is recorded on placeholders, and runs when they have values."""
    slices = [placeholder((inputs.shape[0], *inputs.shape[2:]), inputs.dtype),
              *(placeholder(state.shape, state.dtype) for state in states)]

    def one(x, *before):
        output, after = step(x, [*before, *constants])
        return [output, *_states(after, before)]

    trace = Trace(one, *slices)
    output, *after = trace.outputs

    def run(inputs, states, masks, captured):
        def concrete(x, before):
            found = trace.all([x, *before], captured)
            return found[0], found[1:]

        last, outputs, new = _along(concrete, inputs, states, masks[0] if masks else None, [], backwards, zero_outputs)
        return [last, outputs, *new]

    like = [SymbolicTensor(tensor.shape, tensor.dtype) for tensor in (output, *after)]
    sequence = SymbolicTensor((output.shape[0], inputs.shape[1], *output.shape[1:]), output.dtype)
    last, outputs, *new = defer(run, (inputs, states, [] if mask is None else [mask], trace.captured), {},
                                [like[0], sequence, *like[1:]])
    return last, outputs, new


def _states(after, before):
    after = [as_tensor(state) for state in (after if isinstance(after, list | tuple) else [after])]
    if len(after) != len(before):
        raise ArgumentError(f"rnn: the step gave {len(after)} new states, it was given {len(before)}.")
    return after


def _along(step, inputs, states, mask, constants, backwards, zero_outputs):
    if not inputs.shape[1]:
        return _of_no_time(step, inputs, states, constants)
    steps = shape.unstack(inputs, axis=1)
    counts = [None] * len(steps) if mask is None else shape.unstack(mask, axis=1)
    outputs = []
    for x, count in zip(steps[::-1], counts[::-1]) if backwards else zip(steps, counts):
        output, after = step(x, [*states, *constants])
        after = _states(after, states)
        if count is not None:
            repeated = outputs[-1] if outputs and not zero_outputs else filled_for(output, sizes=output.shape[1:])
            output = _chosen(count, output, repeated)
            after = [_chosen(count, new, old) for new, old in zip(after, states)]
        outputs.append(output)
        states = after
    return outputs[-1], shape.stack(*outputs, axis=1), states


def _chosen(count, new, old):
    """For each sample the new tensor where it counts, else the old one."""
    return elementwise.where(shape.reshape(count, shape=(-1,) + (1,) * (new.ndim - 1)), new, old)


def _of_no_time(step, inputs, states, constants):
    """Of sequences without a timestep: zeros of the shape that a step would give, and the states as they were."""
    output, _ = step(filled_for(inputs, sizes=inputs.shape[2:]), [*states, *constants])
    sizes = as_tensor(output).shape[1:]
    return filled_for(output, sizes=sizes), filled_for(output, sizes=(0, *sizes)), states


def swapped(x: Tensor) -> Tensor:
    """x with its first two axes in the other order: time in front, or behind."""
    return shape.transpose(x, axes=(1, 0, *range(2, x.ndim)))
