import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, gradcheck
from numba_layers.autograd.graph import evaluate, placeholder
from numba_layers.errors import ShapeError
from tests.reference import activation as reference
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

# name, options: every activation, away from its kinks (which lie at multiples of 0.5).
CASES = [
    ("relu", {}), ("relu", {"alpha": 0.3}), ("relu", {"max_value": 1.0}),
    ("relu", {"alpha": 0.1, "max_value": 2.0, "threshold": 0.5}),
    ("elu", {}), ("elu", {"alpha": 0.5}), ("selu", {}), ("softplus", {}), ("softsign", {}), ("sigmoid", {}),
    ("hard_sigmoid", {}), ("tanh", {}), ("swish", {}), ("gelu", {}), ("mish", {}),
    ("softmax", {}), ("softmax", {"axis": 0}), ("log_softmax", {}), ("log_softmax", {"axis": 1}),
]


def inputs(random):
    x = random.uniform(-3, 3, (3, 4, 5))
    return np.where(np.abs(x * 2 - np.round(x * 2)) < 0.05, x + 0.1, x)


@pytest.mark.parametrize("name, options", CASES)
def test_values(name, options, dtype, random):
    x = inputs(random).astype(dtype)
    answer = getattr(ops, name)(Tensor(x), **options)
    assert_close(answer, getattr(reference, name)(x.astype("float64"), **options), 2)


@pytest.mark.parametrize("name, options", CASES)
def test_gradient(name, options, random):
    assert gradcheck(lambda x: getattr(ops, name)(x, **options), [inputs(random)])


@pytest.mark.parametrize("name, options", CASES)
def test_second_order(name, options, random):
    weight = Tensor(random.standard_normal((3, 4, 5)))

    def slope(x):
        with Tape() as tape:
            y = getattr(ops, name)(x, **options) * weight
        return tape.gradient(y, x) * x

    assert gradcheck(slope, [inputs(random)])


@pytest.mark.parametrize("name", ["relu", "elu", "selu", "softplus", "softsign", "sigmoid", "hard_sigmoid",
                                  "tanh"])
def test_far_out(name, dtype):
    x = np.array([-1000, -30, 30, 1000, np.nan, 0], dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        assert_close(getattr(ops, name)(Tensor(x)), getattr(reference, name)(x.astype("float64")))


def test_slopes_of_relu_at_its_kinks():
    x = Tensor(np.array([-1.0, 0.0, 1.0, 2.0, 3.0], "float32"))
    with Tape() as tape:
        y = ops.relu(x, alpha=0.5, max_value=2)
    assert tape.gradient(y, x).numpy().tolist() == [0.5, 0.5, 1, 0, 0]


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 5), (5,), (4, 1), (1, 5), (1,), (3, 1, 1)])
def test_prelu(shape, dtype, random):
    x, alpha = inputs(random), random.uniform(-0.5, 0.5, shape)
    y = ops.prelu(Tensor(x.astype(dtype)), Tensor(alpha.astype(dtype)))
    assert_close(y, reference.prelu(x.astype(dtype).astype(float), alpha.astype(dtype).astype(float)))
    assert gradcheck(ops.prelu, [x, alpha])
    weight = Tensor(random.standard_normal(x.shape))

    def slopes(x, alpha):
        with Tape() as tape:
            y = ops.prelu(x, alpha) * weight * x
        to_x, to_alpha = tape.gradient(y, [x, alpha])
        return ops.sum(to_x * x) + ops.sum(to_alpha * alpha)

    assert gradcheck(slopes, [x, alpha])


def test_prelu_at_its_kink_and_far_out(dtype):
    x = Tensor(np.array([0, -0.0, -np.inf, np.inf, np.nan], dtype))
    alpha = Tensor(np.array(0.5, dtype))
    with Tape() as tape:
        y = ops.prelu(x, alpha)
    np.testing.assert_array_equal(y, [0, 0, -np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(tape.gradient(y, x), [0, 0, 0.5, 1, 0])   # 0 at 0, as TensorFlow has it


@pytest.mark.parametrize("rows, n", [(1, 1), (7, 3), (2, 1000), (300, 17)])
def test_rows_of_many_sizes(rows, n, dtype, random):
    x = (5 * random.standard_normal((rows, n))).astype(dtype)
    assert_close(ops.softmax(Tensor(x)), reference.softmax(x.astype("float64")), 5)
    assert_close(ops.log_softmax(Tensor(x)), reference.log_softmax(x.astype("float64")), 5)


def test_softmax_of_infinities(dtype):
    """As NumPy has it: -inf takes no share; a row of nothing but -inf, or with NaN, is not a number."""
    x = np.array([[0, -np.inf, 0], [-np.inf] * 3, [1, np.nan, 2], [1000, 1000, -1000]], dtype)
    with np.errstate(invalid="ignore"):
        assert_close(ops.softmax(Tensor(x)), reference.softmax(x))
    assert_close(ops.log_softmax(Tensor(x)).numpy()[3], -np.log(2) - np.array([0, 0, 2000]))


def test_empty_and_whole_numbers():
    assert ops.softmax(Tensor(np.ones((0, 3)))).shape == (0, 3)
    assert ops.softmax(Tensor(np.ones((3, 0)))).shape == (3, 0)
    assert ops.relu(Tensor(np.array([-1, 2]))).numpy().tolist() == [0.0, 2.0]
    assert ops.softmax(Tensor(np.array([1, 1]))).dtype == "float32"


def test_axis_out_of_range():
    with pytest.raises(ShapeError, match=r"softmax: axis 2 .* Legal: -2 to 1"):
        ops.softmax(Tensor(np.ones((2, 3))), axis=2)


def test_symbolic(random):
    x = placeholder((None, 4))
    outputs = [getattr(ops, name)(x, **options) for name, options in CASES if options.get("axis") != 1]
    assert {output.shape for output in outputs} == {(None, 4)}
    value = random.standard_normal((3, 4)).astype("float32")
    assert_close(evaluate(outputs[-2], {x: value}), reference.softmax(value, axis=0))
