"""Matrix multiply kernels: values, shapes round the borders of the tile, NaN, the same bits always."""

import re
from pathlib import Path

import numba
import numpy as np
import pytest

from numba_layers.kernels.cpu import matmul
from numba_layers.kernels.cpu.micro import vector
from numba_layers.kernels.cpu.micro.gemm import NR_VECTORS
from numba_layers.kernels.cpu.micro.vector import MR, VECTOR_BYTES
from tests.kernels.launching import launch
from tests.machines import SMALLER, passes_with
from tests.reference import matmul as reference

FORMS = ("nn", "nt", "tn")
LANES = VECTOR_BYTES // 4
EMPTY = [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0)]
ON_CPU = [
    (1, 1, 1), (1, 5, 1), (2, 3, 4), (MR, 7, LANES), (MR + 1, 8, LANES + 1), (MR - 1, 9, LANES - 1),
    (2 * MR + 3, 31, NR_VECTORS * LANES), (5, 64, NR_VECTORS * LANES + 1), (17, 65, 2 * NR_VECTORS * LANES - 1),
    (33, 70, 49), (70, 1, 70), (1, 70, 70), (70, 70, 1), (40, 17, 10), (3, 600, 35), (9, 1100, 300), *EMPTY,
]
ON_GPU = [(1, 1, 1), (3, 5, 7), (32, 32, 32), (33, 64, 36), (65, 33, 17), (130, 129, 20), (290, 3, 70), *EMPTY]
BATCHES = [(1, 3, 4, 5), (3, 17, 20, 50), (5, 1, 1, 1), (0, 2, 3, 4), (2, 2, 0, 4)]


@pytest.fixture
def on_cpu(device):
    if device != "cpu":
        pytest.skip("a matter of the CPU")


def shapes(device):
    """(m, k, n) of products, round the borders of a device's tiles."""
    return ON_CPU if device == "cpu" else ON_GPU


def laid(matrix, transposed):
    """`matrix` as a kernel of that form takes it."""
    return np.ascontiguousarray(np.swapaxes(matrix, -1, -2) if transposed else matrix)


def product(form, a, b, name="matmul"):
    """a @ b by the kernel of `form`, on an output full of NaN."""
    y = np.full((*a.shape[:-1], b.shape[-1]), np.nan, a.dtype)
    launch(f"{name}_{form}", laid(a, form[0] == "t"), laid(b, form[1] == "t"), y)
    return y


def operands(random, m, k, n, dtype):
    return random.standard_normal((m, k)).astype(dtype), random.standard_normal((k, n)).astype(dtype)


def assert_near(y, desired, a, b, bias=0.0):
    """Each sum is as exact as one of its length: |error| <= (k + 2) * eps * (|a| @ |b| + |bias|)."""
    size = abs(a.astype(np.float64)) @ abs(b.astype(np.float64)) + abs(bias)
    bound = (a.shape[-1] + 2) * np.finfo(a.dtype).eps * size
    assert y.shape == desired.shape
    assert np.all(abs(y - desired) <= bound), (a.shape, b.shape)


@pytest.mark.parametrize("form", FORMS)
def test_product(form, device, dtype, random):
    for m, k, n in shapes(device):
        a, b = operands(random, m, k, n, dtype)
        assert_near(product(form, a, b), reference.matmul(a, b), a, b)


@pytest.mark.parametrize("form", FORMS)
def test_product_of_random_shapes(form, device, dtype, random):
    for _ in range(25 if device == "cpu" else 3):
        a, b = operands(random, *random.randint(1, 71, 3), dtype)
        assert_near(product(form, a, b), reference.matmul(a, b), a, b)


@pytest.mark.parametrize("form", FORMS)
def test_product_of_each_sample(form, device, dtype, random):
    for batch, m, k, n in BATCHES:
        a = random.standard_normal((batch, m, k)).astype(dtype)
        b = random.standard_normal((batch, k, n)).astype(dtype)
        y = product(form, a, b, "batch_matmul")
        assert y.shape == (batch, m, n)
        for s in range(batch):
            assert_near(y[s], reference.matmul(a[s], b[s]), a[s], b[s])


@pytest.mark.parametrize("relu", [False, True])
def test_dense_forward(relu, device, dtype, random):
    for m, k, n in shapes(device):
        x, weight = operands(random, m, k, n, dtype)
        bias = random.standard_normal(n).astype(dtype)
        y = np.full((m, n), np.nan, dtype)
        launch("dense_forward", x, weight, bias, relu, y)
        assert_near(y, reference.matmul(x, weight, bias, relu=relu), x, weight, bias)


@pytest.mark.parametrize("form", FORMS)
def test_nan_and_infinity_stay_in_their_row_or_column(form, device, dtype, random):
    a, b = operands(random, 2 * MR + 1, 20, 3 * LANES + 5, dtype)
    a, b = abs(a), abs(b)
    a[3, 7], b[2, LANES + 1] = np.nan, np.inf
    y = product(form, a, b)
    row, column = np.zeros(y.shape, bool), np.zeros(y.shape, bool)
    row[3], column[:, LANES + 1] = True, True
    assert np.array_equal(np.isnan(y), row)
    assert np.array_equal(np.isposinf(y), column & ~row)


def test_relu_keeps_nan_and_cuts_infinity(device, dtype):
    x = np.array([[np.nan], [-np.inf], [np.inf], [-2]], dtype)
    y = np.empty((4, 1), dtype)
    launch("dense_forward", x, np.ones((1, 1), dtype), np.zeros(1, dtype), True, y)
    np.testing.assert_array_equal(y[:, 0], [np.nan, 0, np.inf, 0])


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("m, k, n", [(70, 600, 70), (9, 1100, 300), (200, 33, 17)])
def test_same_bits_for_any_number_of_threads(form, m, k, n, on_cpu, dtype, random):
    a, b = operands(random, m, k, n, dtype)
    many, before = product(form, a, b), numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = product(form, a, b)
    finally:
        numba.set_num_threads(before)
    assert np.array_equal(one, many)


@pytest.mark.slow
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="tiles differ in compiled code only")
@SMALLER
def test_tiles_of_smaller_machines(features, on_cpu):
    """The same tests with the tile of AVX2, and with the one of machines without fused multiply-add."""
    assert passes_with(features, __file__)


@pytest.mark.parametrize("row, features, machine", [
    ("SSE2", [], "x86_64"), ("NEON", [], "aarch64"), ("AVX2 + FMA", ["+avx2", "+fma"], "x86_64"),
    ("AVX-512", ["+avx2", "+fma", "+avx512f"], "x86_64"),
])
def test_the_page_about_the_tile_is_right(row, features, machine):
    """The table of `micro/README.md` says what the kernels compute from a machine's features."""
    page = Path(vector.__file__).with_name("README.md").read_text()
    line = next(line for line in page.splitlines() if line.startswith(f"| {row} |"))
    size, rows = vector.shape(features, machine)
    lanes = size // 4
    assert [int(cell) for cell in re.findall(r"\d+", line.removeprefix(f"| {row}"))] == [
        size, rows, NR_VECTORS * lanes, matmul.KC, matmul.MC, matmul.NC_VECTORS * lanes]
