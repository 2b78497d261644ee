"""The kernels of embeddings and of sparse matrices: rows looked up, added up again, multiplied."""

import numpy as np
import pytest

from tests.kernels.launching import launch
from tests.reference import embedding as reference
from tests.tolerances import assert_close

TABLES = [(1, 1), (5, 3), (40, 33), (7, 70), (300, 4), (3, 600)]


def result(name, shape, *arguments, dtype):
    out = np.full(shape, 7, dtype)
    launch(name, *arguments, out)
    return out


def sparse(rows, columns, fraction, dtype, random):
    """A matrix with zeros, and its CSR arrays; the first row is empty."""
    x = random.standard_normal((rows, columns)).astype(dtype) * (random.rand(rows, columns) < fraction)
    x[0] = 0
    n, indices = np.nonzero(x)
    indptr = np.searchsorted(n, np.arange(rows + 1))
    return x, (indptr.astype("int64"), indices.astype("int64"), x[n, indices].astype(dtype))


@pytest.mark.parametrize("table", TABLES, ids=str)
@pytest.mark.parametrize("count", [1, 31, 100])
def test_gather(table, count, device, dtype, random):
    x, indices = random.standard_normal(table).astype(dtype), random.randint(0, table[0], count)
    y = result("gather_forward", (count, table[1]), x, indices, dtype=dtype)
    np.testing.assert_array_equal(y, x[indices])
    grad = random.standard_normal(y.shape).astype(dtype)
    grad_x = result("gather_backward_x", table, grad, indices, dtype=dtype)
    assert_close(grad_x, reference.scatter(grad.astype("float64"), indices, table), 10)


def test_gather_nothing(device, dtype):
    none = np.empty(0, "int64")
    result("gather_forward", (0, 3), np.ones((5, 3), dtype), none, dtype=dtype)
    assert not result("gather_backward_x", (5, 3), np.empty((0, 3), dtype), none, dtype=dtype).any()


def test_one_row_named_by_most(device, dtype, random):
    indices = np.where(random.rand(200) < 0.7, 3, random.randint(0, 50, 200))
    grad = random.standard_normal((200, 5)).astype(dtype)
    grad_x = result("gather_backward_x", (50, 5), grad, indices, dtype=dtype)
    assert_close(grad_x, reference.scatter(grad.astype("float64"), indices, (50, 5)), 30)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, bool, np.float32])
def test_gather_of_any_type(kind, device, random):
    x, indices = random.randint(0, 200, (9, 5)).astype(kind), random.randint(0, 9, 20)
    np.testing.assert_array_equal(result("gather_forward", (20, 5), x, indices, dtype=kind), x[indices])


def test_gather_from_outside(device):
    indices = np.array([0, -1, 3, 2**40, 2])
    y = result("gather_forward", (5, 2), np.ones((3, 2), "float32"), indices, dtype="float32")
    np.testing.assert_array_equal(y, [[1, 1], [np.nan] * 2, [np.nan] * 2, [np.nan] * 2, [1, 1]])
    for kind in (np.int64, np.int32, np.uint8, bool):
        y = result("gather_forward", (5, 2), np.ones((3, 2), kind), indices, dtype=kind)
        np.testing.assert_array_equal(y[:, 0], [1, 0, 0, 0, 1])
    grad_x = result("gather_backward_x", (3, 2), np.ones((5, 2), "float32"), indices, dtype="float32")
    np.testing.assert_array_equal(grad_x, [[1, 1], [0, 0], [1, 1]])


@pytest.mark.parametrize("count, depth", [(1, 1), (70, 3), (5, 200)])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, bool])
def test_one_hot(count, depth, kind, device, random):
    indices = random.randint(-1, depth + 1, count)
    y = result("one_hot", (count, depth), indices, dtype=kind)
    np.testing.assert_array_equal(y, reference.one_hot(indices, depth).astype(kind))


@pytest.mark.parametrize("batch, features, units, fraction", [
    (1, 1, 1, 1), (4, 30, 7, 0.2), (20, 9, 40, 0.5), (9, 300, 3, 0.02), (3, 5, 2, 0)])
def test_sparse_products(batch, features, units, fraction, device, dtype, random):
    x, stored = sparse(batch, features, fraction, dtype, random)
    weight = random.standard_normal((features, units)).astype(dtype)
    y = result("csr_matmul", (batch, units), *stored, weight, dtype=dtype)
    assert_close(y, x.astype("float64") @ weight, 30)
    grad_weight = result("csr_matmul_tn", (features, units), *stored, y, dtype=dtype)
    assert_close(grad_weight, x.T.astype("float64") @ y, 30)
