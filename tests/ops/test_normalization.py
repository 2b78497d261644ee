import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ShapeError
from tests.reference import normalization as reference
from tests.threads import on_one_and_all
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

# Shape, axis of the channels: few and many of them, in front, in the middle, several; one row; many rows.
CASES = [((6, 3), -1), ((5, 4, 3), 1), ((4, 3, 2, 5), -1), ((4, 3, 2, 5), 1), ((1, 7), 1), ((40, 2), -1),
         ((700, 3, 2), 2), ((6, 5), 0), ((3, 2, 4), (0, 2)), ((4, 2, 3), (1, 2))]


def columns(x, axis):
    """(x with the channels behind all else, as a matrix; their sizes; what brings a matrix back)."""
    kept = [entry % x.ndim for entry in (axis if isinstance(axis, tuple) else (axis,))]
    order = [entry for entry in range(x.ndim) if entry not in kept] + kept
    moved = x.transpose(order)
    sizes = tuple(x.shape[entry] for entry in kept)
    return moved.reshape(-1, int(np.prod(sizes))), sizes, lambda matrix: matrix.reshape(moved.shape).transpose(
        np.argsort(order))


@pytest.mark.parametrize("shape, axis", CASES)
def test_batch_normalize(shape, axis, dtype, random):
    x = (3 + random.standard_normal(shape)).astype(dtype)
    matrix, sizes, back = columns(x.astype("float64"), axis)
    gamma, beta = (random.standard_normal(sizes).astype(dtype) for _ in range(2))
    y, mean, variance = ops.batch_normalize(x, gamma, beta, axis=axis, epsilon=0.01)
    moments = reference.moments(matrix)
    assert_close(mean.numpy().ravel(), moments[0], 10)
    assert_close(variance.numpy().ravel(), moments[1], 10)
    assert mean.shape == variance.shape == sizes
    assert_close(y.numpy(), back(reference.normalized(matrix, *moments, gamma.ravel(), beta.ravel(), 0.01)), 30)
    plain = ops.batch_normalize(x, axis=axis, epsilon=0.01)[0]
    assert_close(plain.numpy(), back(reference.normalized(matrix, *moments, 1, 0, 0.01)), 30)


@pytest.mark.parametrize("shape, axis", CASES)
def test_gradients_of_batch_normalize(shape, axis, random):
    x = random.standard_normal(shape)
    sizes = columns(x, axis)[1]
    arrays = [x, *(random.standard_normal(sizes) for _ in range(2))]

    def function(x, gamma, beta):
        return ops.batch_normalize(x, gamma, beta, axis=axis, epsilon=0.1)

    assert gradcheck(function, arrays)

    def gradient(x, gamma, beta):
        with Tape() as tape:
            y = ops.square(function(x, gamma, beta)[0])
        return tape.gradient(y, [x, gamma, beta])

    assert gradcheck(gradient, arrays, tolerance=1e-5)


def test_gradients_through_the_moments(random):
    def function(x):
        y, mean, variance = ops.batch_normalize(x, epsilon=0.1)
        return ops.add(ops.multiply(y, variance), ops.square(mean))

    assert gradcheck(function, [random.standard_normal((6, 3))])


@pytest.mark.parametrize("shape, axis", CASES)
def test_normalize(shape, axis, dtype, random):
    x = random.standard_normal(shape).astype(dtype)
    matrix, sizes, back = columns(x.astype("float64"), axis)
    mean, gamma, beta = (random.standard_normal(sizes).astype(dtype) for _ in range(3))
    variance = random.uniform(0.5, 2, sizes).astype(dtype)
    y = ops.normalize(x, mean, variance, gamma, beta, axis=axis, epsilon=0.01)
    vectors = [vector.ravel().astype("float64") for vector in (mean, variance, gamma, beta)]
    assert_close(y.numpy(), back(reference.normalized(matrix, *vectors, 0.01)), 10)


@pytest.mark.parametrize("shape, axis", CASES[2:5] + CASES[-1:])
def test_gradients_of_normalize(shape, axis, random):
    x = random.standard_normal(shape)
    sizes = columns(x, axis)[1]
    arrays = [x, random.standard_normal(sizes), random.uniform(0.5, 2, sizes),
              *(random.standard_normal(sizes) for _ in range(2))]

    def function(*tensors):
        return ops.normalize(*tensors, axis=axis, epsilon=0.1)

    assert gradcheck(function, arrays)

    def gradient(*tensors):
        with Tape() as tape:
            y = ops.square(function(*tensors))
        return tape.gradient(y, list(tensors))

    assert gradcheck(gradient, arrays, tolerance=1e-5)


@pytest.mark.parametrize("shape, axis", CASES[:4] + [((3, 300), -1), ((2, 1), 1), ((4, 2, 3), (1, 2))])
def test_layer_normalize(shape, axis, dtype, random):
    x = (2 + random.standard_normal(shape)).astype(dtype)
    matrix, sizes, back = columns(x.astype("float64"), axis)
    gamma, beta = (random.standard_normal(sizes).astype(dtype) for _ in range(2))
    rows = matrix.T
    unit = reference.normalized(rows, *reference.moments(rows), 1, 0, 0.01).T
    y = ops.layer_normalize(x, gamma, beta, axis=axis, epsilon=0.01)
    assert_close(y.numpy(), back(unit * gamma.ravel() + beta.ravel()), 30)
    assert_close(ops.layer_normalize(x, axis=axis, epsilon=0.01).numpy(), back(unit), 30)


