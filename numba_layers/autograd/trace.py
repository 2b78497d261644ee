"""A Python function recorded as a graph of its own: the branch of a condition, the body of a loop."""

from .graph import Graph, Step, SymbolicTensor
from .tensor import as_tensor


class Trace:
    """What `function(*inputs)` computes, to be run later, as often as wanted, or never.

    inputs: placeholders. `outputs` is what the function returned: tensors, `output` the first of them. `captured` are
    the symbolic tensors from outside that they use; whoever defers a call of the trace hands them on as arguments, so
    that they have values by then.
    """

    def __init__(self, function, *inputs):
        start = next(Step.numbers)
        found = function(*inputs)
        self.outputs = [as_tensor(output) for output in (found if isinstance(found, list | tuple) else [found])]
        self.output = self.outputs[0]
        self.captured = _outside(self.outputs, inputs, start)
        self._graph = Graph(self.outputs, [*inputs, *self.captured])

    def __call__(self, inputs, captured):
        """The value of `output` for concrete `inputs` and `captured` tensors."""
        return self.all(inputs, captured)[0]

    def all(self, inputs, captured):
        """The values of all `outputs`, as a list."""
        return self._graph.run([*inputs, *captured])


def _outside(outputs, inputs, start):
    """Symbolic tensors, other than `inputs`, that `outputs` use and no step numbered from `start` made."""
    found, seen = [], {id(tensor) for tensor in inputs}
    pending = list(outputs)
    while pending:
        tensor = pending.pop()
        if not isinstance(tensor, SymbolicTensor) or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if tensor.step is None or tensor.step.number < start:
            found.append(tensor)
        else:
            pending.extend(tensor.step.tensors())
    return found
