"""Losses of rows: a number for each sample, and its gradient by the output; in parallel over the rows.

Shapes: target, output and grad_output (rows, n), labels (rows, 1), loss and grad (rows,). An iteration owns a
row, or ROWS of them. Where a loss limits the output to [epsilon, 1 - epsilon], the gradient outside is 0.
"""

import numpy as np
from numba import prange

from ..math.losses import kept_reciprocal, log_likelihood, log_likelihood_gradient
from ..math.scalar import clip, log
from ..math.tables import LIMITED_MEAN_LOSSES, MEAN_LOSSES
from .compile import cpu_kernel
from .micro.partition import part_of
from .micro.reduction import sum_of, sum_of_rows, summed
from .micro.vector import apart, ceil_div

ROWS = 256   # of a task: those of one element go side by side in vectors

# ---- means of the losses of elements -----------------------------------------------------------------------


def mean_loss(name, value, gradient):
    """Kernels `<name>_forward` and `<name>_backward`."""
    total = sum_of_rows(value)

    @cpu_kernel(name=f"{name}_forward")
    def forward(target, output, loss):
        """loss[i] = Σ_j value(target[i, j], output[i, j]) / n"""
        rows, n = output.shape
        tasks = ceil_div(rows, ROWS)
        for task in prange(tasks):
            first, count = part_of(np.int64(task), tasks, rows, ROWS)
            if n == 1:
                targets, outputs, losses = apart(target, first), apart(output, first), apart(loss, first)
                for i in range(count):
                    losses[i] = output.dtype.type(0) + value(targets[i], outputs[i])
            else:
                for i in range(first, first + count):
                    loss[i] = total(n, target[i], output[i]) / output.dtype.type(n)

    @cpu_kernel(name=f"{name}_backward")
    def backward(target, output, grad, grad_output):
        """grad_output[i, j] = gradient(grad[i] / n, target[i, j], output[i, j])"""
        n = output.shape[1]
        for i in prange(output.shape[0]):
            scale = grad[i] / output.dtype.type(n)
            for j in range(n):
                grad_output[i, j] = gradient(scale, target[i, j], output[i, j])


def limited_mean_loss(name, value, gradient):
    """Kernels `<name>_forward` and `<name>_backward`, with the output limited to [epsilon, 1 - epsilon]."""

    @summed
    def total(j, output, target, low, high):
        return value(target[j], output[j], low, high)

    @cpu_kernel(name=f"{name}_forward")
    def forward(target, output, epsilon, loss):
        """loss[i] = Σ_j value(target[i, j], output[i, j], epsilon, 1 - epsilon) / n"""
        rows, n = output.shape
        high = output.dtype.type(1) - epsilon
        tasks = ceil_div(rows, ROWS)
        for task in prange(tasks):
            first, count = part_of(np.int64(task), tasks, rows, ROWS)
            if n == 1:
                targets, outputs, losses = apart(target, first), apart(output, first), apart(loss, first)
                for i in range(count):
                    losses[i] = output.dtype.type(0) + value(targets[i], outputs[i], epsilon, high)
            else:
                for i in range(first, first + count):
                    loss[i] = total(n, output[i], target[i], epsilon, high) / output.dtype.type(n)

    @cpu_kernel(name=f"{name}_backward")
    def backward(target, output, grad, epsilon, grad_output):
        """grad_output[i, j] = gradient(grad[i] / n, target[i, j], output[i, j], epsilon, 1 - epsilon)"""
        n = output.shape[1]
        high = output.dtype.type(1) - epsilon
        for i in prange(output.shape[0]):
            scale = grad[i] / output.dtype.type(n)
            for j in range(n):
                grad_output[i, j] = gradient(scale, target[i, j], output[i, j], epsilon, high)


for _name, _loss in MEAN_LOSSES.items():
    mean_loss(_name, *_loss)
for _name, _loss in LIMITED_MEAN_LOSSES.items():
    limited_mean_loss(_name, *_loss)


# ---- classes -----------------------------------------------------------------------------------------------


@summed
def log_likelihoods(j, output, target, scale, low, high):
    """Σ target[j] log q_j with q_j = output[j] scale, limited to [low, high]"""
    return log_likelihood(target[j], output[j] * scale, low, high)


@cpu_kernel
def categorical_crossentropy_forward(target, output, epsilon, loss):
    """loss[i] = -Σ_j target[i, j] log q_j with q_j = output[i, j] / Σ_k output[i, k], limited"""
    n = output.shape[1]
    high = output.dtype.type(1) - epsilon
    for i in prange(output.shape[0]):
        scale = output.dtype.type(1) / sum_of(n, output[i])
        loss[i] = -log_likelihoods(n, output[i], target[i], scale, epsilon, high)


@summed
def kept_targets(j, output, target, scale, low, high):
    """Σ target[j] over the j whose output[j] scale lies in [low, high]"""
    q = output[j] * scale
    return target.dtype.type(0) if q < low or q > high else target[j]


@cpu_kernel
def categorical_crossentropy_backward(target, output, grad, epsilon, grad_output):
    """grad_output[i, j] = grad[i] (Σ_k target[i, k] - target[i, j] / q_j) / Σ_k output[i, k]

    Where q is limited, its target does not count.
    """
    n = output.shape[1]
    high = output.dtype.type(1) - epsilon
    for i in prange(output.shape[0]):
        scale = output.dtype.type(1) / sum_of(n, output[i])
        kept = kept_targets(n, output[i], target[i], scale, epsilon, high)
        slope = grad[i] * scale
        for j in range(n):
            q = output[i, j] * scale
            grad_output[i, j] = log_likelihood_gradient(slope, target[i, j], q, kept, epsilon, high)


@summed
def sum_of_limited(j, output, low, high):
    """Σ output[j] limited to [low, high]"""
    return clip(output[j], low, high)


@cpu_kernel
def sparse_categorical_crossentropy_forward(labels, output, epsilon, loss):
    """loss[i] = log Σ_j p_j - log p_label with p = output[i] limited; NaN for a label outside of 0 .. n-1"""
    n = output.shape[1]
    high = output.dtype.type(1) - epsilon
    for i in prange(output.shape[0]):
        whole = sum_of_limited(n, output[i], epsilon, high)
        if labels[i, 0] >= 0 and labels[i, 0] < n:
            loss[i] = log(whole) - log(clip(output[i, np.int64(labels[i, 0])], epsilon, high))
        else:
            loss[i] = np.nan


@cpu_kernel
def sparse_categorical_crossentropy_backward(labels, output, grad, epsilon, grad_output):
    """grad_output[i, j] = grad[i] (1 / Σ_k p_k - [j = label] / p_j), without the terms where p_j is limited

    The whole row is NaN for a label outside of 0 .. n-1.
    """
    n = output.shape[1]
    high = output.dtype.type(1) - epsilon
    for i in prange(output.shape[0]):
        legal = labels[i, 0] >= 0 and labels[i, 0] < n
        label = np.int64(labels[i, 0]) if legal else 0
        slope = grad[i] if legal else output.dtype.type(np.nan)
        whole = sum_of_limited(n, output[i], epsilon, high)
        for j in range(n):
            grad_output[i, j] = slope * kept_reciprocal(whole, output[i, j], epsilon, high)
        p = output[i, label]
        grad_output[i, label] -= slope * kept_reciprocal(p, p, epsilon, high)
