"""Four elements a thread, a launch apart, so that neighbouring threads meet neighbouring elements. All are read
before the first is written: four loads under way at once keep the memory busy, one does not.

    i = first()
    while i < y.size:
        put(y, i, each_f(taken(x, i)))      # each_f = each(f)
        i = beyond(i)
"""

import numpy as np

from ..toolchain.api import device
from ..toolchain.target import MOST_BLOCKS, THREADS
from .block import WARP
from .grid import step


def fours(*arguments):
    """Launch shape: a thread for every four elements of the last argument; the body strides over what is left."""
    return fours_of(arguments[-1].size)


def fours_of(size):
    """The launch shape for `size` elements."""
    threads = -(-size // 4)
    block = max(WARP, min(THREADS, -(-threads // WARP) * WARP))
    return max(1, min(MOST_BLOCKS, -(-threads // block))), block


def each(f):
    """A device function (four numbers, parameters) -> f(number, parameters) of each."""

    @device
    def of_each(numbers, *parameters):
        a, b, c, d = numbers
        return f(a, *parameters), f(b, *parameters), f(c, *parameters), f(d, *parameters)

    return of_each


@device
def places(i, n):
    """A thread's four places among n, from i on; for those beyond the end the last one."""
    far, last = step(), np.uint32(n - 1)
    return i, min(np.uint32(i + far), last), min(np.uint32(i + far * 2), last), min(np.uint32(i + far * 3), last)


@device
def taken(x, i):
    """A thread's four elements of x, from place i on."""
    i, j, k, m = places(i, x.size)
    return x[i], x[j], x[k], x[m]


@device
def put(y, i, numbers):
    """Write a thread's four elements of y, from place i on; nothing beyond its end."""
    put_at(y, places(i, y.size), i, y.size, numbers)


@device
def put_at(y, places, i, n, numbers):
    """Write four numbers to places in y, as many as there are of n from i on."""
    far, n = step(), np.uint32(n)
    y[places[0]] = numbers[0]
    if np.uint32(i + far) < n:
        y[places[1]] = numbers[1]
    if np.uint32(i + far * 2) < n:
        y[places[2]] = numbers[2]
    if np.uint32(i + far * 3) < n:
        y[places[3]] = numbers[3]


@device
def beyond(i):
    """The next place of a thread after its four."""
    return np.uint32(i + step() * 4)
