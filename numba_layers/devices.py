"""Where arrays live and kernels run: the current target of this thread, and its memory."""

import os
import threading
from contextlib import contextmanager

import numpy as np

from . import registry
from .errors import DeviceError, nearest


def _checked(name, where=""):
    if name not in registry.TARGETS:
        raise DeviceError(f"{where}unknown device {name!r}. {nearest(name, registry.TARGETS)}")
    return name


class _Current(threading.local):
    def __init__(self):
        self.target = _default


_default = _checked(os.environ.get("NUMBA_LAYERS_DEVICE") or "cpu", "NUMBA_LAYERS_DEVICE: ")
_current = _Current()


def target():
    """The target on which this thread's ops run: 'cpu'."""
    return _current.target


def set_device(name):
    """Run all ops from now on, in every thread started from now on, on target `name`."""
    global _default
    _default = _current.target = _checked(name)


@contextmanager
def device(name):
    """Run the ops inside on target `name`: `with numba_layers.device('cpu'): ...`."""
    before, _current.target = _current.target, _checked(name)
    try:
        yield
    finally:
        _current.target = before


def empty(shape, dtype):
    """An uninitialised array; every array that a kernel writes comes from here."""
    return np.empty(shape, dtype)
