"""Random programs of branches and loops, in which threads part and meet: each thread must get what Python gets."""

import ctypes
import random
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numba import cuda
from numba.types import int32

from numba_layers.emulator import launch
from numba_layers.kernels.cuda.toolchain.ptx import compile_ptx

NAMES = "abcd"


class Author:
    """Writes a kernel of assignments, ifs, whiles, breaks and returns on 32-bit integers."""

    def __init__(self, seed):
        self.random, self.lines, self.loops = random.Random(seed), [], 0

    def expression(self, depth=0):
        kind = self.random.random()
        if depth > 2 or kind < 0.35:
            return self.random.choice(NAMES)
        if kind < 0.45:
            return f"int32({self.random.randint(-9, 9)})"
        if kind < 0.9:
            return f"int32({self.expression(depth + 1)} {self.random.choice('+-*&|^')} {self.expression(depth + 1)})"
        return f"int32({self.expression(depth + 1)} >> int32({self.random.randint(0, 5)}))"

    def condition(self):
        return f"{self.expression(1)} {self.random.choice(['<', '>', '==', '!=', '<=', '>='])} {self.expression(1)}"

    def write(self, indent, depth):
        for _ in range(self.random.randint(1, 4)):
            kind, space = self.random.random(), "    " * indent
            if depth > 3 or kind < 0.5:
                self.lines.append(f"{space}{self.random.choice(NAMES)} = {self.expression()}")
            elif kind < 0.75:
                self.lines.append(f"{space}if {self.condition()}:")
                self.write(indent + 1, depth + 1)
                if self.random.random() < 0.5:
                    self.lines.append(f"{space}else:")
                    self.write(indent + 1, depth + 1)
            elif kind < 0.95:
                self.write_loop(indent, depth)
            else:
                self.lines += [f"{space}if {self.condition()}:", f"{space}    out[i] = a", f"{space}    return"]

    def write_loop(self, indent, depth):
        space, count = "    " * indent, f"k{self.loops}"
        self.loops += 1
        self.lines += [f"{space}{count} = int32(0)", f"{space}while {count} < int32({self.expression(1)} & int32(7)):",
                       f"{space}    {count} = int32({count} + int32(1))"]
        self.write(indent + 1, depth + 1)
        if self.random.random() < 0.3:
            self.lines += [f"{space}    if {self.condition()}:", f"{space}        break"]

    def program(self):
        self.write(2, 0)
        return "\n".join(["def kernel(x, y, n, out):", "    i = cuda.grid(1)", "    if i < n:",
                          "        a, b, c, d = x[i], y[i], int32(x[i] - y[i]), int32(i)", *self.lines,
                          "        out[i] = a + b + c + d"])


def as_python(source, x, y):
    """What each thread writes, one after the other, in Python's integers cut to 32 bits."""
    out = {}
    for i in range(x.size):
        names = {"cuda": SimpleNamespace(grid=lambda _, i=i: i), "int32": lambda v: ctypes.c_int32(v).value}
        exec(source, names)
        names["kernel"](x.tolist(), y.tolist(), x.size, out)
    return [ctypes.c_int32(out[i]).value for i in range(x.size)]


@pytest.mark.parametrize("seed", range(8))
def test_random_program(seed):
    source = Author(seed).program()
    names = {"cuda": cuda, "int32": int32}
    exec(source, names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")   # the source of the kernel is in no file
        ptx = compile_ptx(names["kernel"], (int32[::1], int32[::1], int32, int32[::1]), [(7, 5), (9, 0)][seed % 2])
    x, y = (np.random.RandomState(seed + k).randint(-50, 50, 100).astype("i4") for k in (0, 100))
    out = np.zeros(100, "i4")
    launch(ptx, 2, 64, [x, y, 100, out])
    assert out.tolist() == as_python(source, x, y)
