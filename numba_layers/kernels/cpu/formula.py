"""Kernels of users' formulas on the CPU: `y = f(x, ...)` and `out = grad f(x, ...)` of flat arrays of one size."""

import linecache

import numpy as np
from numba import prange

from ..formulas import write
from ..math import activations, functions, scalar
from ..math.scalar import formula
from . import elementwise
from .compile import CpuKernel
from .micro.widest import widest

_OWN = ("rint", "floor", "ceil", "floor_divide", "mod")
_ELSEWHERE = functions, scalar, activations
WORDS = {name: next(getattr(module, name) for module in _ELSEWHERE if hasattr(module, name))
         for name in write.WORDS - {*_OWN, "fmod", "trunc"}}
WORDS |= {name: getattr(elementwise, name) for name in _OWN}


@formula
def fmod(x, y):
    """The remainder of x / y with x's sign."""
    return type(x)(np.fmod(x, y))


@formula
def trunc(x):
    """x without its fraction."""
    return functions.copysign(elementwise.floor(abs(x)), x)


def made(name, formulas, count, multiplied):
    """A kernel. formulas: (name, text) of functions, the last of which it computes. count: how many arrays that reads.

    multiplied: by a gradient, an array behind those.
    """
    space = {"__name__": __name__, "prange": prange, "widest": widest, **WORDS, "fmod": fmod, "trunc": trunc}
    for called, text in formulas:
        exec(compile(text, f"<formula {called} of {name}>", "exec"), space)
        space[called] = formula(space[called])
    arrays = [f"x_{number}" for number in range(count)] if count > 1 else ["x"]
    value = f"{formulas[-1][0]}({', '.join(f'{array}[i]' for array in arrays)})"
    text = f"""def {name}({', '.join(arrays)}, {'grad, ' * multiplied}y):
    for i in prange(y.size):
        y[i] = widest({'grad[i] * ' * multiplied}{value})
"""
    file = f"<kernel {name}>"
    linecache.cache[file] = len(text), None, text.splitlines(True), file     # `slices` reads its source
    exec(compile(text, file, "exec"), space)
    return CpuKernel(space[name], name, {})
