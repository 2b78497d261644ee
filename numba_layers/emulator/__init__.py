"""The PTX of GPU kernels, run on NumPy: one array lane for each thread.

`compile_ptx` makes the PTX of a Numba kernel, `launch` runs it. What a kernel does wrong is an error that names the
block, the thread, the line of PTX and the line of Python: accesses out of bounds, misaligned or to freed memory,
threads that race for shared memory where a barrier is missing, barriers that not all threads reach.

    ptx = compile_ptx(scale, void(float32[::1], float32))
    launch(ptx, grid=4, block=32, arguments=[x, 2.0])
"""

_ROOMS = {
    "Emulator": "emulator", "Pointer": "arguments", "launch": "emulator", "compile_ptx": "compiler",
    "KernelFault": "faults", "MemoryFault": "faults", "RaceFault": "faults", "DeadlockFault": "faults",
    "WarpFault": "faults", "EndlessLoopFault": "faults", "TrapFault": "faults", "PtxError": "faults",
}
__all__ = sorted(_ROOMS)


def __getattr__(name):
    """Load a room when its name is first used."""
    import importlib

    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_ROOMS[name]}", __name__), name)
