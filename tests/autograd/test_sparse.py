"""Sparse matrices whose indices point outside are refused at every entry, in a process that lives on."""

import numpy as np
import pytest
import scipy.sparse

from numba_layers import Tape, ops
from numba_layers import backend as K
from numba_layers.autograd.tensor import SparseTensor, Tensor, as_tensor
from numba_layers.errors import DataError, DtypeError, ShapeError
from numba_layers.layers import Dense, Input, Lambda
from numba_layers.models import Model


def matrix(form="csr"):
    """20 x 6 with 60 numbers, its index arrays its own."""
    made = scipy.sparse.random(20, 6, density=0.5, format=form, dtype="float32", random_state=0)
    return made.copy()


def damaged(form, name, place, value):
    made = matrix(form)
    array = getattr(made, name).copy()
    array[place] = value
    setattr(made, name, array)
    return made


def shortened(form, name):
    made = matrix(form)
    setattr(made, name, getattr(made, name)[:-1])
    return made


DAMAGED = {
    "column 6 of 6": damaged("csr", "indices", 3, 6),
    "column 10^6 of 6": damaged("csr", "indices", 3, 10**6),
    "column -1": damaged("csr", "indices", 3, -1),
    "first column -10^6": damaged("csr", "indices", 0, -(10**6)),
    "indptr beyond": damaged("csr", "indptr", -1, 10**7),
    "indptr falls": damaged("csr", "indptr", 5, 10**6),
    "indptr negative": damaged("csr", "indptr", 5, -3),
    "indptr begins late": damaged("csr", "indptr", 0, 1),
    "indptr too short": shortened("csr", "indptr"),
    "indices too short": shortened("csr", "indices"),
    "data too short": shortened("csr", "data"),
    "csc row 20 of 20": damaged("csc", "indices", 3, 20),
    "csc indptr falls": damaged("csc", "indptr", 3, 10**6),
    "coo row 20 of 20": damaged("coo", "row", 3, 20),
    "coo column -1": damaged("coo", "col", 3, -1),
    "coo rows too short": shortened("coo", "row"),
}
WEIGHT = np.ones((6, 3), "float32")


def model():
    x = Input((6,), sparse=True)
    made = Model(x, Dense(3)(x))
    made.compile("sgd", "mse")
    return made


@pytest.mark.parametrize("form", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
def test_a_model_takes_every_sparse_format(form):
    one = model()
    np.testing.assert_allclose(one.predict(matrix(form)), one.predict(matrix().toarray()), atol=1e-6)


def function(matrix):
    x = K.placeholder((None, 6), sparse=True)
    return K.function([x], [K.sum(x)])([matrix])


ENTRIES = {
    "sparse_dense": lambda matrix: ops.sparse_dense(matrix, WEIGHT),
    "dense": lambda matrix: Dense(3)(matrix),
    "tensor": as_tensor,
    "dot": lambda matrix: K.eval(K.dot(matrix, K.variable(WEIGHT))),
    "variable": K.variable,
    "to_dense": K.to_dense,
    "function": function,
    "set_value": lambda matrix: K.set_value(K.variable(np.zeros((20, 6))), matrix),
    "predict": lambda matrix: model().predict(matrix),
    "predict_on_batch": lambda matrix: model().predict_on_batch(matrix),
    "fit": lambda matrix: model().fit(matrix, np.ones((20, 3)), verbose=0),
    "fit_generator": lambda matrix: model().fit_generator(iter([(matrix, np.ones((20, 3)))]), 1, verbose=0),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_damaged_matrices_are_refused(entry):
    for name, matrix in DAMAGED.items():
        with pytest.raises(DataError, match="is damaged: .*scipy.sparse.csr_matrix"):
            ENTRIES[entry](matrix)
            pytest.fail(name)


def test_arrays_that_are_no_matrix_of_scipys_are_compared_too():
    good = matrix()
    fields = {name: getattr(good, name) for name in ("indptr", "indices", "data", "shape")}
    wrong = [("indices", good.indices.astype(float), DataError), ("indptr", good.indptr[None], DataError),
             ("data", good.data[:3], DataError), ("data", good.data[:, None], ShapeError), ("shape", (20,), ShapeError),
             ("shape", (20, -6), DataError)]
    for name, value, error in wrong:
        with pytest.raises(error, match="sparse matrix"):
            SparseTensor(type("Matrix", (), fields | {name: value}))
    with pytest.raises(ShapeError, match="must have two axes"):
        as_tensor(scipy.sparse.coo_array(np.ones(3)))


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
def test_every_format_is_multiplied(form):
    made = matrix(form)
    expected = made.toarray() @ WEIGHT
    np.testing.assert_allclose(ops.sparse_dense(made, WEIGHT).data, expected, rtol=1e-6)
    np.testing.assert_allclose(K.eval(K.dot(made, K.variable(WEIGHT))), expected, rtol=1e-6)
    np.testing.assert_array_equal(K.eval(K.to_dense(as_tensor(made))), made.toarray())


def test_the_second_factor_must_be_dense():
    for form in ("csr", "coo"):
        with pytest.raises(DtypeError, match="the second factor is sparse.*K.to_dense"):
            K.dot(K.variable(np.ones((2, 20))), matrix(form).astype("float64"))


def test_columns_in_any_order_twice_and_with_room_behind(random):
    """What SciPy allows: unsorted columns, entries that add up, arrays longer than what is used."""
    indptr, indices = np.array([0, 3, 3, 5]), np.array([4, 0, 4, 1, 0, 99, -7])
    made = scipy.sparse.csr_matrix((3, 6), dtype="float32")
    made.indptr, made.indices, made.data = indptr, indices, np.arange(1.0, 8.0, dtype="float32")
    expected = np.zeros((3, 6), "float32")
    np.add.at(expected, ([0, 0, 0, 2, 2], indices[:5]), made.data[:5])
    weight = Tensor(random.standard_normal((6, 2)).astype("float32"))
    with Tape() as tape:
        y = ops.dot(SparseTensor(made), weight)
    np.testing.assert_allclose(y.data, expected @ weight.data, rtol=1e-5)
    grad = np.ones((3, 2), "float32")
    np.testing.assert_allclose(tape.gradient(y, weight, grad).data, expected.T @ grad, rtol=1e-5)


def test_dot_in_a_layer_of_ones_own(device):
    x = Input((6,), sparse=True)
    assert K.is_sparse(x)
    product = Model(x, Lambda(lambda x: K.dot(x, K.constant(WEIGHT)))(x))
    dense = Model(x, Lambda(K.to_dense)(x))
    np.testing.assert_allclose(product.predict(matrix(), batch_size=8), matrix().toarray() @ WEIGHT, rtol=1e-6)
    np.testing.assert_array_equal(dense.predict(matrix(), batch_size=8), matrix().toarray())
