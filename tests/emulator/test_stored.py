"""Kernels as Numba compiled them once (`python -m tests.emulator.kernels`), right and faulty: needs no compiler."""

from pathlib import Path

import numpy as np
import pytest

from numba_layers.emulator import DeadlockFault, Emulator, MemoryFault, RaceFault, launch
from numba_layers.emulator.ptx import Instruction, parse


def stored(name):
    return (Path(__file__).parent / f"{name}.ptx").read_text()


def normal(*shape, seed=0):
    return np.random.RandomState(seed).randn(*shape).astype("f4")


def test_elementwise():
    x, y, out = normal(1000), normal(1000, seed=1), np.zeros(1000, "f4")
    launch(stored("scale_and_add"), 8, 128, [x, y, 2.5, out])
    np.testing.assert_allclose(out, np.float32(2.5) * x + y, rtol=1e-6, atol=1e-6)


def test_views_are_used_in_place():
    """Every second column of a larger array."""
    x, y, out = normal(40), normal(40, seed=1), np.zeros(60, "f4")
    launch(stored("scale_and_add"), 1, 64, [x[10:30], y[:20], 1, out[20:40]])
    np.testing.assert_allclose(out[20:40], x[10:30] + y[:20], rtol=1e-6)
    assert not out[:20].any() and not out[40:].any()


def test_more_threads_than_a_batch():
    n = 30000
    x, y, out = normal(n), normal(n, seed=1), np.zeros(n, "f4")
    launch(stored("scale_and_add"), (n + 255) // 256, 256, [x, y, -1.0, out])
    np.testing.assert_allclose(out, y - x, rtol=1e-6, atol=1e-6)


def test_tiled_matmul():
    a, b, c = normal(64, 48), normal(48, 32, seed=1), np.zeros((64, 32), "f4")
    launch(stored("matmul"), (2, 4), (16, 16), [a, b, c])
    np.testing.assert_allclose(c, a @ b, rtol=1e-5, atol=1e-5)


def test_sums_of_blocks():
    x, out = normal(1000), np.zeros(4, "f4")
    launch(stored("block_sum"), 4, 256, [x, out])
    np.testing.assert_allclose(out, np.r_[x, np.zeros(24)].reshape(4, 256).sum(1), rtol=1e-4, atol=1e-5)


def test_softmax():
    x, out = normal(5, 100) * 10, np.zeros((5, 100), "f4")
    launch(stored("softmax"), 5, 128, [x, out])
    power = np.exp(x - x.max(1, keepdims=True))
    np.testing.assert_allclose(out, power / power.sum(1, keepdims=True), rtol=1e-5)


def test_philox():
    out = np.zeros((2, 4), "u4")
    launch(stored("philox"), 1, 2, [np.zeros(2, "u4"), out])
    assert [f"{word:08x}" for word in out[0]] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]


@pytest.mark.parametrize("name, grid, block, sizes, fault, message, text", [
    ("scale_and_add_unchecked", 2, 64, [100, 100, 2.0, 100], MemoryFault,
     r"thread \(36, 0, 0\) of block \(1, 0, 0\) reads 4 bytes out of bounds, at byte 400 of 400 of", "ld.global.f32"),
    ("matmul_no_first_barrier", (2, 2), (16, 16), [(32, 32)] * 3, RaceFault,
     r"thread \(0, 1, 0\) of block \(0, 0, 0\) reads shared memory that thread \(0, 0, 0\) wrote \(kernels.py:\d+, "
     r"PTX line \d+\) with no barrier between", "ld.shared"),
    ("block_sum_no_barrier", 4, 256, [1000, 4], RaceFault,
     r"thread \(0, 0, 0\) of block \(0, 0, 0\) reads shared memory that thread \(64, 0, 0\) wrote", "ld.shared"),
    ("divergent_barrier", 1, 64, [64, 64], DeadlockFault,
     r"waits for threads that never come. Of its block's 64 threads wait: 40 at bar.sync .*, 24 at bar.sync",
     "bar.sync"),
])
def test_faults(name, grid, block, sizes, fault, message, text):
    arguments = [size if isinstance(size, float) else np.zeros(size, "f4") + 1 for size in sizes]
    for array in arguments:
        if isinstance(array, np.ndarray):
            array.ravel()[:] = np.arange(array.size)
    with pytest.raises(fault, match=message) as caught:
        launch(stored(name), grid, block, arguments)
    error = caught.value
    assert error.kernel == name and text in error.text
    assert error.source[0] == "kernels.py" and f"at kernels.py:{error.source[1]}, PTX line {error.line}:" in str(error)


def test_a_fault_leaves_the_emulator_as_it_was():
    emulator, x = Emulator(), normal(100)
    for _ in range(2):
        with pytest.raises(MemoryFault):
            emulator.launch(stored("scale_and_add_unchecked"), 2, 64, [x, x, 1.0, x.copy()])
    out = np.zeros(100, "f4")
    emulator.launch(stored("scale_and_add"), 2, 64, [x, x, 1.0, out])
    np.testing.assert_array_equal(out, x + x)


def test_lines():
    """Every instruction knows its line in the text."""
    text = stored("softmax")
    lines = text.splitlines()
    (kernel,) = parse(text).functions.values()
    instructions = [item for item in kernel.body if isinstance(item, Instruction)]
    assert len(instructions) > 100
    for instruction in instructions:
        assert instruction.opcode in lines[instruction.line - 1]
