"""Products with a sparse matrix x on the CPU.

x comes as CSR arrays: row n holds values[p] in column indices[p] for p in [indptr[n], indptr[n + 1]).
"""

from numba import prange

from .compile import cpu_kernel
from .embedding import patch, patches


@cpu_kernel
def csr_matmul(indptr, indices, values, weight, y):
    """y = x @ weight.

    Shapes: x (batch, features), weight (features, units), y (batch, units). Parallel over the rows of y.
    """
    for n in prange(y.shape[0]):
        for u in range(y.shape[1]):
            y[n, u] = 0
        for p in range(indptr[n], indptr[n + 1]):
            for u in range(y.shape[1]):
                y[n, u] += values[p] * weight[indices[p], u]


@cpu_kernel
def csr_matmul_tn(indptr, indices, values, grad_y, grad_weight):
    """grad_weight = x.T @ grad_y.

    Shapes: as in `csr_matmul`. A task owns a block of grad_weight and looks for its rows in all of x, so each
    number is added up in the order of the samples, for any number of threads.
    """
    down, across = patches(grad_weight.shape[1])
    for task in prange(down * across):
        top, bottom, left, right = patch(task, down, across, grad_weight)
        for n in range(grad_y.shape[0]):
            for p in range(indptr[n], indptr[n + 1]):
                row = indices[p]
                if top <= row < bottom:
                    part, grad = grad_weight[row, left:right], grad_y[n, left:right]
                    for u in range(part.size):
                        part[u] += values[p] * grad[u]
