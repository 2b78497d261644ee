"""Variables, placeholders and constants: making them, asking about them, reading and writing their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import ops
from ..arguments import unmasked
from ..autograd.graph import SymbolicTensor, defer, evaluate, is_symbolic
from ..autograd.graph import placeholder as make_placeholder
from ..autograd.sparse import as_dense
from ..autograd.tensor import SparseTensor, Tensor, Variable, as_array, as_tensor
from ..config import floatx
from ..errors import ArgumentError
from ..ops._op import composite
from ._sizes import ints, is_open, known, shape_tensor
from .updates import Update

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ..typing import ArrayLike, DtypeLike, TensorLike


def variable(value: TensorLike, dtype: DtypeLike | None = None, name: str | None = None,
             constraint: Any = None) -> Variable:
    """A tensor whose value can be changed; ops on it wait, so that `K.function` sees its value of that time.

    value: array, number, SciPy sparse matrix or tensor; it is copied. dtype: floatx by default.
    """
    value = eval(value) if isinstance(value, Tensor) else unmasked(as_dense(value), "variable")
    value = np.array(value, dtype=dtype or floatx())
    return Variable(as_array(value), name=name, constraint=constraint)


def constant(value: TensorLike, dtype: DtypeLike | None = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor with a fixed value; `shape` repeats a single number."""
    array = np.array(eval(value) if isinstance(value, Tensor) else unmasked(value, "constant"),
                     dtype=dtype or floatx())
    if shape is not None:
        array = np.full(shape, array) if array.size == 1 else array.reshape(shape)
    return Tensor(array, name=name)


def placeholder(shape: Any = None, ndim: int | None = None, dtype: DtypeLike | None = None, sparse: bool = False,
                name: str | None = None) -> Tensor:
    """A tensor that gets its value when a function runs; None where a size is open.

    Raises: ArgumentError when neither `shape` nor `ndim` is given.
    """
    if shape is None and ndim is None:
        raise ArgumentError("placeholder: give shape, for example (None, 784), or ndim.")
    tensor = make_placeholder((None,) * ndim if shape is None else shape, dtype or floatx(), name)
    tensor.sparse = sparse  # type: ignore[attr-defined]
    return tensor


def zeros(shape: Any, dtype: DtypeLike | None = None, name: str | None = None) -> Tensor:
    """A variable of zeros; where `shape` is only known when a graph runs, a tensor of zeros."""
    return _filled(0, shape, dtype, name)


def ones(shape: Any, dtype: DtypeLike | None = None, name: str | None = None) -> Tensor:
    """A variable of ones; where `shape` is only known when a graph runs, a tensor of ones."""
    return _filled(1, shape, dtype, name)


def _filled(value, shape, dtype, name):
    dtype = dtype or floatx()
    if not is_open(shape):
        return variable(np.full(ints(shape), value), dtype, name)
    return defer(lambda shape: Tensor(np.full(ints(shape), value, dtype)), (shape,), {},
                 SymbolicTensor(known(shape), dtype))


def eye(size: int, dtype: DtypeLike | None = None, name: str | None = None) -> Tensor:
    """A variable holding the identity matrix; `size` an int, or (rows, columns)."""
    rows, columns = (size, size) if isinstance(size, int | np.integer) else size
    return variable(np.eye(rows, columns), dtype, name)


def zeros_like(x: TensorLike, dtype: DtypeLike | None = None, name: str | None = None) -> Tensor:
    """Zeros of x's shape."""
    return _cast_if(ops.zeros_like(x), dtype)


def ones_like(x: TensorLike, dtype: DtypeLike | None = None, name: str | None = None) -> Tensor:
    """Ones of x's shape."""
    return _cast_if(ops.ones_like(x), dtype)


def _cast_if(x, dtype):
    return x if dtype is None else cast(x, dtype)


@composite
def identity(x: TensorLike, name: str | None = None) -> Tensor:
    """x itself, as a tensor of its own."""
    return as_tensor(x)


def random_uniform_variable(shape: Any, low: float, high: float, dtype: DtypeLike | None = None,
                            name: str | None = None, seed: int | None = None) -> Variable:
    """A variable drawn from the uniform distribution on [low, high)."""
    return variable(np.random.RandomState(seed).uniform(low, high, ints(shape)), dtype, name)


