"""Every launch of a kernel test is repeated in other numbers of parts and on other threads: the bits must agree."""

import numba
import numpy as np
import pytest

from numba_layers.kernels.cpu import native, threads
from numba_layers.kernels.cpu.compile import CpuKernel

PARTS = 1, 2, 3, 5


@pytest.fixture(autouse=True)
def the_same_bits(monkeypatch, request):
    if numba.config.DISABLE_JIT or request.module.__name__.endswith(("test_threads", "test_cache")):
        return
    launch = CpuKernel.__call__

    def launch_in_all_forms(kernel, *arguments):
        before = _copies(arguments)
        launch(kernel, *arguments)
        for parts in PARTS if kernel.divisible else [1]:
            one_by_one, at_once = _copies(before), _copies(before)
            for part in range(parts):
                kernel.sliced(*one_by_one, part, parts)
            with threads.launching():
                native.launch(kernel.code(at_once), at_once, parts)
            for again in one_by_one, at_once:
                for one, other in zip(arguments, again):
                    assert not isinstance(one, np.ndarray) or one.tobytes() == other.tobytes(), (
                        f"{kernel.name}: other bits in {parts} parts")

    monkeypatch.setattr(CpuKernel, "__call__", launch_in_all_forms)


def _copies(arguments):
    return [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
