"""`Emulator`: runs the PTX of kernels on NumPy arrays, in the place of a GPU.

Arguments are NumPy arrays, which the kernel works on directly, and numbers, in the order of the kernel's signature.
An array becomes the seven and more parameters of a Numba array: two unused, the number of elements, bytes of an
element, the address, the sizes and the strides in bytes. A `Pointer` becomes the address alone.
"""

import threading
from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from .faults import readable
from .machine import Launch
from .memory import GlobalMemory
from .onchip import MAX_SHARED
from .program import program
from .types import DTYPES

MAX_THREADS = 1024
STEP_LIMIT = 1 << 20   # pieces of straight code that a batch of blocks may run


@dataclass(frozen=True)
class Pointer:
    """An argument of which the kernel gets the address only: for `CPointer` in a signature."""
    array: np.ndarray


class Emulator:
    """Runs kernels, and keeps the addresses of arrays that outlive a launch in `memory`.

    step_limit: how many pieces of code a batch of blocks may run before its kernel counts as endless;
    watch_races: look for missing barriers in shared memory.
    """

    def __init__(self, step_limit=STEP_LIMIT, watch_races=True):
        self.memory = GlobalMemory()
        self.step_limit, self.watch_races = step_limit, watch_races
        self._lock = threading.RLock()
        self._variables = {}   # (program, name) -> array of a module's .global variable, kept from launch to launch

    def launch(self, ptx, grid, block, arguments, dynamic_shared=0, name=None, names=()):
        """Run a kernel to its end.

        ptx: text; grid, block: a number or up to three; arguments: arrays, Pointers and numbers, in tuples if need
        be; dynamic_shared: bytes; name: which kernel, if the text has several; names: of arguments, for messages.
        Raises: KernelFault where the kernel does wrong, PtxError for a text that cannot be run, ArgumentError
        where a launch cannot be: too many threads, arguments that do not fit the kernel's parameters.
        """
        found = program(ptx, name)
        grid, block = shape_of("grid", grid), shape_of("block", block)
        _check(found, block, dynamic_shared)
        with self._lock:
            added = []
            try:
                parameters = self._parameters(found, arguments, names, added)
                addresses = {variable.name: self._add(self._variable(found, variable), readable(variable.name), added)
                             for variable in found.variables}
                Launch(found, self.memory, grid, block, parameters, addresses, dynamic_shared, self.step_limit,
                       self.watch_races).run()
            finally:
                for address in added:
                    self.memory.remove(address)

    def _add(self, array, name, added):
        address = self.memory.add(array, name)
        added.append(address)
        return address

    def _variable(self, found, variable):
        key = found, variable.name
        if key not in self._variables:
            octets = np.frombuffer(variable.initial.ljust(variable.size, b"\0"), np.uint8).copy()
            octets.flags.writeable = variable.space == "global"
            self._variables[key] = octets
        return self._variables[key]

    def _parameters(self, found, arguments, names, added):
        """Name of a parameter -> its bytes."""
        words = []
        for number, argument in enumerate(arguments):
            name = names[number] if number < len(names) else f"argument {number}"
            words += self._words(argument, name, added)
        if len(words) != len(found.parameters):
            raise ArgumentError(f"{found.name}: the kernel takes {len(found.parameters)} parameters, the arguments "
                                f"make {len(words)}. An array of n axes makes 5 + 2 n, a number or a Pointer 1.")
        return {parameter.name: _raw(word, parameter, found) for word, parameter in zip(words, found.parameters)}

    def _words(self, argument, name, added):
        """The parameters that an argument makes."""
        if isinstance(argument, tuple | list):
            return [word for k, part in enumerate(argument) for word in self._words(part, f"{name}[{k}]", added)]
        if isinstance(argument, Pointer):
            return [self._address(argument.array, name, added)]
        if isinstance(argument, np.ndarray):
            address = self._address(argument, name, added)
            return [0, 0, argument.size, argument.itemsize, address, *argument.shape, *argument.strides]
        return [argument]

    def _address(self, array, name, added):
        freed = self.memory.freed_address(array)
        if freed is not None:
            return freed
        return self._add(array, f"{name} ({array.dtype}, shape {array.shape})", added)


def _raw(word, parameter, found):
    """A number as the bytes of a parameter."""
    dtype = DTYPES[parameter.type]
    if parameter.size != dtype.itemsize:   # a structure: complex numbers
        raw = np.asarray(word).tobytes()
        if len(raw) == parameter.size:
            return raw
        raise ArgumentError(f"{found.name}: {word!r} does not make the {parameter.size} bytes of {parameter.name}")
    if isinstance(word, np.generic) and word.dtype.itemsize == dtype.itemsize:
        return word.tobytes()
    if dtype.kind == "f":
        return dtype.type(word).tobytes()
    if isinstance(word, float | np.floating):
        kind = np.dtype(f"f{dtype.itemsize}")   # newer PTX declares floats as bits
        return kind.type(word).tobytes()
    return (int(word) % (1 << 8 * dtype.itemsize)).to_bytes(dtype.itemsize, "little")


def shape_of(what, shape):
    """A grid or block as (x, y, z). Raises: ArgumentError."""
    sizes = tuple(int(n) for n in (shape if isinstance(shape, tuple | list) else (shape,)))
    if not 1 <= len(sizes) <= 3 or min(sizes) < 1:
        raise ArgumentError(f"{what} is {shape}, expected one to three numbers of at least 1")
    return sizes + (1,) * (3 - len(sizes))


def _check(found, block, dynamic_shared):
    threads = block[0] * block[1] * block[2]
    limit = MAX_THREADS
    for size in found.limits or ():
        limit = min(limit, int(np.prod(found.limits))) if size else limit
    if threads > limit:
        raise ArgumentError(f"{found.name}: a block of {block} has {threads} threads, at most {limit} fit")
    _, shared = found.shared_layout(dynamic_shared)
    if shared > MAX_SHARED:
        raise ArgumentError(f"{found.name}: a block needs {shared} bytes of shared memory, at most {MAX_SHARED} exist")


_default = Emulator()


def launch(ptx, grid, block, arguments, dynamic_shared=0, **options):
    """`Emulator.launch` of one emulator that all share."""
    _default.launch(ptx, grid, block, arguments, dynamic_shared, **options)
