"""Where arrays live and kernels run: the current device of this thread, and its memory.

| device   | kernels | memory                                              |
|----------|---------|-----------------------------------------------------|
| cpu      | cpu     | NumPy arrays                                        |
| cuda     | cuda    | `DeviceArray`s in an NVIDIA GPU                     |
| emulated | cuda    | `DeviceArray`s in NumPy; kernels run interpreted    |
"""

from __future__ import annotations

import importlib
import os
import threading
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DeviceError, nearest
from ..locks import lock
from ..thread_state import Block, noted
from .array import DeviceArray, address, allocation, dense_order
from .base import Device
from .host import Cpu

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import DtypeLike

__all__ = ["DEVICES", "DeviceArray", "current", "dense_order", "device", "empty", "memory", "part", "set_device",
           "target"]

DEVICES = ("cpu", "cuda", "emulated")
_PLACES = {"cuda": ("gpu", "Gpu"), "emulated": ("emulated", "Emulated")}   # modules loaded when first asked for
_opened = {"cpu": Cpu()}
_opening = lock()


def _checked(name, where=""):
    if name not in DEVICES:
        raise DeviceError(f"{where}unknown device {name!r}. {nearest(name, DEVICES)}")
    return name


def _open(name):
    """The device of a name, made when it is first used. Raises: DeviceError where there is none, with the cure."""
    with _opening:
        if name not in _opened:
            module, kind = _PLACES[_checked(name)]
            _opened[name] = getattr(importlib.import_module(f".{module}", __name__), kind)()
        return _opened[name]


class _Current(threading.local):
    """The device of one thread; None until it is used, so that importing the package opens none."""

    def __init__(self):
        self.name = _default
        self.device = _opened.get(_default)


_default = _checked(os.environ.get("NUMBA_LAYERS_DEVICE") or "cpu", "NUMBA_LAYERS_DEVICE: ")
_current = _Current()


def current() -> Any:
    """The device on which this thread's ops run."""
    if _current.device is None:
        _current.device = _open(_current.name)
    return _current.device


def target() -> str:
    """The kernels that this thread's ops run: 'cpu' or 'cuda'."""
    return current().target


def set_device(name: str) -> None:
    """Run all ops from now on, in every thread started from now on, on device `name`: 'cpu', 'cuda' or 'emulated'.

    Raises: DeviceError where the device is unknown or cannot be used, with the cure.
    """
    global _default
    found = _open(name)
    _default, _current.name, _current.device = name, name, found


class device(Block):  # noqa: N801  it reads as a word of the language
    """Run the ops inside on device `name`: `with numba_layers.device('cpu'): ...`; or on a `Device` itself.

    Raises: DeviceError where the device is unknown or cannot be used, with the cure.
    """

    __slots__ = ("_found",)

    def __init__(self, name: str | Device) -> None:
        self._found = name if isinstance(name, Device) else _open(name)

    def __enter__(self) -> None:
        self._before = noted(_current)
        _current.device, _current.name = self._found, self._found.name


def empty(shape: Sequence[int], dtype: DtypeLike) -> Any:
    """An uninitialised array of the current device; every array that a kernel writes comes from here."""
    return current().empty(shape, dtype)


def part(array, like, whole):
    """The part of `array` that lies in it as `like`, with any strides, lies in `whole`, an array of the same size."""
    if isinstance(array, DeviceArray):
        return type(array)(part(array.layout, like.layout, whole.layout), array.owner)
    offset = address(like) - address(whole)
    return np.ndarray(like.shape, like.dtype, array, offset, like.strides)


def memory(array: Any) -> int:
    """What identifies the memory of `array`, as long as it lives: the same for all arrays that may share theirs."""
    return id(allocation(array))
