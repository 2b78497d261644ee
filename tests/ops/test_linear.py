import numpy as np
import pytest
import scipy.sparse

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, as_tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, DtypeError, ShapeError, UnknownNameError
from tests.reference.linear import batch_dot, dense
from tests.threads import on_one_and_all
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

PRODUCTS = [   # op, NumPy's, shapes of a and b
    (ops.matmul, np.matmul, (3, 4), (4, 5)), (ops.matmul, np.matmul, (2, 3, 4), (4, 5)),
    (ops.matmul, np.matmul, (3, 4), (2, 4, 5)), (ops.matmul, np.matmul, (2, 1, 3, 4), (5, 4, 2)),
    (ops.matmul, np.matmul, (4,), (4, 5)), (ops.matmul, np.matmul, (2, 3, 4), (4,)),
    (ops.matmul, np.matmul, (4,), (4,)), (ops.matmul, np.matmul, (4,), (2, 4, 5)),
    (ops.dot, np.dot, (3, 4), (4, 5)), (ops.dot, np.dot, (2, 3, 4), (4, 5)),
    (ops.dot, np.dot, (3, 4), (2, 4, 5)),
    (ops.dot, np.dot, (2, 3, 4), (5, 4, 2)), (ops.dot, np.dot, (3, 4), (4,)),
]
BATCHED = [   # shapes of a and b, axes
    ((3, 4), (3, 4), 1), ((3, 4), (3, 4), None), ((2, 3, 4), (2, 3, 5), 1), ((2, 3, 4), (2, 5, 4), 2),
    ((2, 3, 4), (2, 5, 3), (1, 2)), ((2, 3, 4), (2, 4, 5), (2, 1)), ((2, 3, 4), (2, 4, 5), None),
    ((4, 5), (4, 3, 5), (1, 2)), ((4, 3, 5), (4, 5), (2, 1)), ((2, 3, 4, 5), (2, 5, 3), (3, 1)),
    ((2, 3, 4, 5), (2, 3, 2, 4), (2, 3)), ((2, 3, 4, 5), (2, 4, 2, 3), (1, -1)),
    ((2, 3, 4), (2, 4), (-1, -1)),
]
DENSE = [((5, 3), "linear"), ((2, 5, 3), "relu"), ((3,), "linear"), ((0, 3), "relu"), ((2, 3), "tanh")]


