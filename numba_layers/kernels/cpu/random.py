"""Random arrays and dropout on the CPU. Element i is a function of the key and of i alone, for any threads.

Shapes: arrays are flat; key is (seed, stream, step) of uint64. A task owns four elements, the share of one
call of Philox; the last one to three elements come after the loop.
"""

import math

import numpy as np
from numba import prange

from .. import scalar
from ..philox import draw, opened
from ..scalar import formula
from ._target import cpu_kernel

ONE, TWO, THREE, FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)


@cpu_kernel
def dropout_forward(x, key, threshold, scale, y):
    """y[i] = scale * x[i] unless word i is below threshold, a number of [0, 2**32); then 0."""
    key, zero = opened(key), y.dtype.type(0)
    for block in prange(np.uint64(x.size // 4)):
        a, b, c, d = draw(block, key)
        i = FOUR * block
        y[i] = zero if a < threshold else x[i] * scale
        y[i + ONE] = zero if b < threshold else x[i + ONE] * scale
        y[i + TWO] = zero if c < threshold else x[i + TWO] * scale
        y[i + THREE] = zero if d < threshold else x[i + THREE] * scale
    words = draw(np.uint64(x.size // 4), key)
    for rest in range(x.size % 4):
        i = x.size // 4 * 4 + rest
        y[i] = zero if words[rest] < threshold else x[i] * scale


# Distributions: four numbers from four words

TASK = 256   # calls of Philox


def distribution(name, four):
    """Kernel `name`: y[i] = location + width * (number i that `four` makes of the words).

    Tasks are of one size for any number of threads: numbers in a vector and those left over at the end of a
    loop may be rounded differently, and so the same ones are always left over.
    """

    @cpu_kernel(name=name)
    def kernel(key, location, width, y):
        key = opened(key)
        blocks = y.size // 4
        for task in prange((blocks + TASK - 1) // TASK):
            for block in range(np.uint64(task * TASK), np.uint64(min(task * TASK + TASK, blocks))):
                a, b, c, d = four(draw(block, key), width)
                i = FOUR * block
                y[i] = location + width * a
                y[i + ONE] = location + width * b
                y[i + TWO] = location + width * c
                y[i + THREE] = location + width * d
        last = four(draw(np.uint64(blocks), key), width)
        for rest in range(y.size % 4):
            y[blocks * 4 + rest] = location + width * last[rest]


@formula
def unit(word, like):
    """The word as a number of [0, 1) in the type of `like`; float32 keeps the 24 bits that it can hold."""
    if scalar.is_single(like):
        return type(like)(word >> np.uint64(8)) * type(like)(2.0**-24)
    return type(like)(word) * type(like)(2.0**-32)


@formula
def uniform(words, like):
    """Evenly in [0, 1)."""
    return unit(words[0], like), unit(words[1], like), unit(words[2], like), unit(words[3], like)


SINE = scalar.singles(*((-1)**k * (2 * math.pi)**(2 * k + 1) / math.factorial(2 * k + 1) for k in range(7)))


@formula
def sine_of_turns(v):
    """sin(2 pi v) for v in [-1/2, 3/2), by Taylor's series: unlike the C library's, LLVM vectorises it."""
    half = type(v)(0.5)
    v = half - v                                    # sin(2 pi v) = sin(2 pi (1/2 - v)), now in (-1, 1]
    v = v - type(v)(1) if v > half else (v + type(v)(1) if v < -half else v)
    v = half - v if v > type(v)(0.25) else (-half - v if v < type(v)(-0.25) else v)
    return v * scalar.polynomial(v * v, SINE)


@formula
def normal_pair(word, other, like):
    """Two independent normal numbers: a random angle, and the radius sqrt(-2 log u), u in (0, 1].

    Reference: Box & Muller 1958.
    """
    radius = scalar.sqrt(type(like)(-2) * scalar.log(type(like)(1) - unit(word, like)))
    turns = unit(other, like)
    return radius * sine_of_turns(turns + type(like)(0.25)), radius * sine_of_turns(turns)


@formula
def normal(words, like):
    """Normally, of mean 0 and standard deviation 1."""
    a, b = normal_pair(words[0], words[1], like)
    c, d = normal_pair(words[2], words[3], like)
    return a, b, c, d


WITHIN_TWO = math.erf(math.sqrt(2))   # share of a normal distribution within two standard deviations
ERFINV = scalar.singles(1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087,
                        -4.39150654e-06, -3.5233877e-06, 3.43273939e-07, 2.81022636e-08)


@formula
def truncated(word, like):
    """sqrt(2) erfinv(x) for x evenly in [-WITHIN_TWO, WITHIN_TWO), by a polynomial in log(1 - x**2).

    Reference: Giles 2010, "Approximating the erfinv function", table 5.
    """
    x = type(like)(WITHIN_TWO) * (type(like)(2) * unit(word, like) - type(like)(1))
    w = -scalar.log((type(like)(1) - x) * (type(like)(1) + x)) - type(like)(2.5)
    z = type(like)(math.sqrt(2)) * x * scalar.polynomial(w, ERFINV)
    return scalar.clip(z, type(like)(-2), type(like)(2))


@formula
def truncated_normal(words, like):
    """Normally, of mean 0 and standard deviation 1 before all beyond two standard deviations is cut off."""
    return (truncated(words[0], like), truncated(words[1], like),
            truncated(words[2], like), truncated(words[3], like))


distribution("random_uniform", uniform)
distribution("random_normal", normal)
distribution("random_truncated_normal", truncated_normal)
