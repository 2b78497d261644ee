"""Debugging around a launch: shapes and ranges, numbers that are not finite, a GPU's results beside the CPU's."""

import sys

import numpy as np

from .. import config, devices, registry
from ..errors import NumbaLayersError

PRIVATE = "winograd_"   # kernels whose arrays between each other each target lays out as it likes
# How far from the CPU's result is wrong, of its largest number: another order of sums, or rounded factors, are less.
FAR = {"float32": {"float32": 1e-3, "tf32": 1e-2, "bf16": 1e-1}, "float64": dict.fromkeys(config.PRECISIONS, 1e-9)}


def arrays_of(arguments):
    return [argument for argument in arguments if isinstance(argument, np.ndarray | devices.DeviceArray)]


def before_launch(name, arguments):
    """What `after_launch` compares with: where the kernel is not the CPU's, copies of its arguments; else None."""
    if devices.target() == "cpu" or name.startswith(PRIVATE):
        return None
    return [np.array(argument) if isinstance(argument, devices.DeviceArray) else argument for argument in arguments]


def after_launch(name, arguments, outputs, copies):
    """Print shapes and ranges, stop at numbers that are not finite or not the CPU's, as the settings ask.

    Raises: NumbaLayersError.
    """
    if config.debug_level >= 3:
        print(f"{name}: {', '.join(map(_range, map(np.asarray, arrays_of(arguments))))}", file=sys.stderr)
    if not config.check_numbers:
        return
    written = [np.asarray(array) for array in arguments[-outputs:]]
    if copies is not None:
        registry.kernel(name, "cpu")(*copies)
        for found, expected in zip(written, copies[-outputs:]):
            _compare(name, found, expected)
    if name != "copy_block" and not all(np.isfinite(array).all() for array in written):   # which may write a part only
        raise NumbaLayersError(f"kernel {name} wrote numbers that are not finite (NUMBA_LAYERS_CHECK=1).")


def _compare(name, found, expected):
    allowed = FAR.get(str(found.dtype), {}).get(config.matmul_precision(), 0)
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    close = np.isclose(found, expected, rtol=0, atol=allowed * largest, equal_nan=True)
    if not close.all():
        where = tuple(np.argwhere(~close)[0].tolist())
        raise NumbaLayersError(
            f"kernel {name} wrote {found[where]} at {where} of its output {found.shape} on device "
            f"{devices.current().name}, the CPU's kernel {expected[where]} (NUMBA_LAYERS_CHECK=1).")


def _range(array):
    """Type, shape and extremes of an array."""
    extremes = f" [{array.min().item():.4g}, {array.max().item():.4g}]" if array.size else ""
    return f"{array.dtype}{array.shape}{extremes}"
