"""Random arrays and dropout on the GPU: the same words as on the CPU, so the same masks and numbers.

Shapes: arrays are flat; key is (seed, stream, step) of uint64. A thread owns four neighbours, the words of one call
of Philox, and moves them as a 128-bit vector where they are aligned to 16 bytes.
"""

import numpy as np

from ..math.distributions import normal, truncated_normal, uniform
from ..math.fma import fma
from ..math.philox import draw, opened
from .simt.grid import grid_size, one_thread, thread_id
from .simt.memory import aligned, ld4, st4
from .simt.vec4 import vec4_launch
from .toolchain.api import device
from .toolchain.target import cuda_kernel


@device
def load_vector(x, i, whole):
    """Elements i ... i + 3 of x; beyond the last one, the last."""
    if whole:
        return ld4(x, i)
    last = np.uint32(x.size - 1)
    return x[i], x[min(np.uint32(i + 1), last)], x[min(np.uint32(i + 2), last)], x[min(np.uint32(i + 3), last)]


@device
def store_vector(y, i, whole, numbers):
    """y[i ... i + 3] = numbers, as many as there are."""
    n, j, k, m = np.uint32(y.size), np.uint32(i + 1), np.uint32(i + 2), np.uint32(i + 3)
    if whole:
        st4(y, i, numbers)
        return
    y[i] = numbers[0]
    if j < n:
        y[j] = numbers[1]
    if k < n:
        y[k] = numbers[2]
    if m < n:
        y[m] = numbers[3]


@cuda_kernel(launch=vec4_launch)
def dropout_forward(x, key, threshold, scale, y):
    """y[i] = scale * x[i] unless word i is below threshold, a number of [0, 2**32]; then 0."""
    key, threshold, zero = opened(key), np.uint64(threshold), y.dtype.type(0)
    together = aligned(x) and aligned(y)
    block = thread_id()
    while block * 4 < y.size:
        i = np.uint32(block * 4)
        whole = together and i + 3 < y.size
        a, b, c, d = draw(np.uint64(block), key)
        p, q, r, s = load_vector(x, i, whole)
        store_vector(y, i, whole, (zero if a < threshold else p * scale, zero if b < threshold else q * scale,
                                   zero if c < threshold else r * scale, zero if d < threshold else s * scale))
        block = np.uint32(block + grid_size())


@cuda_kernel(launch=vec4_launch)
def alpha_dropout_forward(x, key, threshold, scale, shift, dropped, y):
    """y[i] = scale * x[i] + shift unless word i is below threshold, a number of [0, 2**32]; then `dropped`."""
    key, threshold = opened(key), np.uint64(threshold)
    together = aligned(x) and aligned(y)
    block = thread_id()
    while block * 4 < y.size:
        i = np.uint32(block * 4)
        whole = together and i + 3 < y.size
        a, b, c, d = draw(np.uint64(block), key)
        p, q, r, s = load_vector(x, i, whole)
        store_vector(y, i, whole, (dropped if a < threshold else fma(scale, p, shift),
                                   dropped if b < threshold else fma(scale, q, shift),
                                   dropped if c < threshold else fma(scale, r, shift),
                                   dropped if d < threshold else fma(scale, s, shift)))
        block = np.uint32(block + grid_size())


@device
def narrow(words):
    """The words as uint32: four times as fast to turn into floats."""
    return np.uint32(words[0]), np.uint32(words[1]), np.uint32(words[2]), np.uint32(words[3])


def distribution(name, four):
    """Kernel `name`: y[i] = location + width * (number i that `four` makes of the words)."""

    @cuda_kernel(name=name, launch=vec4_launch)
    def kernel(key, location, width, y):
        key, together = opened(key), aligned(y)
        block = thread_id()
        while block * 4 < y.size:
            i = np.uint32(block * 4)
            a, b, c, d = four(narrow(draw(np.uint64(block), key)), width)
            store_vector(y, i, together and i + 3 < y.size,
                (location + width * a, location + width * b, location + width * c, location + width * d))
            block = np.uint32(block + grid_size())


distribution("random_uniform", uniform)
distribution("random_normal", normal)
distribution("random_truncated_normal", truncated_normal)


# Keys


@cuda_kernel(launch=one_thread)
def next_key(stream, key):
    """key = stream = (seed, stream, step), and then the stream's step is the next.   Shapes: both (3,), uint64"""
    if thread_id() == 0:
        key[0], key[1], key[2] = stream[0], stream[1], stream[2]
        stream[2] += np.uint64(1)
