"""Random arrays and dropout on the CPU. Element i is a function of the key and of i alone, for any threads.

Shapes: arrays are flat; key is (seed, stream, step) of uint64. A task owns four elements, as many as
one call of Philox has words for; the last one to three elements come after the loop.
"""

import numpy as np
from numba import prange

from ..math.distributions import normal, truncated_normal, uniform
from ..math.fma import fma
from ..math.philox import draw, opened
from .compile import cpu_kernel

ONE, TWO, THREE, FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)


@cpu_kernel
def dropout_forward(x, key, threshold, scale, y):
    """y[i] = scale * x[i] unless word i is below threshold, a number of [0, 2**32); then 0."""
    key, zero = opened(key), y.dtype.type(0)
    for block in prange(np.uint64(x.size // 4)):
        words, i = draw(block, key), FOUR * block
        # All products first: of what may not be read, LLVM makes no vectors.
        a, b, c, d = x[i] * scale, x[i + ONE] * scale, x[i + TWO] * scale, x[i + THREE] * scale
        y[i] = zero if words[0] < threshold else a
        y[i + ONE] = zero if words[1] < threshold else b
        y[i + TWO] = zero if words[2] < threshold else c
        y[i + THREE] = zero if words[3] < threshold else d
    words = draw(np.uint64(x.size // 4), key)
    for rest in range(x.size % 4):
        i = x.size // 4 * 4 + rest
        y[i] = zero if words[rest] < threshold else x[i] * scale


@cpu_kernel
def alpha_dropout_forward(x, key, threshold, scale, shift, dropped, y):
    """y[i] = scale * x[i] + shift unless word i is below threshold, a number of [0, 2**32); then `dropped`."""
    key = opened(key)
    for block in prange(np.uint64(x.size // 4)):
        words, i = draw(block, key), FOUR * block
        a, b = fma(scale, x[i], shift), fma(scale, x[i + ONE], shift)
        c, d = fma(scale, x[i + TWO], shift), fma(scale, x[i + THREE], shift)
        y[i] = dropped if words[0] < threshold else a
        y[i + ONE] = dropped if words[1] < threshold else b
        y[i + TWO] = dropped if words[2] < threshold else c
        y[i + THREE] = dropped if words[3] < threshold else d
    words = draw(np.uint64(x.size // 4), key)
    for rest in range(x.size % 4):
        i = x.size // 4 * 4 + rest
        y[i] = dropped if words[rest] < threshold else fma(scale, x[i], shift)


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


distribution("random_uniform", uniform)
distribution("random_normal", normal)
distribution("random_truncated_normal", truncated_normal)


# Keys


@cpu_kernel
def next_key(stream, key):
    """key = stream = (seed, stream, step), and then the stream's step is the next.   Shapes: both (3,), uint64"""
    for k in range(3):
        key[k] = stream[k]
    stream[2] += ONE
