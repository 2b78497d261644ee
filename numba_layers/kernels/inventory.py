"""What a folder of compiled kernels holds: for which levels, and what of it this version of the package can use."""

from collections import namedtuple
from contextlib import suppress

from .. import registry
from .._version import installed, lacking_for_cuda
from . import level, store
from .cache import versions

# A file: its path, what it says of itself, its size in bytes, and whether it can be used here.
Entry = namedtuple("Entry", "file about size usable")


def entries(directory):
    """The kernels in a folder, as `Entry`s."""
    found = []
    for file in store.files(directory):
        with suppress(OSError):     # another process may delete it just now
            found.append((file, store.read_about(file), file.stat().st_size))
    targets = {about.get("target") for _, about, _ in found}
    sources = {target: _sources(target) for target in registry.TARGETS if target in targets}
    return [Entry(file, about, size, of_this_version(about) and _of_these_sources(about, sources))
            for file, about, size in found]


def title(about):
    """Words for what a kernel runs on: 'x86-64-v3', 'sm_90a'."""
    name = str(about.get("level", "unknown"))
    return name if about.get("target") == "cuda" or name == "unknown" else level.title(name, about.get("cpu"))


def of_this_version(about):
    """Whether a kernel was compiled with the Python, Numba and LLVM of this process, and packages like theirs."""
    said = about.get("versions")
    if not isinstance(said, dict):
        return False
    ours = versions()
    return said == ours | dict(installed(sorted(said.keys() - ours.keys())))


def _of_these_sources(about, sources):
    """Whether a kernel is what its source says today; of a kernel that is not this package's nobody knows."""
    of_one = sources.get(about.get("target"), {}).get(about.get("kernel"))
    return of_one is None or about.get("made_of") in of_one


def _sources(target):
    """Name of a kernel -> digests of what it is made of today."""
    if target == "cuda" and lacking_for_cuda():
        return {}
    return {name: kernel.made_of() for name, kernel in registry.kernels(target).items()}
