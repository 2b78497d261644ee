"""The resource usage of each kernel: registers, shared memory, stack and spills. Found without a GPU."""

import ast
import functools
import re
from collections import namedtuple

from .... import registry
from ...recorded import signature_of
from ...signatures import SIGNATURES
from . import compile
from .ptx import compile_for

# architecture -> the one whose PTX is assembled for it: within a generation the PTX is the same
ARCHITECTURES = {"sm_75": "sm_75", "sm_80": "sm_80", "sm_86": "sm_80", "sm_89": "sm_80", "sm_90a": "sm_90a",
                 "sm_100": "sm_100", "sm_120": "sm_100"}


class Usage(namedtuple("Usage", "registers shared stack spilled doubles")):
    """Of a thread: registers, bytes of stack and spilled; bytes of a block's shared memory; float64 instructions."""

    __slots__ = ()

    def __str__(self):
        """'40+2048': registers and shared memory; behind them what should be none."""
        bad = (f"/{name}{count}" for name, count in zip(self._fields[2:], self[2:]) if count)
        return f"{self.registers}{f'+{self.shared}' if self.shared else ''}{''.join(bad)}"


def capability(architecture):
    """(9, 0, "a") of 'sm_90a'."""
    major, minor, variant = re.fullmatch(r"sm_(\d+)(\d)(a?)", architecture).groups()
    return int(major), int(minor), *variant


def kernels(names=None):
    """(name, kernel, signature) of every form of every CUDA kernel, or of those in `names`."""
    for name, kernel in sorted(registry.kernels("cuda").items()):
        if name in SIGNATURES and (names is None or name in names):
            for key, variant in kernel.variants.items():
                yield name if key == name else f"{name}[{key}]", variant, signature_of(SIGNATURES[name])


def usage(kernel, signature, architectures=ARCHITECTURES):
    """`Usage` of a kernel for a tuple of Numba's types on each architecture, from the cache if they are there.

    None for an architecture that lacks the kernel's instructions.
    """
    library = functools.cache(lambda: compile_for(kernel.function, signature, max(kernel.least, (8, 0)),
                                                  **compile.OPTIONS | kernel.options))

    def measured(architecture):
        text = library()(capability(ARCHITECTURES[architecture]))
        return repr(tuple(_measured(text, capability(architecture)))).encode()

    def kept(architecture):
        content = compile._kept(kernel, signature, capability(architecture), "resources",
                                 lambda: measured(architecture))
        return Usage(*ast.literal_eval(content.decode()))

    return [kept(architecture) if capability(architecture) >= kernel.least else None for architecture in architectures]


def _measured(text, wanted):
    """The Usage of a PTX text for a compute capability."""
    log = compile.link(text, wanted).log

    def number(pattern):
        return max(map(int, re.findall(pattern, log)), default=0)

    doubles = re.findall(r"^\s*(?:@!?%\w+\s+)?[a-z][\w.]*\.f64\b", text, re.M)
    return Usage(number(r"[Uu]sed (\d+) registers"), number(r"(\d+) bytes smem"), number(r"(\d+) bytes stack"),
                   number(r"(\d+) bytes spill"), len(doubles))
