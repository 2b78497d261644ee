"""What `info` says of GPUs."""

import re
from importlib import metadata

import pytest

from numba_layers import devices, registry
from numba_layers.devices import _driver, report
from numba_layers.devices.gpu import Gpu
from numba_layers.errors import DeviceError
from tests.devices import fake_driver

VERSION = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.124.06  Wed Feb 26 02:05:43 UTC 2025\nGCC version: 12"


@pytest.fixture
def driver(monkeypatch):
    """A fake driver in the place of the real one."""
    found = fake_driver.FakeDriver(version=12080)
    monkeypatch.setattr(_driver, "opened", lambda: found)
    monkeypatch.setitem(devices._opened, "cuda", Gpu(found))
    monkeypatch.setattr(report, "KERNEL_MODULE", report.Path("nowhere"))
    return found


@pytest.fixture
def checks(monkeypatch):
    """Devices on which a kernel was tried; each is right."""
    found = []
    monkeypatch.setattr(report, "_checked", lambda name: found.append(name) or f"kernels on {name}: right")
    return found


def test_a_gpu(driver, checks, monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda package: "1.2")
    packages, known, gpu, *kernels = report.lines()
    assert packages.startswith("GPU packages: numba-cuda 1.2, cuda-bindings 1.2, ")
    assert known == "GPU driver: CUDA 12.8 and older; fits numba_layers[cuda12]"
    assert gpu == "GPU 0: Fake GPU, compute capability 8.0, 2.1 GB"
    assert kernels == ["kernels on cuda: right", "kernels on emulated: right"]


@pytest.mark.parametrize("version, fits", [(13010, "numba_layers[cuda12] or numba_layers[cuda13]"),
                                           (11080, "nothing: it is too old")])
def test_extras_that_fit(driver, checks, version, fits, monkeypatch, tmp_path):
    driver._version = version
    (tmp_path / "version").write_text(VERSION)
    monkeypatch.setattr(report, "KERNEL_MODULE", tmp_path / "version")
    known = next(line for line in report.lines() if line.startswith("GPU driver"))
    assert known == f"GPU driver: 570.124.06, CUDA {version // 1000}.{version % 1000 // 10} and older; fits {fits}"


def test_a_driver_without_packages(checks, monkeypatch, tmp_path):
    def absent(package):
        raise metadata.PackageNotFoundError(package)

    def opened():
        raise DeviceError("no package.")

    (tmp_path / "version").write_text(VERSION)
    monkeypatch.setattr(report, "KERNEL_MODULE", tmp_path / "version")
    monkeypatch.setattr(metadata, "version", absent)
    monkeypatch.setattr(_driver, "opened", opened)
    assert list(report.lines()) == ["GPU packages: none", "GPU driver: 570.124.06; fits numba_layers[cuda12]",
                                    "GPU: no package."]
    assert checks == []


def test_a_kernel_is_run(driver, monkeypatch):
    pytest.importorskip("numba_cuda")
    cast = registry.kernel("cast", "cuda")
    monkeypatch.setattr(cast, "_ready", {})
    monkeypatch.setattr(type(cast), "cubin", fake_driver.code)
    assert report._checked("cuda") == "kernels on cuda: right"
    monkeypatch.setattr(cast, "launch", lambda x, y: (1, 32))   # the same launch: bodies stride
    assert report._checked("cuda") == "kernels on cuda: right"
    assert report._checked("emulated") == "kernels on emulated: right"
    monkeypatch.setattr(report.np, "array_equal", lambda *_: False)
    assert "WRONG" in report._checked("emulated")


@pytest.mark.parametrize("error, words", [(DeviceError("too\n  old"), "too old"), (KeyError("x"), "KeyError: 'x'")])
def test_failures_are_lines(driver, monkeypatch, error, words):
    def kernel(name, target):
        raise error

    monkeypatch.setattr(registry, "kernel", kernel)
    assert re.fullmatch(re.escape(f"kernels on cuda: {words}"), report._checked("cuda"))
