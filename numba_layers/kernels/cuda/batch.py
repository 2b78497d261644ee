"""Batches on the GPU, from within a program: rows gathered by the epoch's order, figures written down.

counters: (number of the next batch in the epoch, that of the first one whose figures are kept), int64.
"""

import numpy as np

from .simt.grid import one_thread, thread_id
from .simt.group import element, elements_per_thread, first_row, next_row, row_groups
from .toolchain.target import cuda_kernel


@cuda_kernel(launch=row_groups)
def gather_batch(x, order, counters, y):
    """y[i] = x[order[counters[0] * batch + i]], in y's type.

    Shapes: x (samples, columns), order (samples,) of int64: numbers of rows of x, y (batch, columns). A thread group
    owns a row of y.
    """
    start = np.uint32(counters[0] * y.shape[0])
    mine, i = elements_per_thread(x.shape[1]), first_row()
    while i < np.uint32(y.shape[0]):
        row, k = np.uint32(order[start + i]), 0
        while k < mine:
            j = element(k)
            y[i, j] = x[row, j]
            k += 1
        i = next_row(i)


@cuda_kernel(launch=one_thread)
def keep_figure(figure, counters, column, figures):
    """figures[counters[0] - counters[1], column] = figure[0]"""
    if thread_id() == 0:
        figures[counters[0] - counters[1], column] = figure[0]


@cuda_kernel(launch=one_thread)
def next_batch(counters):
    """counters[0] += 1"""
    if thread_id() == 0:
        counters[0] += 1
