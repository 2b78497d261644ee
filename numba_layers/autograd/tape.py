"""The tape: a list of the operations that ran, walked backwards for gradients.

Reference: Griewank & Walther 2008, "Evaluating Derivatives", §3.2 (reverse mode).
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, overload

import numpy as np

from .. import devices
from ..errors import GraphError
from . import picture
from .context import context, evaluation
from .tensor import Tensor, as_seen, stored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import TensorLike

# One op that ran. vjps: for each input a function from the outputs' gradients to the input's, or None; one that can
# write its answer to a given array takes that as `into`, by keyword: `lambda grad, *, into=None: ...`. layer: the name
# of the layer it ran for, or None. first: what is done to the output's gradient before VJPs take it, or None.
Node = namedtuple("Node", "name inputs outputs vjps layer first", defaults=[None, None])
# Before an op's VJPs: from its output's gradient to what they all take. What only this needs, and the gradient itself,
# is let go of before they run.
First = namedtuple("First", "step")


class Tape:
    """Records every op that runs inside `with Tape() as tape`.

    `tape.nodes` is the list; `tape.gradient(loss, weights)` walks it backwards. Recorded inside another tape, or asked
    for inside its own `with`, a gradient is itself recorded: gradients of gradients need nothing more.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.values: dict[int, Any] = {}    # of expressions of variables that were made outside, by identity

    def __enter__(self) -> Tape:
        tapes, walks = [*context.tapes, self], [*context.walks, self.values]
        context.tapes, context.walks = tapes, walks
        return self

    def __exit__(self, *exception: Any) -> None:
        tapes = [tape for tape in context.tapes if tape is not self]
        walks = [walk for walk in context.walks if walk is not self.values]
        context.tapes, context.walks = tapes, walks

    @overload
    def gradient(self, target: Tensor, sources: Tensor, output_gradient: TensorLike | None = None,
                 into: Sequence[Any] | None = None, last: bool = False) -> Any: ...
    @overload
    def gradient(self, target: Tensor, sources: Sequence[Tensor], output_gradient: TensorLike | None = None,
                 into: Sequence[Any] | None = None, last: bool = False) -> list[Any]: ...
    def gradient(self, target: Any, sources: Any, output_gradient: Any = None, into: Any = None,
                 last: bool = False) -> Any:
        """Gradient of the sum of `target` with respect to each source: Σ_i g_i ∂target_i/∂source.

        Shapes: each gradient has its source's shape; `output_gradient` (g) target's shape, ones by default.
        `sources` one tensor or a list; the answer has the same form, with None where target does not depend on it.
        `into`: for each source an array to write the gradient to (or None), so that none is allocated.
        `last`: the tape forgets each op on the way back, and with it what was kept for its gradient.
        Raises: GraphError when target was not recorded.
        """
        single = isinstance(sources, Tensor)
        asked = [sources] if single else list(sources)
        sources = [self.values.get(id(source), source) for source in map(stored, asked)]
        target = self.values.get(id(target), target)
        into = into or [None] * len(sources)
        if not isinstance(target, Tensor):
            raise GraphError(f"the tape differentiates tensors, got {type(target).__name__}.")
        nodes = list(self.nodes)
        if last:
            self.nodes = []
        wanted, between = _depending_on(sources, nodes)
        gradients = {id(target): _seed(target, output_gradient)}
        destinations = {id(source): array for source, array in zip(sources, into)
                        if array is not None and _may_write(array, source)}
        reached = {}            # gradients of those sources that an op gave
        with evaluation():   # also after the tape's own `with`, variables have values here
            while nodes:
                _, inputs, outputs, vjps, layer, first = nodes.pop()
                # a gradient is let go of as soon as it was used: what lives at a time is that of a few layers
                grads = [gradients.pop(id(output), None) for output in outputs]
                if between:
                    reached |= {id(output): grad for output, grad in zip(outputs, grads)
                                if id(output) in between and grad is not None}
                if len(grads) > 1 and any(grad is not None for grad in grads):
                    grads = [_zeros(output) if grad is None else grad for output, grad in zip(outputs, grads)]
                if grads[0] is None:
                    continue
                context.layer = layer
                if first is not None:
                    grads = [first(*grads)]
                outputs = first = contribution = None
                for tensor, vjp in zip(inputs, vjps):
                    place = id(tensor)
                    if vjp is None or place not in wanted:
                        continue
                    before = gradients.get(place)
                    if before is None and place in destinations and getattr(vjp, "__kwdefaults__", None):
                        contribution = vjp(*grads, into=destinations[place])
                    else:
                        contribution = vjp(*grads)
                    if contribution is not None:
                        gradients[place] = contribution if before is None else before + contribution
        gradients = reached | gradients
        answers = [as_seen(_deliver(gradients.get(id(source)), array), one)
                   for one, source, array in zip(asked, sources, into)]
        return answers[0] if single else answers

    def __repr__(self) -> str:
        return f"<Tape of {len(self.nodes)} ops>"

    def _repr_svg_(self):
        """The picture that notebooks show."""
        return picture.svg(self.nodes)


def _depending_on(sources, nodes):
    """Identities of the tensors whose gradient matters, the sources and all that was computed from them; and of those
    among the sources that an op gave.
    """
    asked, between = {id(source) for source in sources}, set()
    wanted = set(asked)
    for node in nodes:
        outputs = [id(output) for output in node.outputs]
        between.update(asked.intersection(outputs))
        for tensor in node.inputs:
            if id(tensor) in wanted:
                wanted.update(outputs)
                break
    return wanted, between


def _seed(target, output_gradient):
    if output_gradient is None:
        return Tensor(np.ones(target.shape, target.dtype))
    if isinstance(output_gradient, Tensor):
        return output_gradient
    return Tensor(np.asarray(output_gradient, target.dtype))


def _zeros(tensor):
    return Tensor(np.zeros(tensor.shape, tensor.dtype))


def _may_write(array, tensor):
    """Whether kernels can write the gradient of `tensor` to `array`."""
    return (isinstance(array, devices.current().array) and array.shape == tensor.shape and array.dtype == tensor.dtype
            and array.flags.c_contiguous)


def _deliver(gradient, array):
    """Put `gradient` into `array` unless it was computed there; None leaves zeros."""
    if array is None:
        return gradient
    answer = Tensor(array)
    if gradient is None:
        answer._fill(0)
    elif gradient.data is not array:
        answer._receive(gradient)
    return answer
