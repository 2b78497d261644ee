"""Convolution to a small C_out: too few channels to fill a tile, so each output is a dot product of its own.

A thread group of GROUP neighbouring threads owns a pixel and CHANNELS of its channels: its threads divide the
channels of x up, so that a group's loads are coalesced, and reduce their sums by shuffles.
"""

import math

import numpy as np

from .gemm.plan import axis_of
from .simt.index import divmod_u32, mad
from .simt.memory import aligned, ld1, ld4, st1
from .simt.shuffle import FULL_MASK, WARP
from .toolchain.api import cuda, device
from .toolchain.target import MOST_BLOCKS, THREADS, cuda_kernel

GROUP, CHANNELS = 8, 4   # threads of a group, output channels of each
GROUPS = WARP // GROUP      # in a warp
u32 = np.uint32


def groups(*arguments):
    """Launch shape: a thread group for each pixel of y and CHANNELS of its channels; the body strides."""
    *pixels, channels = arguments[-1].shape
    count = math.prod(pixels) * math.ceil(channels / CHANNELS)
    blocks = math.ceil(count * GROUP / THREADS)
    return max(1, min(8 * MOST_BLOCKS, blocks)), THREADS if blocks > 1 else max(1, math.ceil(count / GROUPS)) * WARP


@device
def place_of(index, step, size):
    """(residue modulo the step, index within the residue, number of residues) of a pixel of y along an axis."""
    quotient, rest = divmod_u32(index, u32(step))
    return rest, quotient, min(u32(step), u32(size))


@device
def source(t, tap, axis, size):
    """(whether there is one, index) of the pixel of x below pixel t of a residue, by a tap, along an axis."""
    index = u32(t * axis.stride + axis.offset + tap * axis.gap)      # below zero: huge
    return index < u32(size), index


@device
def tap_of(number, axis):
    """The window's tap that is tap `number` of a residue, along an axis."""
    return u32(axis.first_tap + number * axis.next_tap)


@device
def add_pixel(x, x_at, weight, weight_at, strides, inner, channels, lane, whole, total):
    """Add to `total` this thread's products of a pixel with the weights of one tap; strides of its (outer, inner)."""
    if whole:
        i = u32(lane * 4)
        while i < inner:
            a0, a1, a2, a3 = ld4(x, u32(x_at + i))
            for c in range(CHANNELS):
                if u32(c) < channels:
                    b0, b1, b2, b3 = ld4(weight, u32(mad(u32(c), inner, weight_at) + i))
                    total[c] += a0 * b0 + a1 * b1 + a2 * b2 + a3 * b3
            i = u32(i + 4 * GROUP)
    else:
        i = lane
        while i < inner:
            a = ld1(x, u32(x_at + i))
            for c in range(CHANNELS):
                if u32(c) < channels:
                    total[c] += a * ld1(weight, mad(i, strides[1], mad(u32(c), strides[0], weight_at)))
            i = u32(i + GROUP)


@cuda_kernel(launch=groups)
def convolve_small_c_out(x, weight, bias, plan, transposed, relu, y):
    """y[pixel] = bias + sum of weight[tap] @ x[pixel's tap] by `plan` (residue, axis, field), relu if `relu`.

    Shapes as for `convolve`. A thread group owns a pixel of y and CHANNELS channels.
    """
    inner, channels, channel_blocks = u32(x.shape[4]), u32(y.shape[4]), u32((y.shape[4] + CHANNELS - 1) // CHANNELS)
    steps = axis_of(plan, 0, 0).step, axis_of(plan, 0, 1).step, axis_of(plan, 0, 2).step
    whole = transposed and inner % u32(4) == u32(0) and aligned(x) and aligned(weight)
    strides = (inner, u32(1)) if transposed else (u32(1), channels)
    total = cuda.local.array(CHANNELS, y.dtype)
    zero, thread = y.dtype.type(0), u32(cuda.threadIdx.x)
    lane, member = u32(thread % u32(GROUP)), u32(thread % u32(WARP) // u32(GROUP))
    items = u32(u32(y.shape[0]) * u32(y.shape[1]) * u32(y.shape[2]) * u32(y.shape[3]) * channel_blocks)
    at = u32((cuda.blockIdx.x * cuda.blockDim.x + thread) // u32(WARP) * GROUPS)
    while at < items:                       # warps stay together for the shuffles
        item = u32(at + member)
        valid = item < items
        pixel, channel_block = divmod_u32(item if valid else at, channel_blocks)
        line, w = divmod_u32(pixel, u32(y.shape[3]))
        plane, h = divmod_u32(line, u32(y.shape[2]))
        n, d = divmod_u32(plane, u32(y.shape[1]))
        residue_d, t_d, _ = place_of(d, steps[0], y.shape[1])
        residue_h, t_h, residues_h = place_of(h, steps[1], y.shape[2])
        residue_w, t_w, residues_w = place_of(w, steps[2], y.shape[3])
        residue = mad(mad(residue_d, residues_h, residue_h), residues_w, residue_w)
        axes = axis_of(plan, residue, 0), axis_of(plan, residue, 1), axis_of(plan, residue, 2)
        c0 = u32(channel_block * u32(CHANNELS))
        for c in range(CHANNELS):
            total[c] = zero
        kd = u32(0)
        while kd < axes[0].taps:
            inside_d, x_d = source(t_d, kd, axes[0], u32(x.shape[1]))
            kh = u32(0)
            while kh < axes[1].taps:
                inside_h, x_h = source(t_h, kh, axes[1], u32(x.shape[2]))
                kw = u32(0) if inside_d and inside_h else axes[2].taps
                while kw < axes[2].taps:
                    inside_w, x_w = source(t_w, kw, axes[2], u32(x.shape[3]))
                    if inside_w:
                        x_row = mad(mad(n, u32(x.shape[1]), x_d), u32(x.shape[2]), x_h)
                        x_row = mad(x_row, u32(x.shape[3]), x_w)
                        tap = mad(mad(tap_of(kd, axes[0]), u32(weight.shape[1]), tap_of(kh, axes[1])),
                                  u32(weight.shape[2]), tap_of(kw, axes[2]))
                        weight_at = mad(c0, strides[0], u32(tap * channels * inner))
                        add_pixel(x, u32(x_row * inner), weight, weight_at, strides, inner, u32(channels - c0), lane,
                                  whole, total)
                    kw = u32(kw + 1)
                kh = u32(kh + 1)
            kd = u32(kd + 1)
        for c in range(CHANNELS):
            value = total[c]
            value += cuda.shfl_xor_sync(FULL_MASK, value, 4)
            value += cuda.shfl_xor_sync(FULL_MASK, value, 2)
            value += cuda.shfl_xor_sync(FULL_MASK, value, 1)
            if valid and lane == u32(c) and u32(c0 + c) < channels:
                value += ld1(bias, u32(c0 + c))
                st1(y, u32(mad(pixel, channels, c0) + c), zero if relu and value < zero else value)
        at = u32(at + cuda.gridDim.x * cuda.blockDim.x // WARP * GROUPS)
