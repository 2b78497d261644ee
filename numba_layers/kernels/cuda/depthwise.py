"""Depthwise convolution on the GPU: each channel has a window of its own, and neighbouring channels have threads.

Images are (sample, row, column, channel), windows (row, column, channel). As `convolve` does, these kernels take
their geometry as a plan (see `kernels.geometry`): dgrad is the same walk as fprop by another plan. Pixels whose
window reaches beyond the image see only the taps within it.
"""

import math

import numpy as np

from .gemm.plan import axis_of
from .simt.grid import grid_size, thread_id
from .simt.index import divmod_u32, fast_divmod, flat, mad, reciprocal
from .toolchain.api import cuda, device
from .toolchain.target import MOST_BLOCKS, THREADS, cuda_kernel

PIXELS = 4              # neighbouring pixels of a row whose sums a thread keeps: they share the weights
TAPS = 3                # neighbouring taps of the window whose sums a thread keeps: they share the gradient
WIDE, BLOCK = 32, 512   # channels and threads of a block that sums the gradient of the weights, at most,
ENOUGH = 4              # and pixels that are worth one of its threads


def spans(*arguments):
    """Launch shape: a thread for PIXELS neighbours of a row of each channel of y; the residues on axis y."""
    residues, (*lines, columns, channels) = max(1, arguments[3].shape[0]), arguments[-1].shape
    numbers = math.prod(lines) * -(-columns // PIXELS) * channels // residues
    threads = max(32, min(THREADS, -(-numbers // 32) * 32))
    return (max(1, min(MOST_BLOCKS, -(-numbers // threads))), min(MOST_BLOCKS, residues)), threads


@cuda_kernel(launch=spans)
def depthwise(x, weight, bias, plan, relu, y):
    """y[n, o, c] = bias[c] + sum over taps k of x[n, o's tap k, c] weight[k, c], through relu if `relu`.

    Shapes: x and y (n, rows, columns, channels), weight (rows, columns, channels), bias (channels,), plan as for
    `convolve`. A thread owns PIXELS neighbouring pixels of a row of one residue, in one channel.
    """
    height, width, channels = np.uint32(x.shape[1]), np.uint32(x.shape[2]), np.uint32(x.shape[3])
    pixels, weights, target = flat(x), flat(weight), flat(y)
    residue = np.uint32(cuda.blockIdx.y)
    while residue < plan.shape[0]:
        axis_h, axis_w = axis_of(plan, residue, 1), axis_of(plan, residue, 2)
        spans = np.uint32((axis_w.count + np.uint32(PIXELS - 1)) // PIXELS)
        size = np.uint32(np.uint32(np.uint32(np.uint32(y.shape[0]) * axis_h.count) * spans) * channels)
        inverse_channels, inverse_spans, inverse_lines = (reciprocal(channels), reciprocal(spans),
                                                          reciprocal(axis_h.count))
        x_step, w_step = np.uint32(axis_w.gap * channels), np.uint32(axis_w.next_tap * channels)
        number = thread_id()
        while number < size:
            line, c = fast_divmod(number, channels, inverse_channels)
            line, t = fast_divmod(line, spans, inverse_spans)
            n, t_h = fast_divmod(line, axis_h.count, inverse_lines)
            t = np.uint32(t * np.uint32(PIXELS))
            top, left = mad(t_h, axis_h.stride, axis_h.offset), mad(t, axis_w.stride, axis_w.offset)
            totals = cuda.local.array(PIXELS, x.dtype)
            for k in range(PIXELS):
                totals[k] = bias[c]
            p = np.uint32(0)
            while p < axis_h.taps:
                row = mad(p, axis_h.gap, top)
                if row < height:
                    x_here = mad(mad(mad(n, height, row), width, left), channels, c)
                    tap = mad(mad(p, axis_h.next_tap, axis_h.first_tap), np.uint32(weight.shape[1]), axis_w.first_tap)
                    w_here, column, q = mad(tap, channels, c), left, np.uint32(0)
                    while q < axis_w.taps:
                        w = weights[w_here]
                        for k in range(PIXELS):
                            if mad(np.uint32(k), axis_w.stride, column) < width:
                                there = mad(np.uint32(k), np.uint32(axis_w.stride * channels), x_here)
                                totals[k] += pixels[there] * w
                        x_here, w_here = np.uint32(x_here + x_step), np.uint32(w_here + w_step)
                        column, q = np.uint32(column + axis_w.gap), np.uint32(q + 1)
                p = np.uint32(p + 1)
            y_row = mad(mad(n, np.uint32(y.shape[1]), mad(t_h, axis_h.step, axis_h.start)), np.uint32(y.shape[2]),
                           axis_w.start)
            for k in range(PIXELS):
                here = np.uint32(t + k)
                if here < axis_w.count:
                    total = totals[k]
                    if relu and total < 0:
                        total = x.dtype.type(0)
                    target[mad(mad(here, axis_w.step, y_row), channels, c)] = total
            number = np.uint32(number + grid_size())
        residue = np.uint32(residue + cuda.gridDim.y)


def splits(*arguments):
    """Launch shape: a block for each split, row of the window and block of channels; its rows divide the pixels up."""
    grad_y, grad_weight = arguments[1], arguments[-1]
    splits, rows, _, channels = grad_weight.shape
    wide = min(WIDE, 1 << max(0, channels - 1).bit_length())
    pixels, deep = -(-math.prod(grad_y.shape[:3]) // max(1, splits)), WIDE // wide
    while deep * wide < BLOCK and deep * ENOUGH < pixels:
        deep *= 2
    return max(1, min(8 * MOST_BLOCKS, splits * rows * -(-channels // wide))), (wide, deep)


@device
def total_of_column(numbers, number, wide, deep):
    """The sum of `number` of all threads of a block with this one's x, for the threads whose y is 0."""
    thread = mad(np.uint32(cuda.threadIdx.y), wide, np.uint32(cuda.threadIdx.x))
    numbers[thread] = number
    half = np.uint32(deep // 2)
    while half > 0:
        cuda.syncthreads()
        if np.uint32(cuda.threadIdx.y) < half:
            numbers[thread] += numbers[mad(half, wide, thread)]
        half = np.uint32(half // 2)
    return numbers[thread]


@cuda_kernel(launch=splits)
def depthwise_backward_weight(x, grad_y, plan, grad_weight):
    """grad_weight[split, k, c] = sum over the pixels o of a split of x[n, o's tap k, c] grad_y[n, o, c].

    Shapes: x and grad_y (n, rows, columns, channels), grad_weight (split, rows, columns, channels); plan of fprop.
    The splits cut the pixels (split-K), by the shapes alone, and are to be added up. A block owns one row of the window
    and as many channels as it is wide of one split; threads of one channel divide its pixels up.
    """
    height, width, channels = np.uint32(x.shape[1]), np.uint32(x.shape[2]), np.uint32(x.shape[3])
    window_rows, window_columns = np.uint32(grad_weight.shape[1]), np.uint32(grad_weight.shape[2])
    lines, columns = np.uint32(grad_y.shape[1]), np.uint32(grad_y.shape[2])
    pixels, grads, target = flat(x), flat(grad_y), flat(grad_weight)
    axis_h, axis_w = axis_of(plan, 0, 1), axis_of(plan, 0, 2)
    inverse_columns, inverse_lines = reciprocal(columns), reciprocal(lines)
    wide, deep = np.uint32(cuda.blockDim.x), np.uint32(cuda.blockDim.y)
    channel_blocks = np.uint32(divmod_u32(np.uint32(channels + wide - np.uint32(1)), wide)[0])
    per_split, left = divmod_u32(np.uint32(grad_y.shape[0] * lines * columns), np.uint32(grad_weight.shape[0]))
    shared = cuda.shared.array(BLOCK, x.dtype)
    block = np.uint32(cuda.blockIdx.x)
    while block < np.uint32(grad_weight.shape[0] * window_rows * channel_blocks):
        rest, channel_block = divmod_u32(block, channel_blocks)
        split, p = divmod_u32(rest, window_rows)
        c = mad(channel_block, wide, np.uint32(cuda.threadIdx.x))
        begin = mad(split, per_split, min(split, left))
        behind = np.uint32(begin + per_split + np.uint32(split < left)) if c < channels else begin
        q = np.uint32(0)
        while q < window_columns:
            totals = cuda.local.array(TAPS, x.dtype)
            for k in range(TAPS):
                totals[k] = 0
            pixel = np.uint32(begin + cuda.threadIdx.y)
            while pixel < behind:
                line, t = fast_divmod(pixel, columns, inverse_columns)
                n, t_h = fast_divmod(line, lines, inverse_lines)
                row = mad(p, axis_h.gap, mad(t_h, axis_h.stride, axis_h.offset))
                if row < height:
                    grad = grads[mad(pixel, channels, c)]
                    column = mad(q, axis_w.gap, mad(t, axis_w.stride, axis_w.offset))
                    row = np.uint32(mad(n, height, row) * width)
                    for k in range(TAPS):
                        if column < width and q + k < window_columns:
                            totals[k] += pixels[mad(np.uint32(row + column), channels, c)] * grad
                        column = np.uint32(column + axis_w.gap)
                pixel = np.uint32(pixel + deep)
            for k in range(TAPS):
                total = total_of_column(shared, totals[k], wide, deep)
                if cuda.threadIdx.y == 0 and c < channels and q + k < window_columns:
                    tap = mad(mad(split, window_rows, p), window_columns, np.uint32(q + k))
                    target[mad(tap, channels, c)] = total
                cuda.syncthreads()
            q = np.uint32(q + TAPS)
        block = np.uint32(block + cuda.gridDim.x)
