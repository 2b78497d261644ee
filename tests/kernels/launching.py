"""Kernels of any device on NumPy arrays."""

import numpy as np

from numba_layers import devices, registry


def launch(name, *arguments, written=1):
    """Run kernel `name` of the current device; the last `written` arrays receive what it wrote."""
    device = devices.current()
    there = [device.put(argument) if isinstance(argument, np.ndarray) and device.name != "cpu" else argument
             for argument in arguments]
    registry.kernel(name, device.target)(*there)
    if device.name != "cpu":
        for array, result in zip(arguments[-written:], there[-written:]):
            array[...] = result.numpy()
