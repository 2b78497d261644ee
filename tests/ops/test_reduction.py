import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, gradcheck
from numba_layers.autograd.graph import evaluate, placeholder
from numba_layers.errors import ShapeError
from numba_layers.ops import reduction
from tests.reference import reduction as reference
from tests.reference.reduction import POSITION, REDUCTION
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

AXES = [None, 0, -1, (0, 2), (1, -1), (0, 1, 2), ()]
SMOOTH = ["sum", "prod", "mean", "var", "std", "logsumexp", "max", "min"]


@pytest.mark.parametrize("name", REDUCTION)
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
def test_values(name, axis, keepdims, dtype, random):
    x = random.uniform(-1.5, 1.5, (3, 4, 5)).astype(dtype)
    if name in ("any", "all"):
        x = (x > 0.5 if name == "any" else x > -0.5).astype(dtype)
    answer = getattr(ops, name)(Tensor(x), axis=axis, keepdims=keepdims)
    wanted = REDUCTION[name](x.astype("float64"), axis=axis, keepdims=keepdims)
    assert answer.shape == wanted.shape
    if wanted.dtype == bool:
        np.testing.assert_array_equal(answer, wanted)
    else:
        assert_close(answer, wanted, 5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4), st.data())
def test_sums_of_any_shape(shape, data):
    """Whole numbers, so that the sums are exact; the gradient of a sum is one everywhere."""
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True)) if shape else []
    x = Tensor(np.arange(np.prod(shape), dtype="float32").reshape(shape))
    with Tape() as tape:
        y = ops.sum(x, axis=axes)
    np.testing.assert_array_equal(y, x.numpy().sum(axis=tuple(axes)))
    np.testing.assert_array_equal(tape.gradient(y, x), np.ones(shape))


@pytest.mark.parametrize("shape, axis", [
    ((100_003,), None), ((3, 40_000), 1), ((64 * 300, 3), 0), ((1001, 3), 0), ((5, 700, 2), 1),
    ((2, 600, 300), 1)])
def test_long_axes(shape, axis, dtype, random):
    """These take several launches, through chunks and folded columns."""
    x = random.uniform(0, 1, shape).astype(dtype)
    assert_close(ops.sum(Tensor(x), axis=axis), x.astype("float64").sum(axis=axis))
    np.testing.assert_array_equal(ops.max(Tensor(x), axis=axis), x.max(axis=axis))


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("axis", AXES[:-1])
def test_gradient(name, axis, random):
    x = random.permutation(np.linspace(-1.5, 1.6, 24)).reshape(2, 3, 4)
    assert gradcheck(lambda x: getattr(ops, name)(x, axis=axis), [x])


@pytest.mark.parametrize("function", [
    lambda x: ops.l2_normalize(x, axis=1), lambda x: ops.l2_normalize(x, axis=None),
    lambda x: ops.cumsum(x, axis=0), lambda x: ops.cumsum(x, exclusive=True, reverse=True),
    lambda x: ops.cumprod(x, axis=1), lambda x: ops.cumprod(x, axis=-2, exclusive=True, reverse=True),
    lambda x: ops.sum(x, axis=1, keepdims=True) * x, lambda x: ops.mean(x, axis=0, keepdims=True) * x])
def test_other_gradients(function, random):
    assert gradcheck(function, [random.uniform(0.5, 1.5, (2, 3, 4))])


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "logsumexp", "max"])
def test_second_order(name, random):
    def slope(x):
        with Tape() as tape:
            y = getattr(ops, name)(ops.square(x), axis=1)
        return tape.gradient(y, x)

    assert gradcheck(slope, [random.uniform(0.5, 1.5, (2, 3))])


def gradient_of(function, x):
    x = Tensor(np.array(x, "float32"))
    with Tape() as tape:
        y = function(x)
    return tape.gradient(y, x).numpy().tolist()


def test_ties_share_the_gradient():
    assert gradient_of(ops.max, [3, 1, 3]) == [0.5, 0, 0.5]
    assert gradient_of(lambda x: ops.min(x, axis=0), [[1, 2], [1, 3]]) == [[0.5, 1], [0.5, 0]]


def test_gradient_of_a_product_with_zeros():
    assert gradient_of(ops.prod, [2, 0, 3]) == [0, 6, 0]
    assert gradient_of(lambda x: ops.prod(x, axis=(0, 2)), [[[0, 2]], [[0, 3]]]) == [[[0, 0]], [[0, 0]]]


