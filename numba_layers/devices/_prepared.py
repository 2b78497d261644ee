"""A kernel in a GPU's memory, and the words that the driver takes for its arguments.

Numba makes of an array of n axes 5 + 2 n parameters (0, 0, elements, bytes of one, address, shape..., strides...),
of a tuple one for each number. Each lies in a slot of 8 bytes, of which the kernel reads as many as it declares.
"""

import ctypes
import struct
from functools import cached_property
from itertools import accumulate

_FLOATS = {"float32": "f4x", "float64": "d"}
ARRAY, ADDRESS = 5, 4   # words of an array without axes; where among them the address stands


class Slots:
    """Memory for the words of a launch's arguments. address: of where the driver finds that of each word."""

    def __init__(self, count):
        self.words = (ctypes.c_uint64 * count)()
        first = ctypes.addressof(self.words)
        self._pointers = (ctypes.c_uint64 * count)(*range(first, first + 8 * count, 8))
        self.address = ctypes.addressof(self._pointers)


class Prepared:
    """A compiled kernel that is loaded, ready for `launch`.

    function: the driver's handle; slots: for the arguments of the launch at hand; starts: the first word of each
    argument.
    """

    def __init__(self, module, function, kernel, signature, capability):
        self.module, self.function = module, function
        self._of = kernel, signature, capability
        self.name, self.location, self.names = kernel.name, kernel.location, kernel.parameters
        self.shared = 0     # bytes of dynamic shared memory that were asked for so far
        formats = [formatted(kind) for kind in signature]
        self.starts = list(accumulate(map(len, formats), initial=0))
        self.slots = self.new_slots()
        self._pack = struct.Struct("<" + "".join(code for codes in formats for code in codes)).pack_into

    @cached_property
    def written(self):
        """The numbers of the arguments that the kernel may write to."""
        kernel, signature, capability = self._of
        arrays = {start + ADDRESS: number for number, (start, kind) in enumerate(zip(self.starts, signature))
                  if hasattr(kind, "ndim")}
        return {arrays[word] for word in kernel.written(signature, capability, set(arrays))}

    def new_slots(self):
        """`Slots` for a launch."""
        return Slots(self.starts[-1])

    def fill(self, slots, words):
        """Put the words of all arguments into slots. Raises: struct.error where they do not fit."""
        self._pack(slots.words, 0, *words)


def axes(sizes):
    """The sizes of a grid or block along its three axes."""
    return (*sizes, 1, 1)[:3] if type(sizes) is tuple else (sizes, 1, 1)


def formatted(kind):
    """How `struct` packs the words of an argument of one of Numba's types."""
    if hasattr(kind, "ndim"):
        return ["q"] * (ARRAY + 2 * kind.ndim)
    if hasattr(kind, "count"):
        return formatted(kind.dtype) * kind.count
    name = str(kind)
    return [_FLOATS.get(name) or ("?7x" if name == "bool" else "Q" if name.startswith("uint") else "q")]
