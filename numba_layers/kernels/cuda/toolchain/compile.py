"""PTX and machine code of the CUDA kernels, made without a GPU and kept in the cache folder."""

import contextlib
import functools
import re
from types import SimpleNamespace

from .... import config
from ...._version import installed
from ... import store
from ...cache import digest, identity, surroundings, versions
from .ptx import compile_ptx

OPTIONS = {"lineinfo": True}


def ptx(kernel, signature, capability):
    """PTX of `kernel` for a tuple of Numba's types and a compute capability, such as (9, 0, "a")."""
    def make():
        return compile_ptx(kernel.function, signature, capability, **OPTIONS | kernel.options).encode()
    return _kept(kernel, signature, capability, "ptx", make).decode()


def cubin(kernel, signature, capability):
    """(entry, machine code) of `kernel` for one compute capability; the entry is the kernel's name in it."""
    def make():
        text = ptx(kernel, signature, capability)
        return entry(text) + b"\0" + link(text, capability).code
    name, _, code = _kept(kernel, signature, capability, "code", make).partition(b"\0")
    return name, code


def written(kernel, signature, capability, addresses):
    """Those of `addresses`, numbers of parameters in its PTX, at which `kernel` may write."""
    from ....emulator import written as places  # of the emulator, what reads PTX; kernels are compiled without it

    def make():
        return " ".join(map(str, sorted(places.written(ptx(kernel, signature, capability), addresses)))).encode()
    return {int(number) for number in _kept(kernel, signature, capability, f"written {places.RULES}", make).split()}


def entry(text):
    """The name of the one kernel in a PTX text, as bytes."""
    return re.search(r"\.entry\s+([\w$]+)", text)[1].encode()


def link(text, capability):
    """(code, log) of PTX linked for a compute capability; the log tells registers, shared memory and spills."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    options = LinkerOptions(arch=architecture(capability), verbose=True)
    linker = Linker(ObjectCode.from_ptx(text.encode()), options=options)
    return SimpleNamespace(code=bytes(linker.link("cubin").code), log=linker.get_info_log())


def architecture(capability):
    """'sm_90a' of (9, 0, "a")."""
    return "sm_" + "".join(map(str, capability))


def identity_of(kernel):
    """What makes a kernel; see `cache.identity`."""
    return identity(kernel.name, kernel.function, OPTIONS | kernel.options)


def _kept(kernel, signature, capability, kind, make):
    """What `make` makes, from the cache folder if an equal kernel left it there."""
    directory = config.cache_directory()
    made_of = identity_of(kernel)
    if directory is None or made_of is None:
        return make()
    key = digest(made_of, str(signature), capability, kind, surroundings("cuda"), _versions())
    file = directory / store.name_of(kernel.name, key)
    content = store.load(file)
    if content is None:
        content = make()
        about = {"kernel": kernel.name, "signature": str(signature), "target": "cuda", "kind": kind,
                 "level": architecture(capability), "made_of": digest(made_of),
                 "versions": versions() | dict(_versions())}
        with contextlib.suppress(OSError):   # a folder that cannot be written means no cache
            store.save(file, content, about)
    return content


@functools.cache
def _versions():
    """Versions of what compiles."""
    return installed(("numba-cuda", "cuda-core", "nvidia-cuda-nvcc-cu12", "nvidia-cuda-nvcc", "nvidia-nvjitlink-cu12",
                      "nvidia-nvjitlink"))
