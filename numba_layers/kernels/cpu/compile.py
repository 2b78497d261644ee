"""How a CPU kernel is compiled, cached and launched: the flags, `@cpu_kernel` and `@inlined`."""

import sys
import time

import numba
import numpy as np

from ... import config
from ...locks import made_once
from ...registry import register_kernel
from ..cache import KernelCache, digest, identity
from . import threads

# No leave to calculate otherwise than written (`fastmath`): LLVM compiles a loop several times (serial, parallel, again
# where it is linked; vectors, and the elements left over), and takes such leave in each as it likes. The same bits
# everywhere come from what is written: sums that vectorise by `micro.reduction`, fused multiply-adds by `fma`.
OPTIONS = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}


class CpuKernel:
    """A loop over arrays, compiled at its first launch for each signature and kept in the cache.

    Call it with contiguous arrays, numbers or tuples of integers, the outputs last and already allocated.
    """

    def __init__(self, function, name, options):
        self.function = function
        self.name = name
        self._options = OPTIONS | options
        self.file = function.__code__.co_filename
        self.location = f"{self.file}:{function.__code__.co_firstlineno}"
        self.__doc__ = function.__doc__

    @made_once
    def parallel(self):
        """The jitted function that every launch runs; your own jitted code may call it."""
        return self._jitted(parallel=True)

    @made_once
    def serial(self):
        """The same on one thread, for where threads cannot be used."""
        return self._jitted(parallel=False)

    def _jitted(self, parallel):
        if numba.config.DISABLE_JIT:    # NumPy's scalars warn of 0/0 and the like, machine code does not
            return np.errstate(all="ignore")(self.function)
        threads.start()   # a kernel from the cache would start them its own way
        options = {"parallel": parallel} | self._options     # a kernel without a prange says parallel=False
        jitted = numba.njit(**options)(self.function)
        directory = config.cache_directory()
        made_of = identity(self.name, self.function, options)
        if directory and made_of:
            jitted._cache = KernelCache(directory, made_of)
        return jitted

    def made_of(self):
        """Digests of what makes its forms today, as their files in the cache say it."""
        return {digest(identity(self.name, self.function, OPTIONS | self._options | {"parallel": parallel}))
                for parallel in (True, False)}

    def __call__(self, *arguments):
        if threads.this.ready and not config.debug_level:
            self.parallel(*arguments)
        elif threads.serial():
            self._launch(self.serial, arguments)
        else:
            with threads.launching():
                self._launch(self.parallel, arguments)

    def _launch(self, jitted, arguments):
        """Run it and, as `config.debug_level` asks, tell how long it took."""
        if not config.debug_level:
            jitted(*arguments)
            return
        known = len(getattr(jitted, "signatures", ()))
        start = time.perf_counter()
        jitted(*arguments)
        milliseconds = 1e3 * (time.perf_counter() - start)
        if len(getattr(jitted, "signatures", ())) > known:
            verb = "loaded" if jitted.stats.cache_hits.get(jitted.signatures[-1]) else "compiled"
            print(f"{self.name}: {verb} in {milliseconds:.0f} ms", file=sys.stderr)
        elif config.debug_level >= 2:
            print(f"{self.name}: {milliseconds:.3f} ms", file=sys.stderr)

    def __repr__(self):
        return f"<cpu kernel {self.name} at {self.location}>"


def cpu_kernel(function=None, *, name=None, **options):
    """Decorator: a kernel of the CPU, registered under `name` (the function's own by default).

    Generated kernels (closures over inlined formulas) give their name; `options` are further ones of Numba.
    """
    if function is None:
        return lambda function: cpu_kernel(function, name=name, **options)
    kernel = CpuKernel(function, name or function.__name__, options)
    register_kernel(kernel.name, "cpu", kernel)
    return kernel


def inlined(function):
    """Decorator: a helper that LLVM inlines into each kernel that calls it, so that loops still vectorise."""
    return numba.njit(error_model="numpy", nogil=True, forceinline=True,
                      no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