def random_normal_variable(shape: Any, mean: float, scale: float, dtype: DtypeLike | None = None,
                           name: str | None = None, seed: int | None = None) -> Variable:
    """A variable drawn from the normal distribution with standard deviation `scale`."""
    return variable(np.random.RandomState(seed).normal(mean, scale, ints(shape)), dtype, name)


def cast(x: TensorLike, dtype: DtypeLike) -> Tensor:
    """x in another element type."""
    return ops.cast(x, dtype=dtype)


def is_keras_tensor(x: Any) -> bool:
    """True for a tensor that a layer or `Input` made.

    Raises: ArgumentError when x is no tensor at all.
    """
    if not is_tensor(x):
        raise ArgumentError(f"is_keras_tensor: x is a {type(x).__name__}, expected a tensor.")
    return hasattr(x, "_keras_history")


def is_tensor(x: Any) -> bool:
    """True for tensors and variables, False for arrays and numbers."""
    return isinstance(x, Tensor)


def is_placeholder(x: Any) -> bool:
    """True for a tensor that must be fed."""
    return isinstance(x, SymbolicTensor) and x.step is None


def is_sparse(tensor: Any) -> bool:
    """True for SciPy sparse matrices, tensors of them, and the placeholders and inputs made for them."""
    return hasattr(tensor, "tocsr") or isinstance(tensor, SparseTensor) or getattr(tensor, "sparse", False)


def to_dense(tensor: Any) -> Tensor:
    """The tensor itself; a sparse one, or a SciPy sparse matrix, as a dense tensor."""
    return _to_dense(as_tensor(tensor)) if is_sparse(tensor) else tensor


@composite
def _to_dense(x):
    return Tensor(x.to_dense()) if isinstance(x, SparseTensor) else x


def shape(x: TensorLike) -> Tensor:
    """The shape as an integer tensor; sizes that are open become known when the graph runs."""
    return shape_tensor(tuple(x.shape), _shape_of, (x,))


def _shape_of(x):
    return Tensor(np.array(x.shape, np.int64))


def int_shape(x: TensorLike) -> Any:
    """The shape as a tuple of ints, None where a size is open."""
    return tuple(np.shape(x) if not hasattr(x, "shape") else x.shape)  # type: ignore[arg-type]


get_variable_shape = int_shape


def ndim(x: TensorLike) -> int:
    """The number of axes."""
    return len(int_shape(x))


def dtype(x: TensorLike) -> str:
    """The element type as a word: 'float32', 'int64', 'bool' ..."""
    return str(np.dtype(x.dtype))


def count_params(x: TensorLike) -> int:
    """The number of elements."""
    return int(np.prod(int_shape(x)))


def eval(x: TensorLike) -> NDArray[Any]:
    """The value of a tensor that needs no placeholder, as an array of its own. An update is carried out."""
    if isinstance(x, Update):
        value = eval(x.value)
        x.variable.assign(value)
        return value
    value = evaluate(x) if is_symbolic(x) else x  # type: ignore[arg-type]
    return np.array(value.data if isinstance(value, Tensor) else value)


def get_value(x: Variable) -> NDArray[Any]:
    """The value of a variable as an array of its own; of a weight as its layer shows it."""
    return x.value.copy() if isinstance(x, Variable) else eval(x)


def batch_get_value(ops: Sequence[Variable]) -> list[NDArray[Any]]:
    """The values of several variables."""
    return [get_value(x) for x in ops]


def set_value(x: Variable, value: ArrayLike) -> None:
    """Write `value` into a variable.

    Raises: ShapeError when the shapes differ; ArgumentError when x is no variable.
    """
    if not isinstance(x, Variable):
        raise ArgumentError(f"set_value: x is a {type(x).__name__}, expected a variable as K.variable makes.")
    x.set_value(as_dense(value))


def batch_set_value(tuples: Sequence[tuple[Variable, ArrayLike]]) -> None:
    """Write several values: pairs (variable, value)."""
    for x, value in tuples:
        set_value(x, value)
