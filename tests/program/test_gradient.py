"""The gradient of a model as a function: compared with differences, and asked for more than once."""

import numba
import numpy as np
import pytest

from numba_layers.layers import Dense
from numba_layers.models import Sequential


@pytest.mark.skipif(numba.config.DISABLE_JIT or numba.config.BOUNDSCHECK, reason="no machine code is called")
def test_the_gradient_is_that_of_differences(float64, random):
    model = Sequential([Dense(5, activation="tanh", input_dim=3), Dense(2)])
    f, x, seed = model.as_function(batch_size=4), random.standard_normal((4, 3)), random.standard_normal((4, 2))
    direction, tiny = random.standard_normal((4, 3)), 1e-6
    change = np.sum((f(x + tiny * direction) - f(x - tiny * direction)) / (2 * tiny) * seed)
    assert np.isclose(np.sum(f.gradient(x, seed) * direction), change, rtol=1e-6)
    assert f.gradient is f.gradient
