"""Numba's mathematics (libdevice) through the emulator: the code of each function must come out right."""

import math
import warnings

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numba import cuda
from numba.types import float32, float64

from numba_layers.emulator import launch
from numba_layers.kernels.cuda.toolchain.ptx import compile_ptx

KINDS = {"f4": float32, "f8": float64}
TOLERANCE = {"f4": 3e-6, "f8": 3e-13}   # relative
ONE = """exp log sqrt sin cos tan tanh sinh cosh erf erfc gamma log1p expm1 floor ceil asin acos atan atanh asinh acosh
log2 log10 trunc""".split() + ["exp2"] * hasattr(math, "exp2")      # which Python 3.10 has not
TWO = {
    "x / y": np.divide, "x ** y": np.power, "x ** 3": lambda x, y: x**3, "math.atan2(x, y)": np.arctan2,
    "math.hypot(x, y)": np.hypot, "max(x, y)": np.fmax, "min(x, y)": np.fmin, "math.fmod(x, y)": np.fmod,
    "math.copysign(x, y)": np.copysign, "math.ldexp(x, 3)": lambda x, y: x * 8,
    "cuda.fma(x, y, x)": lambda x, y: x * y + x,
    "cuda.cbrt(x)": lambda x, y: np.cbrt(x), "abs(x) - y": lambda x, y: np.abs(x) - y,
}


def guarded(function):
    """A function of `math` where it has a value; NaN and the infinities of its poles elsewhere."""
    def value(x):
        try:
            return function(x)
        except (ValueError, OverflowError):
            return np.nan
    return value


def reference(name):
    names = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atanh": "arctanh", "asinh": "arcsinh",
             "acosh": "arccosh"}
    found = getattr(np, names.get(name, name), None)
    return found or np.vectorize(guarded(getattr(math, name)), otypes=["f8"])


def samples(kind):
    random = np.random.RandomState(0)
    special = [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-30, 1e30, 170, 2.5, -2.5]
    return np.r_[random.randn(200) * 3, random.randn(60) * 1e5, random.rand(60), special].astype(kind)


def run(expression, kind, *inputs):
    names = {"cuda": cuda, "math": math}
    exec(f"def kernel(xs, ys, out):\n  i = cuda.grid(1)\n  if i < xs.size:\n    x, y = xs[i], ys[i]\n"
         f"    out[i] = {expression}", names)
    out = np.zeros(inputs[0].size, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")   # the source of the kernel is in no file
        text = compile_ptx(names["kernel"], (KINDS[kind][::1],) * 3, (8, 0))
    launch(text, 3, 128, [*inputs, out])
    return out


def assert_near(got, expected, kind, where=None):
    expected = expected.astype(kind)
    where = np.ones(got.shape, bool) if where is None else where
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    tiny = 1e-37 if kind == "f4" else 1e-290
    near = np.abs(got - expected) <= TOLERANCE[kind] * np.abs(expected) + tiny
    assert (same | near)[where].all(), list(zip(got[where & ~(same | near)], expected[where & ~(same | near)]))[:5]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ONE)
@np.errstate(all="ignore")
def test_functions_of_one_number(name, kind):
    x = samples(kind)
    expected = reference(name)(x.astype("f8"))
    where = ~np.isnan(expected) if name == "gamma" else None   # at its poles math has no value
    assert_near(run(f"math.{name}(x)", kind, x, x), expected, kind, where)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("expression", TWO)
@np.errstate(all="ignore")
def test_functions_of_two_numbers(expression, kind):
    x = samples(kind)
    y = np.random.RandomState(1).permutation(x)
    assert_near(run(expression, kind, x, y), TWO[expression](x.astype("f8"), y.astype("f8")), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_sines_of_large_angles(kind):
    """Reduced with 2 / pi to hundreds of digits, in a table in constant memory."""
    x = np.array([1e6, -3e9, 1e20, 2.0**100, 1e30], kind)
    assert_near(run("math.sin(x)", kind, x, x), np.sin(x.astype("f8")), kind)
