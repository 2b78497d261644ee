"""Losses of rows on the GPU: a number for each sample, and its gradient by the output; a thread group owns a row.

Shapes: target, output and grad_output (rows, n), labels (rows, 1), loss and grad (rows,). Where a loss limits
the output to [epsilon, 1 - epsilon], the gradient outside is 0.
"""

import numpy as np

from ..math.losses import kept_reciprocal, log_likelihood, log_likelihood_gradient
from ..math.scalar import clip, log
from ..math.tables import LIMITED_MEAN_LOSSES, MEAN_LOSSES
from .simt.group import element, elements_per_thread, first_row, groups, next_row, row_groups, thread_rank
from .simt.shuffle import WARP, group_sum
from .toolchain.api import cuda
from .toolchain.target import cuda_kernel


def rows_of_output(target, output, *rest):
    """Launch shape: a thread group for each row of the output."""
    return groups(*output.shape)


# ---- means of the losses of elements -----------------------------------------------------------------------


def mean_loss(name, value, gradient):
    """Kernels `<name>_forward` and `<name>_backward`."""

    @cuda_kernel(name=f"{name}_forward", launch=rows_of_output)
    def forward(target, output, loss):
        """loss[i] = Σ_j value(target[i, j], output[i, j]) / n"""
        parts = cuda.shared.array(WARP, output.dtype)
        mine, i = elements_per_thread(output.shape[1]), first_row()
        while i < output.shape[0]:
            total = output.dtype.type(0)
            k = 0
            while k < mine:
                j = element(k)
                total += value(output.dtype.type(target[i, j]), output[i, j])
                k += 1
            total = group_sum(total, parts)
            if thread_rank() == 0:
                loss[i] = total / output.dtype.type(output.shape[1])
            i = next_row(i)

    @cuda_kernel(name=f"{name}_backward", launch=row_groups)
    def backward(target, output, grad, grad_output):
        """grad_output[i, j] = gradient(grad[i] / n, target[i, j], output[i, j])"""
        mine, i = elements_per_thread(output.shape[1]), first_row()
        while i < output.shape[0]:
            scale = grad[i] / output.dtype.type(output.shape[1])
            k = 0
            while k < mine:
                j = element(k)
                grad_output[i, j] = gradient(scale, output.dtype.type(target[i, j]), output[i, j])
                k += 1
            i = next_row(i)


def limited_mean_loss(name, value, gradient):
    """Kernels `<name>_forward` and `<name>_backward`, with the output limited to [epsilon, 1 - epsilon]."""

    @cuda_kernel(name=f"{name}_forward", launch=rows_of_output)
    def forward(target, output, epsilon, loss):
        """loss[i] = Σ_j value(target[i, j], output[i, j], epsilon, 1 - epsilon) / n"""
        parts = cuda.shared.array(WARP, output.dtype)
        high = output.dtype.type(1) - epsilon
        mine, i = elements_per_thread(output.shape[1]), first_row()
        while i < output.shape[0]:
            total = output.dtype.type(0)
            k = 0
            while k < mine:
                j = element(k)
                total += value(output.dtype.type(target[i, j]), output[i, j], epsilon, high)
                k += 1
            total = group_sum(total, parts)
            if thread_rank() == 0:
                loss[i] = total / output.dtype.type(output.shape[1])
            i = next_row(i)

    @cuda_kernel(name=f"{name}_backward", launch=row_groups)
    def backward(target, output, grad, epsilon, grad_output):
        """grad_output[i, j] = gradient(grad[i] / n, target[i, j], output[i, j], epsilon, 1 - epsilon)"""
        high = output.dtype.type(1) - epsilon
        mine, i = elements_per_thread(output.shape[1]), first_row()
        while i < output.shape[0]:
            scale = grad[i] / output.dtype.type(output.shape[1])
            k = 0
            while k < mine:
                j = element(k)
                grad_output[i, j] = gradient(scale, output.dtype.type(target[i, j]), output[i, j], epsilon, high)
                k += 1
            i = next_row(i)


for _name, _loss in MEAN_LOSSES.items():
    mean_loss(_name, *_loss)
for _name, _loss in LIMITED_MEAN_LOSSES.items():
    limited_mean_loss(_name, *_loss)


# ---- classes -----------------------------------------------------------------------------------------------


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
            total += log_likelihood(output.dtype.type(target[i, j]), output[i, j] / whole, epsilon, high)
            k += 1
        total = group_sum(total, parts)
        if thread_rank() == 0:
            loss[i] = -total
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
            kept += zero if q < epsilon or q > high else output.dtype.type(target[i, j])    # read only where it counts
            k += 1
        kept = group_sum(kept, parts)
        slope = grad[i] / whole
        k = 0
        while k < mine:
            j = element(k)
            t, q = output.dtype.type(target[i, j]), output[i, j] / whole
            grad_output[i, j] = log_likelihood_gradient(slope, t, q, kept, epsilon, high)
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
    high = output.dtype.type(1) - epsilon
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
            change = slope * kept_reciprocal(whole, p, epsilon, high)
            if j == label:
                change -= slope * kept_reciprocal(p, p, epsilon, high)
            grad_output[i, j] = change
            k += 1
        i = next_row(i)
