"""Where a thread stands in the grid, as 32-bit numbers: index arithmetic in 64 bits costs twice as much.

Every kernel is a grid-stride loop, so that any launch shape is right:

    i, n = thread_id(), np.uint32(y.size)
    while i < n:
        y[i] = f(x[i])
        i += grid_size()
"""

import numpy as np

from ..toolchain.api import cuda, device


def one_thread(*arguments):
    """Launch shape: a warp, of which the first thread alone has something to do."""
    return 1, 32


@device
def thread_id():
    """The global id of this thread: its number in the grid."""
    return np.uint32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)


@device
def grid_size():
    """How many threads the grid has."""
    return np.uint32(cuda.gridDim.x * cuda.blockDim.x)
