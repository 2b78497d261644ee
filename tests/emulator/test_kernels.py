"""Kernels compiled by Numba for several GPUs: the right ones against NumPy, the faulty ones must be caught."""

import math

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numba_layers.emulator import (
    DeadlockFault,
    Emulator,
    EndlessLoopFault,
    MemoryFault,
    PtxError,
    RaceFault,
    launch,
)
from numba_layers.emulator.types import bfloat16
from numba_layers.kernels.cuda.toolchain.ptx import compile_ptx
from tests.emulator import kernels

ALL = [(7, 5), (8, 0), (9, 0, "a"), (10, 0), (12, 0)]
every = pytest.mark.parametrize("cc", ALL, ids=lambda cc: "sm_" + "".join(map(str, cc)))
tensor_cores = pytest.mark.parametrize("cc", ALL[1:], ids=lambda cc: "sm_" + "".join(map(str, cc)))


def ptx(name, cc=(8, 0)):
    return kernels.ptx(name, cc)


def normal(*shape, seed=0, dtype="f4"):
    return np.random.RandomState(seed).randn(*shape).astype(dtype)


@every
def test_elementwise(cc):
    x, y, out = normal(1000), normal(1000, seed=1), np.zeros(1000, "f4")
    launch(ptx("scale_and_add", cc), 8, 128, [x, y, 2.5, out])
    np.testing.assert_allclose(out, np.float32(2.5) * x + y, rtol=1e-6, atol=1e-6)


@every
def test_functions(cc):
    """Numba's exp, tanh, log, powers and sines of large angles."""
    x, out = normal(500), np.zeros(500, "f4")
    x[:3] = [1e5, -3e4, 1e-20]
    launch(ptx("functions", cc), 2, 64, [x, out])
    with np.errstate(over="ignore"):
        wide = x.astype(float)
        angle = (x * np.float32(1000)).astype(float)
        expected = np.exp(wide) + np.tanh(wide) * np.sin(angle) - np.abs(wide) ** 3
    expected[0] = np.inf
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)


def test_functions_that_are_fast_and_rough():
    x, out = normal(100), np.zeros(100, "f4")
    launch(compile_ptx(kernels.functions, kernels.SIGNATURES["functions"], (8, 0), fastmath=True), 1, 128, [x, out])
    angle = (x * np.float32(1000)).astype(float)
    expected = np.exp(x) + np.tanh(x) * np.sin(angle) - np.abs(x) ** 3
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-3)


