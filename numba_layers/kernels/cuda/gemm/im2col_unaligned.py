"""The loader of windows with any number of channels (see `gemm.im2col`): number by number along runs of memory.

A run is the taps of a row of the window with their channels, or the channels of one tap where taps have gaps.
"""

from collections import namedtuple

import numpy as np

from ..simt.index import divmod_u32, mad
from ..simt.memory import ld1
from ..toolchain.api import device
from .operand import Loader, one_by_one

u32 = np.uint32

# x, the axes of a phase, and how its taps lie: `planes` and `lines` of the window, in a line `runs` of `run` numbers,
# `gap` apart.
Runs = namedtuple("Runs", "x d h w planes lines runs run gap")


@device
def runs_of(x, d, h, w, terms):
    """What the loader reads; terms: taps times channels."""
    channels = u32(x.shape[4])
    whole = w.gap == u32(1)
    return Runs(x, d, h, w, d.taps if terms > u32(0) else u32(0), h.taps, u32(1) if whole else w.taps,
                u32(max(u32(1), u32(w.taps * channels if whole else channels))), u32(w.gap * channels))


@device
def _start(a, i, k):
    channels, pixels = u32(a.x.shape[4]), u32(u32(u32(a.x.shape[0]) * a.d.count) * u32(a.h.count * a.w.count))
    line, w = divmod_u32(i if i < pixels else u32(pixels - u32(1)), a.w.count)
    plane, h = divmod_u32(line, a.h.count)
    n, d = divmod_u32(plane, a.d.count)
    i_d, i_h = mad(d, a.d.stride, a.d.offset), mad(h, a.h.stride, a.h.offset)
    place = u32(mad(w, a.w.stride, a.w.offset) * channels)
    zero = u32(0)
    return _at_run(a, (u32(n * u32(a.x.shape[1])), i_d, i_h, u32(place + k), k, zero, zero, zero))


@device
def _at_run(a, state):
    """The state once its number `e` of a run is one of the right run; place: of that number in its row of x."""
    image, i_d, i_h, place, e, run, line, plane = state
    while e >= a.run:
        e, place, run = u32(e - a.run), u32(place - a.run + a.gap), u32(run + u32(1))
        if run == a.runs:
            place, run = u32(place - a.runs * a.gap), u32(0)
            i_h, line = u32(i_h + a.h.gap), u32(line + u32(1))
            if line == a.lines:
                i_h, line = u32(i_h - a.lines * a.h.gap), u32(0)
                i_d, plane = u32(i_d + a.d.gap), u32(plane + u32(1))
    return image, i_d, i_h, place, e, run, line, plane


@device
def _move(a, state, terms):
    image, i_d, i_h, place, e, run, line, plane = state
    return _at_run(a, (image, i_d, i_h, u32(place + terms), u32(e + terms), run, line, plane))


@device
def _one(a, state):
    image, i_d, i_h, place, e, run, line, plane = state
    row = u32(u32(a.x.shape[3]) * u32(a.x.shape[4]))
    inside = plane < a.planes and i_d < u32(a.x.shape[1]) and i_h < u32(a.x.shape[2]) and place < row
    at = mad(mad(u32(image + i_d), u32(a.x.shape[2]), i_h), row, place)
    return ld1(a.x, at) if inside else a.x.dtype.type(0)


odd_windows = Loader(True, _start, one_by_one(_one, _move), _move)
