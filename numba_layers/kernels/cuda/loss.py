"""Losses of rows on the GPU: a number for each sample, and its gradient by the output; a thread group owns a row.

Shapes: target, output and grad_output (rows, n), labels (rows, 1), loss and grad (rows,). Where a loss limits
the output to [epsilon, 1 - epsilon], the gradient outside is 0.
"""

import numpy as np

from ..math.scalar import clip, log, sign
from .simt.group import element, elements_per_thread, first_row, groups, next_row, row_groups, thread_rank
from .simt.shuffle import WARP, group_sum
from .toolchain.api import cuda
from .toolchain.target import cuda_kernel


def rows_of_output(target, output, *rest):
    """Launch shape: a thread group for each row of the output."""
    return groups(*output.shape)


@cuda_kernel(launch=rows_of_output)
def mean_squared_error_forward(target, output, loss):
    """loss[i] = Σ_j (output[i, j] - target[i, j])² / n"""
    parts = cuda.shared.array(WARP, output.dtype)
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        total = output.dtype.type(0)
        k = 0
        while k < mine:
            j = element(k)
            difference = output[i, j] - output.dtype.type(target[i, j])
            total += difference * difference
            k += 1
        total = group_sum(total, parts)
        if thread_rank() == 0:
            loss[i] = total / output.dtype.type(output.shape[1])
        i = next_row(i)


@cuda_kernel(launch=row_groups)
def mean_squared_error_backward(target, output, grad, grad_output):
    """grad_output[i, j] = grad[i] 2 (output[i, j] - target[i, j]) / n"""
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        scale = grad[i] * output.dtype.type(2) / output.dtype.type(output.shape[1])
        k = 0
        while k < mine:
            j = element(k)
            grad_output[i, j] = scale * (output[i, j] - output.dtype.type(target[i, j]))
            k += 1
        i = next_row(i)


@cuda_kernel(launch=rows_of_output)
def mean_absolute_error_forward(target, output, loss):
    """loss[i] = Σ_j |output[i, j] - target[i, j]| / n"""
    parts = cuda.shared.array(WARP, output.dtype)
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        total = output.dtype.type(0)
        k = 0
        while k < mine:
            j = element(k)
            total += abs(output[i, j] - output.dtype.type(target[i, j]))
            k += 1
        total = group_sum(total, parts)
        if thread_rank() == 0:
            loss[i] = total / output.dtype.type(output.shape[1])
        i = next_row(i)


@cuda_kernel(launch=row_groups)
def mean_absolute_error_backward(target, output, grad, grad_output):
    """grad_output[i, j] = grad[i] sign(output[i, j] - target[i, j]) / n"""
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        scale = grad[i] / output.dtype.type(output.shape[1])
        k = 0
        while k < mine:
            j = element(k)
            grad_output[i, j] = scale * sign(output[i, j] - output.dtype.type(target[i, j]))
            k += 1
        i = next_row(i)


@cuda_kernel(launch=rows_of_output)
def categorical_crossentropy_forward(target, output, epsilon, loss):
    """loss[i] = -Σ_j target[i, j] log q_j with q_j = output[i, j] / Σ_k output[i, k], limited"""
    parts = cuda.shared.array(WARP, output.dtype)
    high = output.dtype.type(1) - epsilon
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        whole, total = output.dtype.type(0), output.dtype.type(0)
        k = 0
        while k < mine:
            whole += output[i, element(k)]
            k += 1
        whole = group_sum(whole, parts)
        k = 0
        while k < mine:
            j = element(k)
            total -= output.dtype.type(target[i, j]) * log(clip(output[i, j] / whole, epsilon, high))
            k += 1
        total = group_sum(total, parts)
        if thread_rank() == 0:
            loss[i] = total
        i = next_row(i)


