"""The kernels of reductions: odd sizes, chunks, NaN, ties, and the same bits for any number of threads."""

import numba
import numpy as np
import pytest

from numba_layers.kernels.cpu import threads
from tests.kernels.launching import launch
from tests.reference import reduction as reference
from tests.tolerances import assert_close

COMBINE = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}


def result(name, shape, *arguments, dtype=None):
    out = np.full(shape, 7, dtype or arguments[0].dtype)
    launch(name, *arguments, out)
    return out


@pytest.mark.parametrize("name", COMBINE)
@pytest.mark.parametrize("rows, n, chunks", [
    (1, 1, 1), (3, 1, 1), (5, 17, 1), (1, 70, 3), (2, 33, 33), (300, 5, 1), (1, 3000, 2), (9, 300, 1)])
def test_rows(name, rows, n, chunks, device, dtype, random):
    x = random.uniform(0.95, 1.05, (rows, n)).astype(dtype)
    chunked = result(f"{name}_rows", (rows, chunks), x)
    assert_close(COMBINE[name](chunked, axis=1), COMBINE[name](x, axis=1), 30)


@pytest.mark.parametrize("name", COMBINE)
@pytest.mark.parametrize("outer, n, inner, chunks", [
    (1, 1, 2, 1), (3, 7, 5, 1), (2, 6, 300, 6), (1, 700, 2, 3), (1, 100, 40, 1), (40, 3, 30, 1)])
def test_columns(name, outer, n, inner, chunks, device, dtype, random):
    x = random.uniform(0.95, 1.05, (outer, n, inner)).astype(dtype)
    chunked = result(f"{name}_columns", (outer, chunks, inner), x)
    assert_close(COMBINE[name](chunked, axis=1), COMBINE[name](x, axis=1), 30)


@pytest.mark.parametrize("name, combine", [("any", np.any), ("all", np.all)])
def test_truth_values(name, combine, device, random):
    x = random.rand(3, 4, 5) < 0.6
    rows = result(f"{name}_rows", (12, 1), x.reshape(12, 5))
    columns = result(f"{name}_columns", (3, 1, 5), x)
    np.testing.assert_array_equal(rows.ravel(), combine(x, axis=2).ravel())
    np.testing.assert_array_equal(columns[:, 0], combine(x, axis=1))


def test_one_truth_among_many(device):
    x = np.zeros((2, 2000), bool)
    x[1, 1234] = True
    np.testing.assert_array_equal(result("any_rows", (2, 1), x), [[False], [True]])
    np.testing.assert_array_equal(result("all_rows", (2, 1), ~x), [[True], [False]])
    np.testing.assert_array_equal(result("any_columns", (1, 1, 2), x.T[None]), [[[False, True]]])


def test_truth_values_are_counted(device):
    x = np.ones((2, 300), bool)
    np.testing.assert_array_equal(result("sum_rows", (2, 1), x, dtype=np.int64), [[300], [300]])
    np.testing.assert_array_equal(result("sum_columns", (1, 1, 2), x.T[None], dtype=np.int64), [[[300, 300]]])


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("place", [0, 1, 18, 36])
def test_nan_wins(name, place, device, dtype):
    x = np.zeros((1, 37), dtype)
    x[0, place] = np.nan
    assert np.isnan(result(f"{name}_rows", (1, 1), x))
    columns = result(f"{name}_columns", (1, 1, 3), np.repeat(x[..., None], 3, axis=2))
    assert np.isnan(columns).all()


@pytest.mark.parametrize("name", COMBINE)
def test_integers_and_infinity(name, device):
    combine = COMBINE[name]
    for x in (np.array([[3, -9, 5]]), np.array([[200, 3, 255]], np.uint8), np.array([[1, -2, 7]], np.int32),
              np.array([[-np.inf, -np.inf]])):
        assert result(f"{name}_rows", (1, 1), x) == combine(x, axis=1).astype(x.dtype)
        assert result(f"{name}_columns", (1, 1, 1), x[..., None]) == combine(x, axis=1).astype(x.dtype)


@pytest.mark.parametrize("name, numpy", reference.POSITION.items())
@pytest.mark.parametrize("rows, n", [(15, 11), (1, 1), (40, 100), (2, 1500)])
def test_positions(name, numpy, rows, n, device, dtype, random):
    x = random.randint(0, 4, (rows, n)).astype(dtype)   # ties: the first counts
    if rows > 2:
        x[4, 6] = x[4, 8] = x[9, 0] = np.nan
        x[5] = -np.inf
    out = result(f"{name}_forward", (rows,), x, dtype=np.int64)
    np.testing.assert_array_equal(out, numpy(x, axis=1))


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64, bool])
def test_positions_of_integers(kind, device, random):
    x = random.randint(0, 250, (6, 50)).astype(kind)
    np.testing.assert_array_equal(result("argmax_forward", (6,), x, dtype=np.int64), np.argmax(x, axis=1))
    np.testing.assert_array_equal(result("argmin_forward", (6,), x, dtype=np.int64), np.argmin(x, axis=1))


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 1, 3), (3, 7, 1), (2, 45, 2), (1, 1100, 1), (2, 3, 5000)])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_running(name, shape, exclusive, reverse, device, dtype, random):
    x = random.uniform(0.98, 1.02, shape).astype(dtype)
    out = result(f"{name}_forward", shape, x, exclusive, reverse)
    assert_close(out, getattr(reference, name)(x.astype("float64"), 1, exclusive, reverse), 30)


def test_running_of_integers_and_nan(device):
    counts = np.arange(1, 71).reshape(1, 70, 1)
    out = result("cumsum_forward", (1, 70, 1), counts, False, False)
    np.testing.assert_array_equal(out, np.cumsum(counts, axis=1))
    x = np.ones((1, 70, 1), "float32")
    x[0, 40] = np.nan
    assert np.flatnonzero(np.isnan(result("cumsum_forward", (1, 70, 1), x, True, False))).tolist() == [*range(41, 70)]


@pytest.mark.parametrize("name, shape, out", [
    ("sum_rows", (1, 50_000), (1, 7)), ("sum_columns", (2, 100, 700), (2, 3, 700)),
    ("cumsum_forward", (5, 40, 30), (5, 40, 30))])
def test_threads_change_no_bit(name, shape, out, random):
    x = random.standard_normal(shape).astype(np.float32)
    options = (False, False) if name.startswith("cum") else ()
    with threads.launching():
        most = numba.get_num_threads()
        try:
            answers = []
            for count in (1, most):
                numba.set_num_threads(count)
                answers.append(result(name, out, x, *options))
        finally:
            numba.set_num_threads(most)
    np.testing.assert_array_equal(*answers)
