"""Group-wide reduction and scan: shuffles within warps, then shared memory over warps.

A thread group is the threads of a block that share threadIdx.y, so that a block of one dimension is one group. Groups
of less than a warp have a power of two of threads, larger ones whole warps; those are alone in their blocks. The order
of combining depends on the group's size alone, so results repeat bit for bit.
"""

import numpy as np
from numba import types

from ..toolchain.api import cuda, device, intrinsic

WARP = 32
FULL_MASK = 0xFFFFFFFF   # the lanes of a warp


@device
def group_mask():
    """The lanes of this warp that are in this thread's group, as the mask of shuffles."""
    width = np.uint32(cuda.blockDim.x)
    if width >= np.uint32(WARP):
        return np.uint32(FULL_MASK)
    first = np.uint32(cuda.threadIdx.y) * width % np.uint32(WARP)
    return ((np.uint32(1) << width) - np.uint32(1)) << first


@intrinsic
def word(typing, value):
    """`value` in a type that shuffles take: truths and integers of up to 32 bits become int32."""
    short = isinstance(value, types.Boolean) or isinstance(value, types.Integer) and value.bitwidth <= 32
    form = types.int32 if short else value

    def codegen(context, builder, signature, arguments):
        return context.cast(builder, arguments[0], value, form)

    return form(value), codegen


def group_reduce(combine):
    """A device function (value, parts) -> the combination of `value` of all threads of a thread group, for each thread.

    combine: a device function of two numbers. parts: shared memory of WARP numbers. Every thread of the group must
    call it, and may use `parts` again at once.
    """

    @device
    def of_group(value, parts):
        width, thread, lanes = np.uint32(cuda.blockDim.x), np.uint32(cuda.threadIdx.x), group_mask()
        distance = min(width, np.uint32(WARP)) >> 1
        while distance:
            other = cuda.shfl_xor_sync(lanes, word(value), distance)
            value = type(value)(combine(value, type(value)(other)))
            distance >>= 1
        if width > WARP:
            if thread % np.uint32(WARP) == 0:
                parts[thread // np.uint32(WARP)] = value
            cuda.syncthreads()
            value = parts[0]
            warp = np.uint32(1)
            while warp < width // np.uint32(WARP):
                value = type(value)(combine(value, parts[warp]))
                warp += np.uint32(1)
            cuda.syncthreads()
        return value

    return of_group


def group_scan(combine):
    """A device function (value, parts) -> (combination of the group's threads up to this one, that of all).

    combine, parts: as in `group_reduce`.
    """

    @device
    def of_group(value, parts):
        width, thread, lanes = np.uint32(cuda.blockDim.x), np.uint32(cuda.threadIdx.x), group_mask()
        in_warp, last = min(width, np.uint32(WARP)), min(width, np.uint32(WARP)) - np.uint32(1)
        place, distance = thread % np.uint32(WARP), np.uint32(1)
        while distance < in_warp:
            other = cuda.shfl_up_sync(lanes, word(value), distance)
            if place >= distance:
                value = type(value)(combine(type(value)(other), value))
            distance <<= 1
        start = np.uint32(cuda.threadIdx.y) * width % np.uint32(WARP)
        total = type(value)(cuda.shfl_sync(lanes, word(value), start + last))
        if width > WARP:
            if place == last:
                parts[thread // np.uint32(WARP)] = value
            cuda.syncthreads()
            total = parts[0]
            warp = np.uint32(1)
            while warp < width // np.uint32(WARP):
                if warp == thread // np.uint32(WARP):
                    value = type(value)(combine(total, value))
                total = type(value)(combine(total, parts[warp]))
                warp += np.uint32(1)
            cuda.syncthreads()
        return value, total

    return of_group


@device
def plus(a, b):
    return a + b


@device
def larger(a, b):
    """The larger one; NaN if either is."""
    return a if a > b or a != a else b


@device
def smaller(a, b):
    """The smaller one; NaN if either is."""
    return a if a < b or a != a else b


group_sum = group_reduce(plus)
group_max = group_reduce(larger)
