"""`Emulator`: runs the PTX of kernels on NumPy arrays, in the place of a GPU."""

import threading

import numpy as np

from ..errors import ArgumentError
from .arguments import fitted, words
from .faults import readable
from .machine import STEP_LIMIT, Launch
from .memory import GlobalMemory
from .onchip import MAX_SHARED
from .program import program

MAX_THREADS = 1024
MAX_BLOCKS = 2**31 - 1, 65535, 65535       # of a grid, along its axes


class Emulator:
    """Runs kernels, and keeps the addresses of arrays that outlive a launch in `memory`.

    step_limit: how many basic blocks a batch of blocks may run before its kernel counts as endless;
    watch_races: look for missing barriers in shared memory.
    """

    def __init__(self, step_limit=STEP_LIMIT, watch_races=True):
        self.memory = GlobalMemory()
        self.step_limit, self.watch_races = step_limit, watch_races
        self._lock = threading.RLock()
        self._variables = {}   # (program, name) -> array of a module's variable, kept from launch to launch

    def launch(self, ptx, grid, block, arguments, dynamic_shared=0, name=None, names=()):
        """Run a kernel to its end.

        ptx: text; grid, block: a number or up to three; arguments: NumPy arrays, on which the kernel works
        directly, Pointers and numbers, in the order of the kernel's signature; dynamic_shared: bytes; name: which
        kernel, if the text has several; names: of the arguments, for messages.
        Raises: KernelFault where the kernel does wrong, PtxError for a text that cannot be run, ArgumentError
        where a launch cannot be: too many threads, arguments that do not fit the kernel's parameters.
        """
        found = program(ptx, name)
        grid, block = _shape("grid", grid), _shape("block", block)
        _check(found, grid, block, dynamic_shared)
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

    def _parameters(self, found, arguments, names, added):
        """Name of a parameter -> the word that it holds."""
        def address(array, name):
            freed = self.memory.freed_address(array)
            if freed is not None:
                return freed
            return self._add(array, name, added)

        given = []
        for number, argument in enumerate(arguments):
            given += words(argument, names[number] if number < len(names) else f"argument {number}", address)
        return fitted(found.name, found.parameters, given)

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


def _shape(what, shape):
    """A grid or block as (x, y, z). Raises: ArgumentError."""
    sizes = tuple(int(n) for n in (shape if isinstance(shape, tuple | list) else (shape,)))
    if not 1 <= len(sizes) <= 3 or min(sizes) < 1:
        raise ArgumentError(f"{what} is {shape}, expected one to three numbers of at least 1")
    return sizes + (1,) * (3 - len(sizes))


def _check(found, grid, block, dynamic_shared):
    """Raises: ArgumentError for a grid or a block that no GPU could run."""
    if any(size > most for size, most in zip(grid, MAX_BLOCKS)):
        raise ArgumentError(f"{found.name}: the grid is {grid}, at most {MAX_BLOCKS} blocks fit")
    threads = block[0] * block[1] * block[2]
    limit = min(MAX_THREADS, int(np.prod(found.limits))) if found.limits else MAX_THREADS
    if threads > limit:
        raise ArgumentError(f"{found.name}: a block of {block} has {threads} threads, at most {limit} fit")
    _, shared = found.shared_layout(dynamic_shared)
    shared = max(shared, dynamic_shared)        # which a kernel may be given that has no use for it
    if shared > MAX_SHARED:
        raise ArgumentError(f"{found.name}: a block needs {shared} bytes of shared memory, at most {MAX_SHARED} exist")


_default = Emulator()


def launch(ptx, grid, block, arguments, dynamic_shared=0, **options):
    """`Emulator.launch` of one emulator that all share."""
    _default.launch(ptx, grid, block, arguments, dynamic_shared, **options)
