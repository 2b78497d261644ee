"""Scalar functions of the user's own as ops: compiled, vectorised, and differentiated from the same source.

    @formula
    def mish(x):
        return x * math.tanh(math.log1p(math.exp(x)))

`mish` of a tensor launches a kernel that computes it element by element; its gradients of every order are kernels
made of the derivatives of the same function (`kernels.formulas`).
"""

from __future__ import annotations

import functools
import sys
import weakref
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

from .. import registry
from ..autograd.tensor import Tensor, as_tensor
from ..errors import ArgumentError, FormulaError, ShapeError, shown
from . import elementwise as arithmetic
from ._broadcast import broadcast_shape
from ._op import FLAT, flat, op
from .elementwise import _same_type, in_floats, multiply
from .shape import broadcast_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..typing import TensorLike


_PACKAGE = __name__.partition(".")[0]


class Formula:
    """A function of numbers that computes on tensors, element by element.

    Called with tensors or arrays, which come by position and broadcast, it answers a tensor; constants come by keyword,
    and are compiled in: `huber(y_true, y_pred, delta=2.0)`. A function that returns several numbers gives a tuple of
    tensors. Called with numbers alone it is the Python function itself.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        if not isinstance(function, FunctionType):
            raise ArgumentError(f"a formula is made of a Python function (def or lambda), got "
                                f"{type(function).__name__} {shown(function)}.")
        functools.update_wrapper(self, function)
        self.function = self.formula_of_numbers = function
        self._scalars: dict[int, Any] = {}      # without constants, by the number of arguments
        self._results: int | None = None        # how many, where there are several
        self.__name__, self.__qualname__ = function.__name__, function.__qualname__

    def __call__(self, *tensors: Any, **numbers: Any) -> Any:
        if all(isinstance(one, int | float) for one in tensors):
            return self.function(*tensors, **numbers)
        scalars = None if numbers else self._scalars.get(len(tensors))
        if scalars is None:
            scalars = self._made(len(tensors), _numbers(self.__name__, numbers))
            if not numbers:
                self._scalars[len(tensors)] = scalars
        if self._results is None:
            return _of_each(scalars[0], tensors)
        return tuple(_of_each(scalar, tensors) for scalar in scalars)

    def _made(self, count, numbers):
        """What computes each result of the function."""
        formulas = registry.formulas()
        self._results = formulas.results_of(self.function)
        places = [None] if self._results is None else range(self._results)
        return [formulas.scalar(self.function, count, numbers, place) for place in places]

    def source(self, *by: int, count: int = 1) -> str:
        """The text of what kernels compute: of the formula, or of its derivative by the arguments of these numbers.

        count: how many arguments come by position.
        """
        return registry.formulas().scalar(self.function, count, {}).source(tuple(sorted(by)))

    def __repr__(self) -> str:
        return f"<formula {self.__name__}>"

    def __reduce__(self) -> Any:
        module = sys.modules.get(self.__module__)
        return self.__qualname__ if getattr(module, self.__qualname__, None) is self else (formula, (self.function,))


_formulas: Any = weakref.WeakKeyDictionary()


def formula(function: Callable[..., Any]) -> Formula:
    """Decorator: a scalar Python function as one over tensors, compiled for CPU and GPU, with derivatives.

    function: takes single numbers and returns one; it may branch, loop, and call functions of `math`, of NumPy (those
    of single numbers) and other such functions; numbers that it is a closure over, or that are global, are constants.
    Raises: FormulaError, when it is first computed, that shows the line which cannot be compiled.
    """
    if isinstance(function, Formula):
        return function
    try:
        found: Formula = _formulas.get(function)
        if found is None:
            found = _formulas[function] = Formula(function)
    except TypeError:
        found = Formula(function)
    return found


def _of_each(scalar, tensors):
    """The function of each element of `tensors`, which broadcast."""
    if not tensors:
        raise FormulaError(f"formula {scalar.name!r}: it needs a tensor at least.")
    tensors = [tensor if isinstance(tensor, Tensor) else _tensor(tensor, tensors) for tensor in tensors]
    if len(tensors) > 1:
        shape = broadcast_shape(scalar.name, *[tensor.shape for tensor in tensors])
        tensors = [tensor if tensor.shape == shape else _spread(scalar.name, tensor, shape) for tensor in tensors]
    return _formula(*tensors, scalar=scalar)


def _tensor(value, others):
    """A plain operand as a tensor; of the others' float type, where it is a number."""
    kinds = [other.dtype for other in others if hasattr(other, "dtype") and other.dtype.kind == "f"]
    return as_tensor(value, kinds[0] if kinds and not hasattr(value, "dtype") else None)


