"""Rearrangement on the CPU: one kernel copies a block of an array to a block of another."""

import numpy as np
from numba import prange

from .compile import cpu_kernel

TILE = 4096   # elements of a task
WIDE, NARROW = 2048, 64   # columns of a tile: contiguous in both arrays; else few, for the cache


@cpu_kernel
def copy_block(x, shape, x_start, x_strides, y_start, y_strides, y):
    """y[y_start + i · y_strides] = x[x_start + i · x_strides] for each index i of a block.

    Shapes: x and y flat; shape and strides 8 numbers each, in elements (0: repeat; negative: backwards).
    No two indices meet in y. A task owns a tile of the last two axes, at one index of the others.
    """
    rows, columns = shape[6], shape[7]
    x_row, x_column, y_row, y_column = x_strides[6], x_strides[7], y_strides[6], y_strides[7]
    contiguous = x_column == 1 and y_column == 1
    most = max(1, min(columns, WIDE if contiguous else NARROW))
    high = TILE // most
    down, across = (rows + high - 1) // high, (columns + most - 1) // most
    panels = shape[0] * shape[1] * shape[2] * shape[3] * shape[4] * shape[5]
    for task in prange(panels * down * across):
        panel, tile = task // (down * across), task % (down * across)
        i, j = tile // across * high, tile % across * most
        height, width = min(high, rows - i), min(most, columns - j)
        source = x_start + i * x_row + j * x_column
        target = y_start + i * y_row + j * y_column
        axis = 5
        while panel:
            index = panel % shape[axis]
            source += index * x_strides[axis]
            target += index * y_strides[axis]
            panel //= shape[axis]
            axis -= 1
        for _ in range(height):
            if contiguous:
                a, b = np.uint64(source), np.uint64(target)
                for k in range(np.uint64(width)):
                    y[b + k] = x[a + k]
            else:
                for k in range(width):
                    y[target + k * y_column] = x[source + k * x_column]
            source += x_row
            target += y_row
