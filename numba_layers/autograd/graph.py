"""Symbolic tensors: operations that are still to run, and their evaluation.

An op on a symbolic tensor becomes a `Step` (function, arguments, outputs). Evaluating a graph calls the very same
functions on concrete tensors, in order; so Keras's functional graph, `K.function` and `K.gradients` are one thing.
"""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .. import config
from ..errors import GraphError, ShapeError
from ..phase import learning
from .context import context, deferring, evaluation
from .tape import Tape
from .tensor import Sizes, Tensor, Variable, as_seen, as_tensor, stored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import DtypeLike, ShapeLike


class SymbolicTensor(Tensor):
    """A tensor without a value yet: a shape (None where open), a type, and the step that will compute it.

    A tensor without a step is a placeholder: it gets its value when the graph is evaluated.
    """

    def __init__(self, shape: ShapeLike, dtype: DtypeLike | None = None, step: Step | None = None,
                 name: str | None = None) -> None:
        super().__init__(None, name=name)
        del self.data
        self._shape = Sizes(None if size is None else int(size) for size in shape)
        self._dtype = np.dtype(dtype or config.floatx())
        self.step = step

    @property
    def shape(self) -> tuple[Any, ...]:
        return self._shape

    @property
    def _uses_learning_phase(self):  # type: ignore[override]
        """Whether the value may differ between training and testing."""
        return any(getattr(step.function, "uses_learning_phase", False) or LEARNING_PHASE in step.tensors()
                   for step in _sorted_steps([self], {}))

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    @property
    def ndim(self) -> int:
        return len(self._shape)

    @property
    def size(self) -> Any:
        return None if None in self._shape else int(np.prod(self._shape))

    @cached_property
    def depends_on_inputs(self):  # type: ignore[override]
        """True where it has no value before a placeholder has one."""
        return bool(placeholders(self))

    def __getattr__(self, name):
        if name == "data":
            return _value_now(self).data
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __array__(self, dtype=None, copy=None):
        raise _without_value(self)

    def __repr__(self):
        return f"SymbolicTensor({self.name or 'unnamed'}, shape={self._shape}, {self._dtype})"


class Step:
    """A call that is still to run: `function(*arguments, **options)` gives `outputs`.

    Arguments are tensors, or lists of tensors, or anything else. `uses_tape`: the function asks the tape for gradients.
    `number` counts the steps of the process: later steps have larger numbers.
    """

    __slots__ = ("arguments", "function", "number", "options", "outputs", "uses_tape")
    numbers = itertools.count()

    def __init__(self, function, arguments, options, outputs, uses_tape=False):
        self.function = function
        self.arguments = arguments
        self.options = options
        self.outputs = outputs
        self.uses_tape = uses_tape
        self.number = next(self.numbers)

    def tensors(self):
        """All tensors among the arguments."""
        for argument in (*self.arguments, *self.options.values()):
            if isinstance(argument, Tensor):
                yield argument
            elif isinstance(argument, list | tuple):
                yield from (entry for entry in argument if isinstance(entry, Tensor))


def is_symbolic(value: Any) -> bool:
    """True for a tensor whose value comes later; a variable counts outside of tapes and evaluations."""
    return isinstance(value, SymbolicTensor) or (isinstance(value, Variable) and deferring())


def any_symbolic(arguments):
    """True when a tensor among `arguments`, or in a list among them, is symbolic."""
    for argument in arguments:
        kind = type(argument)           # the common cases are asked first: every op comes by here
        if kind is Tensor:
            continue
        if kind is Variable:
            if not (context.evaluating or context.tapes):
                return True
        elif kind is list or kind is tuple:
            if any_symbolic(argument):
                return True
        elif is_symbolic(argument):
            return True
    return False


def defer(function, arguments, options, template, uses_tape=False):
    """Record a step whose outputs look like `template` (a tensor, or a list or tuple of them) and return them."""
    single = isinstance(template, Tensor)
    outputs = [SymbolicTensor(entry.shape, entry.dtype) for entry in ([template] if single else template)]
    step = Step(function, arguments, options, outputs, uses_tape)
    for output in outputs:
        output.step = step
    return outputs[0] if single else type(template)(outputs)


