"""Elementary functions that formulas of users may call, beside those of `scalar`.

Those of `math` are the C library's or the GPU's, of the argument's type; others are arithmetic on those of `scalar`.
"""

import math

import numba
import numpy as np

from .scalar import absolute, exp, expm1, formula, library, log, log1p, maximum


def _library(name, numpys):
    """A formula that calls `math`'s function; where nothing is compiled NumPy's, which raises no errors."""
    function = getattr(np, numpys) if numba.config.DISABLE_JIT else getattr(math, name)

    @formula
    def call(x):
        return type(x)(function(x))

    return call


sin, cos, tan = _library("sin", "sin"), _library("cos", "cos"), _library("tan", "tan")
asin, acos, atan = _library("asin", "arcsin"), _library("acos", "arccos"), _library("atan", "arctan")
asinh, acosh, atanh = _library("asinh", "arcsinh"), _library("acosh", "arccosh"), _library("atanh", "arctanh")

@formula
def atan2(x, y):
    """The angle of the point (y, x)."""
    return type(x)(math.atan2(x, y))


@formula
def hypot(x, y):
    return type(x)(library.hypot(x, y))


@formula
def copysign(x, y):
    return type(x)(library.copysign(x, y))


LN_2, LN_10 = math.log(2), math.log(10)


@formula
def erfc(x):
    """1 - erf(x), exact also where that is small."""
    return type(x)(math.erfc(x))


@formula
def power(x, y):
    return type(x)(x**y)


@formula
def exp2(x):
    return type(x)(type(x)(2)**x)


@formula
def log2(x):
    return log(x) * type(x)(1 / LN_2)


@formula
def log10(x):
    return log(x) * type(x)(1 / LN_10)


@formula
def sinh(x):
    """(e**|x| - e**-|x|) / 2 with x's sign, from e**|x| - 1, so that nothing cancels."""
    e = expm1(absolute(x))
    half = type(x)(0.5) * (e + e / (e + type(x)(1))) if e < type(x)(1e30) else type(x)(0.5) * e
    return half if x > type(x)(0) else -half


@formula
def cosh(x):
    return type(x)(0.5) * (exp(x) + exp(-x))


@formula
def cbrt(x):
    """x**(1/3), improved by a step of Newton's."""
    size = absolute(x)
    y = type(x)(size**type(x)(1 / 3))
    square = y * y
    y = y - (y * square - size) / (type(x)(3) * square) if type(x)(0) < square < type(x)(1e30) else y
    return y if x >= type(x)(0) else -y


@formula
def logaddexp(x, y):
    """log(e**x + e**y), which does not overflow."""
    return maximum(x, y) + log1p(exp(-absolute(x - y)))


@formula
def isfinite(x):
    return x - x == x - x
