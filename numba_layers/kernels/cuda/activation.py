"""Softmax and its logarithm on the GPU, a row a team. Activations of single numbers are in `elementwise`."""

import numpy as np

from ..math.scalar import exp, formula, log
from .simt.block import WARP, larger, max_of_block, sum_of_block
from .simt.group import first_row, next_row, place, share, shared_rows
from .toolchain.api import cuda, device
from .toolchain.target import cuda_kernel


@device
def extent(row, mine, parts):
    """(largest, Σ_j e**(row[j] - largest)) of a row, for each thread of the team."""
    highest, total = row.dtype.type(-np.inf), row.dtype.type(0)
    k = 0
    while k < mine:
        highest = larger(highest, row[place(k)])
        k += 1
    highest = max_of_block(highest, parts)
    k = 0
    while k < mine:
        total += exp(row[place(k)] - highest)
        k += 1
    return highest, sum_of_block(total, parts)


@cuda_kernel(launch=shared_rows)
def softmax_forward(x, y):
    """y[i, j] = e**x[i, j] / Σ_k e**x[i, k], the row's largest x taken out first, so that nothing overflows.

    Shapes: x and y (rows, n). A team owns a row; it computes powers twice, which is faster than to store them.
    """
    parts = cuda.shared.array(WARP, x.dtype)
    mine, i = share(x.shape[1]), first_row()
    while i < x.shape[0]:
        row, out = x[i], y[i]
        highest, total = extent(row, mine, parts)
        scale = x.dtype.type(1) / total
        k = 0
        while k < mine:
            j = place(k)
            out[j] = exp(row[j] - highest) * scale
            k += 1
        i = next_row(i)


@cuda_kernel(launch=shared_rows)
def softmax_backward(y, grad, grad_x):
    """grad_x[i, j] = y[i, j] (grad[i, j] - Σ_k y[i, k] grad[i, k]).

    Shapes: all (rows, n). A team owns a row.
    """
    parts = cuda.shared.array(WARP, y.dtype)
    mine, i = share(y.shape[1]), first_row()
    while i < y.shape[0]:
        row, slope, out = y[i], grad[i], grad_x[i]
        total = y.dtype.type(0)
        k = 0
        while k < mine:
            j = place(k)
            total += row[j] * slope[j]
            k += 1
        total = sum_of_block(total, parts)
        k = 0
        while k < mine:
            j = place(k)
            out[j] = row[j] * (slope[j] - total)
            k += 1
        i = next_row(i)


@formula
def lowered(x, highest, logarithm):
    """(x - highest) - logarithm, in this order: highest may be large."""
    return x - highest - logarithm


@cuda_kernel(launch=shared_rows)
def log_softmax_forward(x, y):
    """y[i, j] = x[i, j] - log Σ_k e**x[i, k], the row's largest x taken out first.

    Shapes: x and y (rows, n). A team owns a row.
    """
    parts = cuda.shared.array(WARP, x.dtype)
    mine, i = share(x.shape[1]), first_row()
    while i < x.shape[0]:
        row, out = x[i], y[i]
        highest, total = extent(row, mine, parts)
        logarithm = log(total)
        k = 0
        while k < mine:
            j = place(k)
            out[j] = lowered(row[j], highest, logarithm)
            k += 1
        i = next_row(i)


@cuda_kernel(launch=shared_rows)
def log_softmax_backward(y, grad, grad_x):
    """grad_x[i, j] = grad[i, j] - e**y[i, j] Σ_k grad[i, k].

    Shapes: all (rows, n). A team owns a row.
    """
    parts = cuda.shared.array(WARP, y.dtype)
    mine, i = share(y.shape[1]), first_row()
    while i < y.shape[0]:
        row, slope, out = y[i], grad[i], grad_x[i]
        total = y.dtype.type(0)
        k = 0
        while k < mine:
            total += slope[place(k)]
            k += 1
        total = sum_of_block(total, parts)
        k = 0
        while k < mine:
            j = place(k)
            out[j] = slope[j] - exp(row[j]) * total
            k += 1
        i = next_row(i)