def _spread(name, tensor, shape):
    if None in shape:
        if tensor.ndim == len(shape) and all(have is None or have == want or want is None
                                             for have, want in zip(tensor.shape, shape)):
            return tensor
        raise ShapeError(f"{name}: shapes that are not known yet, {tensor.shape} and {shape}, cannot be compared. Give "
                         "the sizes.")
    return broadcast_to(tensor, shape=shape)


def _numbers(name, given):
    for key, value in given.items():
        if not isinstance(value, int | float):
            raise ArgumentError(f"formula {name!r}: {key} must be a number, got {type(value).__name__} {shown(value)}. "
                                "Tensors come by position.")
    return given


@op
def _formula(run, *tensors, scalar):
    """The function of each element."""
    tensors = _same_type(run, *[in_floats(run, tensor) for tensor in tensors])
    kernel, places = scalar.kernel()
    y = run(kernel, *[flat(tensors[place]) for place in places], out=tensors[0].shape, out_view=FLAT)
    return (y, *[None if scalar.is_constant((place,)) else _slope(tensors, y, scalar, (place,))
                 for place in range(len(tensors))])


def _slope(tensors, y, scalar, by):
    return lambda grad: _derivative(*tensors, y, grad, scalar=scalar, by=by)


@op
def _derivative(run, *given, scalar, by):
    """grad times the derivative of the function by the arguments whose numbers are `by`.

    given: the function's arguments, its result, of which a derivative may be computed with less work, and grad. The
    derivatives of this take the result as what it is a function of: the arguments.
    """
    *tensors, y, grad = given
    kernel, places = scalar.kernel(by)
    known = [*tensors, y]
    out = run(kernel, *(flat(known[place]) for place in places), flat(grad), out=y.shape, out_view=FLAT)

    def again(place):
        further = tuple(sorted((*by, place)))
        if scalar.is_constant(further):
            return None
        return lambda grad_out: _derivative(*tensors, y, multiply(grad_out, grad), scalar=scalar, by=further)

    return (out, *map(again, range(len(tensors))), None,
            lambda grad_out: _derivative(*tensors, y, grad_out, scalar=scalar, by=by))


def of_numbers(function: Any, count: int, strictly: bool = False,
               numbers: Mapping[str, Any] | None = None) -> Formula | None:
    """A function given for tensors as a `Formula`, where it is one of numbers; None where it is not.

    It is one where it is a `Formula`, or where the whole of it can be compiled and something in it takes numbers only:
    a branch on an argument, or a function of `math` or NumPy, min, max, int, float. So arithmetic stays with tensors.
    count: of its arguments by position. numbers: those by name. strictly: NumPy's functions do not tell, for they may
    be of arrays that have values.
    Raises: FormulaError for one that branches on an argument, or gives it to `math`, and cannot be compiled.
    """
    if isinstance(function, Formula):
        return function
    if (not isinstance(function, FunctionType) or hasattr(function, "formula_of_numbers")
            or (function.__module__ or "").partition(".")[0] == _PACKAGE):
        return None
    sign = _sign(function, count, numbers or {})
    return formula(function) if sign == "numbers" or sign and not strictly else None


_signs: Any = weakref.WeakKeyDictionary()


def _sign(function, count, numbers):
    known = _signs.setdefault(function, {})
    key = count, repr(numbers)
    if key not in known:
        plain = all(isinstance(value, int | float) for value in numbers.values())
        known[key] = registry.formulas().numbers_of(function, count, numbers) if plain else None
    return known[key]


class _Callable(ModuleType):
    """`ops.elementwise` is the module of arithmetic, and called the function of a function and tensors."""

    def __call__(self, function: Callable[..., Any], *tensors: TensorLike, **numbers: float) -> Any:
        """function(x, y, ...) of each element of the tensors, compiled; see `formula`."""
        return formula(function)(*tensors, **numbers)


arithmetic.__class__ = _Callable
