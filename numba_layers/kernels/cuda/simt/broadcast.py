"""Broadcasting: where operands that repeat keep the element for an index of the result, four at a time (`simt.vec4`).

`shape` and strides are those of `ops/_broadcast.py`, sizes and strides of five axes. Most operands need no division
(equal shapes, scalars) or one (rows, columns): `divisions` says so once, the same for all threads.
"""

import numpy as np

from ..toolchain.api import device
from .index import fast_divmod, mad, reciprocal


@device
def divisions(shape, strides):
    """How often a place in the result is divided to find the operand's: not where its axes follow evenly."""
    if shape[0] > 1:
        return 4
    if shape[1] > 1:
        return 3
    if shape[2] > 1:
        return 1 if strides[2] == shape[3] * strides[3] else 2
    return 0 if shape[3] == 1 or strides[3] == shape[4] * strides[4] else 1


@device
def divisor(size, needed):
    """A size and, if needed, what `fast_divmod` wants of it besides."""
    size = np.uint32(size)
    return size, reciprocal(size) if needed else np.uint32(0)


@device
def divisors(shape, count):
    return (divisor(shape[1], count > 3), divisor(shape[2], count > 2), divisor(shape[3], count > 1),
            divisor(shape[4], count > 0))


@device
def divmod4(numbers, divisor):
    """(quotients, rests) of four numbers."""
    size, inverse = divisor
    a, p = fast_divmod(numbers[0], size, inverse)
    b, q = fast_divmod(numbers[1], size, inverse)
    c, r = fast_divmod(numbers[2], size, inverse)
    d, s = fast_divmod(numbers[3], size, inverse)
    return (a, b, c, d), (p, q, r, s)


@device
def indices(places, count, divisors):
    """Where four places of the result are on each of five axes; in a row without divisions."""
    zero = np.uint32(0)
    a = b = c = d = zero, zero, zero, zero
    e = places
    if count > 0:
        d, e = divmod4(e, divisors[3])
    if count > 1:
        c, d = divmod4(d, divisors[2])
    if count > 2:
        b, c = divmod4(c, divisors[1])
    if count > 3:
        a, b = divmod4(b, divisors[0])
    return a, b, c, d, e


@device
def mad4(places, indices, stride):
    """places + indices * stride"""
    stride = np.uint32(stride)
    return (mad(indices[0], stride, places[0]), mad(indices[1], stride, places[1]),
            mad(indices[2], stride, places[2]), mad(indices[3], stride, places[3]))


@device
def gather4(x, indices, count, strides):
    """Four elements of an operand. All places come before the first element, so that the loads are not apart."""
    a, b, c, d, e = indices
    zero = np.uint32(0)
    places = mad4((zero, zero, zero, zero), e, strides[4])
    if count > 0:
        places = mad4(places, d, strides[3])
    if count > 1:
        places = mad4(mad4(mad4(places, c, strides[2]), b, strides[1]), a, strides[0])
    return x[places[0]], x[places[1]], x[places[2]], x[places[3]]
