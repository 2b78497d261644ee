"""A tensor: an array, and what travels with it. Arithmetic is given to it by `ops.operators`."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import config, devices
from ..arguments import unmasked
from ..devices.array import TYPES, DeviceArray
from ..errors import DtypeError, ShapeError
from .sparse import as_csr, check_compressed, is_sparse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from numpy.typing import NDArray

    from ..typing import ArrayLike, Config, DtypeLike, SparseMatrix, TensorLike

_PLAIN = {np.ndarray, float, int, bool}


class Sizes(tuple):
    """A shape with the methods that scripts for TensorFlow ask it for."""

    ndims = property(len)

    def as_list(self) -> list[Any]:
        return list(self)


class Tensor:
    """An array on which ops act.

    `data` is the array: NumPy's, or a `DeviceArray` once an op used it on another device. `mask` is the boolean mask
    of shape (batch, timesteps) that layers hand on, or None. `layout` is the data format of images, where the layer
    that made them has one: 'channels_first', 'channels_last' or None.
    """

    __slots__ = ("data", "mask", "name", "__dict__", "__weakref__")
    layout: str | None = None
    depends_on_inputs = False   # True of a symbolic tensor that has no value before a placeholder has one
    __array_priority__ = 100    # NumPy arrays leave `array + tensor` to the tensor

    def __init__(self, data: Any, mask: Any = None, name: str | None = None) -> None:
        self.data = data
        self.mask = mask
        self.name = name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    def numpy(self) -> NDArray[Any]:
        """The array itself, so that writing to it changes the tensor; of another device's memory a copy."""
        return np.asarray(self._looked_at())

    def _looked_at(self):
        """The array, for Python to look at its numbers: a step in which it does is no program."""
        device = devices.current()
        if device.recording:
            device.looked_at(self.data)
        return self.data

    def __array__(self, dtype: DtypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy:
            return np.array(self._looked_at(), dtype=dtype)
        return np.asarray(self._looked_at(), dtype=dtype)

    @property
    def __cuda_array_interface__(self) -> Config:
        return self.data.__cuda_array_interface__

    def item(self) -> Any:
        return self._looked_at().item()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __index__(self) -> int:
        return self.item().__index__()

    if TYPE_CHECKING:       # what `ops.operators` gives it
        T: Tensor

        def __add__(self, other: TensorLike) -> Tensor: ...
        def __sub__(self, other: TensorLike) -> Tensor: ...
        def __mul__(self, other: TensorLike) -> Tensor: ...
        def __truediv__(self, other: TensorLike) -> Tensor: ...
        def __floordiv__(self, other: TensorLike) -> Tensor: ...
        def __mod__(self, other: TensorLike) -> Tensor: ...
        def __pow__(self, other: TensorLike) -> Tensor: ...
        def __matmul__(self, other: TensorLike) -> Tensor: ...
        def __radd__(self, other: TensorLike) -> Tensor: ...
        def __rsub__(self, other: TensorLike) -> Tensor: ...
        def __rmul__(self, other: TensorLike) -> Tensor: ...
        def __rtruediv__(self, other: TensorLike) -> Tensor: ...
        def __rfloordiv__(self, other: TensorLike) -> Tensor: ...
        def __rmod__(self, other: TensorLike) -> Tensor: ...
        def __rpow__(self, other: TensorLike) -> Tensor: ...
        def __rmatmul__(self, other: TensorLike) -> Tensor: ...
        def __lt__(self, other: TensorLike) -> Tensor: ...
        def __le__(self, other: TensorLike) -> Tensor: ...
        def __gt__(self, other: TensorLike) -> Tensor: ...
        def __ge__(self, other: TensorLike) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def _receive(self, other: Tensor) -> None: ...
        def _fill(self, value: float) -> None: ...

    _keras_shape = property(lambda self: self.shape)
    _uses_learning_phase = False

    def get_shape(self) -> Sizes:
        """The shape as TensorFlow's: a tuple with `as_list()` and `ndims`."""
        return Sizes(self.shape)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({np.array2string(self.numpy(), prefix=name + '(')}, {self.dtype})"


# Variable -> those who are to `follow()` where its memory is another; they and the variables may go.
followers: Any = weakref.WeakKeyDictionary()


class Variable(Tensor):
    """A tensor whose value changes in place: a layer's weight, or a `K.variable`.

    Outside of a tape and of a graph's evaluation ops on it wait, so that `K.function`, a loss or another layer sees
    the value of its own time. `value` is the array as users see it, `order` its axes among those of `data`, or None.
    """

    __slots__ = ("constraint", "trainable")
    order = None
    value = property(lambda self: self.data)

    def __init__(self, data: Any, name: str | None = None, constraint: Any = None, trainable: bool = True) -> None:
        super().__init__(data, name=name)
        self.constraint = constraint
        self.trainable = trainable

    def __bool__(self) -> bool:
        """Of a single number its value; that there is one at all else: `if self.bias:` of Keras 1's layers."""
        return self.ndim > 0 or super().__bool__()

    def get_value(self, borrow: bool = False) -> NDArray[Any]:
        """A copy of the value; Theano's name for it."""
        return self.value.copy()

    def eval(self, session: Any = None) -> NDArray[Any]:
        """A copy of the value, as Theano's and TensorFlow's variables answer it."""
        return self.get_value()

    def set_value(self, value: ArrayLike, borrow: bool = False) -> None:
        """Copy `value`, an array of the shape that users see, into the variable; Theano's name for it.

        Raises: ShapeError when the shapes differ.
        """
        value = unmasked(value, "set_value")
        if value.shape != self.value.shape:
            raise ShapeError(f"set_value: {self.name or 'the variable'} has shape {self.value.shape}, the value "
                             f"{value.shape}.")
        self.value[...] = value

    def like(self, variable: Any) -> Any:
        """`variable`, whose `data` are laid out as those of this one, as users see this one."""
        return variable

    def assign(self, value: ArrayLike) -> None:
        """Copy `value` (array-like of the same shape) into the variable's memory."""
        if isinstance(value, Tensor) and type(value) in (Tensor, Variable):
            self._receive(value)
        else:
            devices.current().settle()
            self.data[...] = value if isinstance(value, DeviceArray) else np.asarray(value, dtype=self.dtype)


def stored(tensor):
    """What kernels read of a weight whose axes users see in another order; other tensors as they are."""
    return getattr(tensor, "stored", tensor)


def as_seen(tensor, weight):
    """`tensor`, with the axes of `stored(weight)` or None, as users see `weight`."""
    return weight.as_seen(tensor) if tensor is not None and hasattr(weight, "as_seen") else tensor


def in_order(array, order):
    """A view of `array` with its axes in `order`, None in it for a new axis of size 1."""
    moved = array.transpose([axis for axis in order if axis is not None])
    return moved[tuple(None if axis is None else slice(None) for axis in order)]


def from_order(array, order):
    """The view that `in_order` turns into `array`."""
    if order is None:
        return array
    squeezed = array[tuple(0 if axis is None else slice(None) for axis in order)]
    return squeezed.transpose(np.argsort([axis for axis in order if axis is not None]))


class SparseTensor(Tensor):
    """A matrix of which only some numbers are stored, row by row (CSR); the others are 0.

    Row n has values[indptr[n]:indptr[n + 1]] in columns indices[indptr[n]:indptr[n + 1]]. Made from anything
    that has `indptr`, `indices`, `data` and `shape`, as SciPy's CSR matrices do.
    Raises: DataError for indices that point outside of the matrix.
    """

    def __init__(self, matrix: SparseMatrix, dtype: DtypeLike | None = None, name: str | None = None) -> None:
        super().__init__(None, name=name)
        del self.data
        self._shape = tuple(int(size) for size in matrix.shape)
        indptr, indices, values = map(np.asarray, (matrix.indptr, matrix.indices, matrix.data))
        if len(self._shape) != 2 or values.ndim != 1:
            raise ShapeError("a sparse matrix has two axes and a row of numbers, got shape "
                             f"{self._shape} and numbers of shape {values.shape}.")
        check_compressed(indptr, indices, values.size, *self._shape, "the sparse matrix")
        used = int(indptr[-1])      # SciPy's arrays may have capacity for more
        self.indptr = np.ascontiguousarray(indptr, dtype=np.int64)
        self.indices = np.ascontiguousarray(indices[:used], dtype=np.int64)
        self.values = np.ascontiguousarray(as_array(values[:used], dtype))

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    @property
    def ndim(self) -> int:
        return 2

    @property
    def size(self) -> int:
        return self._shape[0] * self._shape[1]

    def __getattr__(self, name):
        if name == "data":
            raise DtypeError(f"{self!r} is sparse, a dense tensor is needed. Convert it: K.to_dense(x).")
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def to_dense(self) -> NDArray[Any]:
        """The whole matrix as an array."""
        dense = np.zeros(self._shape, self.dtype)
        rows = np.repeat(np.arange(self._shape[0]), np.diff(self.indptr))
        np.add.at(dense, (rows, self.indices), self.values)
        return dense

    def __repr__(self) -> str:
        return f"SparseTensor(shape={self._shape}, {self.values.size} stored, {self.dtype})"


def as_array(value: TensorLike, dtype: DtypeLike | None = None) -> Any:
    """`value` as an array of a type that kernels take: NumPy's, or one of the current GPU's memory, without a copy.

    Python numbers and lists become `dtype` or floatx (whole numbers and truth values stay what they are when
    no dtype is given); float16 and long double become floatx; other integers become int64.
    Raises: DtypeError for text, objects and complex numbers; DataError for masked entries.
    """
    if isinstance(value, DeviceArray):
        return value if dtype is None or value.dtype == dtype else value.numpy().astype(dtype)
    if hasattr(value, "__cuda_array_interface__"):
        return devices.current().adopt(value)
    array = np.asarray(value) if type(value) in _PLAIN else unmasked(value)
    if dtype is not None:
        wanted = np.dtype(dtype)
        if array.dtype == wanted:
            return array
        if array.dtype.kind in "biuf":
            return array.astype(wanted)
    if array.dtype in TYPES:
        given_array = isinstance(value, np.ndarray | np.generic)
        return array if given_array or array.dtype.kind != "f" else array.astype(config.floatx())
    if array.dtype.kind == "f":
        return array.astype(config.floatx())
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    raise DtypeError(
        f"expected numbers, got an array of type {array.dtype}. Convert it first, for example with "
        f"np.asarray(x, dtype={config.floatx()!r})."
    )


def as_tensor(value: TensorLike, dtype: DtypeLike | None = None) -> Tensor:
    """`value` as a Tensor; tensors pass through, SciPy's sparse matrices become SparseTensors."""
    if isinstance(value, Tensor):
        return value
    return SparseTensor(as_csr(value), dtype) if is_sparse(value) else Tensor(as_array(value, dtype))
