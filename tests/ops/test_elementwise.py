import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, gradcheck
from numba_layers.autograd.graph import evaluate, placeholder
from numba_layers.errors import DtypeError, ShapeError
from tests.reference.elementwise import BINARY, COMPARISON, LOGICAL, TEST, UNARY
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

# Where a function is defined, and away from its kinks.
DOMAINS = {"sqrt": (0.1, 5), "log": (0.1, 5), "log1p": (-0.9, 5), "reciprocal": (0.2, 3), "power": (0.2, 3),
           "divide": (0.2, 3), "floor_divide": (1.1, 9), "mod": (1.1, 9), "exp": (-8, 8), "expm1": (-2, 2)}
STEPS = {"sign", "round", "floor", "ceil", "floor_divide"}   # flat: no gradient
SOME = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.5]


def sample(random, name, shape, dtype="float64"):
    return random.uniform(*DOMAINS.get(name, (-3, 3)), shape).astype(dtype)


@pytest.mark.parametrize("name", UNARY)
def test_unary(name, dtype, random):
    x = sample(random, name, (3, 5), dtype)
    assert_close(getattr(ops, name)(Tensor(x)), UNARY[name](x.astype("float64")), 2)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name, dtype, random):
    x, y = sample(random, name, (4, 1, 3), dtype), sample(random, name, (5, 1), dtype)
    assert_close(getattr(ops, name)(Tensor(x), Tensor(y)), BINARY[name](x, y), 4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutually_broadcastable_shapes(num_shapes=3, min_dims=0, max_dims=4, min_side=0, max_side=4))
def test_broadcasting(shapes):
    """Values, and gradients brought back to the shapes of their inputs."""
    condition, x, y = (np.arange(np.prod(shape)).reshape(shape) for shape in shapes.input_shapes)
    condition, x, y = condition % 2 == 0, x.astype("float32"), -y.astype("float32")
    with Tape() as tape:
        inputs = Tensor(x), Tensor(y)
        difference = ops.subtract(*inputs)
        chosen = ops.where(condition, *inputs)
    np.testing.assert_array_equal(difference, x - y)
    np.testing.assert_array_equal(chosen, np.where(condition, x, y))
    for output in (difference, chosen):
        assert [grad.shape for grad in tape.gradient(output, inputs)] == [x.shape, y.shape]


@pytest.mark.parametrize("name", COMPARISON)
def test_comparison(name, dtype):
    x, y = np.meshgrid(np.array(SOME, dtype), np.array(SOME, dtype))
    answer = getattr(ops, name)(Tensor(x), Tensor(y))
    assert answer.dtype == bool
    np.testing.assert_array_equal(answer, COMPARISON[name](x, y))


@pytest.mark.parametrize("name", LOGICAL)
def test_logical(name):
    x, y = np.array([[0.0], [2.0]], "float32"), np.array([True, False])
    np.testing.assert_array_equal(getattr(ops, name)(Tensor(x), y), LOGICAL[name](x, y))
    np.testing.assert_array_equal(ops.logical_not(Tensor(x)), x == 0)


@pytest.mark.parametrize("name", TEST)
def test_tests(name, dtype):
    x = np.array(SOME, dtype)
    np.testing.assert_array_equal(getattr(ops, name)(Tensor(x)), TEST[name](x))


@pytest.mark.parametrize("name", ["abs", "sign", "square", "sqrt", "exp", "log", "maximum", "minimum",
                                  "clip"])
def test_nan_and_infinity(name, dtype):
    x = np.array(SOME, dtype)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if name == "clip":
            answer, wanted = ops.clip(Tensor(x), low=-1, high=1), np.clip(x, -1, 1)
        elif name in BINARY:
            answer, wanted = getattr(ops, name)(Tensor(x), Tensor(x[::-1])), BINARY[name](x, x[::-1])
        else:
            answer, wanted = getattr(ops, name)(Tensor(x)), UNARY[name](x)
    assert_close(answer, wanted)


@pytest.mark.parametrize("name", sorted(set(UNARY) - STEPS))
def test_gradient(name, random):
    assert gradcheck(getattr(ops, name), [sample(random, name, (3, 5))])


@pytest.mark.parametrize("name", sorted(set(BINARY) - STEPS))
def test_gradients_of_both(name, random):
    x, y = sample(random, name, (4, 1, 3)), sample(random, name, (5, 1))
    assert gradcheck(getattr(ops, name), [x, y])


@pytest.mark.parametrize("name", sorted(STEPS))
def test_steps_have_no_gradient(name):
    x = Tensor(np.array([1.2, 3.4]))
    with Tape() as tape:
        y = getattr(ops, name)(*[x] * (2 if name in BINARY else 1))
    assert tape.gradient(y, x) is None


@pytest.mark.parametrize("function", [
    lambda x: ops.clip(x, low=-1, high=0.5), lambda x: ops.where(x.data > 0, ops.square(x), ops.sin(x)),
    lambda x: x ** 2, lambda x: x ** 3, lambda x: ops.power(ops.abs(x), 0.5), lambda x: (x + 9) ** -1,
    lambda x: 2.0 ** x, lambda x: ops.cast(ops.cast(x, dtype="float64"), dtype="float64") * x])
