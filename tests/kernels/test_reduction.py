"""The kernels of reductions: odd sizes, chunks, NaN, ties, and the same bits for any number of threads."""

import numba
import numpy as np
import pytest

from numba_layers import registry
from numba_layers.kernels.cpu import _threads
from tests.tolerances import assert_close

COMBINE = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}


def launch(name, device, shape, *arguments, dtype=None):
    out = np.full(shape, 7, dtype or arguments[0].dtype)
    registry.kernel(name, device)(*arguments, out)
    return out


@pytest.mark.parametrize("name", COMBINE)
@pytest.mark.parametrize("rows, n, chunks", [(1, 1, 1), (3, 1, 1), (5, 17, 1), (1, 70, 3), (2, 33, 33)])
def test_rows(name, rows, n, chunks, device, dtype, random):
    x = random.uniform(0.5, 1.5, (rows, n)).astype(dtype)
    chunked = launch(f"{name}_rows", device, (rows, chunks), x)
    assert_close(COMBINE[name](chunked, axis=1), COMBINE[name](x, axis=1), 10)


@pytest.mark.parametrize("name", COMBINE)
@pytest.mark.parametrize("outer, n, inner, chunks", [(1, 1, 2, 1), (3, 7, 5, 1), (2, 6, 300, 6)])
def test_columns(name, outer, n, inner, chunks, device, dtype, random):
    x = random.uniform(0.5, 1.5, (outer, n, inner)).astype(dtype)
    chunked = launch(f"{name}_columns", device, (outer, chunks, inner), x)
    assert_close(COMBINE[name](chunked, axis=1), COMBINE[name](x, axis=1), 10)


@pytest.mark.parametrize("name, combine", [("any", np.any), ("all", np.all)])
def test_truth_values(name, combine, device, random):
    x = random.rand(3, 4, 5) < 0.6
    rows = launch(f"{name}_rows", device, (12, 1), x.reshape(12, 5))
    columns = launch(f"{name}_columns", device, (3, 1, 5), x)
    np.testing.assert_array_equal(rows.ravel(), combine(x, axis=2).ravel())
    np.testing.assert_array_equal(columns[:, 0], combine(x, axis=1))


def test_truth_values_are_counted(device):
    x = np.ones((2, 300), bool)
    np.testing.assert_array_equal(launch("sum_rows", device, (2, 1), x, dtype=np.int64), [[300], [300]])


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("place", [0, 1, 18, 36])
def test_nan_wins(name, place, device, dtype):
    x = np.zeros((1, 37), dtype)
    x[0, place] = np.nan
    assert np.isnan(launch(f"{name}_rows", device, (1, 1), x))
    columns = launch(f"{name}_columns", device, (1, 1, 3), np.repeat(x[..., None], 3, axis=2))
    assert np.isnan(columns).all()


@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_of_integers_and_infinity(name, device):
    combine = COMBINE[name]
    for x in (np.array([[3, -9, 5]]), np.array([[200, 3, 255]], np.uint8), np.array([[-np.inf, -np.inf]])):
        assert launch(f"{name}_rows", device, (1, 1), x) == combine(x)


@pytest.mark.parametrize("name, reference", [("argmax", np.argmax), ("argmin", np.argmin)])
def test_positions(name, reference, device, dtype, random):
    x = random.randint(0, 4, (15, 11)).astype(dtype)   # ties: the first counts
    x[4, 6] = x[4, 8] = x[9, 0] = np.nan
    x[5] = -np.inf
    out = launch(f"{name}_forward", device, (15,), x, dtype=np.int64)
    np.testing.assert_array_equal(out, reference(x, axis=1))


@pytest.mark.parametrize("name, shape, out", [
    ("sum_rows", (1, 50_000), (1, 7)), ("sum_columns", (2, 100, 700), (2, 3, 700)),
    ("cumsum_forward", (5, 40, 30), (5, 40, 30))])
def test_threads_change_no_bit(name, shape, out, random):
    x = random.standard_normal(shape).astype(np.float32)
    options = (False, False) if name.startswith("cum") else ()
    with _threads.launching():
        threads = numba.get_num_threads()
        try:
            answers = []
            for count in (1, threads):
                numba.set_num_threads(count)
                answers.append(launch(name, "cpu", out, x, *options))
        finally:
            numba.set_num_threads(threads)
    np.testing.assert_array_equal(*answers)
