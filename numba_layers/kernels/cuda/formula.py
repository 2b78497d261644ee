"""Kernels of users' formulas on the GPU: `y = f(x, ...)` and `out = grad f(x, ...)` of flat arrays of one size.

A thread owns four elements (`simt.vec4`).
"""

import linecache
import math

from ..formulas import write
from ..math import activations, functions, scalar
from . import elementwise
from .elementwise import products
from .simt.grid import thread_id
from .simt.sincos import cos, sin
from .simt.vec4 import load4, next4, store4, vec4_launch
from .toolchain.api import device
from .toolchain.target import CudaKernel

_OWN = ("rint", "floor", "ceil", "floor_divide", "mod")
_ELSEWHERE = functions, scalar, activations
WORDS = {name: next(getattr(module, name) for module in _ELSEWHERE if hasattr(module, name))
         for name in write.WORDS - {*_OWN, "fmod", "trunc"}}
WORDS |= {name: getattr(elementwise, name) for name in _OWN}
WORDS |= {"sin": sin, "cos": cos}


@device
def fmod(x, y):
    """The remainder of x / y with x's sign."""
    return type(x)(math.fmod(x, y))


@device
def trunc(x):
    """x without its fraction."""
    return functions.copysign(elementwise.floor(abs(x)), x)


def made(name, formulas, count, multiplied):
    """A kernel; the arguments are those of the CPU's `made`."""
    space = {"__name__": __name__, "load4": load4, "store4": store4, "next4": next4, "thread_id": thread_id,
             "products": products, **WORDS, "fmod": fmod, "trunc": trunc}
    for called, text in formulas:
        _read(text, f"<formula {called} of {name}>", space)
        space[called] = device(space[called])
    arrays = [f"x_{number}" for number in range(count)] if count > 1 else ["x"]
    each = ", ".join(f"{formulas[-1][0]}({', '.join(f'{array}[{k}]' for array in arrays)})" for k in range(4))
    _read(f"def of_each({', '.join(arrays)}):\n    return {each}\n", f"<four elements of {name}>", space)
    space["of_each"] = device(space["of_each"])
    numbers = f"of_each({', '.join(f'load4({array}, i)' for array in arrays)})"
    if multiplied:
        numbers = f"products(load4(grad, i), {numbers})"
    text = f"""def {name}({', '.join(arrays)}, {'grad, ' * multiplied}y):
    i = thread_id()
    while i < y.size:
        store4(y, i, {numbers})
        i = next4(i)
"""
    _read(text, f"<cuda kernel {name}>", space)
    return CudaKernel(space[name], name, vec4_launch, {})


def _read(text, file, space):
    """Define what a text says; its lines are known to what looks for sources."""
    linecache.cache[file] = len(text), None, text.splitlines(True), file
    exec(compile(text, file, "exec"), space)
