"""Matrix multiply on the GPU: each block computes tiles of the result (see `gemm.mainloop`).

The letters are the operands' ways to lie: 'n' as it is, 't' transposed. A's rows run along the sum where it is not
transposed, B's where it is.
"""

import numpy as np

from .gemm.mainloop import tiled
from .gemm.operand import across, across_samples, down, down_samples, sample
from .toolchain.api import cuda

u32 = np.uint32


@tiled(across, down)
def matmul_nn(multiply):
    def matmul_nn(a, b, y):
        """y = a @ b."""
        multiply(a, b, None, False, y, u32(y.shape[0]), u32(y.shape[1]), u32(a.shape[1]))
    return matmul_nn


@tiled(across, across)
def matmul_nt(multiply):
    def matmul_nt(a, b, y):
        """y = a @ b.T."""
        multiply(a, b, None, False, y, u32(y.shape[0]), u32(y.shape[1]), u32(a.shape[1]))
    return matmul_nt


@tiled(down, down)
def matmul_tn(multiply):
    def matmul_tn(a, b, y):
        """y = a.T @ b."""
        multiply(a, b, None, False, y, u32(y.shape[0]), u32(y.shape[1]), u32(a.shape[0]))
    return matmul_tn


@tiled(across, down)
def dense_forward(multiply):
    def dense_forward(x, weight, bias, relu, y):
        """y = x @ weight + bias, through relu if `relu`."""
        m, n = u32(y.shape[0]), u32(y.shape[1])
        multiply(x, weight, bias, relu, y, m, n, u32(x.shape[1]))
    return dense_forward


@tiled(across_samples, down_samples, target=sample)
def batch_matmul_nn(multiply):
    def batch_matmul_nn(a, b, y):
        """y[s] = a[s] @ b[s] for each sample s."""
        m, n, s = u32(y.shape[1]), u32(y.shape[2]), u32(cuda.blockIdx.y)
        while s < y.shape[0]:
            multiply((a, s), (b, s), None, False, (y, s), m, n, u32(a.shape[2]))
            s = u32(s + cuda.gridDim.y)
    return batch_matmul_nn


@tiled(across_samples, across_samples, target=sample)
def batch_matmul_nt(multiply):
    def batch_matmul_nt(a, b, y):
        """y[s] = a[s] @ b[s].T for each sample s."""
        m, n, s = u32(y.shape[1]), u32(y.shape[2]), u32(cuda.blockIdx.y)
        while s < y.shape[0]:
            multiply((a, s), (b, s), None, False, (y, s), m, n, u32(a.shape[2]))
            s = u32(s + cuda.gridDim.y)
    return batch_matmul_nt


@tiled(down_samples, down_samples, target=sample)
def batch_matmul_tn(multiply):
    def batch_matmul_tn(a, b, y):
        """y[s] = a[s].T @ b[s] for each sample s."""
        m, n, s = u32(y.shape[1]), u32(y.shape[2]), u32(cuda.blockIdx.y)
        while s < y.shape[0]:
            multiply((a, s), (b, s), None, False, (y, s), m, n, u32(a.shape[1]))
            s = u32(s + cuda.gridDim.y)
    return batch_matmul_tn
