"""Small kernels for the tests of launches."""

import numpy as np

from numba_layers.kernels.cuda.simt.grid import grid_size, thread_id
from numba_layers.kernels.cuda.toolchain.api import cuda
from numba_layers.kernels.cuda.toolchain.target import CudaKernel, elements
from tests.devices import fake_driver

THREADS = 32


class Kernel(CudaKernel):
    """A kernel that gives a fake driver what it takes."""

    def cubin(self, signature, capability):
        if type(self.driver) is fake_driver.FakeDriver:
            return fake_driver.code(self, signature, capability)
        return super().cubin(signature, capability)


def kernel(gpu, function, launch=elements):
    """A kernel of the function, for a GPU."""
    made = Kernel(function, function.__name__, launch, {})
    made.driver = gpu.driver
    return made


def shifted(x, a, y):
    """y = x * a + 1"""
    i = thread_id()
    while i < y.size:
        y[i] = x[i] * a + x.dtype.type(1)
        i += grid_size()


def transposed(x, y):
    """y (columns, rows) = x.T"""
    i = thread_id()
    while i < x.size:
        row, column = i // np.uint32(x.shape[1]), i % np.uint32(x.shape[1])
        y[column, row] = x[row, column]
        i += grid_size()


def listed(flag, small, whole, single, double, pair, none, triple, y):
    """y = all numbers given, in order."""
    if thread_id() == 0:
        y[0] = 1 if flag else 0
        y[1], y[2], y[3], y[4] = small, whole, single, double
        y[5], y[6] = pair[0], pair[1]
        y[7], y[8], y[9] = triple[0], triple[1], triple[2]
        y[10] = none.size


def placed(y):
    """y[i, j] = the number of block i's thread j, and where both stand in 3 dimensions."""
    block = cuda.blockIdx.x + cuda.gridDim.x * (cuda.blockIdx.y + cuda.gridDim.y * cuda.blockIdx.z)
    thread = cuda.threadIdx.x + cuda.blockDim.x * (cuda.threadIdx.y + cuda.blockDim.y * cuda.threadIdx.z)
    y[block, thread] = cuda.blockIdx.z * 100 + cuda.threadIdx.z * 10 + cuda.threadIdx.y


def reversed_in_blocks(x, y):
    """Each block's numbers in reverse, through dynamic shared memory."""
    kept = cuda.shared.array(0, np.float32)
    thread, count = cuda.threadIdx.x, cuda.blockDim.x
    i = cuda.blockIdx.x * count + thread
    kept[thread] = x[i]
    cuda.syncthreads()
    y[i] = kept[count - 1 - thread]


def beyond(y):
    """Writes where no array lies."""
    y[thread_id() + np.int64(1) * y.size * 10**9] = 1
