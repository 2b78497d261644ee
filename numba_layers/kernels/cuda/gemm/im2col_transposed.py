"""The transposed im2col matrix of wgrad: a loader (see `gemm.operand`) whose sum runs over the output pixels.

A row is a tap and a channel, a column (along K) an output pixel.
"""

from collections import namedtuple

import numpy as np

from ..simt.index import divmod_u32, mad
from ..simt.memory import ld1
from ..toolchain.api import device
from .im2col import OUTSIDE, load_vector
from .operand import Loader, load_scalars
from .plan import axis_of

u32 = np.uint32

# x, the gradient (for its shape), the plan, the strides of rows and columns in x, the pixel with which the sum begins.
Im2colTransposed = namedtuple("Im2colTransposed", "x grad_y plan row_stride column_stride first")


@device
def _start(a, i, k):
    d, h, w = axis_of(a.plan, 0, 0), axis_of(a.plan, 0, 1), axis_of(a.plan, 0, 2)
    channels = u32(a.x.shape[4])
    tap, c = divmod_u32(i, channels)
    line, k_w = divmod_u32(tap, w.taps)
    k_d, k_h = divmod_u32(line, h.taps)
    row, o_w = divmod_u32(u32(a.first + k), u32(a.grad_y.shape[3]))
    plane, o_h = divmod_u32(row, u32(a.grad_y.shape[2]))
    near_d = mad(u32(min(k_d, u32(d.taps - u32(1)))), d.gap, d.offset)        # for rows beyond the last any
    place = u32(mad(k_w, w.gap, w.offset) * channels + c)
    return _at_plane(a, o_w, o_h, plane, u32(0), near_d, mad(k_h, h.gap, h.offset), place, True)


@device
def _at_plane(a, o_w, o_h, plane, line, near_d, near_h, place, moved):
    """The state for output column `o_w`, row and plane; line: the first row of x's plane of the tap, or OUTSIDE."""
    while o_w >= u32(a.grad_y.shape[3]):
        o_w, o_h = u32(o_w - u32(a.grad_y.shape[3])), u32(o_h + u32(1))
        if o_h == u32(a.grad_y.shape[2]):
            o_h, plane, moved = u32(0), u32(plane + u32(1)), True
    if moved:
        n, o_d = divmod_u32(plane, u32(a.grad_y.shape[1]))
        i_d, depth = mad(o_d, axis_of(a.plan, 0, 0).stride, near_d), u32(a.x.shape[1])
        inside = n < u32(a.x.shape[0]) and i_d < depth
        line = u32(mad(n, depth, i_d) * u32(a.x.shape[2])) if inside else OUTSIDE
    return o_w, o_h, plane, line, near_d, near_h, place


@device
def _advance(a, state, terms):
    o_w, o_h, plane, line, near_d, near_h, place = state
    return _at_plane(a, u32(o_w + terms), o_h, plane, line, near_d, near_h, place, False)


@device
def _place(a, state):
    """Where the number of x lies for a state, or OUTSIDE."""
    o_w, o_h, plane, line, near_d, near_h, place = state
    row, i_h = u32(u32(a.x.shape[3]) * u32(a.x.shape[4])), mad(o_h, a.row_stride, near_h)
    i_w = mad(o_w, a.column_stride, place)
    inside = line < OUTSIDE and i_h < u32(a.x.shape[2]) and i_w < row
    return mad(u32(line + i_h), row, i_w) if inside else OUTSIDE


@device
def _load(a, state):
    return load_vector(a.x, _place(a, state))


@device
def _one(a, state):
    at = _place(a, state)
    return ld1(a.x, at) if at < OUTSIDE else a.x.dtype.type(0)


image_transposed = Loader(False, _start, _load, _advance)     # aligned channels: four of one pixel
image_transposed_unaligned = Loader(True, _start, load_scalars(_one, _advance), _advance)   # one of four pixels
