"""Losses of rows: a number for each sample, and its gradient by the output; in parallel over the rows.

Shapes: target, output and grad_output (rows, n), labels (rows, 1), loss and grad (rows,). An iteration owns a
row. Where a loss limits the output to [epsilon, 1 - epsilon], the gradient outside is 0.
"""

import numpy as np
from numba import prange

from ..math.scalar import clip, log, sign
from .compile import cpu_kernel
from .micro.reduction import sum_of, sum_of_distances, sum_of_squares, summed


@cpu_kernel
def mean_squared_error_forward(target, output, loss):
    """loss[i] = Σ_j (output[i, j] - target[i, j])² / n"""
    n = output.shape[1]
    for i in prange(output.shape[0]):
        loss[i] = sum_of_squares(n, output[i], target[i]) / output.dtype.type(n)


@cpu_kernel
def mean_squared_error_backward(target, output, grad, grad_output):
    """grad_output[i, j] = grad[i] 2 (output[i, j] - target[i, j]) / n"""
    n = output.shape[1]
    for i in prange(output.shape[0]):
        scale = grad[i] * output.dtype.type(2) / output.dtype.type(n)
        for j in range(n):
            grad_output[i, j] = scale * (output[i, j] - target[i, j])


@cpu_kernel
def mean_absolute_error_forward(target, output, loss):
    """loss[i] = Σ_j |output[i, j] - target[i, j]| / n"""
    n = output.shape[1]
    for i in prange(output.shape[0]):
        loss[i] = sum_of_distances(n, output[i], target[i]) / output.dtype.type(n)


@cpu_kernel
def mean_absolute_error_backward(target, output, grad, grad_output):
    """grad_output[i, j] = grad[i] sign(output[i, j] - target[i, j]) / n"""
    n = output.shape[1]
    for i in prange(output.shape[0]):
        scale = grad[i] / output.dtype.type(n)
        for j in range(n):
            grad_output[i, j] = scale * sign(output[i, j] - target[i, j])


@summed
def weighted_logarithms(j, output, target, scale, low, high):
    """Σ target[j] log q_j with q_j = output[j] scale, limited to [low, high]"""
    return target[j] * log(clip(output[j] * scale, low, high))


@cpu_kernel
def categorical_crossentropy_forward(target, output, epsilon, loss):
    """loss[i] = -Σ_j target[i, j] log q_j with q_j = output[i, j] / Σ_k output[i, k], limited"""
    n = output.shape[1]
    high = output.dtype.type(1) - epsilon
    for i in prange(output.shape[0]):
        scale = output.dtype.type(1) / sum_of(n, output[i])
        loss[i] = -weighted_logarithms(n, output[i], target[i], scale, epsilon, high)


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
    zero, high = output.dtype.type(0), output.dtype.type(1) - epsilon
    for i in prange(output.shape[0]):
        scale = output.dtype.type(1) / sum_of(n, output[i])
        kept = kept_targets(n, output[i], target[i], scale, epsilon, high)
        for j in range(n):
            q = output[i, j] * scale
            share = zero if q < epsilon or q > high else target[i, j] / q
            grad_output[i, j] = grad[i] * scale * (kept - share)


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
    zero, one = output.dtype.type(0), output.dtype.type(1)
    high = one - epsilon
    for i in prange(output.shape[0]):
        legal = labels[i, 0] >= 0 and labels[i, 0] < n
        label = np.int64(labels[i, 0]) if legal else 0
        slope = grad[i] if legal else output.dtype.type(np.nan)
        whole = sum_of_limited(n, output[i], epsilon, high)
        for j in range(n):
            p = output[i, j]
            grad_output[i, j] = slope * (zero if p < epsilon or p > high else one / whole)
        p = output[i, label]
        grad_output[i, label] -= slope * (zero if p < epsilon or p > high else one / p)


@summed
def likelihoods(j, output, target, low, high):
    """Σ (t_j log p_j + (1 - t_j) log(1 - p_j)) with t = target, p = output limited to [low, high]"""
    one = output.dtype.type(1)
    p = clip(output[j], low, high)
    return target[j] * log(p) + (one - target[j]) * log(one - p)


@cpu_kernel
def binary_crossentropy_forward(target, output, epsilon, loss):
    """loss[i] = -Σ_j (t_j log p_j + (1 - t_j) log(1 - p_j)) / n with t = target[i], p = output[i] limited"""
    n = output.shape[1]
    high = output.dtype.type(1) - epsilon
    for i in prange(output.shape[0]):
        loss[i] = -likelihoods(n, output[i], target[i], epsilon, high) / output.dtype.type(n)


@cpu_kernel
def binary_crossentropy_backward(target, output, grad, epsilon, grad_output):
    """grad_output[i, j] = grad[i] (p_j - t_j) / (p_j (1 - p_j)) / n, 0 where p_j is limited"""
    n = output.shape[1]
    zero, one = output.dtype.type(0), output.dtype.type(1)
    high = one - epsilon
    for i in prange(output.shape[0]):
        scale = grad[i] / output.dtype.type(n)
        for j in range(n):
            p = output[i, j]
            slope = (p - target[i, j]) / (p * (one - p))
            grad_output[i, j] = zero if p < epsilon or p > high else scale * slope
