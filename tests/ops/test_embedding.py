import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, OutOfRangeError, ShapeError
from tests.reference import embedding as reference
from tests.threads import on_one_and_all

pytestmark = pytest.mark.usefixtures("device")

# Shape of the table, shape of the indices: few and many columns and rows, none at all.
CASES = [((7, 3), (5,)), ((7, 70), (2, 6)), ((1, 1), (3,)), ((5,), (2, 2)), ((4, 2, 3), ()), ((4, 0), (3,)),
         ((5, 3), (0,)), ((3000, 2), (50,))]


@pytest.mark.parametrize("table, shape", CASES)
def test_gather(table, shape, dtype, random):
    x = random.standard_normal(table).astype(dtype)
    indices = random.randint(table[0], size=shape)
    grad = random.standard_normal(shape + table[1:]).astype(dtype)
    with Tape() as tape:
        tensor = Tensor(x)
        y = ops.gather(tensor, indices)
    np.testing.assert_array_equal(y, x[indices], strict=True)
    back = tape.gradient(y, tensor, output_gradient=grad)
    np.testing.assert_array_equal(back, reference.scatter(grad, np.asarray(indices), table))


@pytest.mark.parametrize("table, shape", CASES[:5])
def test_gradients(table, shape, random):
    indices = random.randint(table[0], size=shape)
    assert gradcheck(lambda x: ops.gather(x, indices), [random.standard_normal(table)])

    def gradient(x):
        with Tape() as tape:
            y = ops.square(ops.gather(x, indices))
        return tape.gradient(y, x)

    assert gradcheck(gradient, [random.standard_normal(table)])


@pytest.mark.parametrize("kind", ["int32", "float32", "float64", "uint8"])
def test_indices_of_any_type(kind):
    x = np.arange(6.0).reshape(3, 2)
    indices = Tensor(np.array([2, 0], kind))
    np.testing.assert_array_equal(ops.gather(x, indices), x[[2, 0]])
    np.testing.assert_array_equal(ops.one_hot(indices, depth=3), [[0, 0, 1], [1, 0, 0]])


def test_open_batch():
    x, indices = Tensor(np.arange(6.0).reshape(3, 2)), placeholder((None, 4), "int32")
    y = ops.gather(x, indices)
    assert y.shape == (None, 4, 2)
    given = np.array([[0, 1, 2, 1]], "int32")
    np.testing.assert_array_equal(evaluate(y, {indices: given}), x.numpy()[given])
    code = ops.one_hot(indices, depth=3)
    assert code.shape == (None, 4, 3)
    np.testing.assert_array_equal(evaluate(code, {indices: given}), np.eye(3)[given])
    with pytest.raises(OutOfRangeError, match="index 3"):
        evaluate(y, {indices: given + 1})


@pytest.mark.parametrize("indices", [2, [0, 1, 2], [[-1, 5], [1, 1]], np.zeros((0, 2), "int64")])
def test_one_hot(indices):
    answer = ops.one_hot(np.asarray(indices), depth=3)
    np.testing.assert_array_equal(answer, reference.one_hot(indices, 3), strict=True)
    assert ops.one_hot(np.asarray(indices), depth=3, dtype="float64").dtype == "float64"


@pytest.mark.parametrize("columns", [3, 100])
def test_threads_change_no_bit(columns, random):
    x = Tensor(random.standard_normal((50, columns)).astype("float32"))
    indices = random.randint(50, size=2000)
    grad = random.standard_normal((2000, columns)).astype("float32")

    def gradient():
        with Tape() as tape:
            y = ops.gather(x, indices)
        return tape.gradient(y, x, output_gradient=grad).data

    np.testing.assert_array_equal(*on_one_and_all(gradient))


@pytest.mark.parametrize("function, error, message", [
    (lambda x: ops.gather(x, [0, 3]), OutOfRangeError, r"index 3 is out of range for the 3 rows of x"),
    (lambda x: ops.gather(x, [-1]), IndexError, "index -1"),
    (lambda x: ops.gather(1.0, [0]), ShapeError, "x is a number"),
    (lambda x: ops.one_hot([0], depth=0), ArgumentError, "depth must be 1 or more"),
])
def test_errors(function, error, message):
    with pytest.raises(error, match=message):
        function(np.ones((3, 2)))