@pytest.mark.parametrize("name", POSITION)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_positions(name, axis, random):
    x = random.randint(0, 3, (3, 4, 5)).astype("float32")
    answer = getattr(ops, name)(Tensor(x), axis=axis)
    assert answer.dtype == "int64"
    np.testing.assert_array_equal(answer, POSITION[name](x, axis=axis))


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_running(name, axis, exclusive, reverse, dtype, random):
    x = random.uniform(0.5, 1.5, (3, 4, 5)).astype(dtype)
    answer = getattr(ops, name)(Tensor(x), axis=axis, exclusive=exclusive, reverse=reverse)
    assert_close(answer, getattr(reference, name)(x.astype("float64"), axis, exclusive, reverse))


def test_l2_normalize(dtype, random):
    x = random.standard_normal((3, 4)).astype(dtype)
    x[1] = 0
    assert_close(ops.l2_normalize(Tensor(x), axis=1), reference.l2_normalize(x, axis=1))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "logsumexp", "var"])
def test_nan(name, dtype):
    x = np.ones((2, 3), dtype)
    x[0, 1] = np.nan
    assert np.isnan(getattr(ops, name)(Tensor(x), axis=1).data).tolist() == [True, False]


def test_logsumexp_beyond_the_range():
    x = np.array([[1000, 1000], [-np.inf, -np.inf], [np.inf, 0]], "float32")
    answer = ops.logsumexp(Tensor(x), axis=1).numpy()
    assert answer.tolist() == [np.float32(1000 + np.log(2)), -np.inf, np.inf]


def test_variance_far_from_zero():
    x = Tensor(np.array([1e4, 1e4 + 1, 1e4 + 2], "float32"))
    assert_close(ops.var(x), 2 / 3)


def test_types():
    whole, truth = Tensor(np.array([1, 2, 4])), Tensor(np.array([True, True, False]))
    assert ops.sum(whole).dtype == ops.max(whole).dtype == ops.sum(truth).dtype == "int64"
    assert ops.sum(truth).item() == 2 and ops.all(whole).item() and not ops.all(truth).item()
    assert ops.mean(truth).dtype == "float32" and ops.mean(truth).item() == pytest.approx(2 / 3)
    assert ops.mean([1.0, 2.0]).item() == 1.5


def test_nothing():
    empty = Tensor(np.ones((2, 0, 3), "float32"))
    assert ops.sum(empty, axis=1).numpy().tolist() == [[0, 0, 0]] * 2
    assert ops.prod(empty).item() == 1 and ops.all(empty).item() and not ops.any(empty).item()
    assert ops.max(empty, axis=0).shape == (0, 3)
    assert np.isnan(ops.mean(empty).item())
    for function, name in ((ops.max, "max"), (ops.min, "min"), (ops.argmax, "argmax")):
        with pytest.raises(ShapeError, match=rf"{name}: axis 1 of x \(shape \(2, 0, 3\)\) is empty"):
            function(empty, axis=1)


def test_axes_out_of_range():
    x = Tensor(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"sum: axis 2 .* shape \(2, 3\). Legal: -2 to 1"):
        ops.sum(x, axis=2)
    with pytest.raises(ShapeError, match=r"argmax: axis -3"):
        ops.argmax(x, axis=-3)
    with pytest.raises(ShapeError, match=r"mean: an axis of \(0, -2\) is named twice"):
        ops.mean(x, axis=(0, -2))
    with pytest.raises(ShapeError, match="without axes"):
        ops.max(Tensor(np.float32(1)), axis=0)


def test_unbroadcast(random):
    grad = random.standard_normal((2, 3, 4))
    sums = {(3, 1): grad.sum((0, 2))[:, None], (1, 3, 4): grad.sum(0)[None], (): grad.sum()}
    for shape, wanted in sums.items():
        assert_close(reduction.unbroadcast(Tensor(grad), Tensor(np.ones(shape))), wanted, 5)


def test_symbolic(random):
    x = placeholder((None, 3, 4))
    shapes = {ops.sum(x): (), ops.mean(x, axis=0): (3, 4), ops.max(x, axis=(1, 2)): (None,),
              ops.var(x, axis=-1, keepdims=True): (None, 3, 1), ops.argmax(x): (None, 3),
              ops.cumsum(x, axis=0): (None, 3, 4), ops.logsumexp(x, axis=0): (3, 4),
              ops.l2_normalize(x, axis=0): (None, 3, 4), ops.any(x, axis=1): (None, 4)}
    assert [tensor.shape for tensor in shapes] == list(shapes.values())
    value = random.standard_normal((5, 3, 4)).astype("float32")
    answers = evaluate(list(shapes), {x: value})
    full = [tuple(size or 5 for size in shape) for shape in shapes.values()]
    assert [answer.shape for answer in answers] == full
    assert_close(answers[1], value.mean(axis=0), 5)
