"""The CPU as a device: arrays are NumPy's."""

import numpy as np


class Cpu:
    """The device whose kernels are the CPU room's and whose memory is the host's."""

    name = target = "cpu"
    array = np.ndarray

    @staticmethod
    def empty(shape, dtype):
        return np.empty(shape, dtype)

    @staticmethod
    def put(array):
        """An array of another device, copied here."""
        return array.numpy()

    @staticmethod
    def synchronize():
        """Kernels are done when they return."""