@pytest.mark.parametrize("shape, axis", CASES[:4] + [((4, 2, 3), (1, 2))])
def test_gradients_of_layer_normalize(shape, axis, random):
    x = random.standard_normal(shape)
    arrays = [x, *(random.standard_normal(columns(x, axis)[1]) for _ in range(2))]

    def function(x, gamma, beta):
        return ops.layer_normalize(x, gamma, beta, axis=axis, epsilon=0.1)

    assert gradcheck(function, arrays)

    def gradient(x, gamma, beta):
        with Tape() as tape:
            y = ops.square(function(x, gamma, beta))
        return tape.gradient(y, [x, gamma, beta])

    assert gradcheck(gradient, arrays, tolerance=1e-5)


def test_open_batch(random):
    x = placeholder((None, 4, 3), "float32")
    given = random.standard_normal((5, 4, 3)).astype("float32")
    for axis in (-1, 1):
        outputs = ops.batch_normalize(x, axis=axis)
        assert [output.shape for output in outputs] == [(None, 4, 3), (x.shape[axis],), (x.shape[axis],)]
        expected = ops.batch_normalize(given, axis=axis)
        for output, one in zip(outputs, expected):
            np.testing.assert_array_equal(evaluate(output, {x: given}), one)
        y = ops.layer_normalize(x, axis=axis)
        assert y.shape == (None, 4, 3)
        np.testing.assert_array_equal(evaluate(y, {x: given}), ops.layer_normalize(given, axis=axis))


def test_channels_first_images_stay_as_they_lie(random):
    """A view of channels-last memory, as convolutions give, is neither copied nor turned."""
    memory = random.standard_normal((2, 4, 5, 3)).astype("float32")
    x = Tensor(memory).data.transpose((0, 3, 1, 2))
    y = ops.batch_normalize(Tensor(x), axis=1)[0]
    assert y.shape == (2, 3, 4, 5) and y.data.transpose((0, 2, 3, 1)).flags.c_contiguous
    np.testing.assert_array_equal(y.numpy().transpose(0, 2, 3, 1), ops.batch_normalize(memory)[0])


def test_one_value_alone(dtype):
    """Nothing differs from its mean: beta is left, exactly."""
    y, mean, variance = ops.batch_normalize(np.full((300, 2), 1000.1, dtype), beta=np.array([3, 4], dtype))
    np.testing.assert_array_equal(y, np.broadcast_to(np.array([3, 4], dtype), (300, 2)))
    np.testing.assert_array_equal(variance, [0, 0])


@pytest.mark.parametrize("channels", [3, 300])
def test_threads_change_no_bit(channels, random):
    x = random.standard_normal((2000, channels)).astype("float32")
    grad = random.standard_normal((2000, channels)).astype("float32")

    def gradient():
        with Tape() as tape:
            tensor = Tensor(x)
            y = ops.batch_normalize(tensor)[0]
        return np.stack([y.numpy(), tape.gradient(y, tensor, output_gradient=grad).numpy()])

    np.testing.assert_array_equal(*on_one_and_all(gradient))


def test_a_batch_without_samples():
    with pytest.raises(ShapeError, match="holds no sample, and nothing has no mean"):
        ops.batch_normalize(np.zeros((0, 3)))
    assert ops.normalize(np.zeros((0, 3)), np.zeros(3), np.ones(3)).shape == (0, 3)
    assert ops.layer_normalize(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("function, message", [
    (lambda x: ops.batch_normalize(x, np.ones(2)), r"gamma has shape \(2,\), expected \(3,\)"),
    (lambda x: ops.normalize(x, np.ones(3), np.ones((1, 3))), r"variance has shape \(1, 3\), expected \(3,\)"),
    (lambda x: ops.layer_normalize(x, beta=np.ones(4)), r"beta has shape \(4,\), expected \(3,\)"),
    (lambda x: ops.batch_normalize(x, axis=2), "axis 2 is out of range"),
    (lambda x: ops.layer_normalize(np.ones((2, 0))), "no feature along axis"),
])
def test_errors(function, message):
    with pytest.raises(ShapeError, match=message):
        function(np.ones((5, 3)))


def test_moving_average():
    average, value, count = (Tensor(np.array(one)) for one in ([1.0, 2.0], [3.0, 0.0], [0]))
    np.testing.assert_allclose(ops.moving_average(average, value, count, momentum=0.75), [1.5, 1.5])
    np.testing.assert_allclose(ops.moving_average(average, value, count, momentum=0.75, factor=2), [2.25, 1.5])
    first = ops.moving_average(average, value, count, momentum=0.75, debiased=True)
    np.testing.assert_allclose(first, [3, 0], atol=1e-12)
