"""Threads of the CPU room: which threading layer, how many threads, what may run at the same time.

Numba's layers differ: tbb takes anything; omp cannot be used in a forked child; workqueue aborts the process when two
threads launch at once. `launching()` hides these differences.
"""

import contextlib
import ctypes
import os
import sys
import threading
from pathlib import Path

import numba
from numba.core import config
from numba.np.ufunc import parallel

_state = threading.local()
_prepare_lock = threading.Lock()
_workqueue_lock = threading.Lock()
_nothing = contextlib.nullcontext()
_guard = None        # what a launch holds; None until the threads are launched
_forked = False      # in a child of a process that had launched OpenMP threads


def quota():
    """Number of CPUs the cgroup grants (cpu.max), rounded up; None where there is no limit."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if limit == "max" else max(1, -(-int(limit) // int(period)))
    except (OSError, ValueError):
        return None


def _preload_tbb():
    """Open the pip wheel's libtbb, which lies where no loader looks, so that Numba finds it."""
    name = {"linux": "lib/libtbb.so.12", "darwin": "lib/libtbb.12.dylib"}.get(sys.platform)
    library = Path(sys.prefix) / name if name else None
    if library and library.exists():
        with contextlib.suppress(OSError):
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)


def _launch():
    """Start Numba's threads once, with the layer that suits: tbb where installed, else omp that sleeps when idle."""
    global _guard
    with _prepare_lock:
        if _guard is not None:
            return
        user_chose = str(config.THREADING_LAYER).lower() != "default"
        if not user_chose:
            _preload_tbb()
        wait_policy = "OMP_WAIT_POLICY" not in os.environ   # spinning threads starve the other core's work
        if wait_policy:
            os.environ["OMP_WAIT_POLICY"] = "passive"
        try:
            parallel._launch_threads()
        finally:
            if wait_policy:
                del os.environ["OMP_WAIT_POLICY"]
        _guard = _workqueue_lock if numba.threading_layer() == "workqueue" else _nothing


def _use_quota():
    """Numba counts processors and ignores cgroup quotas; its thread count is a setting of each Python thread."""
    granted = quota()
    if granted is not None and "NUMBA_NUM_THREADS" not in os.environ:
        numba.set_num_threads(min(granted, numba.get_num_threads()))
    _state.ready = True


def launching():
    """Context to hold while a parallel kernel runs; prepares threads at the first launch of each Python thread."""
    if _guard is None:
        _launch()
    if not getattr(_state, "ready", False):
        _use_quota()
    return _guard


def serial():
    """True where parallel kernels may not run: in a forked child of a process that uses OpenMP threads."""
    return _forked


def _after_fork_in_child():
    global _forked, _workqueue_lock, _guard
    if _guard is not None and numba.threading_layer() == "omp":
        _forked = True
    if _guard is _workqueue_lock:
        _guard = _workqueue_lock = threading.Lock()   # another thread may have held it at the fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
