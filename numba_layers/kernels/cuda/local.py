"""Windows that overlap, on the GPU: what lies in several of them is added up."""

import numpy as np

from .simt.grid import grid_size, thread_id
from .simt.index import divmod_u32, fast_divmod, flat, mad, reciprocal
from .toolchain.target import cuda_kernel


@cuda_kernel
def im2col_backward_x(grad, steps, window, strides, windows, grad_x):
    """grad_x[n, i, j, c] = the sum of grad over all taps of windows that lie on pixel (i, j) of sample n.

    Shapes and sizes as on the CPU. A thread owns a number of grad_x.
    """
    rows, columns, channels = np.uint32(grad_x.shape[1]), np.uint32(grad_x.shape[2]), np.uint32(grad_x.shape[3])
    stride_rows, stride_columns = np.uint32(strides[0]), np.uint32(strides[1])
    inverse_channels, inverse_columns = reciprocal(channels), reciprocal(columns)
    target = flat(grad_x)
    number = thread_id()
    while number < np.uint32(grad_x.size):
        pixel, c = fast_divmod(number, channels, inverse_channels)
        line, j = fast_divmod(pixel, columns, inverse_columns)
        n, i = divmod_u32(line, rows)
        first = mad(n, np.uint32(steps[2]), np.uint32(c * np.uint32(steps[5])))
        total, p = grad.dtype.type(0), np.uint32(0)
        while p < np.uint32(window[0]):
            a, rest = divmod_u32(np.uint32(i - p), stride_rows)     # above the first row: a huge number
            if a < np.uint32(windows[0]) and rest == 0:
                row = mad(a, np.uint32(steps[0]), mad(p, np.uint32(steps[3]), first))
                q = np.uint32(0)
                while q < np.uint32(window[1]):
                    b, rest = divmod_u32(np.uint32(j - q), stride_columns)
                    if b < np.uint32(windows[1]) and rest == 0:
                        total += grad[mad(b, np.uint32(steps[1]), mad(q, np.uint32(steps[4]), row))]
                    q = np.uint32(q + 1)
            p = np.uint32(p + 1)
        target[number] = total
        number = np.uint32(number + grid_size())
