"""The one place that imports Numba's CUDA: `cuda`, `device` for functions that kernels inline, and `intrinsic`.

Where the package numba-cuda is missing, or takes no NumPy as new as the one here, kernels can be looked at but not
compiled: `compile_ptx` says what to do.
"""

from ...._version import lacking_for_cuda

if not lacking_for_cuda():
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
