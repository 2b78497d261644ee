"""The emulated GPU: NumPy arrays for memory, the emulator for kernels. Slow, watchful, and everywhere."""

import struct
from collections import namedtuple

import numpy as np

from ..emulator import Emulator
from ..errors import ArgumentError, DeviceError
from ._prepared import ARRAY, formatted
from .accelerator import Accelerator
from .array import DeviceArray

CAPABILITY = (8, 0)   # what kernels are compiled for: all that the emulator knows


Prepared = namedtuple("Prepared", "text name location names pack")    # pack: makes words of arguments, if they fit


class EmulatedArray(DeviceArray):
    """An array whose layout is the memory itself."""

    __slots__ = ()

    def _read(self):
        return self.layout.copy()

    def _write(self, array):
        self.layout[...] = array

    def _copied(self, other):
        if isinstance(other, EmulatedArray):
            self.layout[...] = other.layout
        return isinstance(other, EmulatedArray)


class Emulated(Accelerator):
    """A device on which the compiled CUDA kernels run on NumPy, and faults have a place and a name.

    Nothing is asynchronous; memory is one NumPy array for each array, so that no access beyond one goes unseen.
    """

    name = "emulated"
    capability = CAPABILITY
    array = EmulatedArray

    def __init__(self):
        super().__init__()
        self._emulator = Emulator()

    def empty(self, shape, dtype):
        shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
        self.check_size(shape)
        try:
            return EmulatedArray(np.empty(shape, dtype))
        except MemoryError as error:
            raise DeviceError(f"the emulated GPU's memory, this machine's, is full: {error}. Use a smaller batch "
                              "(batch_size).") from error

    @staticmethod
    def prepared(kernel, signature):
        """What `launch` takes, of a kernel for arguments of these Numba types."""
        pack = struct.Struct("<" + "".join(code for kind in signature for code in formatted(kind))).pack
        return Prepared(kernel.ptx(signature, CAPABILITY), kernel.name, kernel.location, kernel.parameters, pack)

    def launch(self, prepared, grid, block, arguments, shared=0):
        """Run a prepared kernel to its end. Raises: KernelFault where it does wrong, DeviceError where none can run."""
        try:
            prepared.pack(*(word for argument in arguments for word in _words(argument)))
        except struct.error:
            raise self.misplaced(prepared, arguments) from None
        layouts = [getattr(argument, "layout", argument) for argument in arguments]
        try:
            self._emulator.launch(prepared.text, grid, block, layouts, shared, names=prepared.names)
        except ArgumentError as error:
            raise DeviceError(f"{prepared.name} ({prepared.location}) cannot be launched on the emulated GPU with grid "
                              f"{grid} and block {block} and {shared} bytes of shared memory: {error}") from error


def _words(argument):
    """What a GPU's driver takes for an argument, but for addresses."""
    if type(argument) is EmulatedArray:
        return (0,) * (ARRAY + 2 * argument.ndim)
    return argument if type(argument) is tuple else (argument,)
