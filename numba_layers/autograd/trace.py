"""A Python function recorded as a graph of its own: the branch of a condition, the body of a loop."""

from .graph import Graph, Step, SymbolicTensor
from .tensor import as_tensor


class Trace:
    """What `function(*inputs)` computes, to be run later, as often as wanted, or never.

    inputs: placeholders. `output` is what the function returned: a tensor, or a list or tuple of them. `captured` are
    the symbolic tensors from outside that it uses; whoever defers a call of the trace hands them on as arguments, so
    that they have values by then.
    """

    def __init__(self, function, *inputs):
        start = next(Step.numbers)
        output = function(*inputs)
        self.single = not isinstance(output, list | tuple)
        outputs = [as_tensor(entry) for entry in ([output] if self.single else output)]
        self.output = outputs[0] if self.single else outputs
        self.captured = _outside(outputs, inputs, start)
        self._graph = Graph(outputs, [*inputs, *self.captured])

    def __call__(self, inputs, captured):
        """The value of `output` for concrete `inputs` and `captured` tensors."""
        values = self._graph.run([*inputs, *captured])
        return values[0] if self.single else values


def _outside(outputs, inputs, start):
    """Symbolic tensors, other than `inputs`, that `outputs` use and that no step numbered from `start` made."""
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