@every
def test_doubles(cc):
    x, y = normal(300, dtype="f8"), normal(300, seed=1, dtype="f8")
    out = np.zeros(300)
    launch(ptx("doubles", cc), 3, 64, [x, y, out])
    gammas = np.array([math.lgamma(abs(v)) for v in y])
    np.testing.assert_allclose(out, np.exp(x) * np.cos(y * 100000) + np.abs(x) ** y + gammas + x // y, rtol=1e-11)


def test_loops_of_different_lengths():
    out, expected = np.zeros(100, "i8"), []
    launch(ptx("collatz"), 4, 32, [out])
    for n in range(1, 101):
        steps = 0
        while n != 1:
            n, steps = (n // 2 if n % 2 == 0 else 3 * n + 1), steps + 1
        expected.append(steps)
    assert out.tolist() == expected


@every
def test_local_memory(cc):
    x, out = normal(64, 8), np.zeros((64, 8), "f4")
    launch(ptx("local_sort", cc), 2, 32, [x, out])
    np.testing.assert_array_equal(out, np.sort(x, axis=1))


@every
def test_philox(cc):
    """The known answer of ten rounds on a counter of zeros with a key of zeros."""
    out = np.zeros((4, 4), "u4")
    launch(ptx("philox", cc), 1, 4, [np.zeros(2, "u4"), out])
    assert [f"{word:08x}" for word in out[0]] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]
    assert len(np.unique(out)) == 16


@every
def test_tiled_matmul(cc):
    a, b, c = normal(64, 48), normal(48, 32, seed=1), np.zeros((64, 32), "f4")
    launch(ptx("matmul", cc), (2, 4), (16, 16), [a, b, c])
    np.testing.assert_allclose(c, a @ b, rtol=1e-5, atol=1e-5)


@every
@pytest.mark.parametrize("name", ["block_sum", "block_sum_by_warps"])
def test_sums_of_blocks(name, cc):
    x, out = normal(1000), np.zeros(4, "f4")
    launch(ptx(name, cc), 4, 256, [x, out])
    np.testing.assert_allclose(out, np.r_[x, np.zeros(24)].reshape(4, 256).sum(1), rtol=1e-4, atol=1e-5)


@every
@pytest.mark.parametrize("columns, threads", [(100, 128), (32, 32), (1, 32), (256, 256)])
def test_softmax(columns, threads, cc):
    x, out = normal(5, columns) * 10, np.zeros((5, columns), "f4")
    launch(ptx("softmax", cc), 5, threads, [x, out])
    power = np.exp(x - x.max(1, keepdims=True))
    np.testing.assert_allclose(out, power / power.sum(1, keepdims=True), rtol=1e-5)


@every
def test_histogram(cc):
    x, out = np.random.RandomState(0).randint(0, 32, 1000).astype("i4"), np.zeros(32, "i4")
    launch(ptx("histogram", cc), 3, 64, [x, out])
    np.testing.assert_array_equal(out, np.bincount(x, minlength=32))


@pytest.mark.parametrize("cc", ALL[:3])   # Numba's float32 sums do not compile for later ones (numba-cuda 0.30)
def test_extremes_by_compare_and_swap(cc):
    x, out, place = normal(200), np.zeros(3, "f4"), np.zeros(1, "i8")
    launch(ptx("extremes", cc), 2, 32, [x, out, place])
    np.testing.assert_allclose(out, [x.max(), x.min(), x.sum()], rtol=1e-4)
    assert 0 <= place[0] < 200


@every
def test_warp_words(cc):
    x, out = np.random.RandomState(0).randint(-3, 6, 64).astype("i4"), np.zeros(64, "i8")
    launch(ptx("warp_words", cc), 1, 64, [x, out])
    for i in range(64):
        warp = x[i // 32 * 32:][:32]
        bits = sum(1 << k for k in range(32) if warp[k] > 0) ^ sum(1 << k for k in range(32)
                                                                   if warp[k] % 4 == x[i] % 4)
        more = i % 32 if (warp > 4).any() else 0
        assert out[i] % 2**32 == (bits + more + (x == 0).sum()) % 2**32


@every
def test_dynamic_shared_memory(cc):
    x, out = normal(96), np.zeros(96, "f4")
    launch(ptx("neighbours", cc), 3, 32, [x, out], dynamic_shared=128)
    np.testing.assert_array_equal(out, x.reshape(3, 32)[:, ::-1].ravel())
    with pytest.raises(MemoryFault, match="thread .31, 0, 0. of block .0, 0, 0. writes 4 bytes out of bounds"):
        launch(ptx("neighbours", cc), 3, 32, [x, out], dynamic_shared=124)


def test_tables_of_constants():
    out = np.zeros(32, "f4")
    launch(ptx("lookup"), 1, 32, [out, 5])
    np.testing.assert_array_equal(out, kernels.LOOKUP[(np.arange(32) + 5) % 12])


@every
def test_register_tiles(cc):
    """8 x 8 sums a thread from 128-bit loads of shared memory."""
    n = 128
    a, b, c = normal(n, n), normal(n, n, seed=1), np.zeros(n * n, "f4")
    launch(ptx("sgemm", cc), (2, 2), 64, [a.ravel(), b.ravel(), c, n])
    np.testing.assert_allclose(c.reshape(n, n), a @ b, rtol=1e-4, atol=1e-4)


@tensor_cores
def test_tensor_cores_of_tf32(cc):
    """cp.async into two buffers, mma.sync: within the error of 10 bits of fraction."""
    n = 64
    a, b, c = normal(n, n), normal(n, n, seed=1), np.zeros(n * n, "f4")
    launch(ptx("tf32_gemm", cc), (2, 2), 128, [a.ravel(), b.ravel(), c, n])
    error = np.abs(c.reshape(n, n) - a.astype(float) @ b)
    assert 1e-6 < error.max() < 2.0**-10 * (np.abs(a) @ np.abs(b)).max()


@tensor_cores
def test_tensor_cores_of_bfloat16(cc):
    a, b, c = normal(16, 16), normal(16, 8, seed=1), np.zeros((16, 8), "f4")
    launch(ptx("bf16_tile", cc), 1, 32, [a, b, c])
    rounded = [(bfloat16(m).astype("u4") << 16).view("f4") for m in (a, b)]
    np.testing.assert_allclose(c, rounded[0] @ rounded[1], rtol=1e-5, atol=1e-6)


@tensor_cores
def test_numbers_kept_in_bfloat16(cc):
    x, out = bfloat16(normal(100)), np.zeros(100, "u2")
    launch(ptx("bf16_scale", cc), 1, 128, [x, out])
    np.testing.assert_array_equal(out, bfloat16((x.astype("u4") << 16).view("f4") * np.float32(3)))


def test_device_functions_and_booleans():
    x, flags, out = normal(32), np.arange(32) % 3 == 0, np.zeros(32, "f4")
    launch(ptx("calls"), 1, 32, [x, flags, out])
    np.testing.assert_allclose(out, np.where(flags, x * x + 1 / 3, 0), rtol=1e-6)


# ---- faults ------------------------------------------------------------------------------------------------


def python_line(name, text):
    """The line of this piece of text in a kernel."""
    function = getattr(kernels, name)
    lines = open(kernels.__file__).read().splitlines()
    first = function.__code__.co_firstlineno
    return next(n for n in range(first, len(lines)) if text in lines[n - 1])


@every
def test_out_of_bounds(cc):
    """The block, the thread, the array and the line of Python."""
    x, out = normal(1000), np.zeros(1000, "f4")
    with pytest.raises(MemoryFault) as caught:
        launch(ptx("scale_and_add_unchecked", cc), 8, 128, [x, x, 2.5, out], names=("x", "y", "a", "out"))
    error = caught.value
    assert (error.kernel, error.block, error.thread) == ("scale_and_add_unchecked", (7, 0, 0), (104, 0, 0))
    assert error.source == (kernels.__file__, python_line("scale_and_add_unchecked", "out[i] = "))
    assert "reads 4 bytes out of bounds, at byte 4000 of 4000 of " in str(error)
    with pytest.raises(MemoryFault, match="writes 4 bytes out of bounds, at byte 3600 of 3600 of out "):
        launch(ptx("scale_and_add", cc), 8, 128, [x, x, 2.5, out[:900]], names=("x", "y", "a", "out"))


@every
@pytest.mark.parametrize("name, verb", [("matmul_no_first_barrier", "reads"), ("matmul_no_second_barrier", "writes")])
def test_missing_barriers_of_tiles(name, verb, cc):
    a, b, c = normal(32, 32), normal(32, 32, seed=1), np.zeros((32, 32), "f4")
    with pytest.raises(RaceFault, match=f"{verb} shared memory that thread .* with no barrier between") as caught:
        launch(ptx(name, cc), (2, 2), (16, 16), [a, b, c])
    assert caught.value.kernel == name and caught.value.source[0] == kernels.__file__


@every
def test_missing_barrier_of_a_sum(cc):
    with pytest.raises(RaceFault, match="reads shared memory that thread .64, 0, 0. wrote") as caught:
        launch(ptx("block_sum_no_barrier", cc), 4, 256, [normal(1000), np.zeros(4, "f4")])
    assert caught.value.source[1] == python_line("block_sum_no_barrier", "part[i] += ")


def test_copies_that_are_not_waited_for():
    n = 64
    a, b, c = normal(n * n), normal(n * n, seed=1), np.zeros(n * n, "f4")
    with pytest.raises(RaceFault, match="that a cp.async still fills"):
        launch(ptx("tf32_gemm_no_wait"), (2, 2), 128, [a, b, c, n])


@every
def test_a_barrier_in_each_way(cc):
    with pytest.raises(DeadlockFault, match="Of its block's 64 threads wait: 40 at .*, 24 at") as caught:
        launch(ptx("divergent_barrier", cc), 1, 64, [normal(64), np.zeros(64, "f4")])
    assert caught.value.source[1] in [python_line("divergent_barrier", "if i < 40") + k for k in (0, 1, 4)]


def test_misaligned_vector():
    x, out = normal(256), np.zeros(32, "f4")
    launch(ptx("misaligned_load4"), 1, 32, [x, out, 8])
    np.testing.assert_allclose(out, x[8:136].reshape(32, 4).sum(1), rtol=1e-4, atol=1e-6)
    for array, start in ((x, 2), (x[3:], 0)):
        with pytest.raises(MemoryFault, match="reads 16 bytes at byte .*misaligned"):
            launch(ptx("misaligned_load4"), 1, 32, [array, out, start])


def test_freed_memory():
    emulator, x, out = Emulator(), normal(64), np.zeros(64, "f4")
    address = emulator.memory.add(x, "weights")
    emulator.launch(ptx("scale_and_add"), 1, 64, [x, x, 1, out])
    emulator.memory.free(address)
    with pytest.raises(MemoryFault, match="reads 4 bytes of freed memory: weights"):
        emulator.launch(ptx("scale_and_add"), 1, 64, [x, x, 1, out])


def test_an_endless_loop():
    with pytest.raises(EndlessLoopFault, match="thread .0, 0, 0. of block .0, 0, 0. is still running") as caught:
        Emulator(step_limit=1000).launch(ptx("endless"), 1, 32, [np.zeros(32, "f4")])
    assert "endless" in str(caught.value)


def test_unknown_instructions_are_named():
    text = ptx("scale_and_add").replace("fma.rn.f32", "wgmma.fence.f32")
    with pytest.raises(PtxError, match="does not know the instruction wgmma.fence.f32 .PTX line"):
        launch(text, 1, 1, [np.zeros(1, "f4")] * 2 + [1, np.zeros(1, "f4")])
