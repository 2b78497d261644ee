"""Choices and loops that happen when a graph runs: branches, the learning phase, folds over slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from ..autograd.graph import SymbolicTensor, any_symbolic, defer, is_symbolic, placeholder
from ..autograd.tensor import Tensor, as_tensor
from ..autograd.trace import Trace
from ..errors import ShapeError
from .settings import learning_phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..typing import DtypeLike, TensorLike


def switch(condition: TensorLike, then_expression: Any, else_expression: Any) -> Tensor:
    """`then_expression` where the condition holds, else the other; tensors or functions without arguments.

    A condition without axes chooses one of them whole, and of two functions only the chosen one runs. A
    condition with axes chooses element by element; its axes are the first ones of the expressions.
    Raises: ShapeError when the condition has more axes than the expressions.
    """
    condition = as_tensor(condition)
    if condition.ndim == 0:
        return _branch(condition, then_expression, else_expression)
    first, second = as_tensor(_called(then_expression)), as_tensor(_called(else_expression))
    if condition.ndim > first.ndim:
        raise ShapeError(f"switch: the condition has shape {condition.shape}, more axes than the expressions "
                         f"of shape {first.shape}.")
    condition = ops.cast(condition, dtype="bool")
    for _ in range(first.ndim - condition.ndim):
        condition = ops.expand_dims(condition, axis=-1)
    return ops.where(condition, first, second)


def _called(expression):
    return expression() if callable(expression) else expression


def _branch(condition, first, second):
    if not is_symbolic(condition):
        return _called(first if condition else second)
    first, second = (Trace(lambda side=side: _called(side)) for side in (first, second))

    def choose(condition, for_first, for_second):
        return first([], for_first) if condition else second([], for_second)

    template = _either(first.output, second.output)
    return defer(choose, (condition, first.captured, second.captured), {}, template)


def _either(first, second):
    """A template for what is one of two tensors: sizes on which they differ are open."""
    if first.ndim != second.ndim:
        raise ShapeError(f"switch: the expressions have shapes {first.shape} and {second.shape}; expected "
                         "the same number of axes.")
    shape = (one if one == other else None for one, other in zip(first.shape, second.shape))
    return SymbolicTensor(shape, first.dtype)  # type: ignore[arg-type]


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Tensor:
    """x in training, `alt` otherwise: tensors or functions without arguments; of two functions only one runs.

    training: a truth value or tensor that says which, instead of `learning_phase()`.
    """
    training = learning_phase() if training is None else training
    if isinstance(training, Tensor):
        return switch(training, x, alt)
    return _called(x if training else alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Tensor:
    """`alt` in training, x otherwise; see `in_train_phase`."""
    return in_train_phase(alt, x, training=training)


def map_fn(fn: Callable[..., Any], elems: Any, name: str | None = None, dtype: DtypeLike | None = None) -> Tensor:
    """fn of each slice of `elems` along the first axis, stacked.

    elems: a tensor, or a list of tensors, whose slices fn then gets as a list. fn: slice -> tensor.
    """
    fn, tensors = _on_slices(fn, elems)
    if not any_symbolic(tensors):
        return _map(fn, tensors)
    trace = Trace(fn, *_slices_like(tensors))

    def run(tensors, captured):
        return _map(lambda *slices: trace(slices, captured), tensors)

    template = SymbolicTensor((tensors[0].shape[0], *trace.output.shape), trace.output.dtype)
    return defer(run, (tensors, trace.captured), {}, template)


def foldl(fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str | None = None) -> Tensor:
    """fn(... fn(fn(initializer, elems[0]), elems[1]) ...): the slices combined, from the first on.

    fn: (accumulator, slice) -> accumulator. initializer: elems[0] by default, and then elems[1] comes next.
    """
    return _fold(fn, elems, initializer, backwards=False)


def foldr(fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str | None = None) -> Tensor:
    """`foldl` from the last slice on."""
    return _fold(fn, elems, initializer, backwards=True)


def _on_slices(fn, elems):
    """fn with one positional argument for each tensor it runs over, after those it has; and these tensors."""
    if isinstance(elems, list | tuple):
        count = len(elems)
        return lambda *args: fn(*args[:-count], list(args[-count:])), [as_tensor(entry) for entry in elems]
    return fn, [as_tensor(elems)]


def _map(fn, tensors):
    return ops.stack(*[fn(*slices) for slices in _slices(tensors)], axis=0)


def _fold(fn, elems, initializer, backwards):
    fn, tensors = _on_slices(fn, elems)
    initial = [] if initializer is None else [as_tensor(initializer)]
    if not any_symbolic(tensors + initial):
        return _combine(fn, tensors, initial, backwards)
    slices = _slices_like(tensors)
    like = initial[0] if initial else slices[0]
    accumulator = placeholder(like.shape, like.dtype)
    trace = Trace(fn, accumulator, *slices)

    def run(tensors, initial, captured):
        return _combine(lambda *args: trace(args, captured), tensors, initial, backwards)

    return defer(run, (tensors, initial, trace.captured), {}, accumulator)


def _combine(fn, tensors, initial, backwards):
    slices = _slices(tensors)
    if backwards:
        slices.reverse()
    accumulator, slices = (initial[0], slices) if initial else (slices[0][0], slices[1:])
    for entry in slices:
        accumulator = fn(accumulator, *entry)
    return accumulator


def _slices(tensors):
    """The slices along the first axis, for each position one of every tensor."""
    lengths = {tensor.shape[0] for tensor in tensors}
    if len(lengths) != 1 or 0 in lengths:
        raise ShapeError(f"elems have shapes {[tensor.shape for tensor in tensors]}; expected the same first "
                         "size, at least 1.")
    return [[ops.getitem(tensor, index=position) for tensor in tensors] for position in range(*lengths)]


def _slices_like(tensors):
    return [placeholder(tensor.shape[1:], tensor.dtype) for tensor in tensors]
