"""Convolution as implicit GEMM: loaders (see `gemm.mainloop`) that find pixels, taps and channels where they lie.

A row of the first matrix is an output pixel of a phase, a column a tap of its window and a channel of x there; a
column of the second one is a filter. `gemm.im2col_unaligned` reads the first one for any number of channels.
"""

from collections import namedtuple

import numpy as np

from ..simt.index import divmod_u32, mad
from ..simt.memory import aligned, ld1, ld4
from ..toolchain.api import device
from .operand import Loader, one_by_one
from .plan import axis_of

u32 = np.uint32
OUTSIDE = u32(0xF0000000)     # from here on no place is in an array: there are zeros


@device
def four_at(x, at):
    """Four neighbours from a place on that is a multiple of 4, or zeros OUTSIDE."""
    zero = x.dtype.type(0)
    if at >= OUTSIDE:
        return zero, zero, zero, zero
    if aligned(x):
        return ld4(x, at)
    return ld1(x, at), ld1(x, u32(at + 1)), ld1(x, u32(at + 2)), ld1(x, u32(at + 3))


# ---- some rows of an array, along the sum ------------------------------------------------------------------

Rows = namedtuple("Rows", "array first")    # an array as a matrix of its last axis, from its row `first` on


@device
def _start_rows(b, j, k):
    return mad(u32(b.first + k), u32(b.array.shape[-1]), j),


@device
def _read_rows(b, state):
    """Beyond the last column these are numbers of the next row, or the last one, which do no harm."""
    at, x, zero, end = state[0], b.array, b.array.dtype.type(0), u32(b.array.size)
    if at >= end:
        return zero, zero, zero, zero
    if aligned(x) and u32(x.shape[-1]) % u32(4) == u32(0):
        return ld4(x, at)
    last = u32(end - u32(1))
    return (ld1(x, at), ld1(x, u32(min(u32(at + 1), last))), ld1(x, u32(min(u32(at + 2), last))),
            ld1(x, u32(min(u32(at + 3), last))))


@device
def _move_rows(b, state, terms):
    return mad(terms, u32(b.array.shape[-1]), state[0]),


rows = Loader(False, _start_rows, _read_rows, _move_rows)


# ---- taps, and the channels of each ------------------------------------------------------------------------

Taps = namedtuple("Taps", "array plan phase rows")    # what is read by taps; rows: of the matrix


def by_taps(locate, whole):
    """A loader whose columns are taps, and channels of a tap: the last axis of an array.

    locate(x, i, tap): where the channels of row i and a tap begin, or OUTSIDE. It is slow, and holds no registers
    while the tap lasts. whole: the channels are a multiple of 4.
    """

    @device
    def start(x, i, k):
        return at_tap(x, i if i < x.rows else u32(x.rows - u32(1)), u32(0), k, u32(0), True)

    @device
    def at_tap(x, i, tap, c, at, moved):
        channels = u32(x.array.shape[4])
        while c >= channels:
            c, tap, moved = u32(c - channels), u32(tap + u32(1)), True
        return i, tap, c, u32(locate(x, i, tap) + c) if moved else at

    @device
    def move(x, state, terms):
        i, tap, c, at = state
        return at_tap(x, i, tap, u32(c + terms), u32(at + terms), False)

    @device
    def one(x, state):
        return ld1(x.array, state[3]) if state[3] < OUTSIDE else x.array.dtype.type(0)

    @device
    def read_whole(x, state):
        return four_at(x.array, state[3])

    return Loader(True, start, read_whole if whole else one_by_one(one, move), move)


@device
def tap_at(tap, d, h, w):
    """(whether there is one, plane, row, column) of a tap among those of a phase."""
    line, column = divmod_u32(tap, u32(max(u32(1), w.taps)))
    plane, row = divmod_u32(line, u32(max(u32(1), h.taps)))
    return tap < u32(u32(d.taps * h.taps) * w.taps), plane, row, column


@device
def _window(a, i, tap):
    x, d, h, w = a.array, axis_of(a.plan, a.phase, 0), axis_of(a.plan, a.phase, 1), axis_of(a.plan, a.phase, 2)
    found, k_d, k_h, k_w = tap_at(tap, d, h, w)
    line, o_w = divmod_u32(i, w.count)
    plane, o_h = divmod_u32(line, h.count)
    n, o_d = divmod_u32(plane, d.count)
    i_d = mad(o_d, d.stride, mad(k_d, d.gap, d.offset))
    i_h = mad(o_h, h.stride, mad(k_h, h.gap, h.offset))
    i_w = mad(o_w, w.stride, mad(k_w, w.gap, w.offset))
    depth, height, width, channels = u32(x.shape[1]), u32(x.shape[2]), u32(x.shape[3]), u32(x.shape[4])
    inside = found and i_d < depth and i_h < height and i_w < width
    return u32(mad(mad(mad(n, depth, i_d), height, i_h), width, i_w) * channels) if inside else OUTSIDE


@device
def _weights(b, j, tap):
    x, d, h, w = b.array, axis_of(b.plan, b.phase, 0), axis_of(b.plan, b.phase, 1), axis_of(b.plan, b.phase, 2)
    found, k_d, k_h, k_w = tap_at(tap, d, h, w)
    line = mad(mad(k_d, d.next_tap, d.first_tap), u32(x.shape[1]), mad(k_h, h.next_tap, h.first_tap))
    place = mad(line, u32(x.shape[2]), mad(k_w, w.next_tap, w.first_tap))
    return u32(mad(place, u32(x.shape[3]), j) * u32(x.shape[4])) if found else OUTSIDE


windows = by_taps(_window, True)                                            # rows: the pixels of a phase
weights, odd_weights = by_taps(_weights, True), by_taps(_weights, False)    # rows: filters of weights (..., out, in)
