"""No GPU, no driver, no package: what is said, and what helps."""

import configparser
import sys
from pathlib import Path

import pytest

from numba_layers import _version, devices
from numba_layers.devices import _driver
from numba_layers.devices.gpu import Gpu
from numba_layers.errors import DeviceError
from tests.devices.fake_driver import CUresult, FakeDriver


def refused(driver, toolkit=12):
    """What `started` says of a driver that cannot be used."""
    with pytest.raises(DeviceError) as error:
        _driver.started(driver, toolkit)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba_cuda", None)
    monkeypatch.delitem(devices._opened, "cuda", raising=False)
    with pytest.raises(DeviceError) as error, devices.device("cuda"):
        pass
    for words in ("numba-cuda", "pip install numba_layers[cuda12] (driver 525 or newer)",
                  "pip install numba_layers[cuda13] (driver 580 or newer)", "NUMBA_LAYERS_DEVICE=emulated"):
        assert words in str(error.value)


def test_with_a_numpy_that_numba_cuda_does_not_take(monkeypatch):
    monkeypatch.setattr(_version, "find_spec", lambda name: name)
    monkeypatch.setattr("numpy.__version__", "2.10.0rc1")
    with pytest.raises(DeviceError, match=r"need NumPy older than 2.5 \(here is 2.10.0rc1\).* numba_layers\[cuda12\]"):
        _driver.opened()
    monkeypatch.setattr("numpy.__version__", "2.4.6")
    assert _version.lacking_for_cuda() == ""


def test_the_extras_ask_for_a_numpy_that_numba_cuda_takes():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    limit = "numpy<" + ".".join(map(str, _version.NUMPY_FOR_CUDA))
    for packages in setup["options.extras_require"].values():
        assert "numba-cuda" not in packages or limit in packages.split()


def test_without_a_driver():
    class Absent(FakeDriver):
        def cuInit(self, flags):
            raise RuntimeError("libcuda.so.1: cannot open shared object file")

    message = refused(Absent())
    assert "driver (libcuda) is not installed" in message and "NUMBA_LAYERS_DEVICE=emulated" in message


@pytest.mark.parametrize("hidden", [None, "", "7"])
def test_without_a_gpu(monkeypatch, hidden):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    message = refused(FakeDriver(init=CUresult.CUDA_ERROR_NO_DEVICE))
    assert "no NVIDIA GPU is there" in message
    assert (f"CUDA_VISIBLE_DEVICES is {hidden!r}" in message) == (hidden is not None)


def test_other_failures():
    assert "Restart the machine" in refused(FakeDriver(init=CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH))
    assert "cuda_error_invalid_value" in refused(FakeDriver(init=CUresult.CUDA_ERROR_INVALID_VALUE))


@pytest.mark.parametrize("version, toolkit, words", [
    (12040, 13, ["knows CUDA 12.4", "(cuda13) are for CUDA 13", "driver 580 or newer", "numba_layers[cuda12]"]),
    (11080, 12, ["knows CUDA 11.8", "driver 525 or newer", "NUMBA_LAYERS_DEVICE=emulated"])])
def test_drivers_older_than_the_packages(version, toolkit, words):
    message = refused(FakeDriver(version=version), toolkit)
    assert all(part in message for part in words)


@pytest.mark.parametrize("version, toolkit", [(12000, 12), (13010, 12), (13000, 13)])
def test_drivers_that_fit(version, toolkit):
    driver = FakeDriver(version=version)
    assert _driver.started(driver, toolkit) is driver


def test_gpus_that_are_too_old():
    with pytest.raises(DeviceError, match=r"Fake GPU has compute capability 6.1, kernels need 7.5 .*CUDA_VISIBLE"):
        Gpu(FakeDriver(capability=(6, 1)))
    assert Gpu(FakeDriver(capability=(7, 5))).title == "Fake GPU"


def test_the_names_that_are_used_are_in_the_driver():
    """The package's driver has all that the fake one has, with the same numbers."""
    driver = pytest.importorskip("cuda.bindings.driver")
    for name, value in vars(FakeDriver).items():
        if name.startswith("cu"):
            assert callable(getattr(driver, name))
        elif name.startswith("CUDA_"):
            made, fields = getattr(driver, name)(), [field for field in vars(value) if not field.startswith("_")]
            for number, field in enumerate(fields):
                setattr(made, field, number)
            assert [int(getattr(made, field)) for field in fields] == list(range(len(fields)))
        elif name.startswith("CU"):
            for member in value:
                assert int(getattr(getattr(driver, name), member.name)) == member
