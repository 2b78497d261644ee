"""Convolution as implicit GEMM: loaders (see `gemm.operand`) that find pixels, taps and channels where they lie.

The im2col matrix, never made: a row is an output pixel of a residue (see `kernels.geometry`), a column a tap of its
window and a channel of x there. The other operand is the weight, (taps * channels, filters).
"""

from collections import namedtuple

import numpy as np

from ..simt.index import divmod_u32, mad
from ..simt.memory import aligned, ld1, ld4
from ..toolchain.api import device
from .operand import Loader, load_scalars
from .plan import axis_of

u32 = np.uint32
OUTSIDE = u32(0xF0000000)     # from here on no offset is in an array: there are zeros


@device
def load_vector(x, at):
    """Four neighbours from an offset on that is a multiple of 4, or zeros OUTSIDE."""
    zero = x.dtype.type(0)
    if at >= OUTSIDE:
        return zero, zero, zero, zero
    if aligned(x):
        return ld4(x, at)
    return ld1(x, at), ld1(x, u32(at + 1)), ld1(x, u32(at + 2)), ld1(x, u32(at + 3))


# ---- rows of an array, along K: the weight of fprop, the output's gradient of wgrad -------------------------

Rows = namedtuple("Rows", "array first")    # an array as a matrix of its last axis, from its row `first` on


@device
def _start_rows(b, j, k):
    return mad(u32(b.first + k), u32(b.array.shape[-1]), j),


@device
def _load_rows(b, state):
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
def _advance_rows(b, state, terms):
    return mad(terms, u32(b.array.shape[-1]), state[0]),


rows = Loader(False, _start_rows, _load_rows, _advance_rows)


# ---- im2col with aligned channels, a multiple of 4; weights with their taps in a plan's order --------------

Im2col = namedtuple("Im2col", "array plan residue rows")    # rows: of the matrix


def im2col(locate, channels_aligned):
    """A K-contiguous loader whose columns are taps, and channels of a tap: the last axis of an array.

    locate(x, i, tap): the offset of the channels of row i and a tap, or OUTSIDE. It is slow, and holds no registers
    while the tap lasts.
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
    def advance(x, state, terms):
        i, tap, c, at = state
        return at_tap(x, i, tap, u32(c + terms), u32(at + terms), False)

    @device
    def one(x, state):
        return ld1(x.array, state[3]) if state[3] < OUTSIDE else x.array.dtype.type(0)

    @device
    def load(x, state):
        return load_vector(x.array, state[3])

    return Loader(True, start, load if channels_aligned else load_scalars(one, advance), advance)


@device
def tap_at(tap, d, h, w):
    """(whether there is one, plane, row, column) of a tap among those of a residue."""
    line, column = divmod_u32(tap, u32(max(u32(1), w.taps)))
    plane, row = divmod_u32(line, u32(max(u32(1), h.taps)))
    return tap < u32(u32(d.taps * h.taps) * w.taps), plane, row, column


@device
def _pixel(a, i, tap):
    x, d, h, w = a.array, axis_of(a.plan, a.residue, 0), axis_of(a.plan, a.residue, 1), axis_of(a.plan, a.residue, 2)
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
def _filter(b, j, tap):
    x, d, h, w = b.array, axis_of(b.plan, b.residue, 0), axis_of(b.plan, b.residue, 1), axis_of(b.plan, b.residue, 2)
    found, k_d, k_h, k_w = tap_at(tap, d, h, w)
    line = mad(mad(k_d, d.next_tap, d.first_tap), u32(x.shape[1]), mad(k_h, h.next_tap, h.first_tap))
    place = mad(line, u32(x.shape[2]), mad(k_w, w.next_tap, w.first_tap))
    return u32(mad(place, u32(x.shape[3]), j) * u32(x.shape[4])) if found else OUTSIDE


image = im2col(_pixel, True)                                            # rows: the pixels of a residue
filters, filters_unaligned = im2col(_filter, True), im2col(_filter, False)    # rows: filters of (..., out, in)


# ---- im2col with unaligned channels: any number --------------------------------------------------------------

# x, the axes of a residue, and how its window lies: `planes` and `lines`, and in a line `spans` of `span` contiguous
# numbers, `gap` apart: the taps of a row with their channels, or the channels of one tap where the window is dilated.
Unaligned = namedtuple("Unaligned", "x d h w planes lines spans span gap")


@device
def unaligned(x, d, h, w, terms):
    """The operand of `image_unaligned`; terms: taps times channels."""
    channels = u32(x.shape[4])
    contiguous = w.gap == u32(1)
    return Unaligned(x, d, h, w, d.taps if terms > u32(0) else u32(0), h.taps, u32(1) if contiguous else w.taps,
                     u32(max(u32(1), u32(w.taps * channels if contiguous else channels))), u32(w.gap * channels))


@device
def _start_span(a, i, k):
    channels, pixels = u32(a.x.shape[4]), u32(u32(u32(a.x.shape[0]) * a.d.count) * u32(a.h.count * a.w.count))
    line, w = divmod_u32(i if i < pixels else u32(pixels - u32(1)), a.w.count)
    plane, h = divmod_u32(line, a.h.count)
    n, d = divmod_u32(plane, a.d.count)
    i_d, i_h = mad(d, a.d.stride, a.d.offset), mad(h, a.h.stride, a.h.offset)
    place = u32(mad(w, a.w.stride, a.w.offset) * channels)
    zero = u32(0)
    return _at_span(a, (u32(n * u32(a.x.shape[1])), i_d, i_h, u32(place + k), k, zero, zero, zero))


@device
def _at_span(a, state):
    """The state once its number `e` of a span is one of the right span; place: of that number in its row of x."""
    sample, i_d, i_h, place, e, span, line, plane = state
    while e >= a.span:
        e, place, span = u32(e - a.span), u32(place - a.span + a.gap), u32(span + u32(1))
        if span == a.spans:
            place, span = u32(place - a.spans * a.gap), u32(0)
            i_h, line = u32(i_h + a.h.gap), u32(line + u32(1))
            if line == a.lines:
                i_h, line = u32(i_h - a.lines * a.h.gap), u32(0)
                i_d, plane = u32(i_d + a.d.gap), u32(plane + u32(1))
    return sample, i_d, i_h, place, e, span, line, plane


@device
def _advance_span(a, state, terms):
    sample, i_d, i_h, place, e, span, line, plane = state
    return _at_span(a, (sample, i_d, i_h, u32(place + terms), u32(e + terms), span, line, plane))


@device
def _one_of_span(a, state):
    sample, i_d, i_h, place, e, span, line, plane = state
    row = u32(u32(a.x.shape[3]) * u32(a.x.shape[4]))
    inside = plane < a.planes and i_d < u32(a.x.shape[1]) and i_h < u32(a.x.shape[2]) and place < row
    at = mad(mad(u32(sample + i_d), u32(a.x.shape[2]), i_h), row, place)
    return ld1(a.x, at) if inside else a.x.dtype.type(0)


image_unaligned = Loader(True, _start_span, load_scalars(_one_of_span, _advance_span), _advance_span)
