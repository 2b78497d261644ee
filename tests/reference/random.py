"""Philox4x32-10 in plain Python, after Salmon et al. 2011, and what is drawn with it."""

import numpy as np

LOW = 2**32 - 1


def philox(counter, key):
    """Four words of 32 bits from a counter of four and a key of two."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & LOW, (p0 >> 32) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return c0, c1, c2, c3


def words(key, size):
    """The first `size` words of the array that (seed, stream, step) stands for."""
    seed, stream, step = (int(word) for word in key)
    blocks = [philox((block, step & LOW, stream & LOW, stream >> 32), (seed & LOW, seed >> 32))
              for block in range(-(-size // 4))]
    return np.array(blocks, np.uint64).reshape(-1)[:size]


def dropout(x, rate, key):
    kept = words(key, x.size).reshape(x.shape) >= rate * 2.0**32
    return np.where(kept, x / (1 - rate), 0)


def alpha_dropout(x, rate, key):
    """Klambauer et al. 2017, §4: the mean and the variance of numbers with mean 0 and variance 1 stay."""
    limit = -1.0507009873554805 * 1.6732632423543772
    kept = words(key, x.size).reshape(x.shape) >= rate * 2.0**32
    spread = np.sqrt(1 - rate + limit**2 * rate * (1 - rate))
    return (np.where(kept, x, limit) - rate * limit) / spread


def uniform(key, size):
    return words(key, size) / 2.0**32


def normal(key, size):
    u, v = uniform(key, size + size % 2).reshape(-1, 2).T
    pairs = np.sqrt(-2 * np.log(1 - u)) * [np.cos(2 * np.pi * v), np.sin(2 * np.pi * v)]
    return pairs.T.reshape(-1)[:size]
