"""How a CPU kernel is compiled, cached and launched: the flags, `@cpu_kernel` and `@inlined`."""

import contextlib
import functools
import sys
import time

import numba
import numpy as np
from numba.core.registry import cpu_target

from ... import config
from ...locks import made_once
from ...registry import changed, register_kernel
from ..cache import KernelCache, digest, identity
from ..inlining import Inlining
from . import native, threads
from .slices import has_loop, sliced, undivided

# No leave to calculate otherwise than written (`fastmath`): LLVM compiles a loop several times (vectors, and the
# elements left over; again where it is linked), and takes such leave in each as it likes. The same bits everywhere come
# from what is written: sums that vectorise by `micro.reduction`, fused multiply-adds by `fma`.
OPTIONS = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}


FORMS = "sliced", "parallel", "serial"
LARGE = 1 << 14     # numbers: a launch with an array of more is divided among threads; waking them takes 2 to 4 us


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
        self._loops = has_loop(function)
        self.divisible = self._loops    # until it turns out that its source is not at hand
        self.__doc__ = function.__doc__
        self._codes = {}    # what `code` answers, by the forms of the arguments
        self._ready = set()     # forms of arguments for which nothing is to be compiled

    @made_once
    def sliced(self):
        """The jitted function of (*arguments, part, parts) that every launch runs; see `slices`."""
        try:
            return self._jitted("sliced")
        except OSError:     # generated, without a source to slice
            self.divisible = False
            return numba.njit(**self._options_of("sliced"))(undivided(self.serial))

    @made_once
    def parallel(self):
        """The kernel as Numba compiles it for its threads, for your own jitted code to call."""
        return self._jitted("parallel")

    @made_once
    def serial(self):
        """The kernel on one thread, for your own jitted code to call."""
        return self._jitted("serial")

    def _jitted(self, form):
        function = sliced(self.function) if form == "sliced" else self.function
        if numba.config.DISABLE_JIT:    # NumPy's scalars warn of 0/0 and the like, machine code does not
            return np.errstate(all="ignore")(function)
        threads.start()   # a kernel from the cache would start them its own way
        jitted = numba.njit(**self._options_of(form))(function)
        self._find_cache(jitted, form)
        jitted.recompile = functools.partial(self._recompiled, jitted, form, jitted.recompile)
        return jitted

    def _find_cache(self, jitted, form):
        directory, made_of = config.cache_directory(), self._identity(self._options_of(form), form)
        if directory and made_of:
            jitted._cache = KernelCache(directory, made_of)

    def _recompiled(self, jitted, form, recompile):
        """In the place of Numba's `recompile()`: what the function refers to is another now."""
        self._find_cache(jitted, form)
        recompile()
        self._codes.clear()
        changed()

    def _options_of(self, form):
        return self._options | {"parallel": form == "parallel"}

    def _identity(self, options, form):
        return identity(self.name, self.function, options | {"form": form})

    def made_of(self):
        """Digests of what makes its forms today, as their files in the cache say it."""
        return {digest(self._identity(self._options_of(form), form)) for form in FORMS}

    def compile(self, types):
        """Compile, or load, what launches with arguments of such Numba types run, and what programs call it by."""
        self.sliced.compile(_sliced(types))
        with contextlib.suppress(Exception):        # of a Numba that `native` does not know; then nobody calls by it
            native.entrance(self.sliced.overloads[_sliced(types)], types)

    def has(self, types):
        """Whether that is compiled, in this process or in a cache."""
        return _sliced(types) in self.sliced.overloads or self.is_kept(types)

    def is_kept(self, types):
        """Whether that is in a cache."""
        cache = self.sliced._cache
        return isinstance(cache, KernelCache) and cache.has(_sliced(types), cpu_target.target_context)

    def is_ready(self, arguments):
        """Whether a launch with such arguments need not wait for a compiler."""
        if numba.config.DISABLE_JIT:
            return True
        form = native.forms(arguments)
        if form not in self._ready and self.has(native.types_of(form)):
            self._ready.add(form)
        return form in self._ready

    def code(self, arguments):
        """The machine code for such arguments, arrays or the like, for `native`."""
        form = native.forms(arguments)
        found = self._codes.get(form)
        if found is None:
            found = self._codes[form] = native.code(self.sliced, form)
        return found

    def __call__(self, *arguments):
        if not config.debug_level:
            self._launch(arguments)
            return
        known = len(getattr(self.sliced, "signatures", ()))
        start = time.perf_counter()
        self._launch(arguments)
        milliseconds = 1e3 * (time.perf_counter() - start)
        if len(getattr(self.sliced, "signatures", ())) > known:
            verb = "loaded" if self.sliced.stats.cache_hits.get(self.sliced.signatures[-1]) else "compiled"
            print(f"{self.name}: {verb} in {milliseconds:.0f} ms", file=sys.stderr)
        elif config.debug_level >= 2:
            print(f"{self.name}: {milliseconds:.3f} ms", file=sys.stderr)

    def _launch(self, arguments):
        if numba.config.DISABLE_JIT:
            self.serial(*arguments)
            return
        sliced = self.sliced
        if not self._loops or threads.serial() or not _large(arguments):
            sliced(*arguments, 0, 1)
        else:
            with threads.launching():
                if self.divisible and native.usable():
                    native.launch(self.code(arguments), arguments, threads.count())
                else:
                    self.parallel(*arguments)

    def __repr__(self):
        return f"<cpu kernel {self.name} at {self.location}>"


def _sliced(types):
    """The types of what launches run: arguments are followed by the part and the number of parts."""
    return *types, numba.int64, numba.int64


def _large(arguments):
    """Whether a launch pays for waking threads."""
    for argument in arguments:
        if argument.__class__ is np.ndarray and argument.size > LARGE:
            return all(given.flags.carray for given in arguments if given.__class__ is np.ndarray)
    return False


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
    return numba.njit(error_model="numpy", nogil=True, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True,
                      pipeline_class=Inlining)(function)
