"""The CPU as a device: arrays are NumPy's."""

import numpy as np

from .. import registry
from ..arguments import unmasked
from .base import Device


class Cpu(Device):
    """The device whose kernels are the CPU's and whose memory is the host's."""

    name = target = "cpu"
    kernels = registry.loaded("cpu")
    array = np.ndarray

    @staticmethod
    def empty(shape, dtype):
        return np.empty(shape, dtype)

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
