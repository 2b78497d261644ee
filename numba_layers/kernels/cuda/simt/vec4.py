"""Four elements a thread (thread coarsening), a grid's size apart, so that every access is coalesced.

All are read before the first is written: four loads under way at once keep the memory busy, one does not.

    i = thread_id()
    while i < y.size:
        store4(y, i, f4(load4(x, i)))      # f4 = map4(f)
        i = next4(i)
"""

import numpy as np

from ..toolchain.api import device
from ..toolchain.target import MOST_BLOCKS, THREADS
from .grid import grid_size
from .shuffle import WARP


def vec4_launch(*arguments):
    """Launch shape: a thread for every four elements of the last argument; the body strides over what is left."""
    return vec4_launch_of(arguments[-1].size)


def vec4_launch_of(size):
    """The launch shape for `size` elements."""
    threads = -(-size // 4)
    block = max(WARP, min(THREADS, -(-threads // WARP) * WARP))
    return max(1, min(MOST_BLOCKS, -(-threads // block))), block


def map4(f):
    """A device function (four numbers, parameters) -> f(number, parameters) of each."""

    @device
    def of_each(numbers, *parameters):
        a, b, c, d = numbers
        return f(a, *parameters), f(b, *parameters), f(c, *parameters), f(d, *parameters)

    return of_each


@device
def indices4(i, n):
    """The indices of a thread's four elements of n, from i on; for those beyond the end the last one."""
    far, last = grid_size(), np.uint32(n - 1)
    return i, min(np.uint32(i + far), last), min(np.uint32(i + far * 2), last), min(np.uint32(i + far * 3), last)


@device
def load4(x, i):
    """A thread's four elements of x, from index i on."""
    i, j, k, m = indices4(i, x.size)
    return x[i], x[j], x[k], x[m]


@device
def store4(y, i, numbers):
    """Write a thread's four elements of y, from index i on; nothing beyond its end."""
    store4_at(y, indices4(i, y.size), i, y.size, numbers)


@device
def store4_at(y, places, i, n, numbers):
    """Write four numbers to `places` in y, as many as there are of n from i on."""
    far, n = grid_size(), np.uint32(n)
    y[places[0]] = numbers[0]
    if np.uint32(i + far) < n:
        y[places[1]] = numbers[1]
    if np.uint32(i + far * 2) < n:
        y[places[2]] = numbers[2]
    if np.uint32(i + far * 3) < n:
        y[places[3]] = numbers[3]


@device
def next4(i):
    """The next index of a thread after its four: a grid-stride loop's step."""
    return np.uint32(i + grid_size() * 4)
