"""Rows worked on by thread groups (see `simt.shuffle`): a short row by some lanes of a warp, a long one by a block.

A block is (threads of a group, groups). No group waits for another, so each runs a group-stride loop of its own:

    mine, i = elements_per_thread(x.shape[1]), first_row()
    while i < x.shape[0]:
        k = 0
        while k < mine:
            total += x[i, element(k)]
            k += 1
        total = group_sum(total, parts)
        i = next_row(i)

Neighbours in a group take neighbouring elements: coalesced. A loop that counts k has several loads under way at once,
which the compiler does not dare where the index itself steps by the group's width.
"""

from functools import lru_cache

import numpy as np

from ..toolchain.api import cuda, device
from ..toolchain.target import MOST_BLOCKS, THREADS
from .shuffle import WARP

MAX_GROUP = 512          # threads of a group: few enough that each gets all the registers it asks for
FULL_GPU = 1 << 18       # threads that keep a large GPU busy
MIN_PER_THREAD, MAX_PER_THREAD = 4, 32    # elements of a row that are worth a thread: where threads idle, where not


@lru_cache(4096)
def groups(rows, n):
    """(grid, block) for `rows` rows of `n` numbers each. A group is wider than a warp where rows are few or long."""
    worth, width, beside = max(MIN_PER_THREAD, min(MAX_PER_THREAD, rows * n // FULL_GPU)), 1, 1
    while width < MAX_GROUP and width * (MIN_PER_THREAD if width < WARP else worth) < n:
        width *= 2
    while width <= WARP and beside < rows and beside * width < THREADS:
        beside *= 2
    return max(1, min(8 * MOST_BLOCKS, -(-rows // beside))), (width, beside)


def row_groups(*arguments):
    """Launch shape: a thread group for each row of the last argument, (rows, n)."""
    return groups(*arguments[-1].shape)


@device
def thread_rank():
    """The rank of this thread in its group."""
    return np.uint32(cuda.threadIdx.x)


@device
def first_row():
    """The rank of this thread's group in the grid: its first row."""
    return np.uint32(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y)


@device
def next_row(i):
    """The row after row i for the same group."""
    return np.uint32(i + np.uint32(cuda.gridDim.x * cuda.blockDim.y))


@device
def elements_per_thread(n):
    """How many elements of a row of n are this thread's."""
    width = np.uint32(cuda.blockDim.x)
    return np.uint32(np.uint32(np.uint32(n) + (width - thread_rank()) - np.uint32(1)) // width)


@device
def element(k):
    """The index in its row of this thread's element k."""
    return np.uint32(thread_rank() + np.uint32(k) * np.uint32(cuda.blockDim.x))
