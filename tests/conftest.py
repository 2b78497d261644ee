import os
import sys

os.environ["KERAS_HOME"] = os.path.join(os.path.dirname(__file__), "nowhere")   # not this machine's keras.json
os.environ["NUMBA_NUM_THREADS"] = os.environ.get("NUMBA_NUM_THREADS") or str(max(os.cpu_count(), 5))

import numba
import numpy as np
import pytest

from numba_layers import config, devices
from numba_layers._version import lacking_for_cuda
from numba_layers.errors import DeviceError
from tests import proving

PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
COMPILES = not lacking_for_cuda()
if not COMPILES:
    sys.modules["numba_cuda"] = None   # as if it were not there, where it takes no NumPy as new as this one
DEVICES = os.environ.get("TEST_DEVICES") or ("cpu,emulated" if COMPILES else "cpu")


@pytest.fixture(params=[*DEVICES.split(","), pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request):
    """The device on which a test's ops run: each of TEST_DEVICES, and with `pytest -m cuda` the GPU."""
    try:
        devices.set_device(request.param)
    except DeviceError as error:
        pytest.skip(str(error))
    yield request.param
    devices.set_device("cpu")


@pytest.fixture(scope="session", autouse=True)
def a_thread_for_each_processor():
    """There are five threads at least, for the tests that want so many."""
    if not numba.config.DISABLE_JIT:
        numba.set_num_threads(min(PROCESSORS, numba.config.NUMBA_NUM_THREADS))


@pytest.fixture(scope="session", autouse=True)
def replays_prove_themselves():
    proving.prove()


@pytest.fixture
def unproven():
    """The test measures: replays do nothing else."""
    proving.prove(0)
    yield
    proving.prove()


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
