"""What devices with memory of their own share: copying arrays there, and small ones once only."""

import threading

import numpy as np

from ..arguments import unmasked
from .base import Device

KEPT, LARGEST = 1024, 4096   # constants that are kept; bytes of the largest


class Accelerator(Device):
    """A device whose kernels are the CUDA room's. Subclasses give `empty`, `prepared`, `launch`."""

    target = "cuda"
    tasks = 256
    winograd = False

    def __init__(self):
        self._constants = {}
        self._lock = threading.Lock()

    def put(self, array):
        """A copy of an array of another device in new memory here."""
        array = np.ascontiguousarray(np.asarray(array)).reshape(array.shape)
        found = self.empty(array.shape, array.dtype)
        found._write(array)
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
