"""A Python function recorded as a graph of its own: the branch of a condition, the body of a loop."""

from .graph import Graph, Step, SymbolicTensor
from .tensor import as_tensor


class Trace:
    """What `function(*inputs)` computes, to be run later, as often as wanted, or never.

    inputs: placeholders. `output` is what the function returned: a tensor. `captured` are the symbolic
    tensors from outside that it uses; whoever defers a call of the trace hands them on as arguments, so that
    they have values by then.
    """

    def __init__(self, function, *inputs):
        start = next(Step.numbers)
        self.output = as_tensor(function(*inputs))
        self.captured = _outside(self.output, inputs, start)
        self._graph = Graph([self.output], [*inputs, *self.captured])

    def __call__(self, inputs, captured):
        """The value of `output` for concrete `inputs` and `captured` tensors."""
        return self._graph.run([*inputs, *captured])[0]


def _outside(output, inputs, start):
    """Symbolic tensors, other than `inputs`, that `output` uses and no step numbered from `start` made."""
    found, seen = [], {id(tensor) for tensor in inputs}
    pending = [output]
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
