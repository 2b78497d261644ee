"""The emulated GPU: NumPy arrays for memory, the emulator for kernels. Slow, watchful, and everywhere."""

import numpy as np

from ..emulator import Emulator
from .accelerator import Accelerator
from .array import DeviceArray

CAPABILITY = (8, 0)   # what kernels are compiled for: all that the emulator knows


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
    """A device on which the compiled kernels of the CUDA room run on NumPy, and faults have a place and a name.

    Nothing is asynchronous; memory is one NumPy array for each array, so that no access beyond one goes unseen.
    """

    name = "emulated"
    capability = CAPABILITY
    array = EmulatedArray

    def __init__(self):
        super().__init__()
        self._emulator = Emulator()

    def empty(self, shape, dtype):
        return EmulatedArray(np.empty(shape, dtype))

    @staticmethod
    def prepared(kernel, signature):
        """What `launch` takes, of a kernel for arguments of these Numba types."""
        return kernel.ptx(signature, CAPABILITY), kernel.parameters

    def launch(self, prepared, grid, block, arguments, shared=0):
        """Run a prepared kernel to its end. Raises: KernelFault where it does wrong."""
        text, names = prepared
        arguments = [getattr(argument, "layout", argument) for argument in arguments]
        self._emulator.launch(text, grid, block, arguments, shared, names=names)
