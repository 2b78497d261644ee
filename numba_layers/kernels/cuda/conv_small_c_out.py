"""Transposed convolution to few channels: too few to fill a tile, so each number is a sum of its own.

A team of TEAM neighbouring threads owns a pixel and SOME of its channels: each thread takes its share of the channels
of x, so that a team reads whole lines of memory, and the team's sums meet by shuffles.
"""

import math

import numpy as np

from .gemm.plan import axis_of
from .simt.block import ALL, WARP
from .simt.index import divided, joined
from .simt.intrinsics import aligned, ld1, ld4, st1
from .toolchain.api import cuda, device
from .toolchain.target import MOST_BLOCKS, THREADS, cuda_kernel

RELU = 1
TEAM, SOME = 8, 4
TEAMS = WARP // TEAM      # of a warp
u32 = np.uint32


def teams(*arguments):
    """Launch shape: a team for each pixel of the last argument and SOME of its channels; the body strides."""
    *pixels, channels = arguments[-1].shape
    count = math.prod(pixels) * math.ceil(channels / SOME)
    blocks = math.ceil(count * TEAM / THREADS)
    return max(1, min(8 * MOST_BLOCKS, blocks)), THREADS if blocks > 1 else max(1, math.ceil(count / TEAMS)) * WARP


@device
def source(place, tap, axis, size):
    """(whether there is one, place) of the pixel of x whose tap is at `place` of y, along one axis; size: of x."""
    distance = u32(place - axis.offset - tap * axis.gap)      # below zero: huge
    quotient, rest = divided(distance, axis.stride)
    return distance < u32(size * axis.stride) and rest == u32(0), quotient


@device
def add_pixel(x, x_at, weight, weight_at, inner, channels, lane, whole, total):
    """Add to `total` a thread's share of the products of a pixel with the weights of one tap."""
    if whole:
        i = u32(lane * 4)
        while i < inner:
            a0, a1, a2, a3 = ld4(x, u32(x_at + i))
            for c in range(SOME):
                if u32(c) < channels:
                    b0, b1, b2, b3 = ld4(weight, u32(joined(u32(c), inner, weight_at) + i))
                    total[c] += a0 * b0 + a1 * b1 + a2 * b2 + a3 * b3
            i = u32(i + 4 * TEAM)
    else:
        i = lane
        while i < inner:
            a = ld1(x, u32(x_at + i))
            for c in range(SOME):
                if u32(c) < channels:
                    total[c] += a * ld1(weight, u32(joined(u32(c), inner, weight_at) + i))
            i = u32(i + TEAM)


@cuda_kernel(launch=teams)
def convolve_small_c_out(x, weight, bias, plans, activation, y):
    """y = bias + sum over the pixels of x of weight[tap] x[pixel], gathered at the pixel's taps in y; relu if RELU.

    The gradient of a convolution to its input, by `plans` of the convolution itself (see `conv`).
    Shapes: x (n, depth, height, width, in), weight (depth, height, width, out, in), y (n, depth, height, width, out)
    A team owns a pixel of y and SOME channels.
    """
    inner, channels, groups = u32(x.shape[4]), u32(y.shape[4]), u32((y.shape[4] + SOME - 1) // SOME)
    axes = axis_of(plans, 0, 0), axis_of(plans, 0, 1), axis_of(plans, 0, 2)
    whole = inner % u32(4) == u32(0) and aligned(x) and aligned(weight)
    total = cuda.local.array(SOME, y.dtype)
    zero, thread = y.dtype.type(0), u32(cuda.threadIdx.x)
    lane, member = u32(thread % u32(TEAM)), u32(thread % u32(WARP) // u32(TEAM))
    items = u32(u32(y.shape[0]) * u32(y.shape[1]) * u32(y.shape[2]) * u32(y.shape[3]) * groups)
    at = u32((cuda.blockIdx.x * cuda.blockDim.x + thread) // u32(WARP) * TEAMS)
    while at < items:                       # warps stay together for the shuffles
        item = u32(at + member)
        valid = item < items
        pixel, group = divided(item if valid else at, groups)
        line, w = divided(pixel, u32(y.shape[3]))
        plane, h = divided(line, u32(y.shape[2]))
        n, d = divided(plane, u32(y.shape[1]))
        c0 = u32(group * u32(SOME))
        for c in range(SOME):
            total[c] = zero
        kd = u32(0)
        while kd < axes[0].taps:
            inside_d, x_d = source(d, kd, axes[0], u32(x.shape[1]))
            kh = u32(0)
            while kh < axes[1].taps:
                inside_h, x_h = source(h, kh, axes[1], u32(x.shape[2]))
                kw = u32(0) if inside_d and inside_h else axes[2].taps
                while kw < axes[2].taps:
                    inside_w, x_w = source(w, kw, axes[2], u32(x.shape[3]))
                    if inside_w:
                        x_row = joined(joined(n, u32(x.shape[1]), x_d), u32(x.shape[2]), x_h)
                        x_row = joined(x_row, u32(x.shape[3]), x_w)
                        tap = joined(joined(kd, axes[1].taps, kh), axes[2].taps, kw)
                        add_pixel(x, u32(x_row * inner), weight, u32(joined(tap, channels, c0) * inner), inner,
                                  u32(channels - c0), lane, whole, total)
                    kw = u32(kw + 1)
                kh = u32(kh + 1)
            kd = u32(kd + 1)
        for c in range(SOME):
            value = total[c]
            value += cuda.shfl_xor_sync(ALL, value, 4)
            value += cuda.shfl_xor_sync(ALL, value, 2)
            value += cuda.shfl_xor_sync(ALL, value, 1)
            if valid and lane == u32(c) and u32(c0 + c) < channels:
                value += ld1(bias, u32(c0 + c))
                st1(y, u32(joined(pixel, channels, c0) + c), zero if activation == RELU and value < zero else value)
        at = u32(at + cuda.gridDim.x * cuda.blockDim.x // WARP * TEAMS)
