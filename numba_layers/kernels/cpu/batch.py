"""Batches on the CPU, from within a program: rows gathered by the epoch's order, figures written down.

counters: (number of the next batch in the epoch, that of the first one whose figures are kept), int64.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel
from .micro.vector import fetch

AHEAD = 12      # rows, which lie anywhere, that are on their way to the caches


@cpu_kernel
def gather_batch(x, order, counters, y):
    """y[i] = x[order[counters[0] * batch + i]], in y's type.

    Shapes: x (samples, columns), order (samples,) of int64: numbers of rows of x, y (batch, columns). Parallel over i.
    """
    start = counters[0] * y.shape[0]
    for i in prange(y.shape[0]):
        row = order[start + np.int64(i)]
        fetch(x, order[start + min(np.int64(i) + AHEAD, y.shape[0] - 1)] * x.shape[1])
        for j in range(y.shape[1]):
            y[i, j] = x[row, j]


@cpu_kernel
def keep_figure(figure, counters, column, figures):
    """figures[counters[0] - counters[1], column] = figure[0]"""
    figures[counters[0] - counters[1], column] = figure[0]


@cpu_kernel
def next_batch(counters):
    """counters[0] += 1"""
    counters[0] += 1
