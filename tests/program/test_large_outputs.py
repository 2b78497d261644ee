"""Large outputs begin with a line of the cache: unused bytes lie around them, which no program computes."""

import warnings

import numpy as np

from numba_layers.devices.host import LARGE
from numba_layers.layers import Activation
from numba_layers.models import Sequential


def test_a_large_output_is_replayed(device):
    model = Sequential([Activation("relu", input_shape=(LARGE // 4,))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(4):
            x = np.random.default_rng(seed).standard_normal((1, LARGE // 4), np.float32)
            assert np.array_equal(model.predict(x), np.maximum(x, 0))
    assert model.program("predict").outputs[0].shape == (1, LARGE // 4)
