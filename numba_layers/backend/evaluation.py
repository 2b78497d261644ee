"""Running graphs: functions of placeholders, gradients, and values printed on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import devices, ops
from ..autograd import graph
from ..autograd.context import context
from ..autograd.graph import LEARNING_PHASE, Graph, any_symbolic, fed
from ..autograd.sparse import as_dense
from ..autograd.tensor import Tensor, as_tensor
from ..errors import ArgumentError, GraphError
from ..locks import holding, locks_of
from ..ops._op import composite, copied, local
from ..program import Programs
from ..thread_state import contained
from .updates import Update, carry_out

if TYPE_CHECKING:
    from typing import Any

    from ..typing import TensorLike


class Function:
    """Outputs of a graph as a function of its placeholders; see `function`."""

    def __init__(self, inputs: Any, outputs: Any, updates: Any = (), name: str | None = None) -> None:
        self.name = name or "function"
        self.inputs = list(inputs)
        self.single = not isinstance(outputs, list | tuple)
        outputs = [as_tensor(output) for output in ([outputs] if self.single else outputs)]
        self._outputs = len(outputs)
        self.updates = [Update(*pair) for pair in updates]
        self._locks = locks_of([update.variable for update in self.updates])
        # A learning phase that is fixed is a number, not a tensor: such an input has nothing to feed.
        self._fed = [position for position, tensor in enumerate(self.inputs) if isinstance(tensor, Tensor)]
        values = [as_tensor(update.value) for update in self.updates]
        self._graph = Graph([*outputs, *values], [self.inputs[position] for position in self._fed])
        self._programs = Programs(self)

    @contained
    def __call__(self, inputs: Any = ()) -> Any:
        """Values of the outputs as NumPy arrays; `inputs` a list of arrays, one for each input.

        Threads that update the same variables do so in turn.
        """
        if not isinstance(inputs, list | tuple) or len(inputs) != len(self.inputs):
            given = f"{len(inputs)} values" if isinstance(inputs, list | tuple) else type(inputs).__name__
            raise ArgumentError(f"{self.name}: expected a list of {len(self.inputs)} values, one for each "
                                f"input, got {given}.")
        outputs = holding(self._locks, self._run, [as_dense(inputs[position]) for position in self._fed])
        return outputs[0] if self.single else outputs

    def _run(self, values: Any) -> Any:
        tensors = list(map(fed, self._graph.inputs, values))
        if any(type(tensor) is not Tensor for tensor in tensors):   # a variable's own memory, a sparse matrix
            results = [output.data for output in self._op_by_op(tensors)]
        else:
            phase = [tensor is LEARNING_PHASE for tensor in self._graph.inputs]     # by its value there is a program

            def again(*arrays: Any) -> Any:
                given = iter(map(Tensor, arrays))
                return self._op_by_op([own if fixed else next(given) for own, fixed in zip(tensors, phase)])

            key = [int(tensor) for tensor, fixed in zip(tensors, phase) if fixed]
            arrays = [local(tensor) for tensor, fixed in zip(tensors, phase) if not fixed]
            results = self._programs.run(tuple(key), again, arrays, apart=True)
        return [np.array(result) for result in results]     # it may be a variable's own memory

    def _op_by_op(self, tensors: Any) -> Any:
        """The function itself: what a program of it was recorded of. Outputs have their values before the updates."""
        results = self._graph.run(tensors)
        variables = [update.variable for update in self.updates]
        memories = {devices.memory(variable.data) for variable in variables}
        outputs = [copied(output) if devices.memory(output.data) in memories else output
                   for output in results[:self._outputs]]
        carry_out(variables, results[self._outputs:])
        return outputs


def function(inputs: Any, outputs: Any, updates: Any = None, **kwargs: Any) -> Function:
    """A function of a list of arrays that runs the graph from `inputs` to `outputs` and then the updates.

    inputs: placeholders, `K.learning_phase()` among them. updates: pairs (variable, new value), or what
    `K.update` gives; all new values are computed from the old ones. Outputs come as a list, or alone when
    `outputs` is no list.
    """
    return Function(inputs, outputs, updates or (), **kwargs)


def gradients(loss: Tensor, variables: Any) -> Any:
    """Gradients of the sum of `loss` with respect to `variables`, as a list; zeros where it does not depend.

    Raises: GraphError when the loss has a value already and no tape recorded how.
    """
    variables = list(variables) if isinstance(variables, list | tuple) else [variables]
    if any_symbolic([loss, *variables]):
        return graph.gradients(loss, variables)
    if not context.tapes:
        raise GraphError("gradients: the loss has a value already and nothing recorded how it came about. "
                         "Build it from K.variable or K.placeholder, or compute it inside a Tape.")
    return graph.recorded_gradients(loss, *variables)


def stop_gradient(variables: Any) -> Any:
    """The same values, through which no gradient flows; a tensor or a list of them."""
    if isinstance(variables, list | tuple):
        return [ops.stop_gradient(x) for x in variables]
    return ops.stop_gradient(variables)


def print_tensor(x: TensorLike, message: str = "") -> Tensor:
    """x itself; its value is printed whenever a graph computes it."""
    return _printed(x, message=message)


@composite
def _printed(x: Any, *, message: str) -> Tensor:
    if not isinstance(x, graph.SymbolicTensor):
        print(message, x.numpy())
    return x
