"""Matrix multiply on the CPU: blocks of the result in parallel, each made of register tiles (see `micro.gemm`).

A task owns a block of the result. It copies its columns of B, a piece of the sum at a time, into panels one
tile wide, which stay in the second-level cache; then strips of ROWS rows of A meet one panel after the other.
A is read where it lies unless it is transposed. The tile adds in the order of the
sum alone, so cutting the result otherwise, for other threads, changes no bit.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .micro.gemm import (
    GROUP,
    ROWS,
    VECTOR_BYTES,
    VECTORS,
    at,
    ceil_div,
    copy,
    divide,
    lanes_of,
    thread_count,
    tile_of,
    transpose,
)
from .micro.workspace import release, scratch

BLOCK_ROWS = 1024                             # a task's block of the result, at most: rows,
BLOCK_VECTORS = 16                            # columns, in vectors,
DEPTH = 512                                   # terms of the sum at a time
ROW = BLOCK_VECTORS * VECTOR_BYTES            # buffers, in bytes: a row of the block,
PANELS = (DEPTH + VECTOR_BYTES // 4) * ROW    # the packed block of B, and what `transpose` writes below,
STRIP = ROWS * DEPTH * 8                      # a copied strip of A,
EDGE = ROWS * VECTORS * VECTOR_BYTES          # a tile that reaches beyond the result


@inlined
def grid(batch, m, n, lanes):
    """(row blocks, column blocks): the cheapest cut of `batch` (m, n) results into tasks for the threads.

    A task's time goes as rows * columns, plus packing its columns of B (like 8 more rows) and fetching its
    rows of A (like 4 more columns).
    """
    threads = thread_count()
    least_rows, least_columns = max(1, ceil_div(m, BLOCK_ROWS)), max(1, ceil_div(n, BLOCK_VECTORS * lanes))
    best, best_time = (least_rows, least_columns), -1
    for row_blocks in range(least_rows, least_rows + threads):
        column_blocks = max(least_columns, ceil_div(threads, row_blocks * max(1, batch)))
        rows = ceil_div(m, row_blocks * ROWS) * ROWS
        columns = ceil_div(n, column_blocks * lanes) * lanes
        time = (rows + 8) * (columns + 4) * ceil_div(batch * row_blocks * column_blocks, threads)
        if time < best_time or best_time < 0:
            best, best_time = (row_blocks, column_blocks), time
    return best


@inlined
def share(part, parts, size, unit):
    """(start, length) of one of `parts` nearly equal parts of `size`, in whole units but for the last."""
    units = ceil_div(size, unit)
    start = min(size, divide(part * units, parts) * unit)
    return start, min(size, divide((part + 1) * units, parts) * unit) - start


@inlined
def pack(b, row, transposed, depth, columns, lanes, panels):
    """Copy B (depth, columns) into panels (depth, <= VECTORS * lanes), with zeros to whole vectors."""
    while columns > 0:
        width = min(VECTORS, ceil_div(columns, lanes)) * lanes
        if transposed:
            transpose(panels, width, b, row, min(columns, width), depth)
        else:
            copy(panels, width, b, row, depth, columns, width)
        b = at(b, width * row if transposed else width)
        panels = at(panels, depth * width)
        columns -= width


@inlined
def multiply_block(block, blocks, a, b, bias, relu, transpose_a, transpose_b, y):
    """Block number `block` of y = op(a) @ op(b) + bias (or None), negative numbers set to zero if relu."""
    lanes = lanes_of(y)
    a_stride, b_stride, total = a.shape[1], b.shape[1], a.shape[0] if transpose_a else a.shape[1]
    m, n = y.shape
    row_block = divide(block, blocks[1])
    i0, rows = share(row_block, blocks[0], m, ROWS)
    j0, columns = share(block - row_block * blocks[1], blocks[1], n, lanes)
    vectors = ceil_div(columns, lanes)

    panels, strip, edge, first = scratch(y, PANELS, STRIP, EDGE, ROW)
    if bias is None:
        copy(first, 0, first, 0, 1, 0, vectors * lanes)
    else:
        copy(first, 0, at(bias, j0), 0, 1, columns, vectors * lanes)

    pieces = max(1, ceil_div(total, DEPTH))
    for piece in range(pieces):
        p0, depth = share(piece, pieces, total, lanes)
        b_here = at(b, j0 * b_stride + p0 if transpose_b else p0 * b_stride + j0)
        pack(b_here, b_stride, transpose_b, depth, columns, lanes, panels)
        cut = relu and piece == pieces - 1
        for s in range(ceil_div(rows, ROWS)):
            i = i0 + s * ROWS
            height = min(ROWS, i0 + rows - i)
            a_here = at(a, p0 * a_stride + i if transpose_a else i * a_stride + p0)
            a_row, a_column = a_stride, 1
            if transpose_a:
                copy(strip, ROWS, a_here, a_stride, depth, height, ROWS)
                a_here, a_row, a_column = strip, 1, ROWS
            elif height < ROWS:
                copy(strip, DEPTH, a_here, a_stride, height, depth, depth)
                copy(at(strip, height * DEPTH), 0, strip, 0, 1, 0, (ROWS - height) * DEPTH)
                a_here, a_row = strip, DEPTH
            y_here, first_here, panel = at(y, i * n + j0), first, panels
            left = columns
            while left > 0:
                width = min(VECTORS, ceil_div(left, lanes)) * lanes
                outside = height < ROWS or left < width
                c, c_row = (edge, width) if outside else (y_here, n)
                init, init_row = (first_here, 0) if piece == 0 else (c, c_row)
                if outside and piece > 0:
                    copy(edge, width, y_here, n, height, left, width)
                a_strides, ends = (a_row, GROUP * a_row, a_column, 0, 0), (init_row, GROUP * init_row)
                tile_of(divide(width, lanes), a_here, a_strides, panel, (width, 0), (1, 1, depth),
                        init, ends, cut, c, (c_row, GROUP * c_row))
                if outside:
                    copy(y_here, n, edge, width, height, left, min(left, width))
                y_here, first_here, panel = at(y_here, width), at(first_here, width), at(panel, width * depth)
                left -= width
    release(panels)


@cpu_kernel
def matmul_nn(a, b, y):
    """y = a @ b."""
    blocks = grid(1, y.shape[0], y.shape[1], lanes_of(y))
    for task in prange(blocks[0] * blocks[1]):
        multiply_block(np.int64(task), blocks, a, b, None, False, False, False, y)


@cpu_kernel
def matmul_nt(a, b, y):
    """y = a @ b.T."""
    blocks = grid(1, y.shape[0], y.shape[1], lanes_of(y))
    for task in prange(blocks[0] * blocks[1]):
        multiply_block(np.int64(task), blocks, a, b, None, False, False, True, y)


@cpu_kernel
def matmul_tn(a, b, y):
    """y = a.T @ b."""
    blocks = grid(1, y.shape[0], y.shape[1], lanes_of(y))
    for task in prange(blocks[0] * blocks[1]):
        multiply_block(np.int64(task), blocks, a, b, None, False, True, False, y)


@cpu_kernel
def dense_forward(x, weight, bias, relu, y):
    """y = x @ weight + bias, through relu if `relu`."""
    blocks = grid(1, y.shape[0], y.shape[1], lanes_of(y))
    for task in prange(blocks[0] * blocks[1]):
        multiply_block(np.int64(task), blocks, x, weight, bias, relu, False, False, y)


@cpu_kernel
def batch_matmul_nn(a, b, y):
    """y[s] = a[s] @ b[s] for each sample s."""
    blocks = grid(y.shape[0], y.shape[1], y.shape[2], lanes_of(y))
    tasks = blocks[0] * blocks[1]
    for task in prange(y.shape[0] * tasks):
        s = divide(task, tasks)
        multiply_block(task - s * tasks, blocks, a[s], b[s], None, False, False, False, y[s])


@cpu_kernel
def batch_matmul_nt(a, b, y):
    """y[s] = a[s] @ b[s].T for each sample s."""
    blocks = grid(y.shape[0], y.shape[1], y.shape[2], lanes_of(y))
    tasks = blocks[0] * blocks[1]
    for task in prange(y.shape[0] * tasks):
        s = divide(task, tasks)
        multiply_block(task - s * tasks, blocks, a[s], b[s], None, False, False, True, y[s])


@cpu_kernel
def batch_matmul_tn(a, b, y):
    """y[s] = a[s].T @ b[s] for each sample s."""
    blocks = grid(y.shape[0], y.shape[1], y.shape[2], lanes_of(y))
    tasks = blocks[0] * blocks[1]
    for task in prange(y.shape[0] * tasks):
        s = divide(task, tasks)
        multiply_block(task - s * tasks, blocks, a[s], b[s], None, False, True, False, y[s])
