"""Rows of a table on the CPU: looked up, and added up again for the gradient."""

import numpy as np
from numba import prange

from ..math.embedding import nothing
from .compile import cpu_kernel, inlined
from .micro.partition import thread_count

LINE = 16   # columns that are worth a task of their own: a cache line of float32


@cpu_kernel
def gather_forward(x, indices, y):
    """y[n] = x[indices[n]], or NaN (in a table of integers 0) where x has no such row.

    Shapes: x (rows, columns), indices (n,) of int64, y (n, columns). Parallel over n. Jitted code, which nobody stops,
    may give any index.
    """
    for n in prange(indices.size):
        row = indices[n]
        if 0 <= row < x.shape[0]:
            for j in range(x.shape[1]):
                y[n, j] = x[row, j]
        else:
            for j in range(x.shape[1]):
                y[n, j] = nothing(x.dtype.type)


@inlined
def patches(columns):
    """In how many blocks (down, across) to cut a table for the threads there are."""
    threads = thread_count()
    across = max(1, min(threads, columns // LINE))
    return (threads + across - 1) // across, across


@inlined
def patch(task, down, across, table):
    """Bounds (top, bottom, left, right) of block number `task` of a table, which is set to zero."""
    rows, columns = table.shape
    top, bottom = task // across * rows // down, (task // across + 1) * rows // down
    left, right = task % across * columns // across, (task % across + 1) * columns // across
    for i in range(top, bottom):
        part = table[i, left:right]     # slices: numbers of columns that may be negative are not stored as vectors
        for j in range(part.size):
            part[j] = 0
    return top, bottom, left, right


@cpu_kernel
def gather_backward_x(grad_y, indices, grad_x):
    """grad_x[r] = sum over n with indices[n] = r of grad_y[n].

    Shapes: as in `gather_forward`. A task owns a block of grad_x and looks for its rows among all indices, so
    each number is added up in the order of n, for any number of threads.
    """
    down, across = patches(grad_x.shape[1])
    for task in prange(down * across):
        top, bottom, left, right = patch(task, down, across, grad_x)
        for n in range(indices.size):
            row = indices[n]
            if top <= row < bottom:
                part, grad = grad_x[row, left:right], grad_y[n, left:right]
                for j in range(part.size):
                    part[j] += grad[j]


@cpu_kernel
def one_hot(indices, y):
    """y[n, k] = 1 where k = indices[n], else 0.

    Shapes: indices (n,) of int64, y (n, depth). Parallel over n.
    """
    for n in prange(indices.size):
        for k in range(y.shape[1]):
            y[n, k] = np.int64(k) == indices[n]
