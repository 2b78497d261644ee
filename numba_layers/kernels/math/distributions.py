"""Random numbers made of random words, four of four, which kernels of every target inline.

Words are as in `philox`. `like` is a number of the type that is asked for.
"""

import math

import numpy as np

from . import scalar
from .scalar import formula


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


WITHIN_TWO = math.erf(math.sqrt(2))   # fraction of a normal distribution within two standard deviations
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