def test_other_gradients(function, random):
    assert gradcheck(function, [sample(random, "", (3, 4))])


@pytest.mark.parametrize("function", [
    ops.exp, ops.square, ops.sqrt, ops.log, ops.reciprocal, lambda x: x * x, lambda x: ops.divide(1, x),
    lambda x: ops.power(x, x), lambda x: ops.clip(x * x, low=0.3, high=3), lambda x: ops.maximum(x * x, x)])
def test_second_order(function, random):
    def slope(x):
        with Tape() as tape:
            y = function(x)
        return tape.gradient(y, x)

    assert gradcheck(slope, [random.uniform(0.6, 1.6, (2, 3))])


def gradients_at(function, *arrays):
    tensors = [Tensor(np.array(array, "float32")) for array in arrays]
    with Tape() as tape:
        y = function(*tensors)
    return [np.asarray(grad).tolist() for grad in tape.gradient(y, tensors)]


def test_kinks_are_those_of_tensorflow():
    assert gradients_at(ops.maximum, [1, 2, 3], [2, 2, 2]) == [[0, 1, 1], [1, 0, 0]]
    assert gradients_at(ops.minimum, [1, 2, 3], [2, 2, 2]) == [[1, 1, 0], [0, 0, 1]]
    assert gradients_at(lambda x: ops.clip(x, low=-1, high=1), [-2, -1, 0, 1, 2]) == [[0, 1, 1, 1, 0]]
    assert gradients_at(ops.abs, [-3, 0, 3]) == [[-1, 0, 1]]
    assert gradients_at(ops.power, [0, 2], [2, 2]) == [[0, 4], [0, pytest.approx(4 * np.log(2))]]


def test_types_that_meet():
    whole, truth = Tensor(np.array([1, 2])), Tensor(np.array([True, False]))
    single, double = Tensor(np.ones(2, "float32")), Tensor(np.ones(2))
    assert ops.add(whole, 1).dtype == "int64"
    assert ops.add(whole, 1.5).dtype == ops.divide(whole, whole).dtype == ops.sqrt(whole).dtype == "float32"
    assert ops.multiply(truth, single).dtype == ops.subtract(single, np.ones(2)).dtype == "float32"
    assert ops.multiply(double, 0.1).numpy().tolist() == [0.1, 0.1]
    with pytest.raises(DtypeError, match="float32 and float64"):
        ops.add(single, double)


def test_cast():
    x = Tensor(np.array([-1.7, 0.0, 2.5], "float32"))
    assert ops.cast(x, dtype="float32") is x
    assert ops.cast(x, dtype="int64").numpy().tolist() == [-1, 0, 2]
    assert ops.cast(x, dtype="bool").numpy().tolist() == [True, False, True]
    with pytest.raises(DtypeError, match="float32"):
        ops.cast(x, dtype="float16")


def test_likes_and_stopped_gradients():
    x = Tensor(np.array([[1.0, 2.0]]))
    assert ops.fill_like(x, value=0.1).numpy().tolist() == [[0.1, 0.1]]
    assert ops.zeros_like(x).numpy().tolist() == [[0, 0]] and ops.ones_like(x).dtype == "float64"
    assert gradients_at(lambda x: ops.stop_gradient(x) * x, [2, 3]) == [[2, 3]]


def test_small_powers_are_exact(dtype):
    x = np.array([-3.1, 1e-3, 7], dtype)
    np.testing.assert_array_equal(Tensor(x) ** 2, x * x)
    np.testing.assert_array_equal(Tensor(x) ** -1, 1 / x)
    assert_close(Tensor(x) ** 3, x ** 3)
    assert np.isnan((Tensor(x) ** 0.5).numpy()[0])


def test_shapes_that_do_not_broadcast():
    with pytest.raises(ShapeError, match=r"multiply: shapes \(2, 3\) and \(2, 4\) .* axis -1"):
        ops.multiply(Tensor(np.ones((2, 3))), Tensor(np.ones((2, 4))))


def test_symbolic():
    x = placeholder((None, 3))
    y = ops.maximum(ops.exp(x) * np.array([1, 2, 3]), 2)
    chosen = ops.where(ops.greater(x, 0), x, ops.zeros_like(x))
    assert (y.shape, y.dtype, ops.less(x, y).dtype, chosen.shape) == ((None, 3), "float32", bool, (None, 3))
    assert ops.add(x, placeholder((7, 1))).shape == (7, 3)
    value = np.array([[0.0, -1.0, 1.0]], "float32")
    answers = evaluate([y, chosen, ops.stop_gradient(x)], {x: value})
    wanted = np.maximum(np.exp(value) * [1, 2, 3], 2), np.maximum(value, 0), value
    for answer, expected in zip(answers, wanted):
        assert_close(answer, expected)
