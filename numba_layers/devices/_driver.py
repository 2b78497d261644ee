"""NVIDIA's driver: found and opened, or why not and what helps."""

import os
from importlib.metadata import PackageNotFoundError, version

from .._version import NUMPY_FOR_CUDA, lacking_for_cuda
from ..errors import DeviceError

EXTRAS = {12: ("cuda12", 525), 13: ("cuda13", 580)}   # major version of CUDA -> our extra, the first driver for it
OLDEST = 7, 5                                         # compute capability that kernels are written for
EMULATED = "run on the emulated GPU, slowly: NUMBA_LAYERS_DEVICE=emulated"
NOT_INITIALIZED, NO_DEVICE, OUT_OF_MEMORY = 3, 100, 2
FAULTS = {700, 702, 710, 714, 715, 716, 717, 718, 719}   # what kernels do wrong: the process can use the GPU no more

_CURES = {
    34: "Python found a stub of the driver. Take its folder out of LD_LIBRARY_PATH.",
    NO_DEVICE: "no NVIDIA GPU is there for this process{hidden}.",
    802: "the GPUs are not ready yet: on machines with NVSwitch the service nvidia-fabricmanager must run.",
    803: "the parts of the NVIDIA driver differ in version, as after an update. Restart the machine.",
    804: "this GPU cannot use the driver's compatibility libraries. Take them out of LD_LIBRARY_PATH.",
    999: "the driver does not say why. After a suspend it helps to restart the machine, or: "
         "modprobe -r nvidia_uvm && modprobe nvidia_uvm.",
}


def opened():
    """The module `cuda.bindings.driver`, ready for use. Raises: DeviceError, with the cause and its cure."""
    lacking = lacking_for_cuda()
    if lacking:
        raise DeviceError(f"GPUs need {lacking}. Install what fits your driver: {installs()}; both take NumPy "
                          f"< {'.'.join(map(str, NUMPY_FOR_CUDA))}. Or {EMULATED} (which needs them, but no GPU).")
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise DeviceError(f"the package cuda-bindings cannot be loaded ({error}). Install it again: "
                          f"{installs()}.") from error
    return started(driver, toolkit())


def started(driver, toolkit):
    """`driver`, once it runs and is new enough for a major version of CUDA. Raises: DeviceError."""
    try:
        (status,) = driver.cuInit(0)
    except RuntimeError as error:   # there is no such library
        raise DeviceError("the NVIDIA driver (libcuda) is not installed here, or not where programs look. Install it "
                          f"from nvidia.com/drivers, in a container: start it with its GPUs; or {EMULATED}.") from error
    if status:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        hidden = "" if hidden is None else f": CUDA_VISIBLE_DEVICES is {hidden!r}"
        cause = _CURES.get(int(status), "").format(hidden=hidden)
        raise DeviceError(f"the GPU cannot be used ({status.name}): {cause or text(driver, status)} Or {EMULATED}.")
    _, found = driver.cuDriverGetVersion()
    if found // 1000 < toolkit:
        extra, first = EXTRAS.get(toolkit, ("the newest extra", "the newest"))
        fitting = EXTRAS.get(found // 1000)
        cure = f"or the package for it: pip install numba_layers[{fitting[0]}]" if fitting else f"or {EMULATED}"
        raise DeviceError(f"the driver knows CUDA {spelled(found)}, the installed packages ({extra}) are for CUDA "
                          f"{toolkit}. Install driver {first} or newer, {cure}.")
    return driver


def check_capability(name, capability):
    """Raises: DeviceError for a GPU older than kernels are written for."""
    if capability < OLDEST:
        raise DeviceError(f"{name} has compute capability {capability[0]}.{capability[1]}, kernels need "
                          f"{OLDEST[0]}.{OLDEST[1]} (2018's GPUs and newer). Choose another GPU with "
                          "CUDA_VISIBLE_DEVICES, or the CPU: NUMBA_LAYERS_DEVICE=cpu.")


def toolkit():
    """The major version of CUDA that the installed packages are for."""
    try:
        return int(version("cuda-bindings").split(".")[0])
    except PackageNotFoundError:
        return max(EXTRAS)


def installs():
    """How to install what fits each driver."""
    return " or ".join(f"pip install numba_layers[{extra}] (driver {first} or newer)"
                       for extra, first in EXTRAS.values())


def spelled(version):
    """'12.4' of 12040."""
    return f"{version // 1000}.{version % 1000 // 10}"


def text(driver, status):
    """The driver's words for one of its errors."""
    failed, words = driver.cuGetErrorString(status)
    return status.name if failed else f"{words.decode()}."
