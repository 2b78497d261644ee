"""Threads of the CPU kernels: which threading layer, how many threads, what may run at the same time.

Numba's layers differ: omp cannot be used in a forked child, tbb and workqueue not where the fork cut through the launch
of another thread; workqueue aborts the process when two threads launch at once. `launching()` and `serial()` hide these
differences.

The number of threads is `NUMBA_NUM_THREADS` where the user says so, else the processors this process may use,
but not more than its cgroup grants. `numba.set_num_threads` changes it later, for the calling Python thread.
"""

import contextlib
import ctypes
import os
import sys
import threading
import weakref
from pathlib import Path

import llvmlite.binding.ffi
import numba
import numpy.ma  # noqa: F401  Numba's first launch would import it: a fork meanwhile left the child its half
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.np.ufunc import parallel

from ... import locks

CGROUP = Path("/sys/fs/cgroup")
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1      # numbers in GNU's malloc.h
LARGEST, KEPT = 32 << 20, 256 << 20              # bytes; GNU's C library takes no larger LARGEST


class _This(threading.local):
    """What is true of one Python thread.

    limited: its number of threads respects the quota.   ready: it may launch kernels without `launching()`.
    """

    limited = False
    ready = False


this = _This()

_nothing = contextlib.nullcontext()
_starting = locks.lock(awaited=True)
_guard = None        # what a launch holds; None until the threads are started
_launched = []       # the Python threads that launched kernels, as weak references
_cut = False         # a fork is under way while other such threads live, in the midst of a launch perhaps
_forked = False      # in a child whose process's threads were OpenMP's, or were cut off

for _lock in (global_compiler_lock._lock, llvmlite.binding.ffi.lib._lock._lock):    # other threads compile to the end
    locks.adopted(_lock, awaited=True)


def quota():
    """Number of CPUs the cgroup of this process grants, rounded up; None where there is no limit."""
    for read in (_quota_v2, _quota_v1):
        with contextlib.suppress(OSError, ValueError):
            limit, period = read()
            return max(1, -(-limit // period)) if limit > 0 else None
    return None


def _quota_v2():
    limit, period = (CGROUP / "cpu.max").read_text().split()
    return -1 if limit == "max" else int(limit), int(period)


def _quota_v1():
    return (int((CGROUP / f"cpu/cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))


def _preload_tbb():
    """Open the pip wheel's libtbb, which lies where no loader looks, so that Numba finds it."""
    name = {"linux": "lib/libtbb.so.12", "darwin": "lib/libtbb.12.dylib"}.get(sys.platform)
    library = Path(sys.prefix) / name if name else None
    if library and library.exists():
        with contextlib.suppress(OSError):
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def _keep_freed_memory():
    """Have the C library keep memory that was freed, instead of fetching each page anew: a fifth of a training step.

    So for arrays up to LARGEST bytes, and up to KEPT in all; unless the environment has settings of malloc.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    with contextlib.suppress(OSError, AttributeError):      # not GNU's C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGEST)
        mallopt(M_TRIM_THRESHOLD, KEPT)


def give_back_freed_memory():
    """Have the C library return to the system what was freed so far, in a millisecond or a few."""
    with contextlib.suppress(OSError, AttributeError):      # not GNU's C library
        ctypes.CDLL(None).malloc_trim(0)


def start():
    """Start Numba's threads, once: on the layer the user chose, else tbb, else omp that sleeps when idle."""
    global _guard
    with _starting:
        if _guard is not None:
            return
        _keep_freed_memory()
        if str(config.THREADING_LAYER).lower() not in ("omp", "workqueue"):
            _preload_tbb()
        wait_policy = "OMP_WAIT_POLICY" not in os.environ   # spinning threads starve the other core's work
        if wait_policy:
            os.environ["OMP_WAIT_POLICY"] = "passive"
        try:
            parallel._launch_threads()
        finally:
            if wait_policy:
                del os.environ["OMP_WAIT_POLICY"]
        _guard = locks.lock() if numba.threading_layer() == "workqueue" else _nothing


def _respect_quota():
    granted = quota()
    if granted is not None and "NUMBA_NUM_THREADS" not in os.environ:
        numba.set_num_threads(min(granted, numba.get_num_threads()))
    alive = [thread for thread in _launched if thread() is not None]
    _launched[:] = [*alive, weakref.ref(threading.current_thread())]
    this.limited = True


def launching():
    """Context to hold while a parallel kernel runs; makes threads, and this Python thread, ready for it."""
    if _guard is None:
        start()
    if not this.limited:
        _respect_quota()
        this.ready = _guard is _nothing and not _forked
    return _guard


def count():
    """Into how many parts a launch of this Python thread may be cut, for as many threads."""
    return 1 if serial() else numba.get_num_threads()


def serial():
    """True where parallel kernels may not run: in a forked child whose threads cannot start anew."""
    return _forked


def _before_fork():
    global _cut
    launched = [thread() for thread in _launched]
    _cut = any(thread.is_alive() for thread in launched if thread not in (None, threading.current_thread()))


def _after_fork_in_child():
    global _forked
    if _guard is not None and (_cut or numba.threading_layer() == "omp"):
        _forked = True
        this.ready = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
