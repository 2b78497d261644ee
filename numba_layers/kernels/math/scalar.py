"""Scalar formulas that the kernels of every target inline: elementary functions, arithmetic, comparisons.

A formula takes and gives numbers of one float type; constants take the argument's type, `type(x)(1)`, so that
float32 work stays float32. In float32, exp, expm1, tanh, log, log1p and what is made of them are arithmetic,
which LLVM vectorises; in float64 they are the C library's.

No flags of fast-math: the order of operations makes the last bits right, and the same in every kernel. What is to be
fused is said by `fma`.
"""

import math

import numba
import numpy as np

from ..inlining import Inlining
from .fma import fma


def formula(function):
    """Decorator: a function of numbers that the kernels of every target inline."""
    jitted = numba.njit(error_model="numpy", nogil=True, forceinline=True, no_cpython_wrapper=True,
                        no_cfunc_wrapper=True, pipeline_class=Inlining)(function)
    # Read by Numba's CUDA only, which takes any flag of fast-math for leave to approximate division, sin, x**y, ...
    jitted.targetoptions = {"forceinline": True}
    return jitted


@formula
def is_single(x):
    """Is x a float32? Known when compiling: 2**24 + 1 is the first integer that float32 has to round."""
    return type(x)(16777217) == type(x)(16777216)


@formula
def clip(x, low, high):
    """x limited to [low, high]; NaN stays NaN."""
    return low if x < low else (high if x > high else x)


@formula
def within(x, low, high):
    """Is x in [low, high]?"""
    return low <= x <= high


@formula
def polynomial(x, coefficients):
    """c[0] + c[1] x + c[2] x**2 + ... by Horner's rule; LLVM unrolls the loop."""
    y = type(x)(coefficients[-1])
    for k in range(len(coefficients) - 2, -1, -1):
        y = fma(x, y, type(x)(coefficients[k]))
    return y


@formula
def bits(x):
    """The float32 x read as an int32."""
    return np.float32(x).view(np.int32)


@formula
def from_bits(i):
    """The int32 i read as a float32."""
    return np.int32(i).view(np.float32)


# ---- float32: exp, expm1, tanh, log, log1p -----------------------------------------------------------------


def singles(*values):
    return tuple(np.float32(value) for value in values)


ZERO, HALF, ONE, TWO = singles(0, 0.5, 1, 2)
INFINITY, NAN, SMALLEST_NORMAL = singles(math.inf, math.nan, 2.0**-126)
SQRT_HALF_BITS = np.float32(math.sqrt(0.5)).view(np.int32)
LN2_HIGH, LN2_LOW = singles(0.693359375, math.log(2) - 0.693359375)   # 9 bits, so n * LN2_HIGH is exact; rest
MINUS_LN2_HIGH, MINUS_LN2_LOW = -LN2_HIGH, -LN2_LOW
STEPS_PER_UNIT = np.float32(1 / math.log(2))

# z + ROUND rounds z to the nearest integer n; the lowest 9 bits of the sum are n + 254 (twice the bias, 127).
ROUND = np.float32(1.5 * 2**23 + 254)

# Coefficients of least largest relative error, by linear programming, then searched for the best rounding.
EXPM1 = singles(0.49999997, 0.16666546, 0.041667435, 0.008366265, 0.0013870678)   # (e**r - 1 - r) / r**2
EXP = singles(1, 1, *EXPM1)
TANH_P = singles(0.13382688, 0.003497458, 2.0635835e-05, 1.3384301e-08)
TANH_Q = singles(1, 0.4671601, 0.025884362, 0.00032885186, 7.790249e-07)
LOG = singles(3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1,
              -1.2420140846e-1, 1.1676998740e-1, -1.1514610310e-1, 7.0376836292e-2)   # Moshier, Cephes, logf


@formula
def _split(x):
    """n + 254 in the lowest bits of an int32, and r, where x = n ln 2 + r and |r| <= ln 2 / 2."""
    rounded = fma(x, STEPS_PER_UNIT, ROUND)
    n = rounded - ROUND
    return bits(rounded), fma(n, MINUS_LN2_LOW, fma(n, MINUS_LN2_HIGH, x))


@formula
def _exp_single(x):
    """e**x = e**r 2**n. The power is multiplied in two halves, which reaches the denormals."""
    n, r = _split(clip(x, np.float32(-104), np.float32(89)))   # beyond: 0 and infinity
    half = n >> 1
    return polynomial(r, EXP) * from_bits(half << 23) * from_bits((n - half) << 23)


