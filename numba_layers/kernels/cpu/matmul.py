"""Matrix multiply on the CPU: blocks of the result in parallel, each made of register tiles (see `micro/README.md`).

A task owns a block of the result, at most MC x NC. It packs its columns of B, KC terms of the sum at a time, into
micro-panels one tile wide, which stay in the second-level cache; then micro-panels of MR rows of A meet one of them
after the other. A is read where it lies unless it is transposed. The tile adds in the order of the sum alone, so
partitioning the result otherwise, for other threads, changes no bit.
"""

import numpy as np
from numba import prange

from .compile import cpu_kernel, inlined
from .micro.gemm import FRINGE, NR_VECTORS, TALL, panel_vectors, tiles_of
from .micro.partition import part_of, thread_count
from .micro.vector import MR, VECTOR_BYTES, Operand, at, ceil_div, copy, divide, lanes_of, transpose
from .micro.workspace import release, scratch

MC = 1024                                     # a task's block of the result, at most: rows,
NC_VECTORS = 16                               # columns (NC), in vectors,
KC = 512                                      # terms of the sum at a time
NARROW = 64                                   # columns of a factor that is read where it lies, at most
ONCE = 2                                      # tiles below each other for which a panel is not packed
SMALL = 2048                                  # elements of a panel of B that stays in the first-level cache
ROW = NC_VECTORS * VECTOR_BYTES               # buffers, in bytes: a row of the block,
B_PANELS = (KC + VECTOR_BYTES // 4) * ROW     # the packed block of B, and what `transpose` writes below,
A_PANEL = MR * KC * 8                       # a copied micro-panel of A


@inlined
def grid(batch, m, n, lanes):
    """(row blocks, column blocks): the cheapest partition of `batch` (m, n) results into tasks for the threads.

    A task's time goes as rows * columns, plus packing its columns of B (like 8 more rows) and fetching its
    rows of A (like 4 more columns).
    """
    threads = thread_count()
    least_rows, least_columns = max(1, ceil_div(m, MC)), max(1, ceil_div(n, NC_VECTORS * lanes))
    best, best_time = (least_rows, least_columns), -1
    for row_blocks in range(least_rows, least_rows + threads):
        column_blocks = max(least_columns, ceil_div(threads, row_blocks * max(1, batch)))
        rows = ceil_div(m, row_blocks * MR) * MR
        columns = ceil_div(n, column_blocks * lanes) * lanes
        time = (rows + 8) * (columns + 4) * ceil_div(batch * row_blocks * column_blocks, threads)
        if time < best_time or best_time < 0:
            best, best_time = (row_blocks, column_blocks), time
    return best


@inlined
def pack(b, row, transposed, depth, columns, lanes, panels):
    """Pack B (depth, columns) into micro-panels (depth, <= NR), with zeros to whole vectors."""
    while columns > 0:
        width = panel_vectors(columns, lanes) * lanes
        if transposed:
            transpose(panels, width, b, row, min(columns, width), depth)
        else:
            copy(panels, width, b, row, depth, columns, width)
        b = at(b, width * row if transposed else width)
        panels = at(panels, depth * width)
        columns -= width


@inlined
def pack_transposed(a_panel, a, a_stride, depth, height, lanes):
    """Pack `height` columns of A, which is transposed, into a micro-panel (depth, MR).

    A row of the panel is less than a vector on some processors, and AVX2 is slow under masks: whole vectors are moved,
    what is too much being overwritten by the next row. The last row alone might reach beyond A.
    """
    whole = max(MR, lanes) if height == MR and lanes <= 2 * MR else 0
    rows = max(0, depth - 1) if whole else 0
    copy(a_panel, MR, a, a_stride, rows, whole, whole)
    copy(at(a_panel, rows * MR), MR, at(a, rows * a_stride), a_stride, depth - rows, height, MR)


@inlined
def multiply_block(block, blocks, a, b, bias, relu, transpose_a, transpose_b, y):
    """Block number `block` of y = op(a) @ op(b) + bias (or None), negative numbers set to zero if relu."""
    lanes = lanes_of(y)
    a_stride, b_stride, total = a.shape[1], b.shape[1], a.shape[0] if transpose_a else a.shape[1]
    m, n = y.shape
    row_block = divide(block, blocks[1])
    i0, rows = part_of(row_block, blocks[0], m, MR)
    j0, columns = part_of(block - row_block * blocks[1], blocks[1], n, lanes)
    vectors = ceil_div(columns, lanes)
    one_panel = columns == n and vectors <= NR_VECTORS
    pack_a = transpose_a and a_stride > NARROW
    pack_b = transpose_b or columns < vectors * lanes or b_stride > NARROW and rows > ONCE * MR

    panels, a_panel, fringe, start = scratch(y, B_PANELS, A_PANEL, FRINGE, ROW)
    if bias is None:
        copy(start, 0, start, 0, 1, 0, vectors * lanes)
    else:
        copy(start, 0, at(bias, j0), 0, 1, columns, vectors * lanes)

    k_blocks = max(1, ceil_div(total, KC))
    for k_block in range(k_blocks):
        p0, depth = part_of(k_block, k_blocks, total, lanes)
        b_here = at(b, j0 * b_stride + p0 if transpose_b else p0 * b_stride + j0)
        if pack_b:
            pack(b_here, b_stride, transpose_b, depth, columns, lanes, panels)
        last = relu and k_block == k_blocks - 1
        small = not pack_a and depth * min(columns, NR_VECTORS * lanes) <= SMALL
        i = i0
        while i < i0 + rows:
            left = i0 + rows - i
            tall = vectors == 1 and not pack_a and left >= TALL
            height = min(TALL if tall else MR, left)
            # Rows of y that are no whole vectors: what a row writes too much, the next ones mend, where there are some.
            reach = ceil_div(vectors * lanes - columns, max(1, columns))
            spills = columns < vectors * lanes and one_panel and k_blocks == 1 and left >= height + reach
            outside = height < MR or columns < vectors * lanes and not spills
            number = divide(left - reach if spills else left, height) if small and not outside else 1
            a_here = at(a, p0 * a_stride + i if transpose_a else i * a_stride + p0)
            a_row, a_column = (1, a_stride) if transpose_a else (a_stride, 1)
            if transpose_a and (pack_a or height < MR):
                pack_transposed(a_panel, a_here, a_stride, depth, height, lanes)
                a_here, a_column = at(a_panel, 0), MR
            elif height < MR:
                copy(a_panel, KC, a_here, a_stride, height, depth, depth)
                copy(at(a_panel, height * KC), 0, a_panel, 0, 1, 0, (MR - height) * KC)
                a_here, a_row = a_panel, KC
            y_here, start_here, panel = at(y, i * n + j0), start, panels if pack_b else b_here
            left = columns
            while left > 0:
                width = panel_vectors(left, lanes) * lanes
                fringed = outside and (height < MR or left < width)
                c, c_row = (fringe, width) if fringed else (y_here, n)
                init, init_row = (start_here, 0) if k_block == 0 else (c, c_row)
                if fringed and k_block > 0:
                    copy(fringe, width, y_here, n, height, left, width)
                tiles_of(0 if tall else divide(width, lanes), number, Operand(a_here, (a_row, a_column)),
                         Operand(panel, (width if pack_b else b_stride,)), depth, Operand(init, (init_row,)),
                         Operand(c, (c_row,)), last)
                if fringed:
                    copy(y_here, n, fringe, width, height, left, min(left, width))
                y_here, start_here = at(y_here, width), at(start_here, width)
                panel = at(panel, width * depth if pack_b else width)
                left -= width
            i += number * height
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
