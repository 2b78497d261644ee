"""Softmax and its logarithm on the CPU, a row a task. Activations of single numbers are in `elementwise`."""

from numba import prange

from ..math.activations import log_softmax, log_softmax_gradient, softmax_gradient
from ..math.scalar import exp, log
from .compile import cpu_kernel
from .micro.reduction import BLOCK, dot, largest_of, sum_of, summed
from .micro.widest import widest


@cpu_kernel
def softmax_forward(x, y):
    """y[i, j] = e**x[i, j] / Σ_k e**x[i, k], the row's largest x taken out first, so that nothing overflows.

    Shapes: x and y (rows, n). A task owns a row.
    """
    for i in prange(x.shape[0]):
        n, total = x.shape[1], x.dtype.type(0)
        highest = largest_of(n, x[i])
        for first in range(0, n, BLOCK):
            some, powers = x[i, first:first + BLOCK], y[i, first:first + BLOCK]
            for j in range(some.size):
                powers[j] = exp(widest(some[j]) - highest)
            total += sum_of(some.size, powers)
        scale = x.dtype.type(1) / total
        for j in range(x.shape[1]):
            y[i, j] *= scale


@cpu_kernel
def softmax_backward(y, grad, grad_x):
    """grad_x[i, j] = y[i, j] (grad[i, j] - Σ_k y[i, k] grad[i, k]).

    Shapes: all (rows, n). A task owns a row.
    """
    for i in prange(y.shape[0]):
        total = dot(y.shape[1], y[i], grad[i])
        for j in range(y.shape[1]):
            grad_x[i, j] = softmax_gradient(y[i, j], grad[i, j], total)


@summed
def sum_of_powers(j, x, highest):
    """Σ e**(x[j] - highest)"""
    return exp(x[j] - highest)


@cpu_kernel
def log_softmax_forward(x, y):
    """y[i, j] = x[i, j] - log Σ_k e**x[i, k], the row's largest x taken out first.

    Shapes: x and y (rows, n). A task owns a row.
    """
    for i in prange(x.shape[0]):
        n = x.shape[1]
        highest = largest_of(n, x[i])
        logarithm = log(sum_of_powers(n, x[i], widest(highest)))
        for j in range(x.shape[1]):
            y[i, j] = log_softmax(x[i, j], highest, logarithm)


@cpu_kernel
def log_softmax_backward(y, grad, grad_x):
    """grad_x[i, j] = grad[i, j] - e**y[i, j] Σ_k grad[i, k].

    Shapes: all (rows, n). A task owns a row.
    """
    for i in prange(y.shape[0]):
        total = sum_of(y.shape[1], grad[i])
        for j in range(y.shape[1]):
            grad_x[i, j] = log_softmax_gradient(widest(y[i, j]), grad[i, j], total)
