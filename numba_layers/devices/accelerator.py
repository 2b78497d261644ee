"""What devices with memory of their own share: what they refuse, copying arrays there, and small ones once only."""

import math
import threading

import numpy as np

from .. import registry
from ..arguments import unmasked
from ..errors import DeviceError, DtypeError
from .array import DeviceArray
from .base import Device

KEPT, LARGEST = 1024, 4096   # constants that are kept; bytes of the largest
MOST = 2**32 - 1             # numbers of an array: kernels count them with 32 bits


class Accelerator(Device):
    """A device whose kernels are CUDA's. Subclasses give `empty`, `prepared`, `launch`."""

    target = "cuda"
    kernels = registry.loaded("cuda")

    def __init__(self):
        self._constants = {}
        self._lock = threading.Lock()

    @staticmethod
    def check_size(shape):
        """Raises: DeviceError for an array that kernels would not see all of."""
        count = math.prod(shape)
        if count > MOST:
            raise DeviceError(f"an array of shape {tuple(shape)} has {count} numbers, a GPU's kernels count up to "
                              f"{MOST}. Use a smaller batch (batch_size).")

    @staticmethod
    def check_type(array):
        """Raises: DtypeError for an array of Python's objects, which are addresses in the host's memory."""
        if array.dtype.hasobject:
            raise DtypeError(f"a GPU has no memory for arrays of type {array.dtype}. Convert it to numbers: "
                             "x.astype('float32').")

    def misplaced(self, kernel, arguments):
        """The error for arguments that a launch cannot take: which one is none of this device's arrays."""
        for name, argument in zip(kernel.names, arguments):
            if isinstance(argument, np.ndarray | DeviceArray) and type(argument) is not self.array:
                return DeviceError(f"{kernel.name}: {name} is a {type(argument).__name__}, the kernel runs on the GPU. "
                                   "Copy it there: numba_layers.devices.current().put(array).")
        return DeviceError(f"{kernel.name}: the arguments do not fit the types for which it was prepared.")

    def put(self, array):
        """A copy of an array of any device in new memory here."""
        self.check_type(array)
        found = self.empty(array.shape, array.dtype)
        found[...] = array      # of this device: nothing waits
        return found

    def feed(self, arrays):
        """The host arrays of the next batch, here; they hold until the batch after the next one is fed."""
        return [None if array is None else self.local(array) for array in arrays]

    def local(self, array, shared=False):
        """`array`, of any device, on this one; `shared`: it is only read, so that equal small ones may be one."""
        if isinstance(array, self.array):
            return array
        return self.constant(unmasked(array)) if shared else self.put(array)

    def constant(self, array):
        """A host array that is only read, here: arrays of equal content are copied once."""
        if array.nbytes > LARGEST:
            return self.put(array)
        key = array.shape, array.dtype, array.tobytes()
        with self._lock:
            found = self._constants.pop(key, None)
            if found is None:
                found = self.put(array)
            self._constants[key] = found    # the latest last
            if len(self._constants) > KEPT:
                del self._constants[next(iter(self._constants))]
        return found
