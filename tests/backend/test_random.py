"""Random tensors: their distributions, new numbers for each run, the same ones for the same seed."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers.autograd.context import evaluation

DRAWS = {
    "uniform": lambda **options: K.random_uniform((200, 100), -1, 3, **options),
    "normal": lambda **options: K.random_normal((200, 100), 1, 2, **options),
    "truncated": lambda **options: K.truncated_normal((200, 100), 1, 2, **options),
    "binomial": lambda **options: K.random_binomial((200, 100), p=0.25, **options),
}


@pytest.mark.parametrize("kind, mean, deviation, low, high", [
    ("uniform", 1, 4 / np.sqrt(12), -1, 3), ("normal", 1, 2, -20, 20),
    ("truncated", 1, 2 * 0.8796, -3, 5), ("binomial", 0.25, np.sqrt(0.1875), 0, 1)])
def test_distributions(kind, mean, deviation, low, high):
    x = K.eval(DRAWS[kind](seed=4))
    assert x.dtype == np.float32 and x.shape == (200, 100)
    assert low <= x.min() and x.max() <= high
    assert abs(x.mean() - mean) < 0.05 and abs(x.std() - deviation) < 0.05


@pytest.mark.parametrize("kind", DRAWS)
def test_each_run_draws_anew_and_a_seed_repeats(kind):
    f = K.function([], [DRAWS[kind](seed=4)])
    first, second = f([])[0], f([])[0]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(K.eval(DRAWS[kind](seed=4)), first)
    assert not np.array_equal(K.eval(DRAWS[kind]()), K.eval(DRAWS[kind]()))


def test_draws_at_once_go_on_and_begin_again_with_the_session():
    with evaluation():
        first, second = (K.random_normal((5,), seed=9).data for _ in range(2))
        K.clear_session()
        again = K.random_normal((5,), seed=9).data
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, again)


def test_keras_1_names():
    x = K.eval(K.random_uniform((1000,), low=2, high=3))
    assert 2 <= x.min() and x.max() < 3
    assert K.eval(K.random_normal((1000,), std=0.01)).std() < 0.02


def test_dropout_keeps_the_mean_and_repeats_its_mask():
    ones = np.ones((50, 40, 10), "float32")
    x = K.placeholder((None, 40, 10))
    dropped, = K.function([x], [K.dropout(x, 0.25, seed=1)])([ones])
    np.testing.assert_allclose(np.unique(dropped), [0, 1 / 0.75], rtol=1e-6)
    assert abs(dropped.mean() - 1) < 0.02
    rows, = K.function([x], [K.dropout(x, 0.5, noise_shape=(None, 1, 10))])([ones])
    assert (rows == rows[:, :1]).all() and 0.5 < rows.mean() < 1.5
    assert K.int_shape(K.dropout(x, 0.5)) == (None, 40, 10)