def operands(random, *shapes, dtype="float64"):
    return [random.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("op, wanted, a, b", PRODUCTS)
def test_products(op, wanted, a, b, dtype, random):
    a, b = operands(random, a, b, dtype=dtype)
    answer = op(Tensor(a), Tensor(b))
    assert answer.dtype == dtype and answer.shape == wanted(a, b).shape
    assert_close(answer, wanted(a.astype("float64"), b), 4)


@pytest.mark.parametrize("op, wanted, a, b", PRODUCTS)
def test_gradients_of_products(op, wanted, a, b, random):
    assert gradcheck(op, operands(random, a, b))


@pytest.mark.parametrize("a, b, axes", BATCHED)
def test_batch_dot(a, b, axes, dtype, random):
    a, b = operands(random, a, b, dtype=dtype)
    wanted = batch_dot(a.astype("float64"), b, axes)
    answer = ops.batch_dot(Tensor(a), Tensor(b), axes=axes)
    assert answer.shape == wanted.shape
    assert_close(answer, wanted, 4)
    one, other = (placeholder((None, *x.shape[1:]), dtype) for x in (a, b))
    symbolic = ops.batch_dot(one, other, axes=axes)
    assert symbolic.shape == (None, *wanted.shape[1:])
    np.testing.assert_array_equal(evaluate(symbolic, {one: a, other: b}), answer)


@pytest.mark.parametrize("a, b, axes", BATCHED)
def test_gradients_of_batch_dot(a, b, axes, random):
    assert gradcheck(lambda a, b: ops.batch_dot(a, b, axes=axes), operands(random, a, b))


@pytest.mark.parametrize("shape, activation", DENSE)
@pytest.mark.parametrize("biased", [True, False])
def test_dense(shape, activation, biased, dtype, random):
    x, weight, bias = operands(random, shape, (3, 4), (4,), dtype=dtype)
    bias = bias if biased else None
    answer = ops.dense(Tensor(x), Tensor(weight), bias, activation=activation)
    assert answer.dtype == dtype
    assert_close(answer, dense(x, weight, bias, activation), 4)


@pytest.mark.parametrize("shape, activation", DENSE)
def test_gradients_of_dense(shape, activation, random):
    def op(x, weight, bias):
        return ops.dense(x, weight, bias, activation=activation)

    assert gradcheck(op, operands(random, shape, (3, 4), (4,)))


@pytest.mark.parametrize("function", [
    ops.matmul, lambda a, b: ops.dense(a, b, activation="relu"),
    lambda a, b: ops.batch_dot(ops.reshape(a, shape=(2, 2, 3)), ops.reshape(b[:2], shape=(2, 1, 3)), axes=2)])
def test_second_order(function, random):
    def gradients(a, b):
        with Tape() as tape:
            y = ops.square(function(a, b))
        return tape.gradient(y, [a, b])

    assert gradcheck(gradients, operands(random, (4, 3), (3, 3)))


def test_dense_of_an_open_batch(random):
    x, weight, bias = operands(random, (2, 5, 3), (3, 4), (4,), dtype="float32")
    inputs = placeholder((None, None, 3))
    y = ops.dense(inputs, Tensor(weight), Tensor(bias), activation="relu")
    assert y.shape == (None, None, 4)
    assert_close(evaluate(y, {inputs: x}), dense(x, weight, bias, "relu"), 4)


def test_relu_step_is_shared(random):
    """Three gradients of one dense layer ask for the gradient inside relu; it is computed once."""
    x, weight, bias = map(Tensor, operands(random, (2, 3), (3, 4), (4,)))
    with Tape() as tape:
        y = ops.dense(x, weight, bias, activation="relu")
    with Tape() as outer:
        tape.gradient(y, [x, weight, bias])
    assert [node.name for node in outer.nodes].count("relu_backward_from_output") == 1


def test_gradients_written_to_their_place(random):
    """A gradient's destination of the output's shape is not taken by the step inside relu."""
    arrays = operands(random, (3, 3), (3, 3), (3,))
    with Tape() as tape:
        tensors = list(map(Tensor, arrays))
        y = ops.dense(*tensors, activation="relu")
    wanted = tape.gradient(y, tensors)
    places = [np.full_like(array, np.nan) for array in arrays]
    for answer, place, array in zip(tape.gradient(y, tensors, into=places), places, wanted):
        assert answer.data is place
        np.testing.assert_array_equal(place, array)


# Sparse matrices

def sparse(random, shape, dtype, density=0.3):
    return scipy.sparse.random(*shape, density=density, format="csr", dtype=dtype, random_state=random)


@pytest.mark.parametrize("shape, units", [((6, 5), 4), ((1, 1), 1), ((3, 40), 70), ((4, 5), 0)])
def test_sparse_dense(shape, units, dtype, random):
    x = sparse(random, shape, dtype)
    weight, bias = operands(random, (shape[1], units), (units,), dtype=dtype)
    wanted = dense(x.toarray(), weight, bias, "relu")
    for matrix in (x, x.tocsc(), as_tensor(x)):
        assert_close(ops.sparse_dense(matrix, Tensor(weight), Tensor(bias), activation="relu"), wanted, 4)


def test_gradients_of_sparse_dense(random):
    x = as_tensor(sparse(random, (7, 5), "float64"), "float64")
    assert gradcheck(lambda weight, bias: ops.sparse_dense(x, weight, bias, activation="tanh"),
                     operands(random, (5, 3), (3,)))

    def gradient(weight):
        with Tape() as tape:
            y = ops.square(ops.sparse_dense(x, weight))
        return tape.gradient(y, weight)

    assert gradcheck(gradient, operands(random, (5, 3)))


def test_sparse_batches_of_a_graph(random):
    weight = Tensor(operands(random, (5, 3), dtype="float32")[0])
    inputs = placeholder((None, 5))
    y = ops.sparse_dense(inputs, weight)
    assert y.shape == (None, 3)
    for batch in (2, 4):
        x = sparse(random, (batch, 5), "float32")
        assert_close(evaluate(y, {inputs: x}), x.toarray() @ weight.data, 4)


def test_sparse_tensors(random):
    matrix = sparse(random, (4, 6), "float32")
    x = as_tensor(matrix)
    assert (x.shape, x.ndim, x.size, x.dtype) == ((4, 6), 2, 24, "float32")
    assert "SparseTensor(shape=(4, 6)" in repr(x)
    np.testing.assert_array_equal(x.to_dense(), matrix.toarray())
    with pytest.raises(DtypeError, match="sparse.*K.to_dense"):
        ops.exp(x)


def test_threads_change_no_bit(random):
    x = sparse(random, (50, 300), "float32")
    weight = Tensor(random.standard_normal((300, 40)).astype("float32"))

    def gradient():
        with Tape() as tape:
            y = ops.square(ops.sparse_dense(x, weight))
        return tape.gradient(y, weight).data

    np.testing.assert_array_equal(*on_one_and_all(gradient))


@pytest.mark.parametrize("function, error, message", [
    (lambda x: ops.dense(x, np.ones((4, 2))), ShapeError, r"x has shape \(2, 3\), expected \(..., 4\)"),
    (lambda x: ops.dense(x, np.ones(3)), ShapeError, r"weights of shape \(3,\) \(features, units\)"),
    (lambda x: ops.dense(x, np.ones((3, 2)), np.ones(3)), ShapeError, r"bias has shape \(3,\), expected \(2"),
    (lambda x: ops.dense(x, np.ones((3, 2)), activation="rleu"), UnknownNameError, "Did you mean 'relu'"),
    (lambda x: ops.matmul(x, x), ShapeError, r"matmul: shapes \(2, 3\) and \(2, 3\) do not fit"),
    (lambda x: ops.matmul(x, 2.0), ShapeError, "do not fit"),
    (lambda x: ops.matmul(np.ones((2, 1, 3)), np.ones((3, 3, 1))), ShapeError, "do not broadcast"),
    (lambda x: ops.dot(x, np.ones((2, 2, 3))), ShapeError, "dot: shapes"),
    (lambda x: ops.batch_dot(x, x, axes=0), ArgumentError, "axis 0 is the batch"),
    (lambda x: ops.batch_dot(x, x, axes=2), ShapeError, "axis 2 is out of range"),
    (lambda x: ops.batch_dot(x, x, axes=([1], 1)), ArgumentError, "a pair of ints"),
    (lambda x: ops.batch_dot(x, np.ones(2), axes=1), ShapeError, "expected a batch"),
    (lambda x: ops.batch_dot(x, np.ones((3, 3)), axes=1), ShapeError, "same size along axis 0"),
    (lambda x: ops.matmul(x, Tensor(np.ones((3, 2), "float32"))), DtypeError, "mix float32 and float64"),
])
def test_errors(function, error, message):
    with pytest.raises(error, match=message):
        function(Tensor(np.ones((2, 3))))
