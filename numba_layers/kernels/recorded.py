"""Types of kernels' arguments as text, and with which each kernel is compiled ahead (`signatures.py`)."""

import re

from numba import types

from .signatures import SIGNATURES


def text_of(signature):
    """Types of arguments as `signatures` has them: 'float32[4] int64*3 int64'."""
    return " ".join(f"{entry.dtype}[{entry.ndim}]" if isinstance(entry, types.Array)
                    else f"{entry.dtype}*{entry.count}" if isinstance(entry, types.UniTuple)
                    else str(entry) for entry in signature)


def signature_of(text):
    """The types that `text_of` wrote."""
    found = []
    for name, axes, count in re.findall(r"(\w+)(?:\[(\d+)\]|\*(\d+))?", text):
        kind = types.boolean if name == "bool" else getattr(types, name)
        found.append(types.Array(kind, int(axes), "C") if axes else types.UniTuple(kind, int(count)) if count else kind)
    return tuple(found)


def recorded():
    """(kernel's name, types) of every kernel, once."""
    return [(name, signature_of(text)) for name, text in SIGNATURES.items()]
