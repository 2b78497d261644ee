"""The CPU as a device: arrays are NumPy's."""

import numpy as np

from ..errors import DeviceError


class Cpu:
    """The device whose kernels are the CPU room's and whose memory is the host's."""

    name = target = "cpu"
    array = np.ndarray
    tasks = 8           # equal parts of a sum that keep it busy
    winograd = True     # is Winograd's algorithm faster here than plain convolution?

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
        return np.asarray(array)

    @staticmethod
    def feed(arrays):
        """The arrays of the next batch, here."""
        return arrays

    @staticmethod
    def adopt(array):
        """Raises: DeviceError, for an array in a GPU's memory."""
        raise DeviceError(f"the {type(array).__name__} lies in a GPU's memory, the current device is the CPU. Choose "
                          "the GPU with numba_layers.set_device('cuda'), or copy the array to the host first.")

    @staticmethod
    def synchronize():
        """Kernels are done when they return."""