def placeholder(shape: ShapeLike, dtype: DtypeLike | None = None, name: str | None = None) -> SymbolicTensor:
    """A symbolic tensor that gets its value when the graph is evaluated."""
    return SymbolicTensor(shape, dtype, name=name)


# Keras's `K.learning_phase()`: fed like any placeholder, 0 (testing) unless something says otherwise.
LEARNING_PHASE = placeholder((), "int64", name="learning_phase")


class Graph:
    """The steps that lead from `inputs` to `outputs`, in an order in which they can run."""

    def __init__(self, outputs, inputs=()):
        self.outputs = list(outputs)
        self.inputs = list(inputs)
        self.steps = _sorted_steps(self.outputs, {id(tensor) for tensor in self.inputs})
        self._uses_tape = any(step.uses_tape for step in self.steps)

    def run(self, values, learning_phase=None):
        """Values of the outputs, given those of the inputs (Tensors or arrays, in the order of `inputs`)."""
        with self.evaluated(values, learning_phase) as outputs:
            return outputs

    def evaluated(self, values, learning_phase=None):
        """What `run` answers; inside the block every tensor of the graph has its value for all ops (see `settled`)."""
        known = {}
        for tensor, value in zip(self.inputs, values):
            known[id(tensor)] = fed(tensor, value)
            if tensor is LEARNING_PHASE:
                learning_phase = int(known[id(tensor)].data)
        return _Evaluated(self, known, learning_phase)


class _Evaluated(evaluation):
    """The block in which the tensors of `graph` have values, those that are `known` and all that follow from them."""

    def __init__(self, graph, known, learning_phase):
        super().__init__(learning_phase)
        self._graph, self._known = graph, known

    def __enter__(self):
        super().__enter__()
        try:
            if self._graph._uses_tape:
                Tape().__enter__()
            context.walks = [*context.walks, self._known]
            _run(self._graph.steps, self._known)
            return [_resolved(output, self._known) for output in self._graph.outputs]
        except BaseException:
            self.__exit__()
            raise


def _run(steps, known):
    """Run `steps` in order on the tensors whose values are `known`; their results become known."""
    for step in steps:
        options = {name: _resolved(option, known) for name, option in step.options.items()}
        results = step.function(*[_resolved(argument, known) for argument in step.arguments], **options)
        if isinstance(results, Tensor):
            results = (results,)
        for output, result in zip(step.outputs, results):
            known[id(output)] = concrete(result) if isinstance(result, SymbolicTensor) else result


def _resolved(argument, known):
    """`argument` with the values of the symbolic tensors in it."""
    if isinstance(argument, SymbolicTensor):
        return _value(argument, known)
    if isinstance(argument, list | tuple):
        return type(argument)(_resolved(entry, known) for entry in argument)
    return argument


def settled(arguments):
    """`arguments` with values for the symbolic tensors, from the evaluations under way; None where one has none.

    So a loss or a layer may use tensors of the model around it, as variational autoencoders do, and expressions of
    weights: their values are those of the batch at hand, computed if nothing did so yet.
    """
    for known in reversed(context.walks):
        tensors = [entry for argument in arguments
                   for entry in (argument if isinstance(argument, list | tuple) else [argument])
                   if isinstance(entry, SymbolicTensor)]
        steps = _sorted_steps(tensors, known)
        made = {id(output) for step in steps for output in step.outputs}
        needed = [*tensors, *(tensor for step in steps for tensor in step.tensors())]
        if all(id(tensor) in known or id(tensor) in made or tensor is LEARNING_PHASE
               for tensor in needed if isinstance(tensor, SymbolicTensor)):
            known.setdefault("steps", []).extend(steps)     # kept, for `known` goes by identity
            _run(steps, known)
            return _resolved(tuple(arguments), known)
    return None


