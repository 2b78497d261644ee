"""Kernels need little of the stack of the thread that calls them, which may be small."""

import ctypes
import runpy
import sys
import threading
from pathlib import Path

import numba
import numpy as np
import pytest

import numba_layers
from numba_layers import registry
from numba_layers.kernels.geometry import forward_plan
from numba_layers.ops._window import axes

STACK, MOST = 256 << 10, 64 << 10       # bytes: of the thread, and that a kernel and Python's way to it may use
BEFORE, PATTERN = 24 << 10, 0xA5        # bytes that the thread may have used before; what stands in all others
RECORDED = Path(numba_layers.__file__).parent / "kernels" / "signatures.py"
SIGNATURES = runpy.run_path(RECORDED)["SIGNATURES"]
KEY, HYPER, SUMS = (3,), (8,), (64,)
ONE, ROW, BLOCKS, WEIGHTS = (1, 1), (1, 1, 1), (8, 16), 17 * 16     # of recurrent kernels, for any vectors
RECURRENT = {
    "pack_recurrent": [ONE, (1, WEIGHTS)],
    "simple_rnn_forward": [ROW, (1, WEIGHTS), ONE, ONE, ROW, ONE, ROW, (2, *BLOCKS)],
    "simple_rnn_backward": [(2, *BLOCKS), (1, WEIGHTS), ONE, ROW, ONE, ROW, ONE, (4, *BLOCKS)],
    "lstm_forward": [(1, 1, 4), (4, WEIGHTS), ONE, ONE, ONE, ROW, ONE, ONE, ROW, (1, 5, *BLOCKS), (2, *BLOCKS),
                     (2, *BLOCKS)],
    "lstm_backward": [(1, 5, *BLOCKS), (2, *BLOCKS), (4, WEIGHTS), ONE, ROW, ONE, ONE, (1, 1, 4), ONE, ONE,
                      (10, *BLOCKS)],
    "gru_forward": [(1, 1, 3), (3, WEIGHTS), ONE, ONE, ROW, ONE, ROW, ROW, (1, 4, *BLOCKS), (2, *BLOCKS)],
    "gru_backward": [(1, 4, *BLOCKS), (2, *BLOCKS), (3, WEIGHTS), ONE, ROW, ONE, (1, 1, 3), ONE, (8, *BLOCKS)],
    "gru_reset_after_forward": [(1, 1, 3), (3, WEIGHTS), (3,), ONE, ONE, ROW, ONE, ROW, (1, 4, *BLOCKS), (2, *BLOCKS)],
    "gru_reset_after_backward": [(1, 4, *BLOCKS), (2, *BLOCKS), (3, WEIGHTS), ONE, ROW, ONE, (1, 1, 3), (1, 1, 3), ONE,
                                 (8, *BLOCKS)],
}
SHAPES = {      # of the first arrays of a kernel, where one element would be too few
    "winograd_weight": [(3, 3, 1, 1), (36, 32)], "winograd_convolve": [(1,) * 4, (36, 32)],
    "winograd_backward_points": [(1,) * 4, (1,) * 4, (1, 36, 1, 1)],
    "winograd_backward_weight": [(36, 1, 16), (3, 3, 1, 16)],
    "gather_batch": [(1, 1), (1,), (2,)], "keep_figure": [(1,), (2,)], "next_batch": [(2,)],
    "clip_gradients": [SUMS], "copy_block": [(2,), (2,)],
    **dict.fromkeys(["dropout_forward", "alpha_dropout_forward"], [(1,), KEY]),
    **dict.fromkeys(["random_uniform", "random_normal", "random_truncated_normal"], [KEY]),
    **dict.fromkeys(["csr_matmul", "csr_matmul_tn"], [(2,)]),
    **{name: [(1,), HYPER] for name in SIGNATURES if name.endswith("_update")},
    **RECURRENT,
}


def arguments(name):
    """Small arguments of the types that a kernel takes."""
    shapes = iter(SHAPES.get(name, ()))
    for kind in SIGNATURES[name].split():
        kind, _, count = kind.partition("*")
        kind, _, rank = kind.rstrip("]").partition("[")
        if (kind, rank) == ("int64", "3"):
            yield forward_plan(axes("test", (1,), 1))
        elif rank:
            yield np.zeros(next(shapes, (1,) * int(rank)), kind)
        elif count:
            yield (1,) * int(count)
        else:
            yield {"bool": False, "int64": 1}.get(kind, np.dtype(kind).type(1))


def stack():
    """(lowest address, size) of this thread's stack."""
    library, attributes = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    low, size = ctypes.c_void_p(), ctypes.c_size_t()
    library.pthread_self.restype = ctypes.c_void_p
    assert not library.pthread_getattr_np(ctypes.c_void_p(library.pthread_self()), attributes)
    assert not library.pthread_attr_getstack(attributes, ctypes.byref(low), ctypes.byref(size))
    return low.value, size.value


def stack_used(function, given):
    """Bytes of a new thread's stack that `function(*given)` and the way there need, on one thread; at least BEFORE."""
    found = []

    def measure():
        numba.set_num_threads(1)
        low, size = stack()
        ctypes.memset(low, PATTERN, size - BEFORE)
        function(*given)
        below = np.frombuffer((ctypes.c_char * size).from_address(low), np.uint8)
        found.append(size - int(np.argmax(below != PATTERN)))

    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=measure)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    return found[0]


def nested(depth):
    """A function that uses some stack, to see that it is measured."""
    return [np.zeros(1)] if depth == 0 else sorted([depth], key=lambda depth: len(nested(depth - 1)))


@pytest.mark.skipif(sys.platform != "linux", reason="how stacks are measured here")
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="machine code's use of the stack")
def test_every_kernel_runs_on_a_small_stack():
    kernels = registry.kernels("cpu")
    assert set(SIGNATURES) == set(kernels)
    assert stack_used(nested, [20]) > stack_used(nested, [4]) + (16 << 10)
    used = {}
    for name, kernel in kernels.items():
        for form in "parallel", "serial":
            function, given = getattr(kernel, form), list(arguments(name))
            function(*given)                    # compiled, or loaded, here
            used[name, form] = stack_used(function, given)
    assert not {key: size for key, size in used.items() if size > MOST}
