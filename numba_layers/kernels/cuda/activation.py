"""Softmax and its logarithm on the GPU, a row a thread group. Activations of single numbers are in `elementwise`."""

import numpy as np

from ..math.activations import log_softmax, log_softmax_gradient, softmax_gradient
from ..math.scalar import exp, log
from .simt.group import element, elements_per_thread, first_row, next_row, row_groups
from .simt.shuffle import WARP, group_max, group_sum, larger
from .toolchain.api import cuda, device
from .toolchain.target import cuda_kernel


@device
def extent(row, mine, parts):
    """(largest, Σ_j e**(row[j] - largest)) of a row, for each thread of the group."""
    highest, total = row.dtype.type(-np.inf), row.dtype.type(0)
    k = 0
    while k < mine:
        highest = larger(highest, row[element(k)])
        k += 1
    highest = group_max(highest, parts)
    k = 0
    while k < mine:
        total += exp(row[element(k)] - highest)
        k += 1
    return highest, group_sum(total, parts)


@cuda_kernel(launch=row_groups)
def softmax_forward(x, y):
    """y[i, j] = e**x[i, j] / Σ_k e**x[i, k], the row's largest x taken out first, so that nothing overflows.

    Shapes: x and y (rows, n). A thread group owns a row; it computes powers twice, which is faster than to store them.
    """
    parts = cuda.shared.array(WARP, x.dtype)
    mine, i = elements_per_thread(x.shape[1]), first_row()
    while i < x.shape[0]:
        row, out = x[i], y[i]
        highest, total = extent(row, mine, parts)
        scale = x.dtype.type(1) / total
        k = 0
        while k < mine:
            j = element(k)
            out[j] = exp(row[j] - highest) * scale
            k += 1
        i = next_row(i)


@cuda_kernel(launch=row_groups)
def softmax_backward(y, grad, grad_x):
    """grad_x[i, j] = y[i, j] (grad[i, j] - Σ_k y[i, k] grad[i, k]).

    Shapes: all (rows, n). A thread group owns a row.
    """
    parts = cuda.shared.array(WARP, y.dtype)
    mine, i = elements_per_thread(y.shape[1]), first_row()
    while i < y.shape[0]:
        row, slope, out = y[i], grad[i], grad_x[i]
        total = y.dtype.type(0)
        k = 0
        while k < mine:
            j = element(k)
            total += row[j] * slope[j]
            k += 1
        total = group_sum(total, parts)
        k = 0
        while k < mine:
            j = element(k)
            out[j] = softmax_gradient(row[j], slope[j], total)
            k += 1
        i = next_row(i)


@cuda_kernel(launch=row_groups)
def log_softmax_forward(x, y):
    """y[i, j] = x[i, j] - log Σ_k e**x[i, k], the row's largest x taken out first.

    Shapes: x and y (rows, n). A thread group owns a row.
    """
    parts = cuda.shared.array(WARP, x.dtype)
    mine, i = elements_per_thread(x.shape[1]), first_row()
    while i < x.shape[0]:
        row, out = x[i], y[i]
        highest, total = extent(row, mine, parts)
        logarithm = log(total)
        k = 0
        while k < mine:
            j = element(k)
            out[j] = log_softmax(row[j], highest, logarithm)
            k += 1
        i = next_row(i)


@cuda_kernel(launch=row_groups)
def log_softmax_backward(y, grad, grad_x):
    """grad_x[i, j] = grad[i, j] - e**y[i, j] Σ_k grad[i, k].

    Shapes: all (rows, n). A thread group owns a row.
    """
    parts = cuda.shared.array(WARP, y.dtype)
    mine, i = elements_per_thread(y.shape[1]), first_row()
    while i < y.shape[0]:
        row, slope, out = y[i], grad[i], grad_x[i]
        total = y.dtype.type(0)
        k = 0
        while k < mine:
            total += slope[element(k)]
            k += 1
        total = group_sum(total, parts)
        k = 0
        while k < mine:
            j = element(k)
            out[j] = log_softmax_gradient(row[j], slope[j], total)
            k += 1
        i = next_row(i)
