"""The one place that imports Numba's CUDA: `cuda`, `device` for functions that kernels inline, and `intrinsic`.

Where the package numba-cuda is missing, kernels can be looked at but not compiled: `compile_ptx` says what to do.
"""

import importlib.util

if importlib.util.find_spec("numba_cuda") is not None:
    from numba import cuda
    from numba.cuda.extending import intrinsic

    def device(function):
        """Decorator: a helper of kernels, compiled into each kernel that calls it."""
        return cuda.jit(function, device=True, forceinline=True)
else:
    cuda = None

    def device(function):
        return function

    intrinsic = device

__all__ = ["cuda", "device", "intrinsic"]
