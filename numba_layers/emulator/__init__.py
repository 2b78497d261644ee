"""The PTX of GPU kernels, run on NumPy: one array lane for each thread.

`launch` runs what `kernels.cuda.toolchain` (or any compiler) makes. What a kernel does wrong is an error that names the
block, the thread, the line of PTX and the line of Python: accesses out of bounds, misaligned or to freed memory,
threads that race for shared memory where a barrier is missing, barriers that not all threads reach.

    text, _ = numba.cuda.compile(scale, void(float32[::1], float32), cc=(9, 0), device=False, abi="numba")
    launch(text, grid=4, block=32, arguments=[x, 2.0])

From the text to the result: `ptx` reads it, `inline` inlines called functions, `basic_blocks` cuts it into basic
blocks, `table` says what each opcode does, `slots` and `program` make Python functions of the blocks, `machine` runs
them for many threads at once, `memory` and `onchip` hold what they read and write, `races` watches them.

Not covered: wgmma, TMA, mbarriers, clusters, textures and printing, which are named when a kernel has them; time;
the order in which a GPU makes writes to global memory visible; races in global memory. Blocks run in order, some
thousand threads at a time, so blocks that wait for later ones never end. Subnormal numbers are kept where `.ftz`
drops them, and approximate functions are more exact than a GPU's.
"""

_MODULES = {
    "Emulator": "emulator", "Pointer": "arguments", "launch": "emulator",
    "KernelFault": "faults", "MemoryFault": "faults", "RaceFault": "faults", "DeadlockFault": "faults",
    "WarpFault": "faults", "EndlessLoopFault": "faults", "TrapFault": "faults", "PtxError": "faults",
}
__all__ = sorted(_MODULES)


def __getattr__(name):
    """Load a module when its name is first used."""
    import importlib

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
