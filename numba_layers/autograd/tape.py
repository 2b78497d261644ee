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
# write its answer to a given array takes that as `into`, by keyword: `lambda grad, *, into=None: ...`.
Node = namedtuple("Node", "name inputs outputs vjps")


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
                 into: Sequence[Any] | None = None) -> Any: ...
    @overload
    def gradient(self, target: Tensor, sources: Sequence[Tensor], output_gradient: TensorLike | None = None,
                 into: Sequence[Any] | None = None) -> list[Any]: ...
    def gradient(self, target: Any, sources: Any, output_gradient: Any = None, into: Any = None) -> Any:
        """Gradient of the sum of `target` with respect to each source: Σ_i g_i ∂target_i/∂source.

        Shapes: each gradient has its source's shape; `output_gradient` (g) target's shape, ones by default.
        `sources` one tensor or a list; the answer has the same form, with None where target does not depend on it.
        `into`: for each source an array to write the gradient to (or None), so that none is allocated.
        Raises: GraphError when target was not recorded.
        """
        single = isinstance(sources, Tensor)
        asked = [sources] if single else list(sources)
        sources = [self.values.get(id(source), source) for source in map(stored, asked)]
        target = self.values.get(id(target), target)
        into = into or [None] * len(sources)
        if not isinstance(target, Tensor):
            raise GraphError(f"the tape differentiates tensors, got {type(target).__name__}.")
        nodes = tuple(self.nodes)
        kept, wanted = {id(source) for source in sources}, _depending_on(sources, nodes)
        gradients = {id(target): _seed(target, output_gradient)}
        destinations = {id(source): array for source, array in zip(sources, into) if array is not None}
        with evaluation():   # also after the tape's own `with`, variables have values here
            for node in reversed(nodes):
                # a gradient is let go of as soon as it was used: what lives at a time is that of a few layers
                grads = [gradients.get(place) if place in kept else gradients.pop(place, None)
                         for place in map(id, node.outputs)]
                if all(grad is None for grad in grads):
                    continue
                if len(grads) > 1:
                    grads = [_zeros(output) if grad is None else grad for output, grad in zip(node.outputs, grads)]
                for tensor, vjp in zip(node.inputs, node.vjps):
                    if vjp is not None and id(tensor) in wanted:
                        _accumulate(gradients, tensor, vjp, grads, destinations)
                for grad in grads:
                    vars(grad).pop("shared_step", None)
        answers = [as_seen(_deliver(gradients.get(id(source)), array), one)
                   for one, source, array in zip(asked, sources, into)]
        return answers[0] if single else answers

    def __repr__(self) -> str:
        return f"<Tape of {len(self.nodes)} ops>"

    def _repr_svg_(self):
        """The picture that notebooks show."""
        return picture.svg(self.nodes)


def _depending_on(sources, nodes):
    """Identities of the tensors whose gradient matters: the sources and all that was computed from them."""
    wanted = {id(source) for source in sources}
    for node in nodes:
        if any(id(tensor) in wanted for tensor in node.inputs):
            wanted.update(id(output) for output in node.outputs)
    return wanted


def _seed(target, output_gradient):
    if output_gradient is None:
        return Tensor(np.ones(target.shape, target.dtype))
    return output_gradient if isinstance(output_gradient, Tensor) else Tensor(np.asarray(output_gradient, target.dtype))


def _zeros(tensor):
    return Tensor(np.zeros(tensor.shape, tensor.dtype))


def _accumulate(gradients, tensor, vjp, grads, destinations):
    """Add one op's contribution to the gradient of `tensor`; the first may be written straight to its destination."""
    before, destination = gradients.get(id(tensor)), destinations.get(id(tensor))
    if before is None and destination is not None and _may_write(vjp, destination, tensor):
        contribution = vjp(*grads, into=destination)
    else:
        contribution = vjp(*grads)
    if contribution is not None:
        gradients[id(tensor)] = contribution if before is None else before + contribution


def _may_write(vjp, array, tensor):
    """Whether `vjp` takes a destination, and kernels can write the gradient of `tensor` to this one."""
    return (getattr(vjp, "__kwdefaults__", None) and isinstance(array, devices.current().array)
            and array.shape == tensor.shape and array.dtype == tensor.dtype and array.flags.c_contiguous)


def once(step):
    """`step`, from the gradient of an op's output to what its VJPs share, done once for all of them.

    The gradient keeps the answer until the tape has asked them all.
    """
    def call(grad):
        known = vars(grad).get("shared_step")
        if known is None or known[0] is not step:
            known = grad.shared_step = step, step(grad)
        return known[1]

    return call


def _deliver(gradient, array):
    """Put `gradient` into `array` unless it was computed there; None leaves zeros."""
    if array is None:
        return gradient
    if gradient is None:
        array[...] = 0
    elif gradient.data is not array:
        array[...] = gradient.data
    return Tensor(array)
