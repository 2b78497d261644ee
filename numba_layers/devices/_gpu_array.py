"""Arrays in a GPU's memory."""

import math

import numpy as np

from .array import DeviceArray, dense_order


class GpuArray(DeviceArray):
    """An array in a GPU's memory. Its layout lies at host addresses that hold nothing: see `_pool`.

    Other libraries see the memory itself by `__cuda_array_interface__`.
    """

    __slots__ = ("_address", "_words")

    def __init__(self, layout, owner, address=None):
        super().__init__(layout, owner)
        self._address, self._words = address, None

    @property
    def device(self):
        return self.owner.device

    @property
    def address(self):
        """Where the first element lies in the GPU's memory."""
        if self._address is None:
            self._address = self.layout.__array_interface__["data"][0] + self.owner.shift
        return self._address

    def words(self):
        """What kernels take for the array: see `_prepared`."""
        if self._words is None:
            layout = self.layout
            self._words = (0, 0, layout.size, layout.itemsize, self.address, *layout.shape, *layout.strides)
        return self._words

    def reshape(self, *shape):
        """The same memory in another shape. Raises: ValueError where that takes a copy."""
        found = super().reshape(*shape)
        found._address = self._address
        return found

    def transpose(self, *axes):
        found = super().transpose(*axes)
        found._address = self._address
        return found

    def _read(self):
        layout = self.layout
        if layout.flags.c_contiguous:
            found = np.empty(layout.shape, layout.dtype)
            self.device.download(self.address, found)
            return found
        return self._spanned()[0].copy()

    def _spanned(self):
        """A host array with the layout's strides and the memory's numbers; the bytes it spans, and where they begin."""
        layout = self.layout
        start, size = span(layout.shape, layout.strides, layout.itemsize)
        octets = np.empty(size, np.uint8)
        self.device.download(self.address + start, octets)
        return np.ndarray(layout.shape, layout.dtype, octets, -start, layout.strides), octets, self.address + start

    def _write(self, array):
        order = dense_order(self.layout)
        if not array.size or order is not None and self._filled(array):
            return
        if order is None:
            seen, octets, address = self._spanned()
            seen[...] = array
            self.device.upload(address, octets)
        else:
            self.device.upload(self.address, np.ascontiguousarray(array.transpose(order)))

    def _filled(self, array):
        """Fill contiguous memory with one number, given as a broadcast array, if the driver can."""
        if array.size == 1 or any(array.strides):
            return False
        octets = array[(0,) * array.ndim].tobytes()
        for pattern in (octets[:1], octets[:4]):
            if pattern * (len(octets) // len(pattern)) == octets:
                self.device.fill(self.address, pattern, array.nbytes // len(pattern))
                return True
        return False

    def _copied(self, other):
        if type(other) is not GpuArray or other.device is not self.device:
            return False
        order = dense_order(self.layout)
        if order is None or other.shape != self.shape or other.dtype != self.dtype:
            return False
        if not other.layout.transpose(order).flags.c_contiguous:
            return False
        if 0 < abs(self.address - other.address) < self.nbytes:   # they overlap
            return False
        self.device.copy(self.address, other.address, self.nbytes)
        return True

    @property
    def __cuda_array_interface__(self):
        """The memory for other libraries (version 3). They wait for the stream; the legacy one does by itself."""
        layout = self.layout
        return {"shape": layout.shape, "typestr": layout.dtype.str, "version": 3,
                "data": (self.address if layout.size else 0, not layout.flags.writeable),
                "strides": None if layout.flags.c_contiguous else layout.strides, "stream": int(self.device.stream)}


def words_of(arguments):
    """The words of a launch's arguments, one after the other: see `_prepared`."""
    words = []
    for argument in arguments:
        kind = type(argument)
        if kind is GpuArray:
            words += argument._words or argument.words()
        elif kind is tuple:
            words += argument
        else:
            words.append(argument)
    return words


def span(shape, strides, itemsize):
    """(start, size) of the bytes that an array spans, the start relative to its first element."""
    if strides is None or 0 in shape:
        return 0, math.prod(shape) * itemsize
    reach = [(n - 1) * stride for n, stride in zip(shape, strides)]
    start = sum(step for step in reach if step < 0)
    return start, sum(step for step in reach if step > 0) - start + itemsize
