"""Rearrangement on the GPU: one kernel copies a block of an array to a block of another."""

import math
from functools import reduce

import numpy as np

from .simt.broadcast import divmod4, mad4
from .simt.grid import thread_id
from .simt.index import divmod_u32, mad, reciprocal
from .simt.vec4 import indices4, next4, store4_at, vec4_launch_of
from .toolchain.api import cuda, device
from .toolchain.target import MOST_BLOCKS, THREADS, cuda_kernel

TILE_POWER = 10      # of the elements of a tile
TILE = 1 << TILE_POWER
PADDED = TILE + 256  # with one more a row, so that no two rows begin in the same bank of memory


def turned(x_strides):
    """Whether neighbours in x lie along the second to last axis, so that reading and writing go different ways."""
    return 0 < abs(x_strides[6]) < abs(x_strides[7])


def height(rows, columns):
    """Rows of a tile, as a power of 2: those of a square, unless the block has few rows or columns."""
    if rows <= 16:
        return 2 if rows <= 4 else 3 if rows <= 8 else 4
    if columns <= 16:
        return 8 if columns <= 4 else 7 if columns <= 8 else 6
    return 5


turned_on_device, height_on_device = device(turned), device(height)


def copies(x, shape, x_start, x_strides, y_start, y_strides, y):
    """Launch shape: a block for each tile, or a thread for every four elements."""
    if not turned(x_strides):
        return vec4_launch_of(math.prod(shape))
    tall = height(*shape[6:])
    tiles_i, tiles_j = -(-shape[6] // (1 << tall)), -(-shape[7] // (TILE >> tall))
    return max(1, min(8 * MOST_BLOCKS, math.prod(shape[:6]) * tiles_i * tiles_j)), THREADS


@device
def panels(shape):
    """How many panels, of the last two axes, there are."""
    return shape[0] * shape[1] * shape[2] * shape[3] * shape[4] * shape[5]


# ---- four places, from axis to axis ------------------------------------------------------------------------


@device
def four(number):
    number = np.uint32(number)
    return number, number, number, number


@device
def arrived(block, x_places, y_places, shape, x_strides, y_strides):
    return x_places, y_places


def along(outer, axis):
    """A device function: four places in x and in y, moved to four places in the block of the axes up to `axis`."""

    @device
    def walk(block, x_places, y_places, shape, x_strides, y_strides):
        size = np.uint32(shape[axis])
        block, indices = divmod4(block, (size, reciprocal(size)))
        x_places, y_places = mad4(x_places, indices, x_strides[axis]), mad4(y_places, indices, y_strides[axis])
        if block[3] > 0:   # the last place is the largest
            x_places, y_places = outer(block, x_places, y_places, shape, x_strides, y_strides)
        return x_places, y_places

    return walk


to_panels = reduce(along, range(6), arrived)
to_elements = reduce(along, range(6, 8), to_panels)


@device
def copy_vec4(x, shape, x_start, x_strides, y_start, y_strides, y):
    """A thread owns four elements at a time, neighbours in the block."""
    i, n = thread_id(), np.uint32(panels(shape) * shape[6] * shape[7])
    while i < n:
        x_places, y_places = to_elements(indices4(i, n), four(x_start), four(y_start), shape, x_strides, y_strides)
        a, b, c, d = x_places
        store4_at(y, y_places, i, n, (x[a], x[b], x[c], x[d]))
        i = next4(i)


# ---- tiles -------------------------------------------------------------------------------------------------


@device
def place(panel, i, j, strides):
    """Where the element in row i and column j is of the panel that begins at `panel`."""
    return mad(i, np.uint32(strides[6]), mad(j, np.uint32(strides[7]), panel))


@device
def down_columns(e, tall):
    """Row and column of element e of a tile, counted along the columns."""
    return np.uint32(e & ((1 << tall) - 1)), np.uint32(e >> tall)


@device
def along_rows(e, wide):
    """Row and column of element e of a tile, counted along the rows."""
    return np.uint32(e >> wide), np.uint32(e & ((1 << wide) - 1))


@device
def read(k, x, panel, i, j, rows, columns, tall, strides):
    """A thread's element number k of the tile at row i and column j; beyond the border, one at the border."""
    p, q = down_columns(cuda.threadIdx.x + k * THREADS, tall)
    i, j = min(np.uint32(i + p), np.uint32(rows - 1)), min(np.uint32(j + q), np.uint32(columns - 1))
    return x[place(panel, i, j, strides)]


@device
def copy_tiles(x, shape, x_start, x_strides, y_start, y_strides, y):
    """A block owns a tile, read along the columns and written along the rows, both without gaps."""
    tile = cuda.shared.array(PADDED, x.dtype)
    rows, columns = np.uint32(shape[6]), np.uint32(shape[7])
    tall = np.uint32(height_on_device(rows, columns))
    wide = np.uint32(TILE_POWER - tall)
    pitch = np.uint32((1 << wide) + 1)
    tiles_i, tiles_j = np.uint32(((rows - 1) >> tall) + 1), np.uint32(((columns - 1) >> wide) + 1)
    task, tasks = np.uint32(cuda.blockIdx.x), np.uint32(panels(shape) * tiles_i * tiles_j)
    while task < tasks:
        panel, j = divmod_u32(task, tiles_j)
        panel, i = divmod_u32(panel, tiles_i)
        i, j = np.uint32(i << tall), np.uint32(j << wide)
        x_panel, y_panel = to_panels(four(panel), four(x_start), four(y_start), shape, x_strides, y_strides)
        where = x_panel[0], i, j, rows, columns, tall, x_strides
        numbers = read(0, x, *where), read(1, x, *where), read(2, x, *where), read(3, x, *where)
        for k in range(4):
            p, q = down_columns(cuda.threadIdx.x + k * THREADS, tall)
            tile[mad(p, pitch, q)] = numbers[k]
        cuda.syncthreads()
        for k in range(4):
            p, q = along_rows(cuda.threadIdx.x + k * THREADS, wide)
            row, column = np.uint32(i + p), np.uint32(j + q)
            if row < rows and column < columns:
                y[place(y_panel[0], row, column, y_strides)] = tile[mad(p, pitch, q)]
        cuda.syncthreads()
        task = np.uint32(task + cuda.gridDim.x)


@cuda_kernel(launch=copies)
def copy_block(x, shape, x_start, x_strides, y_start, y_strides, y):
    """y[y_start + i · y_strides] = x[x_start + i · x_strides] for each index i of a block.

    Shapes: x and y flat; shape and strides 8 numbers each, in elements (0: repeat; negative: backwards).
    No two indices meet in y. A thread owns four elements; where x is `turned`, a block owns a tile of the last two
    axes, at one index of the others.
    """
    if turned_on_device(x_strides):
        copy_tiles(x, shape, x_start, x_strides, y_start, y_strides, y)
    else:
        copy_vec4(x, shape, x_start, x_strides, y_start, y_strides, y)
