"""Rows shared by teams of threads (`simt.block`): a short row by some lanes of a warp, a long one by a block.

A block is (threads of a team, teams). No team waits for another, so each runs a loop of its own:

    mine, i = share(x.shape[1]), first_row()
    while i < x.shape[0]:
        k = 0
        while k < mine:
            total += x[i, place(k)]
            k += 1
        total = sum_of_block(total, parts)
        i = next_row(i)

Neighbours in a team take neighbouring numbers. A loop that counts k has several reads under way at once, which
the compiler does not dare where j itself steps by the team's width.
"""

from functools import lru_cache

import numpy as np

from ..toolchain.api import cuda, device
from ..toolchain.target import MOST_BLOCKS, THREADS
from .block import WARP

WIDEST = 512         # threads of a team: few enough that each gets all the registers it asks for
BUSY = 1 << 18       # threads that keep a large GPU busy
FEW, MANY = 4, 32    # numbers of a row that are worth a thread: where threads are idle, and where they are not


@lru_cache(4096)
def teams(rows, n):
    """(grid, block) for `rows` rows of `n` numbers each. A team is wider than a warp where rows are few or long."""
    share, width, beside = max(FEW, min(MANY, rows * n // BUSY)), 1, 1
    while width < WIDEST and width * (FEW if width < WARP else share) < n:
        width *= 2
    while width <= WARP and beside < rows and beside * width < THREADS:
        beside *= 2
    return max(1, min(8 * MOST_BLOCKS, -(-rows // beside))), (width, beside)


def shared_rows(*arguments):
    """Launch shape: a team for each row of the last argument, (rows, n)."""
    return teams(*arguments[-1].shape)


@device
def lane():
    """The number of this thread in its team."""
    return np.uint32(cuda.threadIdx.x)


@device
def first_row():
    """The number of this thread's team among all."""
    return np.uint32(cuda.blockIdx.x * cuda.blockDim.y + cuda.threadIdx.y)


@device
def next_row(i):
    """The row after row i for the same team."""
    return np.uint32(i + np.uint32(cuda.gridDim.x * cuda.blockDim.y))


@device
def share(n):
    """How many numbers of a row of n are this thread's."""
    width = np.uint32(cuda.blockDim.x)
    return np.uint32(np.uint32(np.uint32(n) + (width - lane()) - np.uint32(1)) // width)


@device
def place(k):
    """Where in its row this thread's number k is."""
    return np.uint32(lane() + np.uint32(k) * np.uint32(cuda.blockDim.x))