@cuda_kernel(launch=row_groups)
def categorical_crossentropy_backward(target, output, grad, epsilon, grad_output):
    """grad_output[i, j] = grad[i] (Σ_k target[i, k] - target[i, j] / q_j) / Σ_k output[i, k]

    Where q is limited, its target does not count.
    """
    parts = cuda.shared.array(WARP, output.dtype)
    zero, high = output.dtype.type(0), output.dtype.type(1) - epsilon
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        whole, kept = output.dtype.type(0), output.dtype.type(0)
        k = 0
        while k < mine:
            whole += output[i, element(k)]
            k += 1
        whole = group_sum(whole, parts)
        k = 0
        while k < mine:
            j = element(k)
            q = output[i, j] / whole
            kept += zero if q < epsilon or q > high else output.dtype.type(target[i, j])
            k += 1
        kept = group_sum(kept, parts)
        scale = grad[i] / whole
        k = 0
        while k < mine:
            j = element(k)
            q = output[i, j] / whole
            part = zero if q < epsilon or q > high else output.dtype.type(target[i, j]) / q
            grad_output[i, j] = scale * (kept - part)
            k += 1
        i = next_row(i)


@cuda_kernel(launch=rows_of_output)
def sparse_categorical_crossentropy_forward(labels, output, epsilon, loss):
    """loss[i] = log Σ_j p_j - log p_label with p = output[i] limited; NaN for a label outside of 0 .. n-1"""
    parts = cuda.shared.array(WARP, output.dtype)
    high = output.dtype.type(1) - epsilon
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        whole = output.dtype.type(0)
        k = 0
        while k < mine:
            whole += clip(output[i, element(k)], epsilon, high)
            k += 1
        whole = group_sum(whole, parts)
        label = np.int64(labels[i, 0])
        if thread_rank() == 0:
            if label >= 0 and label < output.shape[1]:
                loss[i] = log(whole) - log(clip(output[i, np.uint32(label)], epsilon, high))
            else:
                loss[i] = output.dtype.type(np.nan)
        i = next_row(i)


@cuda_kernel(launch=row_groups)
def sparse_categorical_crossentropy_backward(labels, output, grad, epsilon, grad_output):
    """grad_output[i, j] = grad[i] (1 / Σ_k p_k - [j = label] / p_j), without the terms where p_j is limited

    The whole row is NaN for a label outside of 0 .. n-1.
    """
    parts = cuda.shared.array(WARP, output.dtype)
    zero, one = output.dtype.type(0), output.dtype.type(1)
    high = one - epsilon
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        label = np.int64(labels[i, 0])
        slope = grad[i] if label >= 0 and label < output.shape[1] else output.dtype.type(np.nan)
        whole = output.dtype.type(0)
        k = 0
        while k < mine:
            whole += clip(output[i, element(k)], epsilon, high)
            k += 1
        whole = group_sum(whole, parts)
        k = 0
        while k < mine:
            j = element(k)
            p = output[i, j]
            limited = p < epsilon or p > high
            change = slope * (zero if limited else one / whole)
            if j == label:
                change -= slope * (zero if limited else one / p)
            grad_output[i, j] = change
            k += 1
        i = next_row(i)


@cuda_kernel(launch=rows_of_output)
def binary_crossentropy_forward(target, output, epsilon, loss):
    """loss[i] = -Σ_j (t_j log p_j + (1 - t_j) log(1 - p_j)) / n with t = target[i], p = output[i] limited"""
    parts = cuda.shared.array(WARP, output.dtype)
    one = output.dtype.type(1)
    high = one - epsilon
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        total = output.dtype.type(0)
        k = 0
        while k < mine:
            j = element(k)
            p, t = clip(output[i, j], epsilon, high), output.dtype.type(target[i, j])
            total -= t * log(p) + (one - t) * log(one - p)
            k += 1
        total = group_sum(total, parts)
        if thread_rank() == 0:
            loss[i] = total / output.dtype.type(output.shape[1])
        i = next_row(i)


@cuda_kernel(launch=row_groups)
def binary_crossentropy_backward(target, output, grad, epsilon, grad_output):
    """grad_output[i, j] = grad[i] (p_j - t_j) / (p_j (1 - p_j)) / n, 0 where p_j is limited"""
    zero, one = output.dtype.type(0), output.dtype.type(1)
    high = one - epsilon
    mine, i = elements_per_thread(output.shape[1]), first_row()
    while i < output.shape[0]:
        scale = grad[i] / output.dtype.type(output.shape[1])
        k = 0
        while k < mine:
            j = element(k)
            p = output[i, j]
            slope = (p - output.dtype.type(target[i, j])) / (p * (one - p))
            grad_output[i, j] = zero if p < epsilon or p > high else scale * slope
            k += 1
        i = next_row(i)
