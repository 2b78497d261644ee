"""(kernel name, target) -> kernel; and which kernels layers launch.

Importing this module loads no kernel: the first request for a target imports that target's folder, so a CPU run
never loads the kernels for CUDA.
"""

from __future__ import annotations

import importlib
import weakref
from collections import namedtuple
from typing import TYPE_CHECKING

from .errors import unknown
from .locks import lock, to_the_end

if TYPE_CHECKING:
    from typing import Any

TARGETS = ("cpu", "cuda")

_kernels: dict[str, dict[str, Any]] = {"cpu": {}, "cuda": {}}
_makers: dict[str, Any] = {}    # name of a kernel that is made when it is asked for -> target -> kernel
_made: dict[tuple[str, str], Any] = {}
_selects: dict[str, Any] = {}
_loading = lock(awaited=True)
_loaded: set[str] = set()
_version = 0

followers: Any = weakref.WeakSet()      # who are to `follow_kernels()` where one is another

# A kernel that a layer launches: direction 'forward' or 'backward'; when: with which arguments, '' as in the example;
# location 'file:line', '' where the target has no kernel of the name.
Row = namedtuple("Row", "layer direction kernel when target location")


def register_kernel(name: str, target: str, kernel: Any) -> None:
    """Add a kernel to a target; the targets' decorators call this, again where an interrupt stopped an import."""
    found = _kernels[target].get(name)
    if found is not None and getattr(found, "location", None) != getattr(kernel, "location", ""):
        raise ValueError(f"two {target} kernels are named {name!r}")
    _kernels[target][name] = kernel
    if found is not None:
        changed()


def add_maker(name: str, make: Any) -> None:
    """Add a kernel, of users' formulas, that `make(target)` makes when it is first asked for."""
    _makers[name] = make


def changed() -> None:
    """A kernel that may have run by now is another."""
    global _version
    _version += 1
    for one in list(followers):
        one.follow_kernels()


def version() -> int:
    """A number that is another after each such change."""
    return _version


def kernel(name: str, target: str) -> Any:
    """The kernel `name` of `target`.

    Raises: UnknownNameError, naming the targets that have it and the nearest name.
    """
    found = _kernels[target].get(name)
    if found is None:
        found = _load_target(target).get(name) or _made.get((name, target))
    if found is None and name in _makers:
        found = _made.setdefault((name, target), _makers[name](target))
    if found is None:
        elsewhere = [other for other in TARGETS if name in _kernels[other]]
        where = f" (it exists for: {', '.join(elsewhere)})" if elsewhere else ""
        raise unknown(f"{target} kernel{where}", name, _kernels[target])
    return found


def kernels(target: str) -> dict[str, Any]:
    """All kernels of a target, by name."""
    return dict(_load_target(target))


def loaded(target: str) -> dict[str, Any]:
    """The kernels of a target that are loaded by now, by name: the registry's own dictionary, to be read only."""
    return _kernels[target]


def select(target: str) -> Any:
    """The module with which a target chooses among its algorithms."""
    found = _selects.get(target)
    if found is None:
        _load_target(target)
        found = _selects[target] = importlib.import_module(f"numba_layers.kernels.{target}.select")
    return found


def native() -> Any:
    """(how the CPU's machine code is called, its threads): two modules of that target."""
    _load_target("cpu")
    return tuple(importlib.import_module(f"numba_layers.kernels.cpu.{name}") for name in ("native", "threads"))


def formulas() -> Any:
    """How functions of numbers become kernels: a module that knows no target until a kernel is asked for."""
    return importlib.import_module("numba_layers.kernels.formulas")


def functions() -> Any:
    """How launches become functions for jitted code: a module of the CPU's target."""
    _load_target("cpu")
    return importlib.import_module("numba_layers.kernels.cpu.functions")


def shared_by_samples() -> dict[str, tuple[str, ...]]:
    """Name of a kernel that does the same for each sample -> the arrays that all samples share, by name."""
    found: dict[str, tuple[str, ...]] = importlib.import_module("numba_layers.kernels.samples").SHARED
    return found


def native_usable() -> bool:
    """Whether the CPU's machine code can be called without Numba's dispatcher."""
    calls, threads = native()
    with threads.launching():
        return calls.usable()


def _load_target(target: str) -> dict[str, Any]:
    if target not in _loaded:
        to_the_end(_load, target)
    return _kernels[target]


def _load(target: str) -> None:
    """Import a target and with it Numba, which an import that stops half-way breaks for the rest of the process."""
    with _loading:
        importlib.import_module(f"numba_layers.kernels.{target}")
        _loaded.add(target)


def layers() -> dict[str, Any]:
    """Class name -> class, of all public layers of the package."""
    return dict(importlib.import_module("numba_layers.layers").Layer.kinds)


def table(layer: Any = None, input_shape: Any = None) -> list[Row]:
    """The kernels that layers launch, as `Row`s: traced by a dry run that compiles and launches nothing.

    layer: the name or class of a layer of this package, traced with the arguments that change what it launches; or a
    layer or model of yours as it is. None: all layers of this package. input_shape: of a layer that is not built, with
    the batch axis; a list for several inputs.
    Raises: UnknownNameError for a name that no layer has; ArgumentError where the shape of the input is missing.
    """
    return importlib.import_module("numba_layers.kernel_table").table(layer, input_shape)


def compile_ahead(wanted: Any, verbose: int = 1) -> int:
    """Compile those of the CPU's kernels in `wanted` that no cache has, on all processors at once; returns how many.

    wanted: (kernel name, types of its arguments) pairs, the types as `types_of` gives them. verbose: 1 shows a bar once
    it takes over a second; 0 shows none.
    """
    return importlib.import_module("numba_layers.kernels.ahead").compile_ahead(wanted, verbose)


def recorded() -> list[tuple[str, Any]]:
    """(kernel name, types of its arguments) of every kernel, as float32 layers launch it, for `compile_ahead`."""
    return importlib.import_module("numba_layers.kernels.recorded").recorded()


def types_of(arguments: Any) -> tuple[Any, ...]:
    """Numba's types of a launch's arguments, for `compile_ahead`."""
    return importlib.import_module("numba_layers.kernels.ahead").types_of(arguments)


def runs_here() -> bool:
    """Whether this processor runs what is compiled: not where `NUMBA_CPU_NAME` asks for kernels of a higher level."""
    level = importlib.import_module("numba_layers.kernels.level")
    return level.NAME not in level.LEVELS or level.runs_here(level.NAME)
