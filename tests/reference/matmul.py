"""Matrix multiply in float64, a sum at a time."""

import numpy as np


def matmul(a, b, bias=0, relu=False):
    """a @ b + bias in float64, through relu if asked."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    y = np.zeros((a.shape[0], b.shape[1])) + bias
    for i, row in enumerate(a):
        for j, column in enumerate(b.T):
            y[i, j] += np.sum(row * column)
    return np.where(y < 0, 0, y) if relu else y
