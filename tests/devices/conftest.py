import pytest

from numba_layers import devices, registry
from numba_layers.devices.gpu import Gpu
from numba_layers.errors import DeviceError
from tests.devices import fake_driver
from tests.devices.fake_driver import CUstream_flags, FakeDriver

KINDS = {"fake": (), "fake, copies at once": (CUstream_flags.CU_STREAM_NON_BLOCKING,),
         "fake, kernels at once": (CUstream_flags.CU_STREAM_DEFAULT,)}


@pytest.fixture(params=[*KINDS, pytest.param("real", marks=pytest.mark.cuda)])
def gpu(request, monkeypatch):
    """A GPU as the current device: fakes, whose streams run early or late, and the real one where there is one."""
    if request.param == "real":
        try:
            found = devices._open("cuda")
        except DeviceError as error:
            pytest.skip(str(error))
    else:
        found = Gpu(FakeDriver(eager=KINDS[request.param]))
    monkeypatch.setitem(devices._opened, "cuda", found)
    with devices.device("cuda"):
        yield found


@pytest.fixture
def fake(monkeypatch):
    """A fake GPU as the current device."""
    found = Gpu(FakeDriver())
    monkeypatch.setitem(devices._opened, "cuda", found)
    with devices.device("cuda"):
        yield found


@pytest.fixture
def kernels_for(monkeypatch):
    """A function that has the package's kernels compiled for a GPU, faked or real."""
    pytest.importorskip("numba_cuda")
    from numba_layers.kernels.cuda.toolchain.target import CudaKernel

    def ready(gpu):
        if type(gpu.driver) is FakeDriver:
            monkeypatch.setattr(CudaKernel, "cubin", fake_driver.code)
        for kernel in registry.kernels("cuda").values():
            for variant in kernel.variants.values():
                monkeypatch.setattr(variant, "_ready", {})

    return ready
