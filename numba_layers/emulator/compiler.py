"""Numba's PTX of a kernel, made without a GPU or its driver. Needs the package numba-cuda."""

import importlib.util
import threading
from contextlib import contextmanager
from types import SimpleNamespace

from ..errors import DeviceError

_lock = threading.Lock()


def compile_ptx(function, signature, cc=(9, 0), lineinfo=True, **options):
    """The PTX of a kernel for a compute capability, such as (8, 0) or (9, 0, "a").

    function: a Python function or what `cuda.jit` made of it; signature: types of the arguments, as a tuple or
    `void(...)`; options: Numba's (`fastmath=True`). With `lineinfo`, faults name lines of Python.
    Raises: DeviceError where numba-cuda is missing.
    """
    if importlib.util.find_spec("numba_cuda") is None:
        raise DeviceError("compiling kernels for GPUs needs the package numba-cuda: pip install numba-cuda[cu12]")
    from numba import cuda, types

    if isinstance(signature, tuple | list):
        signature = types.void(*signature)
    with _lock, _pretended_device(tuple(cc)):
        text, _ = cuda.compile(getattr(function, "py_func", function), signature, cc=tuple(cc), device=False,
                               abi="numba", lineinfo=lineinfo, **options)
    return text


@contextmanager
def _pretended_device(cc):
    """Device functions ask for the device in use while they are compiled; there may be none."""
    import numba.cuda.dispatcher as dispatcher

    before = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=cc[:2])
    try:
        yield
    finally:
        dispatcher.get_current_device = before
