import numpy as np
import pytest

from numba_layers import config, devices, ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, ShapeError
from numba_layers.random import Stream
from tests.reference import random as reference

pytestmark = pytest.mark.usefixtures("device")

KEY = np.array([3, 1, 4], np.uint64)
DRAWS = [ops.random_uniform, ops.random_normal, ops.random_truncated_normal, ops.random_binomial]


def test_dropout(dtype, random):
    x = random.standard_normal((5, 7)).astype(dtype)
    y = ops.dropout(Tensor(x), rate=0.3, key=KEY)
    np.testing.assert_allclose(y, reference.dropout(x, 0.3, KEY), rtol=1e-6)


def test_same_mask_forward_and_backward():
    x = Tensor(np.ones((9, 11), "float32"))
    with Tape() as outer:
        with Tape() as tape:
            y = ops.dropout(x, rate=0.5, key=KEY)
        weight = Tensor(np.full((9, 11), 3, "float32"))
        grad = tape.gradient(y, x, output_gradient=weight)
    np.testing.assert_array_equal(grad, 3 * y.numpy())
    np.testing.assert_array_equal(outer.gradient(grad, weight), y)


@pytest.mark.parametrize("noise_shape", [None, (4, 1, 3), (None, 1, None), (1, 1, 1), (1, 5, 1)])
def test_noise_shape(noise_shape, random):
    x = random.uniform(1, 2, (4, 5, 3))
    assert gradcheck(lambda x: ops.dropout(x, rate=0.4, key=KEY, noise_shape=noise_shape), [x])
    shape = [size or have for size, have in zip(noise_shape or (None,) * 3, x.shape)]
    wanted = x * reference.dropout(np.ones(shape), 0.4, KEY)
    np.testing.assert_allclose(ops.dropout(x, rate=0.4, key=KEY, noise_shape=noise_shape), wanted)
    symbolic = placeholder((None, 5, 3), "float64")
    y = ops.dropout(symbolic, rate=0.4, key=KEY, noise_shape=noise_shape)
    assert y.shape == (None, 5, 3)
    np.testing.assert_allclose(evaluate(y, {symbolic: x}), wanted)


@pytest.mark.parametrize("noise_shape", [None, (4, 1, 3), (None, 1, None), (1, 5, 1)])
def test_alpha_dropout(noise_shape, random):
    x = random.standard_normal((4, 5, 3))
    shape = [size or have for size, have in zip(noise_shape or (None,) * 3, x.shape)]
    zero, one = (reference.alpha_dropout(np.full(shape, value), 0.4, KEY) for value in (0.0, 1.0))
    options = {"rate": 0.4, "key": KEY, "noise_shape": noise_shape}
    np.testing.assert_allclose(ops.alpha_dropout(x, **options), zero + (one - zero) * x, rtol=1e-12)
    assert gradcheck(lambda x: ops.alpha_dropout(x, **options), [x])
    symbolic = placeholder((None, 5, 3), "float64")
    y = ops.alpha_dropout(symbolic, **options)
    assert y.shape == (None, 5, 3)
    np.testing.assert_array_equal(evaluate(y, {symbolic: x}), ops.alpha_dropout(x, **options))


def test_alpha_dropout_keeps_mean_and_variance():
    x = ops.random_normal(shape=(40_000,), key=KEY, dtype="float64")
    y = ops.alpha_dropout(x, rate=0.3, key=np.array([5, 5, 5], np.uint64)).numpy()
    np.testing.assert_allclose([y.mean(), y.std()], [0, 1], atol=0.03)


@pytest.mark.parametrize("name, options", [("gaussian_noise", {"stddev": 0.5}), ("gaussian_dropout", {"rate": 0.2})])
def test_gaussian(name, options, random):
    x = random.standard_normal((4, 5))
    noise = reference.normal(KEY, 20).reshape(4, 5)
    wanted = x + 0.5 * noise if name == "gaussian_noise" else x * (1 + 0.5 * noise)     # 0.5² = 0.2 / (1 - 0.2)
    noisy = getattr(ops, name)
    np.testing.assert_allclose(noisy(x, key=KEY, **options), wanted, atol=1e-5)
    assert gradcheck(lambda x: noisy(x, key=KEY, **options), [x])
    symbolic = placeholder((None, 5), "float64")
    y = noisy(symbolic, key=KEY, **options)
    assert y.shape == (None, 5)
    np.testing.assert_array_equal(evaluate(y, {symbolic: x}), noisy(x, key=KEY, **options))


