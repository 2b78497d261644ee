"""The CPU as a device: arrays are NumPy's."""

import numpy as np

from .. import registry
from ..arguments import unmasked
from .base import Device

ALIGNED, LARGE = 64, 1 << 17    # bytes: of a line of a cache, and from where on arrays begin with one


class Cpu(Device):
    """The device whose kernels are the CPU's and whose memory is the host's."""

    name = target = "cpu"
    kernels = registry.loaded("cpu")
    array = np.ndarray

    @staticmethod
    def empty(shape, dtype):
        """An array; a large one begins with a line of the cache, so that no vector of it lies in two: up to 15 %."""
        array = np.empty(shape, dtype)
        size = array.nbytes
        if size < LARGE:
            return array
        del array
        memory = np.empty(size + ALIGNED, np.uint8)
        return np.ndarray(shape, dtype, memory, -memory.__array_interface__["data"][0] % ALIGNED)

    @staticmethod
    def put(array):
        """A copy of an array of any device."""
        return np.array(array)

    @staticmethod
    def local(array, shared=False):
        """`array`, of any device, as one of NumPy's."""
        return unmasked(array)

    @staticmethod
    def feed(arrays):
        """The arrays of the next batch, here."""
        return arrays

    resident = feed
