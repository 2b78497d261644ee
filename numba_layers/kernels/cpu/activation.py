"""Softmax and its logarithm on the CPU, a row a task. Activations of single numbers are in `elementwise`."""

import numpy as np
from numba import prange

from ..scalar import exp, formula, log
from ._extreme import largest
from ._target import cpu_kernel
from ._widest import widest


@cpu_kernel
def softmax_forward(x, y):
    """y[i, j] = e**x[i, j] / Σ_k e**x[i, k], the row's largest x taken out first, so that nothing overflows.

    Shapes: x and y (rows, n). A task owns a row.
    """
    for i in prange(x.shape[0]):
        highest, total = x.dtype.type(-np.inf), x.dtype.type(0)
        for j in range(x.shape[1]):
            highest = largest(highest, x[i, j])
        for j in range(x.shape[1]):
            power = exp(widest(x[i, j]) - highest)
            y[i, j] = power
            total += power
        scale = x.dtype.type(1) / total
        for j in range(x.shape[1]):
            y[i, j] *= scale


@cpu_kernel
def softmax_backward(y, grad, grad_x):
    """grad_x[i, j] = y[i, j] (grad[i, j] - Σ_k y[i, k] grad[i, k]).

    Shapes: all (rows, n). A task owns a row.
    """
    for i in prange(y.shape[0]):
        total = y.dtype.type(0)
        for j in range(y.shape[1]):
            total += y[i, j] * grad[i, j]
        for j in range(y.shape[1]):
            grad_x[i, j] = y[i, j] * (grad[i, j] - total)


@formula
def lowered(x, highest, logarithm):
    """(x - highest) - logarithm, in this order: a formula is not reassociated, and highest may be large."""
    return x - highest - logarithm


@cpu_kernel
def log_softmax_forward(x, y):
    """y[i, j] = x[i, j] - log Σ_k e**x[i, k], the row's largest x taken out first.

    Shapes: x and y (rows, n). A task owns a row.
    """
    for i in prange(x.shape[0]):
        highest, total = x.dtype.type(-np.inf), x.dtype.type(0)
        for j in range(x.shape[1]):
            highest = largest(highest, x[i, j])
        for j in range(x.shape[1]):
            total += exp(widest(x[i, j]) - highest)
        logarithm = log(total)
        for j in range(x.shape[1]):
            y[i, j] = lowered(x[i, j], highest, logarithm)


@cpu_kernel
def log_softmax_backward(y, grad, grad_x):
    """grad_x[i, j] = grad[i, j] - e**y[i, j] Σ_k grad[i, k].

    Shapes: all (rows, n). A task owns a row.
    """
    for i in prange(y.shape[0]):
        total = y.dtype.type(0)
        for j in range(y.shape[1]):
            total += grad[i, j]
        for j in range(y.shape[1]):
            grad_x[i, j] = grad[i, j] - exp(widest(y[i, j])) * total
