"""The one place that imports Numba's CUDA: `cuda`, and `device` for functions that kernels inline."""

import importlib.util

from ...errors import DeviceError

if importlib.util.find_spec("numba_cuda") is None:
    raise DeviceError("the GPU's kernels need the package numba-cuda. Install it for your driver: "
                      "pip install numba_layers[cuda12] (driver 525 or newer) or numba_layers[cuda13] (580 or newer).")

from numba import cuda  # noqa: E402
from numba.cuda.extending import intrinsic  # noqa: E402

__all__ = ["cuda", "device", "intrinsic"]


def device(function):
    """Decorator: a helper of kernels, compiled into each kernel that calls it."""
    return cuda.jit(function, device=True, forceinline=True)
