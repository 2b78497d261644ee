"""(kernel name, target) -> kernel, and layer type -> the kernels it runs.

Importing this module loads no kernel: the first request for a target imports that target's room, so a CPU run
never loads the CUDA room.
"""

from __future__ import annotations

import importlib
from collections import namedtuple
from typing import TYPE_CHECKING

from .errors import unknown
from .locks import lock, to_the_end

if TYPE_CHECKING:
    from typing import Any

TARGETS = ("cpu", "cuda")

_kernels: dict[str, dict[str, Any]] = {"cpu": {}, "cuda": {}}
_selects: dict[str, Any] = {}
_layers: dict[type, tuple[str, ...]] = {}
_loaded: set[str] = set()
_loading = lock(awaited=True)

Walk = namedtuple("Walk", "layer kernel target location")


def register_kernel(name, target, kernel):
    """Add a kernel to a room; the rooms' decorators call this, again where an interrupt stopped a module's import."""
    found = _kernels[target].get(name)
    if found is not None and getattr(found, "location", None) != getattr(kernel, "location", ""):
        raise ValueError(f"two {target} kernels are named {name!r}")
    _kernels[target][name] = kernel


def kernel(name: str, target: str) -> Any:
    """The kernel `name` of `target`.

    Raises: UnknownNameError, naming the targets that have it and the nearest name.
    """
    found = _kernels[target].get(name)
    if found is None:
        found = _load_room(target).get(name)
    if found is None:
        elsewhere = [other for other in TARGETS if name in _kernels[other]]
        where = f" (it exists for: {', '.join(elsewhere)})" if elsewhere else ""
        raise unknown(f"{target} kernel{where}", name, _kernels[target])
    return found


def kernels(target: str) -> dict[str, Any]:
    """All kernels of a target, by name."""
    return dict(_load_room(target))


def select(target):
    """The module with which a target chooses among its algorithms."""
    found = _selects.get(target)
    if found is None:
        _load_room(target)
        found = _selects[target] = importlib.import_module(f"numba_layers.kernels.{target}.select")
    return found


def _load_room(target):
    if target not in _loaded:
        to_the_end(_load, target)
    return _kernels[target]


def _load(target):
    """Import a room and with it Numba, which an import that stops half-way breaks for the rest of the process."""
    with _loading:
        importlib.import_module(f"numba_layers.kernels.{target}")
        _loaded.add(target)


def register_layer(layer_type: type, *kernel_names: str) -> None:
    """Say which kernels a layer type runs, forward and backward; `layers` calls this beside each class."""
    _layers[layer_type] = kernel_names


def layers() -> Any:
    """Layer type -> names of its kernels."""
    importlib.import_module("numba_layers.layers")
    return dict(_layers)


def table(layer: Any = None) -> Any:
    """One `Walk(layer, kernel, target, 'file:line')` for each layer, kernel and target; '' where a hole is.

    Raises: UnknownNameError for a layer that is not registered.
    """
    known = {layer_type.__name__: names for layer_type, names in layers().items()}
    if layer is not None and layer not in known:
        raise unknown("layer", layer, known)
    rooms = {target: _load_room(target) for target in TARGETS}
    return [
        Walk(name, kernel_name, target, getattr(room.get(kernel_name), "location", ""))
        for name in ([layer] if layer else sorted(known))
        for kernel_name in known[name]
        for target, room in rooms.items()
    ]
