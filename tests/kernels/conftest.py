"""Every launch of a kernel test is repeated on other numbers of threads and in the serial form: the bits must agree."""

import numba
import numpy as np
import pytest

from numba_layers.kernels.cpu.compile import CpuKernel

THREADS = 1, 2, 3, 5


@pytest.fixture(autouse=True)
def the_same_bits(monkeypatch, request):
    if numba.config.DISABLE_JIT or request.module.__name__.endswith(("test_threads", "test_cache")):
        return
    launch = CpuKernel.__call__

    def launch_in_all_forms(kernel, *arguments):
        before = _copies(arguments)
        launch(kernel, *arguments)
        usual = numba.get_num_threads()
        for threads in (*(n for n in THREADS if n <= numba.config.NUMBA_NUM_THREADS), "serial"):
            again = _copies(before)
            if threads == "serial":
                kernel.serial(*again)
            else:
                numba.set_num_threads(threads)
                launch(kernel, *again)
                numba.set_num_threads(usual)
            for one, other in zip(arguments, again):
                assert not isinstance(one, np.ndarray) or one.tobytes() == other.tobytes(), (
                    f"{kernel.name}: other bits on {threads} threads")

    monkeypatch.setattr(CpuKernel, "__call__", launch_in_all_forms)


def _copies(arguments):
    return [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
