"""Who checks the checker: gradients that are slightly wrong must be found."""

import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tensor, gradcheck
from numba_layers.autograd.gradcheck import GradientError
from numba_layers.ops._op import op

pytestmark = pytest.mark.usefixtures("device")


@op
def product(run, x, y, *, error=0.0, shape=None):
    """x y, whose gradient with respect to y is wrong by the factor 1 + error, or has another shape."""
    z = ops.multiply(Tensor(x.data), Tensor(y.data))
    return (z,
            lambda grad: grad * y,
            lambda grad: ops.reshape(grad * x * (1 + error), shape=shape or y.shape))


X, Y = np.array([[1.0, -2.0, 3.0]]), np.array([[0.5, 2.0, -1.0]])


def test_right_passes():
    assert gradcheck(product, [X, Y])


@pytest.mark.parametrize("error", [1e-4, -1e-3, 0.5, np.nan])
def test_slightly_wrong_fails(error):
    with pytest.raises(GradientError, match="input 1: the gradient says .* finite differences .* differ by"):
        gradcheck(lambda x, y: product(x, y, error=error), [X, Y])


def test_missing_gradient_fails():
    with pytest.raises(GradientError, match="input 0"):
        gradcheck(lambda x: ops.stop_gradient(x) * 2, [X])


def test_wrong_shape_fails():
    with pytest.raises(GradientError, match=r"input 1: the gradient has shape \(3,\), the input \(1, 3\)"):
        gradcheck(lambda x, y: product(x, y, shape=(3,)), [X, Y])


def test_one_wrong_output_of_several_fails():
    def function(x, y):
        return product(x, y), product(x, y, error=0.01)

    with pytest.raises(GradientError):
        gradcheck(function, [X, Y])


def test_an_error_in_one_element_fails():
    wrong = np.array([[1, 1, 1.001]])
    with pytest.raises(GradientError):
        gradcheck(lambda x: x * 2 + ops.stop_gradient(x) * (wrong - 1) - x * (wrong - 1), [X])


def test_it_is_an_assertion_too():
    assert issubclass(GradientError, AssertionError)
