import pytest

from numba_layers import devices
from numba_layers.devices.gpu import Gpu
from numba_layers.errors import DeviceError
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
