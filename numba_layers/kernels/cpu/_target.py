"""How a CPU kernel is compiled, cached and launched: the flags, `@cpu_kernel` and `@inlined`."""

import sys
import time
from functools import cached_property

import numba

from ... import config
from ...registry import register_kernel
from .._cache import KernelCache, source_hash
from . import _threads

# NaN and infinity keep their meaning: masks, max pooling and NaN checks rely on them.
FASTMATH = {"reassoc", "contract", "nsz", "arcp"}
OPTIONS = {"error_model": "numpy", "fastmath": FASTMATH, "nogil": True, "no_cfunc_wrapper": True}


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

    @cached_property
    def _parallel(self):
        return self._dispatcher(parallel=True)

    @cached_property
    def _serial(self):
        return self._dispatcher(parallel=False)

    def _dispatcher(self, parallel):
        options = self._options | {"parallel": parallel}
        dispatcher = numba.njit(**options)(self.function)
        directory = config.cache_directory()
        if directory is not None and not numba.config.DISABLE_JIT:
            stable = sorted((key, sorted(value) if isinstance(value, set) else value)
                            for key, value in options.items())
            dispatcher._cache = KernelCache(directory, (self.name, repr(stable), source_hash(self.file)))
        return dispatcher

    def __call__(self, *arguments):
        if config.debug_level:
            return self._call_and_tell(arguments)
        if _threads.serial():
            return self._serial(*arguments)
        with _threads.launching():
            self._parallel(*arguments)

    def _call_and_tell(self, arguments):
        dispatcher = self._serial if _threads.serial() else self._parallel
        before = len(getattr(dispatcher, "signatures", ()))
        start = time.perf_counter()
        with _threads.launching():
            dispatcher(*arguments)
        milliseconds = 1e3 * (time.perf_counter() - start)
        if len(getattr(dispatcher, "signatures", ())) > before:
            hit = any(dispatcher.stats.cache_hits.values()) and dispatcher.stats.cache_hits
            print(f"{self.name}: {'loaded' if hit else 'compiled'} in {milliseconds:.0f} ms", file=sys.stderr)
        elif config.debug_level >= 2:
            print(f"{self.name}: {milliseconds:.3f} ms", file=sys.stderr)

    def __repr__(self):
        return f"<cpu kernel {self.name} at {self.location}>"


def cpu_kernel(function=None, *, name=None, **options):
    """Decorator: a kernel of the CPU room, registered under `name` (the function's own by default).

    Generated kernels (closures over inlined formulas) give their name; `options` are extra flags of `numba.njit`.
    """
    if function is None:
        return lambda function: cpu_kernel(function, name=name, **options)
    kernel = CpuKernel(function, name or function.__name__, options)
    register_kernel(kernel.name, "cpu", kernel)
    return kernel


def inlined(function):
    """Decorator: a helper that LLVM inlines into each kernel calling it, so that the kernel's loop still vectorises."""
    return numba.njit(error_model="numpy", fastmath=FASTMATH, nogil=True, forceinline=True,
                      no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
