"""A kernel in a GPU's memory, and the words that the driver takes for its arguments.

Numba makes of an array of n axes 5 + 2 n parameters (0, 0, elements, bytes of one, address, shape..., strides...),
of a tuple one for each number. Each lies in a slot of 8 bytes, of which the kernel reads as many as it declares.
"""

import ctypes
import struct

_FLOATS = {"float32": "f4x", "float64": "d"}
ARRAY = 5   # words of an array without axes


class Prepared:
    """A compiled kernel that is loaded, ready for `launch`.

    function: the driver's handle; parameters: where the driver finds an address for each parameter.
    """

    def __init__(self, module, function, kernel, signature):
        self.module, self.function = module, function
        self.name, self.location, self.names = kernel.name, kernel.location, kernel.parameters
        self.shared = 0     # bytes of dynamic shared memory that were asked for so far
        formats = [code for kind in signature for code in formatted(kind)]
        self._slots = (ctypes.c_uint64 * len(formats))()
        first = ctypes.addressof(self._slots)
        self._pointers = (ctypes.c_uint64 * len(formats))(*range(first, first + 8 * len(formats), 8))
        self.parameters = ctypes.addressof(self._pointers)
        self._pack = struct.Struct("<" + "".join(formats)).pack_into

    def fill(self, words):
        """Put the words of all arguments into the slots. Raises: struct.error where they do not fit."""
        self._pack(self._slots, 0, *words)


def formatted(kind):
    """How `struct` packs the words of an argument of one of Numba's types."""
    if hasattr(kind, "ndim"):
        return ["q"] * (ARRAY + 2 * kind.ndim)
    if hasattr(kind, "count"):
        return formatted(kind.dtype) * kind.count
    name = str(kind)
    return [_FLOATS.get(name) or ("?7x" if name == "bool" else "Q" if name.startswith("uint") else "q")]
