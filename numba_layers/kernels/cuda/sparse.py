"""Products with a sparse matrix x on the GPU.

x comes as CSR arrays: row n holds values[p] in column indices[p] for p in [indptr[n], indptr[n + 1]).
"""

import numpy as np

from .embedding import add_rows, clear, patches, rows_of_patch
from .simt.grid import grid_size, thread_id
from .simt.group import thread_rank
from .simt.shuffle import WARP
from .toolchain.api import cuda, device
from .toolchain.target import cuda_kernel


@cuda_kernel
def csr_matmul(indptr, indices, values, weight, y):
    """y = x @ weight.

    Shapes: x (batch, features), weight (features, units), y (batch, units). A thread owns a number of y.
    """
    units, i = np.uint32(y.shape[1]), thread_id()
    while i < np.uint32(y.size):
        n = np.uint32(np.uint32(i) // units)
        u = np.uint32(i - n * units)
        total = y.dtype.type(0)
        p, last = indptr[n], indptr[np.uint32(n + np.uint32(1))]
        while p < last:
            total += values[np.uint32(p)] * weight[np.uint32(indices[np.uint32(p)]), u]
            p += 1
        y[n, u] = total
        i += grid_size()


@device
def row_of(p, indptr):
    """The row in which number p of a sparse matrix is: the last n with indptr[n] <= p."""
    n, beyond = np.uint32(0), np.uint32(indptr.size - 1)
    while beyond - n > 1:
        middle = np.uint32((n + beyond) >> 1)
        if indptr[middle] <= p:
            n = middle
        else:
            beyond = middle
    return n


@cuda_kernel(launch=patches)
def csr_matmul_tn(indptr, indices, values, grad_y, grad_weight):
    """grad_weight = x.T @ grad_y.

    Shapes: as in `csr_matmul`. A warp owns a patch of grad_weight and looks for its rows in all of x, as that of
    `gather_backward_x` does among indices, so each number is added up in the order of the samples.
    """
    top, bottom = rows_of_patch(grad_weight)
    left, size = np.uint32(cuda.blockIdx.y * WARP), indptr[np.uint32(indptr.size - 1)]
    while left < grad_weight.shape[1] and top < bottom:
        u = np.uint32(left + thread_rank())
        clear(grad_weight, top, bottom, u)
        start = np.uint32(0)
        while start < size:
            p = np.uint32(start + thread_rank())
            row = np.int64(indices[p]) if p < size else np.int64(-1)
            named = row >= top and row < bottom
            n, value = np.int32(0), grad_weight.dtype.type(0)
            if named:
                n, value = np.int32(row_of(p, indptr)), values[p]
            add_rows(named, np.int32(row), value, n, grad_y, u, grad_weight)
            start = np.uint32(start + np.uint32(WARP))
        left = np.uint32(left + np.uint32(cuda.gridDim.y * WARP))
