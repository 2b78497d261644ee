"""The version, at one place, and those of other packages."""

from importlib.util import find_spec

__version__ = "0.1.0"

NUMPY_FOR_CUDA = 2, 5   # numba-cuda 0.30 takes older ones only: its import needs np.row_stack, which 2.5 removed


def lacking_for_cuda():
    """What is missing here for compiling kernels for GPUs, in words, or ''."""
    if find_spec("numba_cuda") is None:
        return "the package numba-cuda"
    from numpy import __version__ as numpy

    if tuple(map(int, numpy.split(".")[:2])) >= NUMPY_FOR_CUDA:
        return f"NumPy older than {'.'.join(map(str, NUMPY_FOR_CUDA))} (here is {numpy}), which numba-cuda asks for"
    return ""


def installed(packages):
    """(name, version) of those of the packages that are installed."""
    from importlib import metadata  # which takes a while to load

    found = []
    for package in packages:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            pass
    return found