@pytest.mark.parametrize("noisy", [ops.dropout, ops.gaussian_dropout, ops.alpha_dropout])
def test_second_order(noisy, random):
    def slope(x):
        with Tape() as tape:
            y = ops.square(noisy(x, rate=0.4, key=KEY))
        return tape.gradient(y, x) * x

    assert gradcheck(slope, [random.uniform(1, 2, (3, 5))])


@pytest.mark.parametrize("noisy", [ops.dropout, ops.alpha_dropout])
def test_rate_zero_changes_nothing(noisy):
    x = Tensor(np.array([1, np.nan, np.inf]))
    with Tape() as tape:
        y = noisy(x, rate=0, key=KEY)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(tape.gradient(y, x), [1, 1, 1])


@pytest.mark.parametrize("draw", DRAWS)
def test_draws(draw, dtype):
    x = draw(shape=(3, 5), key=KEY, dtype=dtype)
    assert x.shape == (3, 5) and x.dtype == dtype
    np.testing.assert_array_equal(x, draw(shape=[15], key=KEY, dtype=dtype).data.reshape(3, 5))
    assert draw(shape=(2,), key=KEY).dtype == config.floatx()


def test_parameters_of_draws():
    shape = (20_000,)
    for x, mean, std in [(ops.random_uniform(shape=shape, key=KEY, low=-1, high=3), 1, 4 / 12**0.5),
                         (ops.random_normal(shape=shape, key=KEY, mean=5, stddev=2), 5, 2),
                         (ops.random_truncated_normal(shape=shape, key=KEY, mean=5, stddev=2), 5, 2 * 0.8796),
                         (ops.random_binomial(shape=shape, key=KEY, p=0.2), 0.2, 0.4)]:
        np.testing.assert_allclose([x.numpy().mean(), x.numpy().std()], [mean, std], atol=0.05)


def test_streams(device):
    stream = Stream(5, stream=2)
    keys = [stream.next_key() for _ in range(3)]
    np.testing.assert_array_equal([np.array(key) for key in keys], [[5, 2, 0], [5, 2, 1], [5, 2, 2]])
    assert keys[0].dtype == np.uint64 and isinstance(keys[0], devices.current().array) and stream.state == (5, 2, 3)
    other = Stream(9)
    other.next_key()
    other.state = stream.state
    with devices.device("cpu"):
        np.testing.assert_array_equal(other.next_key(), np.array(stream.next_key()))
    assert Stream(-1).state == (2**64 - 1, 0, 0)
    assert repr(other) == "Stream(seed=5, stream=2, step=4)"


def test_streams_without_seed_follow_numpy():
    np.random.seed(1337)
    first = [Stream().state, Stream().state]
    np.random.seed(1337)
    assert [Stream().state, Stream().state] == first
    assert first[0] != first[1]


@pytest.mark.parametrize("options, error, message", [
    ({"rate": 1}, ArgumentError, r"rate must be in \[0, 1\), got 1"),
    ({"rate": -0.1}, ArgumentError, "got -0.1"),
    ({"rate": float("nan")}, ArgumentError, "got nan"),
    ({"rate": 0.5, "noise_shape": (2,)}, ShapeError, "expected 2 sizes"),
    ({"rate": 0.5, "noise_shape": (2, 2)}, ShapeError, "expected x's size, 1 or None"),
])
@pytest.mark.parametrize("noisy", [ops.dropout, ops.alpha_dropout])
def test_errors(noisy, options, error, message):
    with pytest.raises(error, match=f"^{noisy.__name__}: .*{message}"):
        noisy(np.ones((2, 3)), key=KEY, **options)


def test_rate_of_gaussian_dropout():
    with pytest.raises(ArgumentError, match=r"gaussian_dropout: rate must be in \[0, 1\), got 1"):
        ops.gaussian_dropout(np.ones(3), key=KEY, rate=1)
