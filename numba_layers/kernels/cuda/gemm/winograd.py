"""Winograd's convolution in registers: its transforms, Y = M X M.T for the matrices of the CPU's `micro.winograd`.

A transform turns a `block`, 36 numbers of one thread as rows of SIDE, in place: along its columns, then its rows.

Reference: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", §4.1 and §4.2.
"""

import numpy as np

from ..simt.index import divmod_u32, mad
from ..simt.memory import ld1, st1
from ..toolchain.api import device
from .mma import tile_fma

SIDE = 6               # of a block, at most
POINTS = SIDE * SIDE
FRAGMENT = 8               # rows and columns of a point's products that one thread accumulates: 8 x 8
ACCUMULATORS = FRAGMENT * FRAGMENT
u32 = np.uint32

multiply_add = tile_fma(1, FRAGMENT // 4, 4, 4, 0, 0)   # (total, a, at, b, at): an outer product


@device
def place_of(number, blocks):
    """(sample, row, column) of a block; blocks: how many rows and columns of them an image has."""
    line, column = divmod_u32(number, blocks[1])
    n, row = divmod_u32(line, blocks[0])
    return n, row, column


# ---- blocks in memory --------------------------------------------------------------------------------------


def reading(side):
    """A device function (x, n, i, j, c, valid, block): block = x[n, i:i + side, j:j + side, c], zeros outside of x.

    Zeros everywhere unless `valid`.
    """

    @device
    def read_row(x, n, i, j, c, valid, first, block):
        height, width, channels = u32(x.shape[1]), u32(x.shape[2]), u32(x.shape[3])
        start = mad(mad(mad(n, height, i), width, j), channels, c)
        inside = valid and i < height
        for q in range(side):
            value = x.dtype.type(0)
            if inside and u32(j + q) < width:
                value = ld1(x, mad(u32(q), channels, start))
            block[first + q] = value

    @device
    def read(x, n, i, j, c, valid, block):   # no loop: compilers do not unroll such long ones
        read_row(x, n, i, j, c, valid, 0, block)
        read_row(x, n, u32(i + 1), j, c, valid, SIDE, block)
        read_row(x, n, u32(i + 2), j, c, valid, 2 * SIDE, block)
        read_row(x, n, u32(i + 3), j, c, valid, 3 * SIDE, block)
        if side == SIDE:
            read_row(x, n, u32(i + 4), j, c, valid, 4 * SIDE, block)
            read_row(x, n, u32(i + 5), j, c, valid, 5 * SIDE, block)

    return read


def writing(side):
    """A device function (block, bias, relu, y, n, i, j, f): y[n, i:i + side, j:j + side, f] = block + bias, as far as
    there is y, relu if so."""

    @device
    def write_row(block, first, bias, relu, y, n, i, j, f):
        height, width, filters, zero = u32(y.shape[1]), u32(y.shape[2]), u32(y.shape[3]), y.dtype.type(0)
        start = mad(mad(mad(n, height, i), width, j), filters, f)
        for q in range(side):
            value = block[first + q] + bias
            if i < height and u32(j + q) < width:
                st1(y, mad(u32(q), filters, start), zero if relu and value < zero else value)

    @device
    def write(block, bias, relu, y, n, i, j, f):
        write_row(block, 0, bias, relu, y, n, i, j, f)
        write_row(block, SIDE, bias, relu, y, n, u32(i + 1), j, f)
        if side == 4:
            write_row(block, 2 * SIDE, bias, relu, y, n, u32(i + 2), j, f)
            write_row(block, 3 * SIDE, bias, relu, y, n, u32(i + 3), j, f)

    return write


def spreading(side):
    """Device functions (block, array, at, step): to array[at + k * step], number k of a block, and back."""

    @device
    def spread(block, array, at, step):
        for k in range(side * side):
            st1(array, mad(u32(k), step, at), block[k // side * SIDE + k % side])

    @device
    def gather(block, array, at, step):
        for k in range(side * side):
            block[k // side * SIDE + k % side] = ld1(array, mad(u32(k), step, at))

    return spread, gather


read_4, read_6 = reading(4), reading(6)
write_2, write_4 = writing(2), writing(4)
(spread_3, gather_3), (spread_4, gather_4), (spread_6, gather_6) = spreading(3), spreading(4), spreading(6)


# ---- transforms --------------------------------------------------------------------------------------------


def in_both_axes(along, inputs, outputs):
    """A device function (block) that turns inputs x inputs numbers to outputs x outputs by `along`."""

    @device
    def transform(block):
        for c in range(inputs):
            along(block, c, SIDE)
        for r in range(outputs):
            along(block, r * SIDE, 1)

    return transform


@device
def _input_4(x, at, step):
    two, four, five = x.dtype.type(2), x.dtype.type(4), x.dtype.type(5)
    x0, x1, x2 = x[at], x[at + step], x[at + 2 * step]
    x3, x4, x5 = x[at + 3 * step], x[at + 4 * step], x[at + 5 * step]
    even, odd = x4 - four * x2, x3 - four * x1
    near, far = x4 - x2, two * (x3 - x1)
    x[at] = four * x0 - five * x2 + x4
    x[at + step] = even + odd
    x[at + 2 * step] = even - odd
    x[at + 3 * step] = near + far
    x[at + 4 * step] = near - far
    x[at + 5 * step] = four * x1 - five * x3 + x5


@device
def _weight_4(x, at, step):
    one = x.dtype.type(1)
    fourth, sixth = one / x.dtype.type(4), one / x.dtype.type(6)
    twelfth, last = one / x.dtype.type(12), one / x.dtype.type(24)
    x0, x1, x2 = x[at], x[at + step], x[at + 2 * step]
    near, far = -sixth * (x0 + x2), last * x0 + sixth * x2
    x[at] = fourth * x0
    x[at + step] = near - sixth * x1
    x[at + 2 * step] = near + sixth * x1
    x[at + 3 * step] = far + twelfth * x1
    x[at + 4 * step] = far - twelfth * x1
    x[at + 5 * step] = x2


@device
def _output_4(x, at, step):
    two, four, eight = x.dtype.type(2), x.dtype.type(4), x.dtype.type(8)
    x0, x1, x2 = x[at], x[at + step], x[at + 2 * step]
    x3, x4, x5 = x[at + 3 * step], x[at + 4 * step], x[at + 5 * step]
    near, near_odd, far, far_odd = x1 + x2, x1 - x2, x3 + x4, x3 - x4
    x[at] = x0 + near + far
    x[at + step] = near_odd + two * far_odd
    x[at + 2 * step] = near + four * far
    x[at + 3 * step] = near_odd + eight * far_odd + x5


@device
def _gradient_4(x, at, step):
    two, four, eight = x.dtype.type(2), x.dtype.type(4), x.dtype.type(8)
    x0, x1, x2, x3 = x[at], x[at + step], x[at + 2 * step], x[at + 3 * step]
    near, near_odd = x0 + x2, x1 + x3
    far, far_odd = x0 + four * x2, two * x1 + eight * x3
    x[at + step] = near + near_odd
    x[at + 2 * step] = near - near_odd
    x[at + 3 * step] = far + far_odd
    x[at + 4 * step] = far - far_odd
    x[at + 5 * step] = x3


@device
def _window_4(x, at, step):
    one = x.dtype.type(1)
    fourth, sixth = one / x.dtype.type(4), one / x.dtype.type(6)
    twelfth, last = one / x.dtype.type(12), one / x.dtype.type(24)
    x0, x1, x2 = x[at], x[at + step], x[at + 2 * step]
    x3, x4, x5 = x[at + 3 * step], x[at + 4 * step], x[at + 5 * step]
    x[at] = fourth * x0 - sixth * (x1 + x2) + last * (x3 + x4)
    x[at + step] = sixth * (x2 - x1) + twelfth * (x3 - x4)
    x[at + 2 * step] = sixth * (x3 + x4 - x1 - x2) + x5


@device
def _input_2(x, at, step):
    x0, x1, x2, x3 = x[at], x[at + step], x[at + 2 * step], x[at + 3 * step]
    x[at] = x0 - x2
    x[at + step] = x1 + x2
    x[at + 2 * step] = x2 - x1
    x[at + 3 * step] = x1 - x3


@device
def _weight_2(x, at, step):
    half = x.dtype.type(1) / x.dtype.type(2)
    x0, x1, x2 = x[at], x[at + step], x[at + 2 * step]
    x[at + step] = half * (x0 + x1 + x2)
    x[at + 2 * step] = half * (x0 - x1 + x2)
    x[at + 3 * step] = x2


@device
def _output_2(x, at, step):
    x0, x1, x2, x3 = x[at], x[at + step], x[at + 2 * step], x[at + 3 * step]
    x[at] = x0 + x1 + x2
    x[at + step] = x1 - x2 - x3


input_4, weight_4, output_4 = in_both_axes(_input_4, 6, 6), in_both_axes(_weight_4, 3, 6), in_both_axes(_output_4, 6, 4)
input_2, weight_2, output_2 = in_both_axes(_input_2, 4, 4), in_both_axes(_weight_2, 3, 4), in_both_axes(_output_2, 4, 2)
gradient_4, window_4 = in_both_axes(_gradient_4, 4, 6), in_both_axes(_window_4, 6, 3)
