"""What a user wants to know of GPUs before asking for help: packages, driver, devices, and whether kernels run."""

from pathlib import Path

import numpy as np

from .. import registry
from .._version import installed
from ..errors import DeviceError
from . import _driver, current, device
from .gpu import describe

PACKAGES = ("numba-cuda", "cuda-bindings", "cuda-core", "cuda-toolkit", "nvidia-nvjitlink-cu12", "nvidia-nvjitlink")
KERNEL_MODULE = Path("/proc/driver/nvidia/version")


def lines():
    """Lines of text; what fails is a line with its cure."""
    found = _installed()
    yield f"GPU packages: {', '.join(found) or 'none'}"
    try:
        driver = _driver.opened()
    except DeviceError as error:
        number = _driver_version()
        if number:
            yield f"GPU driver: {number}; fits {_fitting(int(number.split('.')[0]), 1)}"
        yield f"GPU: {error}"
    else:
        yield from _devices(driver)
        yield _checked("cuda")
    if found:
        yield _checked("emulated")


def _installed():
    """Names and versions of the packages that matter."""
    return [f"{package} {version}" for package, version in installed(PACKAGES)]


def _devices(driver):
    """The driver, what fits it, and each GPU; the first one computes."""
    _, known = driver.cuDriverGetVersion()
    number = _driver_version()
    yield (f"GPU driver: {number + ', ' if number else ''}CUDA {_driver.spelled(known)} and older; "
           f"fits {_fitting(known // 1000, 0)}")
    _, count = driver.cuDeviceGetCount()
    for ordinal in range(count):
        _, handle = driver.cuDeviceGet(ordinal)
        name, (major, minor) = describe(driver, handle)
        _, total = driver.cuDeviceTotalMem(handle)
        yield f"GPU {ordinal}: {name}, compute capability {major}.{minor}, {total / 1e9:.1f} GB"


def _fitting(number, place):
    """The extras for a driver, told by the version of CUDA (place 0) or its own (1)."""
    extras = [extra for major, (extra, first) in _driver.EXTRAS.items() if (major, first)[place] <= number]
    return " or ".join(f"numba_layers[{extra}]" for extra in extras) or "nothing: it is too old"


def _driver_version():
    """The driver's own version, where the system tells it, or ''."""
    try:
        words = KERNEL_MODULE.read_text().split()
    except OSError:
        return ""
    return next((word for word in words if word.replace(".", "").isdigit()), "")


def _checked(name):
    """Run one kernel on a device and look at its result."""
    x = np.arange(1000, dtype=np.float32)
    try:
        with device(name):
            y = current().empty(x.shape, np.float64)
            registry.kernel("cast", "cuda")(current().put(x), y)
            right = np.array_equal(y.numpy(), x)
    except Exception as error:   # whatever it is, the command goes on and says it
        kind = "" if isinstance(error, DeviceError) else f"{type(error).__name__}: "
        return f"kernels on {name}: {kind}{' '.join(str(error).split())}"
    return f"kernels on {name}: " + ("right" if right else "WRONG: the kernel 'cast' does not give its input back")
