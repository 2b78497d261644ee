import operator
import subprocess
import sys

import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, gradcheck
from numba_layers.autograd.graph import evaluate, placeholder
from numba_layers.errors import DtypeError

pytestmark = pytest.mark.usefixtures("device")

X = np.array([[1.0, 2.0], [3.0, -4.0]], "float32")
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
          operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize("binary", BINARY)
@pytest.mark.parametrize("other", [2, 2.5, np.float32(0.5), X + 3, X.T.copy()])
def test_both_ways(binary, other):
    for answer, wanted in ((binary(Tensor(X), other), binary(X, other)),
                           (binary(other, Tensor(X)), binary(other, X)),
                           (binary(Tensor(X), Tensor(np.asarray(other, "float32"))), binary(X, other))):
        assert isinstance(answer, Tensor) and answer.dtype == wanted.dtype
        np.testing.assert_allclose(answer, wanted, 1e-6)


def test_powers():
    x = Tensor(np.abs(X))
    np.testing.assert_allclose(x ** 2, X ** 2)
    np.testing.assert_allclose(x ** x, np.abs(X) ** np.abs(X))
    np.testing.assert_allclose(2 ** x, 2 ** np.abs(X))


def test_of_one_tensor():
    x = Tensor(X)
    np.testing.assert_array_equal(-x, -X)
    np.testing.assert_array_equal(abs(x), abs(X))
    assert +x is x
    np.testing.assert_array_equal(x.T, X.T)


def test_products():
    np.testing.assert_allclose(Tensor(X) @ Tensor(X.T.copy()), X @ X.T)
    np.testing.assert_allclose(X @ Tensor(X), X @ X)


def test_items():
    x = Tensor(X)
    np.testing.assert_array_equal(x[1, ::-1], X[1, ::-1])
    assert [row.numpy().tolist() for row in x] == X.tolist()


def test_minus_equals_makes_a_new_tensor():
    x = before = Tensor(X.copy())
    with Tape() as tape:
        x -= 1
        x *= x
    np.testing.assert_array_equal(before, X)
    np.testing.assert_array_equal(tape.gradient(x, before), 2 * (X - 1))


def test_equality_is_identity():
    x, y = Tensor(X), Tensor(X)
    assert x == x and x != y and not (x == y)
    assert {x: 1}[x] == 1 and len({x, y}) == 2


def test_numbers_take_the_tensors_type():
    double = Tensor(np.array([0.1]))
    assert (double * 0.1).item() == 0.1 * 0.1
    assert (Tensor(X) * 0.1).dtype == "float32"


def test_text_is_no_operand():
    with pytest.raises(DtypeError, match="expected numbers"):
        Tensor(X) + "one"


def test_symbolic():
    x = placeholder((None, 2))
    y = (1 - x) * 2 / (x ** 2 + 1) @ np.eye(2, dtype="float32")
    assert y.shape == (None, 2) and x.T.shape == (2, None) and x[:, 0].shape == (None,)
    assert (x > 0).dtype == bool
    np.testing.assert_allclose(evaluate(y, {x: X}), (1 - X) * 2 / (X ** 2 + 1), 1e-6)


def test_importing_ops_loads_no_kernels():
    script = "import sys, numba_layers.ops; sys.exit(bool({'numba', 'numba_layers.kernels.cpu'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_gradient():
    def function(x, y):
        return ops.sum((1 - x) * y / (2 + abs(x)) - x[0] ** 2 + (x @ y).T)

    assert gradcheck(function, [X.astype("float64"), X.T + 0.3])
