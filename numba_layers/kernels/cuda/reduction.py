"""Reductions on the GPU: of rows (the last axis) and of columns (an axis before it), in a fixed order.

The reduced axis is cut into as many chunks as `out` holds; the threads of a chunk each combine
some of it, then their results. Only sizes decide the order. Nothing here is empty: an op fills the result of an
empty reduction itself.
"""

from functools import lru_cache

import numpy as np

from ..math.scalar import bitwise_and, bitwise_or, multiply
from .simt.group import (
    FULL_GPU,
    MAX_GROUP,
    MAX_PER_THREAD,
    MIN_PER_THREAD,
    element,
    elements_per_thread,
    first_row,
    groups,
    next_row,
    thread_rank,
)
from .simt.shuffle import WARP, group_reduce, group_scan, larger, plus, smaller
from .toolchain.api import cuda, device
from .toolchain.target import MOST_BLOCKS, THREADS, cuda_kernel


def chunks_of_rows(x, out):
    """Launch shape: a thread group for each chunk of a row."""
    return groups(out.size, x.shape[1] // out.shape[1])


def chunks_of_columns(x, out):
    """Launch shape: threads (x, y), y of them for each chunk of a column."""
    return launch_of_columns(out.size, x.shape[1] // out.shape[1])


@lru_cache(4096)
def launch_of_columns(columns, n):
    """Launch shape: threads (x, y), y of them for each of so many columns of n numbers."""
    threads_x = threads_y = 1
    while threads_x < WARP and threads_x < columns:
        threads_x *= 2
    while threads_x * threads_y < MAX_GROUP and MIN_PER_THREAD * threads_y < n and columns * threads_y < FULL_GPU:
        threads_y *= 2
    while threads_x * threads_y < THREADS and threads_x < columns:
        threads_x *= 2
    return min(8 * MOST_BLOCKS, -(-columns // threads_x)), (threads_x, threads_y)


@device
def chunk(c, chunks, n):
    """(first, size) of chunk c of `chunks` of n numbers: sizes differ by one at most."""
    size, spare = np.uint32(np.uint32(n) // chunks), np.uint32(np.uint32(n) % chunks)
    return np.uint32(c * size + min(c, spare)), np.uint32(size + (np.uint32(1) if c < spare else np.uint32(0)))


def _reduction(name, combine, start):
    """Kernels `<name>_rows` and `<name>_columns` that combine numbers two at a time.

    start: of the first number, one that changes no result.
    """
    over_group = group_reduce(combine)

    @cuda_kernel(name=f"{name}_rows", launch=chunks_of_rows)
    def rows(x, out):
        """out[o, c] = combination of chunk c of x[o].

        Shapes: x (rows, n), out (rows, chunks), 1 <= chunks <= n. A thread group owns one chunk.
        """
        parts = cuda.shared.array(WARP, out.dtype)
        chunks, task = np.uint32(out.shape[1]), first_row()
        while task < out.size:
            o = np.uint32(task // chunks)
            c = np.uint32(task - o * chunks)
            first, size = chunk(c, chunks, x.shape[1])
            row, mine = x[o], elements_per_thread(size)
            total = start(out.dtype.type(row[first]))
            k = 0
            while k < mine:
                total = out.dtype.type(combine(total, out.dtype.type(row[np.uint32(first + element(k))])))
                k += 1
            total = over_group(total, parts)
            if thread_rank() == 0:
                out[o, c] = total
            task = next_row(task)

    @cuda_kernel(name=f"{name}_columns", launch=chunks_of_columns)
    def columns(x, out):
        """out[o, c, j] = combination over r in chunk c of x[o, r, j].

        Shapes: x (outer, n, inner), out (outer, chunks, inner), 1 <= chunks <= n.
        A thread owns a number of `out`, and the threads below it in the block, by threadIdx.y, help.
        """
        parts = cuda.shared.array(MAX_GROUP, out.dtype)
        chunks, inner = np.uint32(out.shape[1]), np.uint32(out.shape[2])
        threads_x, threads_y = np.uint32(cuda.blockDim.x), np.uint32(cuda.blockDim.y)
        below = np.uint32(cuda.threadIdx.y)
        place = np.uint32(below * threads_x + cuda.threadIdx.x)
        block = np.uint32(cuda.blockIdx.x * threads_x)
        while block < out.size:   # the same for all threads of the block, which wait for each other
            task = min(np.uint32(block + cuda.threadIdx.x), np.uint32(out.size - 1))
            o_c = np.uint32(task // inner)
            j = np.uint32(task - o_c * inner)
            o = np.uint32(o_c // chunks)
            c = np.uint32(o_c - o * chunks)
            first, size = chunk(c, chunks, x.shape[1])
            image, mine = x[o], np.uint32(np.uint32(size + (threads_y - below) - np.uint32(1)) // threads_y)
            total = start(out.dtype.type(image[first, j]))
            k = 0
            while k < mine:
                r = np.uint32(first + below + np.uint32(k) * threads_y)
                total = out.dtype.type(combine(total, out.dtype.type(image[r, j])))
                k += 1
            half = threads_y >> 1
            if half:
                parts[place] = total
                cuda.syncthreads()
            while half:
                if below < half:
                    total = out.dtype.type(combine(total, parts[np.uint32(place + half * threads_x)]))
                    parts[place] = total
                cuda.syncthreads()
                half >>= 1
            if below == 0 and block + cuda.threadIdx.x < out.size:
                out[o, c, j] = total
            block = np.uint32(block + np.uint32(cuda.gridDim.x * threads_x))


@device
def zero(x):
    return type(x)(0)


@device
def one(x):
    return type(x)(1)


@device
def itself(x):
    return x


_reduction("sum", plus, zero)
_reduction("prod", multiply, one)
_reduction("max", larger, itself)
_reduction("min", smaller, itself)
_reduction("any", bitwise_or, itself)
_reduction("all", bitwise_and, itself)


def rows_of_first(x, out):
    """Launch shape: a thread group for each row of x."""
    return groups(*x.shape)


first_of_group = group_reduce(smaller)


def _position(name, extreme, better):
    """extreme: of two numbers. better(a, b): is a the extreme of both, and b is not?"""
    over_group = group_reduce(extreme)

    @cuda_kernel(name=name, launch=rows_of_first)
    def position(x, out):
        """out[o] = first r at which x[o, r] is the extreme of its row; NaN is the extreme of all.

        Shapes: x (rows, n), n >= 1, out (rows,) of int64. A thread group owns a row.
        """
        parts, places = cuda.shared.array(WARP, x.dtype), cuda.shared.array(WARP, np.uint32)
        n, mine, o = np.uint32(x.shape[1]), elements_per_thread(x.shape[1]), first_row()
        while o < x.shape[0]:
            row = x[o]
            best, at = row[0], np.uint32(0)
            k = 0
            while k < mine:
                r = element(k)
                value = row[r]
                if better(value, best):
                    best, at = value, r
                k += 1
            whole = over_group(best, parts)
            at = first_of_group(at if best == whole or best != best else n, places)
            if thread_rank() == 0:
                out[o] = at
            o = next_row(o)


@device
def exceeds(a, b):
    return a > b or (a != a and b == b)


@device
def undercuts(a, b):
    return a < b or (a != a and b == b)


_position("argmax_forward", larger, exceeds)
_position("argmin_forward", smaller, undercuts)


def walked_columns(x, exclusive, reverse, out):
    """Launch shape: a thread for each column where there are many side by side, else a thread group."""
    outer, n, inner = out.shape
    if inner >= WARP and outer * inner * MAX_PER_THREAD >= FULL_GPU:
        return min(8 * MOST_BLOCKS, -(-outer * inner // THREADS)), (1, THREADS)
    return groups(outer * inner, n)


def _cumulation(name, combine, start):
    over_group = group_scan(combine)

    @cuda_kernel(name=name, launch=walked_columns)
    def cumulation(x, exclusive, reverse, out):
        """out[o, r, j] = combination of x[o, :r + 1, j], or of x[o, :r, j] if `exclusive`.

        With `reverse` from the end. Shapes: x and out (outer, n, inner). A thread group owns a column and walks it, as
        many numbers at a step as it has threads.
        """
        parts = cuda.shared.array(WARP, out.dtype)
        n, inner, width = np.uint32(x.shape[1]), np.uint32(x.shape[2]), np.uint32(cuda.blockDim.x)
        behind, task = np.uint32(1 if exclusive else 0), first_row()
        while task < x.shape[0] * x.shape[2]:
            o = np.uint32(task // inner)
            j = np.uint32(task - o * inner)
            carried = start(out[o, 0, j])
            done = np.uint32(0)
            while done < n:
                q = np.uint32(done + thread_rank())
                value = start(carried)
                if behind <= q and q < n:
                    r = np.uint32(q - behind)
                    value = x[o, np.uint32(n - np.uint32(1) - r) if reverse else r, j]
                value, total = over_group(value, parts)
                if q < n:
                    r = np.uint32(n - np.uint32(1) - q) if reverse else q
                    out[o, r, j] = combine(carried, value)
                carried = out.dtype.type(combine(carried, total))
                done = np.uint32(done + width)
            task = next_row(task)


_cumulation("cumsum_forward", plus, zero)
_cumulation("cumprod_forward", multiply, one)
