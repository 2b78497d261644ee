"""How a CUDA kernel is compiled, cached and launched: `@cuda_kernel` and the launch shapes."""

import sys
import time

import numpy as np
from numba import types
from numba.np.numpy_support import from_dtype

from .... import config, devices
from ....errors import DtypeError
from ....registry import register_kernel
from ...cache import digest
from . import compile

THREADS, MOST_BLOCKS = 256, 2048   # of a block; blocks that keep the largest GPUs busy, the rest is striding


def elements(*arguments):
    """Launch shape: a thread for each element of the last argument; the body strides over what is left."""
    return max(1, min(MOST_BLOCKS, -(-arguments[-1].size // THREADS))), THREADS


def rows(*arguments):
    """Launch shape: a block for each row (the first axis of the last argument); the body strides over the rest."""
    return max(1, min(MOST_BLOCKS * 8, arguments[-1].shape[0])), THREADS


class CudaKernel:
    """A loop of a GPU's threads, compiled at its first launch for each signature and kept in the cache.

    Call it with arrays of the current device, numbers or tuples of integers, the outputs last and already allocated.
    `launch(*arguments)` answers (grid, block), or (grid, block, bytes of dynamic shared memory). `least`: the lowest
    compute capability that has all its instructions.
    """

    def __init__(self, function, name, launch, options, least=(7, 5)):
        self.function = function
        self.name = name
        self.launch = launch
        self.options = options
        self.least = least
        self.parameters = function.__code__.co_varnames[:function.__code__.co_argcount]
        self.file = function.__code__.co_filename
        self.location = f"{self.file}:{function.__code__.co_firstlineno}"
        self.__doc__ = function.__doc__
        self.variants = {self.name: self}
        self._ready = {}   # (capability, types of the arguments) -> what the device launches

    def __call__(self, *arguments):
        if not arguments[-1].size:   # nothing to write
            return
        device = devices.current()
        grid, block, *shared = self.launch(*arguments)
        key = (device.name, *(_kind(argument) for argument in arguments))
        ready = self._ready.get(key)
        if ready is None:
            ready = self._ready[key] = self._prepared(device, arguments)
        start = time.perf_counter()
        device.launch(ready, grid, block, arguments, *shared)
        if config.debug_level >= 2:
            device.synchronize()
            print(f"{self.name}: {1e3 * (time.perf_counter() - start):.3f} ms", file=sys.stderr)

    def made_of(self):
        """Digests of what makes it today, as its files in the cache say it."""
        return {digest(compile.identity_of(self))}

    def _prepared(self, device, arguments):
        for argument in arguments:
            dtype = getattr(argument, "dtype", np.dtype(np.int64))
            if dtype.kind not in "biuf" or (dtype.kind == "f" and dtype.itemsize not in (4, 8)) or not dtype.isnative:
                raise DtypeError(f"kernel {self.name} does not take arrays of type {dtype}. Convert them with "
                                 f"K.cast(x, {config.floatx()!r}).")
        start = time.perf_counter()
        ready = device.prepared(self, tuple(map(_type, arguments)))
        if config.debug_level:
            print(f"{self.name}: ready for {device.name} in {1e3 * (time.perf_counter() - start):.0f} ms",
                  file=sys.stderr)
        return ready

    def ptx(self, signature, capability):
        """The kernel's PTX for types of arguments and a compute capability, from the cache if it is there."""
        return compile.ptx(self, signature, capability)

    def cubin(self, signature, capability):
        """(entry, machine code) of the same, ready for the driver."""
        return compile.cubin(self, signature, capability)

    def written(self, signature, capability, addresses):
        """Those of `addresses`, numbers of parameters of the same, at which it may write."""
        return compile.written(self, signature, capability, addresses)

    def __repr__(self):
        return f"<cuda kernel {self.name} at {self.location}>"


class CudaVariants:
    """One kernel in several forms: `choose(*arguments)` is the key of the one that fits the arguments, the device and
    the settings.

    variants: key -> CudaKernel, all of the same parameters. The first answers for all where a kernel is looked at.
    """

    def __init__(self, name, choose, variants):
        first = next(iter(variants.values()))
        self.name = name
        self.choose = choose
        self.variants = variants
        self.function, self.parameters = first.function, first.parameters
        self.file, self.location, self.__doc__ = first.file, first.location, first.__doc__

    def __call__(self, *arguments):
        self.variants[self.choose(*arguments)](*arguments)

    def __repr__(self):
        return f"<cuda kernel {self.name} at {self.location}, {len(self.variants)} variants>"


def cuda_kernel(function=None, *, launch=elements, name=None, **options):
    """Decorator: a CUDA kernel, registered under `name` (the function's own by default).

    launch: the launch shape, a function of the arguments. options: further ones of Numba, such as fastmath.
    """
    if function is None:
        return lambda function: cuda_kernel(function, launch=launch, name=name, **options)
    kernel = CudaKernel(function, name or function.__name__, launch, options)
    register_kernel(kernel.name, "cuda", kernel)
    return kernel


def _kind(argument):
    """What tells arguments of different Numba types apart."""
    if isinstance(argument, tuple):
        return len(argument)
    if isinstance(argument, np.generic | int | float):
        return type(argument)
    return argument.dtype, argument.ndim


def _type(argument):
    """Numba's type of an argument: arrays are contiguous, integers 64 bits wide."""
    if isinstance(argument, tuple):
        return types.UniTuple(types.int64, len(argument))
    if isinstance(argument, bool):
        return types.boolean
    if isinstance(argument, int):
        return types.int64
    if isinstance(argument, float):
        return types.float64
    scalar = from_dtype(np.dtype(argument.dtype))
    return scalar if isinstance(argument, np.generic) else types.Array(scalar, argument.ndim, "C")
