"""Sine and cosine. In float32 CUDA's own keep an array for large angles and multiply in float64; these do neither.

An angle becomes n quarter turns and a rest r with |r| <= pi / 4, where polynomials serve.
Reference: Payne & Hanek 1983, "Radian reduction for trigonometric functions" (large angles).
"""

import math

import numpy as np

from ...math.scalar import bits, is_single, polynomial, singles
from ..toolchain.api import cuda, device

QUARTERS_PER_UNIT, QUARTER = singles(2 / math.pi, math.pi / 2)
QUARTER_REST, QUARTER_LAST = singles(-4.37113883e-08, -1.71512451e-15)   # of pi / 2, which QUARTER rounds
LARGE = np.float32(1e5)   # up to here three parts of pi / 2 are enough
UNIT = np.float32(2.0**-62)   # of a quarter, in which the rest of a large angle comes

# 32 zeros, then the binary digits of 2 / pi
DIGITS = tuple(map(np.uint32, (0, 0xA2F9836E, 0x4E441529, 0xFC2757D1, 0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB)))

# Moshier, Cephes, sinf
SINE = singles(-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4)
COSINE = singles(1, -0.5, 4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5)


@device
def small(x):
    """(n, r) of an angle up to LARGE."""
    n = cuda.libdevice.rintf(x * QUARTERS_PER_UNIT)
    r = cuda.libdevice.fmaf(-n, QUARTER, x)
    r = cuda.libdevice.fmaf(-n, QUARTER_LAST, cuda.libdevice.fmaf(-n, QUARTER_REST, r))
    return np.int32(n), r


@device
def shifted(high, low, count):
    """The first 32 of 64 binary digits behind `count` of them."""
    return np.uint64(np.uint32((np.uint64(high) << np.uint64(32) | np.uint64(low)) >> np.uint64(32 - count)))


@device
def large(x):
    """(n, r) of a larger angle, m 2**s: m times those digits of 2 / pi that matter, from 2 before the point."""
    word = np.uint32(bits(abs(x)))
    m, skipped = np.uint64(word & 0x7FFFFF | 0x800000), np.uint32((word >> 23) - 120)   # s = (word >> 23) - 150
    k = skipped >> 5
    a, b, c, d = DIGITS[0], DIGITS[1], DIGITS[2], DIGITS[3]
    if k > 0:
        a, b, c, d = DIGITS[1], DIGITS[2], DIGITS[3], DIGITS[4]
    if k > 1:
        a, b, c, d = DIGITS[2], DIGITS[3], DIGITS[4], DIGITS[5]
    if k > 2:
        a, b, c, d = DIGITS[3], DIGITS[4], DIGITS[5], DIGITS[6]
    if k > 3:
        a, b, c, d = DIGITS[4], DIGITS[5], DIGITS[6], DIGITS[7]
    count = skipped & 31
    first, second, third = shifted(a, b, count), shifted(b, c, count), shifted(c, d, count)
    turns = m * (first << np.uint64(32) | second) + (m * third >> np.uint64(32))   # in UNITs
    n = (turns + np.uint64(1 << 61)) >> np.uint64(62)
    r = np.float32(np.int64(turns - (n << np.uint64(62)))) * UNIT
    r = cuda.libdevice.fmaf(r, QUARTER, r * QUARTER_REST)
    return (np.int32(n), r) if x > np.float32(0) else (-np.int32(n), -r)


@device
def sine_of(x, ahead):
    """sin(x + ahead pi / 2) for float32 x."""
    if not abs(x) < np.float32(math.inf):
        return x - x
    n, r = small(x) if abs(x) < LARGE else large(x)
    n, square = np.int32(n + ahead), r * r
    y = polynomial(square, COSINE) if n & 1 else r + r * square * polynomial(square, SINE)
    return -y if n & 2 else y


@device
def sin(x):
    """sin x, x in radians."""
    return type(x)(sine_of(np.float32(x), 0) if is_single(x) else math.sin(x))


@device
def cos(x):
    """cos x, x in radians."""
    return type(x)(sine_of(np.float32(x), 1) if is_single(x) else math.cos(x))
