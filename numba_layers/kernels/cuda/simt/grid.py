"""Where a thread stands among all of a launch, as 32-bit numbers: index arithmetic in 64 bits costs twice as much.

Every loop strides, so that any launch shape is right:

    i, n = first(), np.uint32(y.size)
    while i < n:
        y[i] = f(x[i])
        i += step()
"""

import numpy as np

from ..toolchain.api import cuda, device


@device
def first():
    """The number of this thread among all."""
    return np.uint32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)


@device
def step():
    """How many threads there are."""
    return np.uint32(cuda.gridDim.x * cuda.blockDim.x)
