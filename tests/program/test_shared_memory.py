"""Images and targets that lie in one memory, as those of an autoencoder."""

import numpy as np
import pytest

from numba_layers import config
from numba_layers.layers import Dense, Reshape
from numba_layers.models import Sequential
from numba_layers.models.many import _distinct


@pytest.fixture
def x():
    return np.random.default_rng(0).random((20, 6), np.float32)


def test_equal_slices_are_taken_once_and_not_copied(x):
    found, places = _distinct([x[:8], x[:8], None])
    assert places == [0, 0, None] and len(found) == 1 and np.shares_memory(found[0], x)


def test_slices_that_overlap_are_copied(x):
    found, places = _distinct([x[:8], x[4:12]])
    assert places == [0, 1] and not np.shares_memory(*found) and np.array_equal(found[1], x[4:12])


def test_an_autoencoder_learns_the_same_op_by_op(x, replays):
    learnt = []
    for programs in (True, False):
        config.set_programs(programs)
        model = Sequential([Dense(6, input_shape=(6,), kernel_initializer="identity")])
        model.compile("sgd", "mse")
        model.fit(x[:16], x[:16], batch_size=4, epochs=4, shuffle=False, verbose=0)
        model.fit(x[:16], x[2:18], batch_size=4, epochs=4, shuffle=False, verbose=0)
        learnt.append(model.get_weights())
        config.set_programs(True)
    assert replays
    for one, other in zip(*learnt):
        assert np.array_equal(one, other)


def test_an_output_that_is_a_view_of_a_slice(x, replays):
    model = Sequential([Reshape((3, 2), input_shape=(6,))])
    for start in (0, 4, 8, 12):
        np.testing.assert_array_equal(model.predict_on_batch(x[start:start + 4]).reshape(4, 6), x[start:start + 4])
    assert replays
