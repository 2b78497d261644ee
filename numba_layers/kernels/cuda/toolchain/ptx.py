"""Numba's PTX of a kernel, made without a GPU or its driver. Needs the package numba-cuda."""

import threading
from contextlib import contextmanager
from types import SimpleNamespace

from numba import types

from ...._version import lacking_for_cuda
from ....errors import DeviceError
from .api import cuda

_lock = threading.Lock()


def compile_ptx(function, signature, cc=(9, 0), lineinfo=True, **options):
    """The PTX of a kernel for a compute capability, such as (8, 0) or (9, 0, "a").

    function: a Python function or what `cuda.jit` made of it; signature: types of the arguments, as a tuple or
    `void(...)`; options: Numba's (`fastmath=True`). With `lineinfo`, faults name lines of Python.
    Raises: DeviceError where numba-cuda is missing.
    """
    _need_numba_cuda()
    if isinstance(signature, tuple | list):
        signature = types.void(*signature)
    with _lock, _pretended_device(tuple(cc)):
        text, _ = cuda.compile(getattr(function, "py_func", function), signature, cc=tuple(cc), device=False,
                               abi="numba", lineinfo=lineinfo, **options)
    return text


def compile_for(function, signature, cc=(8, 0), lineinfo=True, **options):
    """The same for many capabilities: a function, capability -> PTX. Numba's part of the work is done once, for `cc`.

    Right for kernels whose code asks for nothing of the device.
    """
    _need_numba_cuda()
    with _lock, _pretended_device(cc), cuda.core.compiler_lock.global_compiler_lock:
        library, _ = cuda.compiler._compile_pyfunc_with_fixup(
            function, types.void(*signature), cc=tuple(cc), device=False, abi="numba", lineinfo=lineinfo, **options)
    return lambda cc: library.get_asm_str(cc=tuple(cc))


def _need_numba_cuda():
    lacking = lacking_for_cuda()
    if lacking:
        raise DeviceError(f"compiling kernels for GPUs needs {lacking}: pip install numba_layers[cuda12]")


@contextmanager
def _pretended_device(cc):
    """Device functions ask for the device in use while they are compiled; there may be none."""
    before = cuda.dispatcher.get_current_device
    cuda.dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=cc[:2])
    try:
        yield
    finally:
        cuda.dispatcher.get_current_device = before
