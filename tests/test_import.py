"""Importing is quick: subpackages come when they are used, kernels and files' readers last of all."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import numba_layers
from numba_layers import devices


def loaded_by(statement):
    """Names of the modules that a fresh process holds after a statement."""
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", script], text=True).splitlines()[-1].split())


def test_package_alone():
    loaded = loaded_by("import numba_layers")
    assert {name for name in loaded if name.startswith("numba_layers.")} == {
        f"numba_layers.{name}" for name in ("_version", "absent", "errors")}
    assert loaded.isdisjoint({"numpy", "numba", "llvmlite", "h5py", "tqdm"})


@pytest.mark.parametrize("statement", [
    "from numba_layers.layers import Dense", "from numba_layers.models import Sequential",
    "from numba_layers import backend as K", "import numba_layers.callbacks, numba_layers.datasets",
    "from numba_layers import compat; compat.install(); from keras.layers import Dense"])
def test_folders_without_kernels(statement):
    loaded = loaded_by(statement)
    assert "numpy" in loaded
    assert loaded.isdisjoint({"numba", "llvmlite", "scipy", "h5py", "tqdm", "matplotlib"})


def test_first_kernel_loads_its_target():
    loaded = loaded_by("from numba_layers import ops; ops.relu([1.0])")
    assert {"numba", "numba_layers.kernels.cpu"} <= loaded
    assert "numba_layers.kernels.cuda" not in loaded


@pytest.mark.parametrize("name", [name for name in numba_layers.__all__ if name != "__version__"])
def test_every_name_is_there(name):
    assert getattr(numba_layers, name) is not None


def test_unknown_name():
    with pytest.raises(AttributeError, match="'numba_layers' has no attribute 'Sequentail'"):
        numba_layers.Sequentail  # noqa: B018


def test_device_is_the_context_manager_though_its_module_is_loaded():
    with numba_layers.device("cpu"):
        assert numba_layers.devices.target() == "cpu"


@pytest.mark.parametrize("name, cure", [("cup", "Did you mean 'cpu'"), ("gpu", "cpu")])
def test_unknown_device(name, cure):
    with pytest.raises(numba_layers.errors.DeviceError, match=cure), numba_layers.device(name):
        pass
    with pytest.raises(numba_layers.errors.DeviceError, match=cure):
        numba_layers.set_device(name)
    finished = subprocess.run([sys.executable, "-c", "from numba_layers import ops"], capture_output=True,
                              text=True, env={**os.environ, "NUMBA_LAYERS_DEVICE": name})
    assert finished.returncode and "NUMBA_LAYERS_DEVICE" in finished.stderr and cure in finished.stderr


def test_devices_of_threads():
    """`device` holds in its thread until its block ends, `set_device` in this one and in those to come."""
    def elsewhere():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: devices.current().name).result()

    with pytest.raises(ZeroDivisionError), devices.device("emulated"):
        assert (devices.current().name, devices.target(), elsewhere()) == ("emulated", "cuda", "cpu")
        raise ZeroDivisionError
    assert devices.target() == "cpu"
    devices.set_device("emulated")
    try:
        assert (devices.current().name, elsewhere()) == ("emulated", "emulated")
    finally:
        devices.set_device("cpu")