def concrete(tensor):
    """`tensor`, or its value in the evaluation under way where it is symbolic.

    Raises: GraphError naming the placeholder that has no value there.
    """
    if not isinstance(tensor, SymbolicTensor):
        return tensor
    values = settled((tensor,))
    if values is None:
        raise _missing(next(leaf for leaf in placeholders(tensor)
                            if not any(id(leaf) in known for known in context.walks)))
    return values[0]


def placeholders(tensor):
    """The placeholders that `tensor` depends on, the learning phase not counted, as a list."""
    steps = _sorted_steps([tensor], ())
    found = {id(leaf): leaf for leaf in (tensor, *(leaf for step in steps for leaf in step.tensors()))}
    return [leaf for leaf in found.values()
            if isinstance(leaf, SymbolicTensor) and leaf.step is None and leaf is not LEARNING_PHASE]


def _value_now(tensor):
    """The value of a symbolic tensor for which one was asked: in the evaluation under way, or that of the variables."""
    values = settled((tensor,))
    if values is None:
        if tensor.depends_on_inputs:
            raise _without_value(tensor)
        values = [evaluate(tensor)]
    return values[0]


def _without_value(tensor):
    return GraphError(f"{tensor!r} has no value yet. Evaluate it with K.function([inputs], [tensor]), K.eval(tensor) "
                      "or model.predict; in a layer, write K functions (K.sqrt(x)) in place of NumPy's.")


def _missing(tensor):
    return GraphError(f"placeholder {tensor.name or tensor!r} of shape {tensor.shape} needs a value, and is not among "
                      "the inputs of this function or model.")


def _value(tensor, known):
    value = known.get(id(tensor))
    if value is not None:
        return value
    if tensor is LEARNING_PHASE:
        return as_tensor(np.int64(learning.phase or 0))
    raise _missing(tensor)


def fed(tensor, value):
    """`value` as the concrete tensor for the placeholder `tensor`, shapes compared."""
    value = as_tensor(value, tensor.dtype if not isinstance(value, Tensor) else None)
    fits = value.ndim == tensor.ndim and all(
        want is None or want == have for want, have in zip(tensor.shape, value.shape))
    if not fits:
        raise ShapeError(f"input {tensor.name or tensor!r}: expected shape {tensor.shape}, got {value.shape}.")
    return value


def _sorted_steps(outputs, known):
    """Steps needed for `outputs`, each after those it needs, without recursion (graphs may be deep)."""
    ordered, done = [], set()
    stack = [(output, False) for output in reversed(outputs)]
    while stack:
        tensor, expanded = stack.pop()
        step = getattr(tensor, "step", None)
        if step is None or id(tensor) in known or id(step) in done:
            continue
        if expanded:
            done.add(id(step))
            ordered.append(step)
        else:
            stack.append((tensor, True))
            stack.extend((argument, False) for argument in step.tensors())
    return ordered


def evaluate(outputs: Tensor | Sequence[Tensor], feeds: Any = None, learning_phase: int | None = None) -> Any:
    """Values of symbolic `outputs` (one or a list); `feeds` maps placeholders to arrays."""
    single = isinstance(outputs, Tensor)
    feeds = feeds or {}
    graph = Graph([outputs] if single else outputs, feeds.keys())
    values = graph.run(list(feeds.values()), learning_phase)
    return values[0] if single else values


def gradients(target: Tensor, sources: Sequence[Tensor]) -> list[Any]:
    """Symbolic gradients of the sum of `target` with respect to `sources` (tensors or variables), as a list."""
    kept = [stored(source) for source in sources]
    found = defer(recorded_gradients, (target, *kept), {}, kept, uses_tape=True)
    return [as_seen(gradient, source) for gradient, source in zip(found, sources)]


def recorded_gradients(target, *sources):
    """Gradients of the sum of `target` on the innermost tape, as a list; zeros where it does not depend."""
    grads = context.tapes[-1].gradient(target, sources)
    return [Tensor(np.zeros(source.shape, source.dtype)) if grad is None else grad
            for source, grad in zip(sources, grads)]
