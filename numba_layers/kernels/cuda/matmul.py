"""Matrix multiply on the GPU: each block computes tiles of the result (see `gemm.mainloop`).

The letters are the operands' layouts, as in BLAS: 'n' as it is, 't' transposed. All matrices are row-major, so A is
K-contiguous where it is not transposed, B where it is. `gemm_kernel` makes a variant for each tile, of which a launch
takes the one that fits the result's size, type and `matmul_precision`.
"""

import numpy as np

from ...registry import register_kernel
from .gemm.mainloop import persistent_gemm
from .gemm.operand import (
    batch_item,
    batch_k_contiguous,
    batch_mn_contiguous,
    k_contiguous,
    mn_contiguous,
    row_major,
    whole_array,
)
from .gemm.tile import MOST_X, MOST_Y, TENSOR_CORES, TILES
from .select import tile_for
from .toolchain.api import cuda
from .toolchain.target import CudaKernel, CudaVariants

u32 = np.uint32


def result_shape(*arguments):
    """(batch, m, n) of the last argument: a matrix, or several."""
    shape = arguments[-1].shape
    return (1, *shape) if len(shape) == 2 else shape


def gemm_kernel(a, b, output=whole_array):
    """Decorator: the kernel that a function makes of a `gemm`, in a variant for each tile, registered by its name.

    Blocks of axis x go through the tiles, those of axis y through the batch.
    """
    def decorate(make):
        def variant(tile):
            def launch(*arguments):
                batch, m, n = result_shape(*arguments)
                return (max(1, min(MOST_X, tile.count(m, n))), max(1, min(MOST_Y, batch))), tile.threads

            kernel = make(persistent_gemm(tile, a, b, row_major, output))
            return CudaKernel(kernel, f"{make.__name__}_{tile.name}", launch, {"launch_bounds": (tile.threads, 2)},
                              least=(7, 5) if tile.precision == "fp32" else TENSOR_CORES)

        def choose(*arguments):
            batch, m, n = result_shape(*arguments)
            return tile_for(m, n, arguments[-1].dtype, batch).name

        kernel = CudaVariants(make.__name__, choose, {tile.name: variant(tile) for tile in TILES})
        register_kernel(kernel.name, "cuda", kernel)
        return kernel

    return decorate


@gemm_kernel(k_contiguous, mn_contiguous)
def matmul_nn(gemm):
    def matmul_nn(a, b, y):
        """y = a @ b."""
        gemm(a, b, None, False, y, u32(y.shape[0]), u32(y.shape[1]), u32(a.shape[1]))
    return matmul_nn


@gemm_kernel(k_contiguous, k_contiguous)
def matmul_nt(gemm):
    def matmul_nt(a, b, y):
        """y = a @ b.T."""
        gemm(a, b, None, False, y, u32(y.shape[0]), u32(y.shape[1]), u32(a.shape[1]))
    return matmul_nt


@gemm_kernel(mn_contiguous, mn_contiguous)
def matmul_tn(gemm):
    def matmul_tn(a, b, y):
        """y = a.T @ b."""
        gemm(a, b, None, False, y, u32(y.shape[0]), u32(y.shape[1]), u32(a.shape[0]))
    return matmul_tn


@gemm_kernel(k_contiguous, mn_contiguous)
def dense_forward(gemm):
    def dense_forward(x, weight, bias, relu, y):
        """y = x @ weight + bias, through relu if `relu`."""
        m, n = u32(y.shape[0]), u32(y.shape[1])
        gemm(x, weight, bias, relu, y, m, n, u32(x.shape[1]))
    return dense_forward


@gemm_kernel(batch_k_contiguous, batch_mn_contiguous, output=batch_item)
def batch_matmul_nn(gemm):
    def batch_matmul_nn(a, b, y):
        """y[s] = a[s] @ b[s] for each s of the batch."""
        m, n, s = u32(y.shape[1]), u32(y.shape[2]), u32(cuda.blockIdx.y)
        while s < y.shape[0]:
            gemm((a, s), (b, s), None, False, (y, s), m, n, u32(a.shape[2]))
            s = u32(s + cuda.gridDim.y)
    return batch_matmul_nn


@gemm_kernel(batch_k_contiguous, batch_k_contiguous, output=batch_item)
def batch_matmul_nt(gemm):
    def batch_matmul_nt(a, b, y):
        """y[s] = a[s] @ b[s].T for each s of the batch."""
        m, n, s = u32(y.shape[1]), u32(y.shape[2]), u32(cuda.blockIdx.y)
        while s < y.shape[0]:
            gemm((a, s), (b, s), None, False, (y, s), m, n, u32(a.shape[2]))
            s = u32(s + cuda.gridDim.y)
    return batch_matmul_nt


@gemm_kernel(batch_mn_contiguous, batch_mn_contiguous, output=batch_item)
def batch_matmul_tn(gemm):
    def batch_matmul_tn(a, b, y):
        """y[s] = a[s].T @ b[s] for each s of the batch."""
        m, n, s = u32(y.shape[1]), u32(y.shape[2]), u32(cuda.blockIdx.y)
        while s < y.shape[0]:
            gemm((a, s), (b, s), None, False, (y, s), m, n, u32(a.shape[1]))
            s = u32(s + cuda.gridDim.y)
    return batch_matmul_tn
