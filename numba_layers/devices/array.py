"""Arrays in a device's memory: shape, type and views as NumPy's, the numbers elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import ArgumentError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray
    from typing_extensions import Self

    from ..typing import DtypeLike

TYPES = {np.dtype(name) for name in ("float32", "float64", "int32", "int64", "bool", "uint8")}   # that kernels take


_VIEWS = {int, slice, type(None), type(...)}


def dense_order(array):
    """The order of axes in which an array lies in memory without gaps, or None."""
    if array.flags.c_contiguous:
        return tuple(range(array.ndim))
    order = tuple(sorted(range(array.ndim), key=lambda axis: -array.strides[axis]))
    return order if array.transpose(order).flags.c_contiguous else None


def owner(array):
    """The NumPy array, or a device's layout, that owns the memory of an array."""
    array = getattr(array, "layout", array)
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def address(array):
    """Where a NumPy array begins."""
    return array.__array_interface__["data"][0]


def allocation(array):
    """What holds the memory of an array, of any device: one object for all arrays that may share theirs."""
    held = array.owner if isinstance(array, DeviceArray) else None
    return owner(array) if held is None else held


def octets(array):
    """The bytes of the allocation that an array lies in: NumPy's, or a layout of them."""
    held = array.owner if isinstance(array, DeviceArray) else None
    return owner(array).reshape(-1, order="A").view(np.uint8) if held is None else held.octets


def whole(array):
    """The allocation that an array lies in, as bytes: an array of its kind."""
    return type(array)(octets(array), array.owner) if isinstance(array, DeviceArray) else octets(array)


class DeviceArray:
    """An array of a device. `layout` is a NumPy array that says shape, type and strides, and where it begins.

    Views (reshape, transpose, slices) are views of the layout. Subclasses know where the numbers are: `_read()`
    copies them to a new NumPy array, `_write(array)` copies one of the layout's shape and type over them.
    """

    __slots__ = ("layout", "owner", "__weakref__")
    device = None
    _read: Any
    _write: Any

    def __init__(self, layout: Any, owner: Any = None) -> None:
        self.layout = layout
        self.owner = owner      # whatever must live as long as the memory, and has its bytes as `octets`; or None

    def _view(self, layout):
        return type(self)(layout, self.owner)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.layout.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.layout.dtype

    @property
    def ndim(self) -> int:
        return self.layout.ndim

    @property
    def size(self) -> int:
        return self.layout.size

    @property
    def nbytes(self) -> int:
        return self.layout.nbytes

    @property
    def strides(self) -> tuple[int, ...]:
        return self.layout.strides

    @property
    def flags(self) -> Any:
        return self.layout.flags

    def __len__(self) -> int:
        return len(self.layout)

    def reshape(self, *shape: Any) -> Self:
        """The same memory in another shape. Raises: ValueError where that takes a copy."""
        layout = self.layout.view()
        layout.shape = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return self._view(layout)

    def transpose(self, *axes: Any) -> Self:
        return self._view(self.layout.transpose(*axes))

    def __getitem__(self, index: Any) -> Self:
        """A view: ints, slices, None and `...`. Raises: ArgumentError for an index that would take a copy."""
        index = index if isinstance(index, tuple) else (index,)
        for entry in index:
            if type(entry) not in _VIEWS and not isinstance(entry, np.integer):
                raise ArgumentError(f"arrays of a device are indexed by ints, slices, None and `...`, got {entry!r}. "
                                    "Use K.gather, or copy the array to the host: x.numpy().")
        return self._view(self.layout[index if ... in index else (*index, ...)])

    def __setitem__(self, index: Any, value: Any) -> None:
        """Copy `value`, an array of any device or numbers, over a part."""
        part = self[index]
        if isinstance(value, DeviceArray):
            if part._copied(value):
                return
            value = value.numpy()
        part._write(np.broadcast_to(np.asarray(value, part.dtype), part.shape))

    def _copied(self, other):
        """Copy `other` over this array within the device, if one block of memory can go over another."""
        return False

    def numpy(self) -> NDArray[Any]:
        """A copy in the host's memory; waits for the device."""
        return self._read()

    def copy(self, order: str = "C") -> NDArray[Any]:
        return self.numpy()

    def item(self) -> Any:
        return self.numpy().item()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __array__(self, dtype: DtypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({np.array2string(self.numpy())}, {self.dtype})"
