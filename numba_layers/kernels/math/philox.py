"""Random bits as a function of a counter, which kernels of every target inline: Philox4x32-10.

Equal counters give equal bits, on any number of threads and any device, so nothing but a key need be stored
to draw the same numbers again. Words are uint64 that hold 32 bits, as vector multiplication wants them.
Reference: Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", §3.3.
"""

import numpy as np

from .scalar import formula

MULTIPLIER_0, MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL_0, WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)   # golden ratio, sqrt(3) - 1
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@formula
def philox(c0, c1, c2, c3, k0, k1):
    """Four random words from a counter of four and a key of two: ten rounds of multiplying and mixing."""
    for _ in range(10):
        p0, p1 = MULTIPLIER_0 * c0, MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + WEYL_0) & LOW, (k1 + WEYL_1) & LOW
    return c0, c1, c2, c3


@formula
def opened(key):
    """What `draw` needs of a key (seed, stream, step), once: read in a loop, it would be read each turn."""
    seed, stream, step = key[0], key[1], key[2]
    return step & LOW, stream & LOW, stream >> HALF, seed & LOW, seed >> HALF


@formula
def draw(block, key):
    """The words of elements 4 block ... 4 block + 3 of the array that an opened key stands for.

    The counter is (block, step, stream): 2**34 elements of an array, 2**32 steps, 2**64 streams are apart.
    """
    step, stream_low, stream_high, seed_low, seed_high = key
    return philox(block & LOW, step, stream_low, stream_high, seed_low, seed_high)
