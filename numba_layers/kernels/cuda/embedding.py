"""Rows of a table on the GPU: looked up, and added up again for the gradient."""

import numpy as np

from ..math.embedding import nothing
from .simt.group import element, elements_per_thread, first_row, next_row, row_groups, thread_rank
from .simt.shuffle import FULL_MASK, WARP
from .toolchain.api import cuda, device
from .toolchain.target import cuda_kernel

PATCHES = 4096   # into which a table is cut at most: each takes a warp that looks through all indices
BESIDE = 8       # warps of a block, which find the indices in their cache
AT_ONCE = 4      # numbers that a thread reads at once: a loop that the compiler writes out


@cuda_kernel(launch=row_groups)
def gather_forward(x, indices, y):
    """y[n] = x[indices[n]], or NaN (in a table of integers 0) where x has no such row.

    Shapes: x (rows, columns), indices (n,) of int64, y (n, columns). A thread group owns a row of y. It checks
    the index, because to look at the indices before the launch would be to wait for the GPU.
    """
    mine, n = elements_per_thread(x.shape[1]), first_row()
    while n < indices.size:
        row, k = indices[n], 0
        if row >= 0 and row < x.shape[0]:
            while k < mine:
                j = element(k)
                y[n, j] = x[np.uint32(row), j]
                k += 1
        while k < mine:
            y[n, element(k)] = nothing(x.dtype.type)
            k += 1
        n = next_row(n)


def patches(*arguments):
    """Launch shape: a warp for each patch of the last argument, a table: some of its rows, WARP columns."""
    rows, columns = arguments[-1].shape
    patches_j = max(1, -(-columns // WARP))
    patches_i = max(1, min(rows, PATCHES // patches_j))
    beside = min(BESIDE, patches_i)
    return (-(-patches_i // beside), patches_j), (WARP, beside)


@device
def rows_of_patch(table):
    """(top, bottom): the rows of this warp's patch."""
    rows, patches_i = np.uint32(table.shape[0]), np.uint32(cuda.gridDim.x * cuda.blockDim.y)
    height = np.uint32(np.uint32(rows + patches_i - np.uint32(1)) // patches_i)
    top = min(rows, np.uint32(first_row() * height))
    return top, min(rows, np.uint32(top + height))


@device
def clear(table, top, bottom, j):
    """table[top:bottom, j] = 0."""
    i = top
    while i < bottom and j < table.shape[1]:
        table[i, j] = 0
        i = np.uint32(i + np.uint32(1))


@device
def add_rows(named, row, factor, source, x, j, table):
    """table[row, j] += factor x[source, j] for each lane of a warp that is `named`, from the first lane to the last.

    row, factor and source are each lane's; j, each lane's column, may be beyond the last. Numbers of one row are
    read many at once and written once.
    """
    column = min(j, np.uint32(table.shape[1] - 1))
    found = np.uint32(cuda.ballot_sync(FULL_MASK, named))
    while found:
        r = np.uint32(cuda.shfl_sync(FULL_MASK, row, np.uint32(cuda.ffs(found) - 1)))
        same = np.uint32(cuda.ballot_sync(FULL_MASK, named and np.uint32(row) == r))
        found = np.uint32(found & ~same)
        total, giver = table[r, column], np.uint32(0)
        while same:
            none = np.uint32(cuda.ffs(same) - 1)
            same = np.uint32(same >> none)
            giver = np.uint32(giver + none)
            for bit in range(AT_ONCE):
                weight = cuda.shfl_sync(FULL_MASK, factor, giver + np.uint32(bit))
                n = np.uint32(cuda.shfl_sync(FULL_MASK, source, giver + np.uint32(bit)))
                if same >> np.uint32(bit) & np.uint32(1):
                    total += weight * x[n, column]
            same = np.uint32(same >> np.uint32(AT_ONCE))
            giver = np.uint32(giver + np.uint32(AT_ONCE))
        if j < table.shape[1]:
            table[r, j] = total


@cuda_kernel(launch=patches)
def gather_backward_x(grad_y, indices, grad_x):
    """grad_x[r] = sum over n with indices[n] = r of grad_y[n].

    Shapes: as in `gather_forward`; indices of no row count for nothing. A warp owns a patch of grad_x, a lane a
    column of it. It looks for its rows among all indices, WARP at a time, and adds up in the order of n: nothing
    is written by two threads, and bits repeat. All warps together read PATCHES times as many indices as there
    are, mostly from caches; a row that most indices name is the work of one warp for each WARP columns.
    """
    top, bottom = rows_of_patch(grad_x)
    left = np.uint32(cuda.blockIdx.y * WARP)
    while left < grad_x.shape[1] and top < bottom:
        j = np.uint32(left + thread_rank())
        clear(grad_x, top, bottom, j)
        start = np.uint32(0)
        while start < indices.size:
            n = np.uint32(start + thread_rank())
            row = indices[n] if n < indices.size else np.int64(-1)
            named = row >= top and row < bottom
            add_rows(named, np.int32(row), grad_x.dtype.type(1), np.int32(n), grad_y, j, grad_x)
            start = np.uint32(start + np.uint32(WARP))
        left = np.uint32(left + np.uint32(cuda.gridDim.y * WARP))


@cuda_kernel(launch=row_groups)
def one_hot(indices, y):
    """y[n, k] = 1 where k = indices[n], else 0.

    Shapes: indices (n,) of int64, y (n, depth). A thread group owns a row.
    """
    mine, n = elements_per_thread(y.shape[1]), first_row()
    while n < indices.size:
        index, k = indices[n], 0
        while k < mine:
            j = element(k)
            y[n, j] = j == index
            k += 1
        n = next_row(n)
