"""One number from those of all threads of a block: shuffles within warps, then one warp over the warps.

The order of combining depends on the block's size alone, so results repeat bit for bit.
"""

import numpy as np

from ._cuda import cuda, device

WARP = 32
ALL = 0xFFFFFFFF   # lanes that take part in a shuffle


def combined(combine):
    """A device function (value, parts) -> the combination of `value` of all threads of a block, for each thread.

    combine: a device function of two numbers. parts: shared memory of WARP numbers; blocks are whole warps. Every
    thread of the block must call it, and may use `parts` again at once.
    """

    @device
    def of_warp(value):
        value = combine(value, cuda.shfl_xor_sync(ALL, value, 16))
        value = combine(value, cuda.shfl_xor_sync(ALL, value, 8))
        value = combine(value, cuda.shfl_xor_sync(ALL, value, 4))
        value = combine(value, cuda.shfl_xor_sync(ALL, value, 2))
        return combine(value, cuda.shfl_xor_sync(ALL, value, 1))

    @device
    def of_block(value, parts):
        warp, lane = cuda.threadIdx.x // WARP, cuda.threadIdx.x % WARP
        value = of_warp(value)
        if lane == 0:
            parts[warp] = value
        cuda.syncthreads()
        total = parts[0]
        for other in range(1, cuda.blockDim.x // WARP):
            total = combine(total, parts[other])
        cuda.syncthreads()
        return total

    return of_block


@device
def plus(a, b):
    return a + b


@device
def larger(a, b):
    """The larger one; NaN if either is."""
    return a if a > b or a != a else b


sum_of_block = combined(plus)
max_of_block = combined(larger)
