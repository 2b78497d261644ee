import os

os.environ["KERAS_HOME"] = os.path.join(os.path.dirname(__file__), "nowhere")   # not this machine's keras.json

import numpy as np
import pytest

from numba_layers import config, devices


@pytest.fixture(params=os.environ.get("TEST_DEVICES", "cpu").split(","))
def device(request):
    """The device on which a test's ops run."""
    with devices.device(request.param):
        yield request.param


@pytest.fixture
def random():
    """Random numbers, the same for each test."""
    return np.random.RandomState(7)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def float64():
    """Inside the test, numbers become float64 tensors."""
    before = config.floatx()
    config.set_floatx("float64")
    yield
    config.set_floatx(before)