@formula
def _expm1_single(x):
    """e**x - 1 = 2**n (e**r - 1) + 2**n - 1; small x have n = 0, where nothing cancels."""
    n, r = _split(clip(x, np.float32(-18), np.float32(89)))   # beyond: -1 and infinity
    half_power = from_bits((n - 128) << 23)   # 2**(n - 1), because 2**128 is no float32
    return TWO * fma(fma(r * r, polynomial(r, EXPM1), r), half_power, half_power - HALF)


@formula
def _tanh_single(x):
    """x (1 + s P(s)) / Q(s) with s = x**2, limited to 1; from s = 68 on only x itself grows."""
    square = minimum(x * x, np.float32(68))
    numerator = fma(x * square, polynomial(square, TANH_P), x)
    return clip(numerator / polynomial(square, TANH_Q), -ONE, ONE)


@formula
def _log_single(x):
    """log x = n ln 2 + log(1 + f) with x = 2**n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2)."""
    denormal = x < SMALLEST_NORMAL
    offset = bits(x * np.float32(2**23) if denormal else x) - SQRT_HALF_BITS
    n = np.float32((offset >> 23) - (23 if denormal else 0))
    f = from_bits((offset & 0x7FFFFF) + SQRT_HALF_BITS) - ONE
    y = fma(n, LN2_HIGH, f + fma(f * f, fma(f, polynomial(f, LOG), -HALF), n * LN2_LOW))
    if x > ZERO:
        return y if x < INFINITY else x
    return -INFINITY if x == ZERO else NAN


@formula
def _log1p_single(x):
    """log(1 + x) = log(u) + (x - (u - 1)) / u, where u is 1 + x rounded: the second term mends rounding."""
    u = ONE + x
    y = _log_single(u)
    return y + (x - (u - ONE)) / u if ZERO < u < INFINITY else y


# ---- elementary functions ----------------------------------------------------------------------------------

# Numba has math's functions for every target; they raise errors only when not compiled, where NumPy's do not.
library = np if numba.config.DISABLE_JIT else math


@formula
def exp(x):
    """e**x."""
    return type(x)(_exp_single(np.float32(x)) if is_single(x) else library.exp(x))


@formula
def expm1(x):
    """e**x - 1."""
    return type(x)(_expm1_single(np.float32(x)) if is_single(x) else library.expm1(x))


@formula
def log(x):
    """Natural logarithm of x."""
    return type(x)(_log_single(np.float32(x)) if is_single(x) else library.log(x))


@formula
def log1p(x):
    """log(1 + x)."""
    return type(x)(_log1p_single(np.float32(x)) if is_single(x) else library.log1p(x))


@formula
def tanh(x):
    return type(x)(_tanh_single(np.float32(x)) if is_single(x) else library.tanh(x))


@formula
def erf(x):
    """Error function."""
    return type(x)(math.erf(x))


@formula
def sin(x):
    return library.sin(x)


@formula
def cos(x):
    return library.cos(x)


@formula
def sqrt(x):
    return library.sqrt(x)


@formula
def negative(x):
    return -x


@formula
def absolute(x):
    return abs(x)


@formula
def power(x, y):
    """x**y."""
    return x**y


@formula
def square(x):
    return x * x


@formula
def reciprocal(x):
    return type(x)(1) / x


@formula
def sign(x):
    """-1, 0 or 1; NaN for NaN."""
    return type(x)(1) if x > type(x)(0) else (type(x)(-1) if x < type(x)(0) else x)


@formula
def maximum(x, y):
    """The larger one; NaN if either is."""
    return x if x > y or x != x else y


@formula
def minimum(x, y):
    """The smaller one; NaN if either is."""
    return x if x < y or x != x else y


# ---- arithmetic, comparisons, truth values ------------------------------------------------------------------


@formula
def add(x, y):
    return x + y


@formula
def subtract(x, y):
    return x - y


@formula
def multiply(x, y):
    return x * y


@formula
def divide(x, y):
    return x / y


@formula
def equal(x, y):
    return x == y


@formula
def not_equal(x, y):
    return x != y


@formula
def less(x, y):
    return x < y


@formula
def less_equal(x, y):
    return x <= y


@formula
def greater(x, y):
    return x > y


@formula
def greater_equal(x, y):
    return x >= y


@formula
def logical_and(x, y):
    return x and y


@formula
def logical_or(x, y):
    return x or y


@formula
def logical_not(x):
    return not x


@formula
def isnan(x):
    return x != x


@formula
def isinf(x):
    """Infinity minus infinity is NaN; without a constant, integers work as well."""
    return x == x and x - x != x - x


@formula
def bitwise_or(x, y):
    return x | y


@formula
def bitwise_and(x, y):
    return x & y


@formula
def choose(condition, x, y):
    return x if condition else y
