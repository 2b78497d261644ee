"""A box of pixels, a vector of channels at a time: the largest pixel, or the sum, as vector instructions.

Pooling and its gradients look at boxes: the part of a window that lies inside the image, or the windows that hold a
pixel. A box is a pointer to its first pixel, the `counts` of pixels along three axes and the `steps` from one to the
next, in elements. What is found stays in registers while the box is walked; Numba's own loops over channels would load
and store it at each pixel. The last channels, fewer than a vector, go through the same code under a mask.

The functions emit LLVM instructions, and each stands beside the Python that says the same.
"""

from contextlib import contextmanager

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from .vector import Vectors, int64, routine

TOGETHER = 4     # vectors that walk over a box at once, where there are so many: their sums fill the pipelines

_Three = types.UniTuple(types.int64, 3)


class _Box:
    """Emits the loops over the pixels of a box, and over vectors of their channels."""

    def __init__(self, context, builder, dtype, counts, channels):
        self.context, self.builder = context, builder
        self.counts, self.channels = counts, channels
        self.lanes = Vectors(context, builder, dtype).lanes

    def vectors(self, dtype):
        """Vectors of `dtype` with as many lanes as the pixels' have."""
        vectors = Vectors(self.context, self.builder, dtype)
        vectors.lanes, vectors.type = self.lanes, ir.VectorType(vectors.element, self.lanes)
        return vectors

    def each_vector(self, emit):
        """Emit `emit(first channels, load, store)` in loops over vectors of channels: TOGETHER of them at once, those
        that are left alone, and the channels left behind them under a mask."""
        done = int64(0)
        for together in (TOGETHER, 1):
            done = self._each(done, together, emit)
        left = self.builder.sub(self.channels, done)
        with self.builder.if_then(self.builder.icmp_signed(">", left, int64(0))):
            emit([done], lambda vectors, *place: vectors.load_part(*place, left),
                 lambda vectors, *place: vectors.store_part(*place, left))

    def _each(self, done, together, emit):
        """Those after `done` channels in which `together` vectors fit; the channels done then."""
        builder, width = self.builder, int64(together * self.lanes)
        blocks = builder.udiv(builder.sub(self.channels, done), width)
        with cgutils.for_range(builder, blocks) as number:
            first = builder.add(done, builder.mul(number.index, width))
            emit([builder.add(first, int64(v * self.lanes)) for v in range(together)], Vectors.load, Vectors.store)
        return builder.add(done, builder.mul(blocks, width))

    @contextmanager
    def each_pixel(self, *walks):
        """Loop over the box; gives the numbers that each of `walks`, (first number, steps), has come to."""
        builder, (depth, rows, columns) = self.builder, self.counts
        with (cgutils.for_range(builder, depth) as a, cgutils.for_range(builder, rows) as b,
              cgutils.for_range(builder, columns) as c):
            numbers = []
            for number, steps in walks:
                for loop, step in zip((a, b, c), steps):
                    number = builder.add(number, builder.mul(loop.index, step))
                numbers.append(number)
            yield numbers


def _walk(counts, *walks):
    """`each_pixel` in Python."""
    for index in np.ndindex(*counts):
        yield [number + int(np.dot(index, steps)) for number, steps in walks]


def _python_largest(x, counts, steps, tap, tap_steps, channels, y, taps):
    y[:channels], taps[:channels] = -np.inf, tap
    best, where = y[:channels], taps[:channels]
    for place, number in _walk(counts, (0, steps), (tap, tap_steps)):
        value = x[place:place + channels]
        wins = ~(value <= best) & (best == best)
        best[wins], where[wins] = value[wins], number


@routine(_python_largest)
def largest(typing, x, counts, steps, tap, tap_steps, channels, y, taps):
    """y = the largest pixel of the box x, taps = its number; the first of equals, and of NaNs, which win.

    The first pixel has number `tap`, its neighbours along the axes `tap_steps` more.
    """
    def codegen(context, builder, signature, arguments):
        x, counts, steps, tap, tap_steps, channels, y, taps = arguments
        box = _Box(context, builder, signature.args[0].dtype, counts, channels)
        values, marks = box.vectors(signature.args[0].dtype), box.vectors(signature.args[-1].dtype)

        def emit(channels, load, store):
            found = [(channel, values.variable(values.broadcast(values.element(float("-inf")))),
                      marks.variable(marks.broadcast(builder.trunc(tap, marks.element)))) for channel in channels]
            with box.each_pixel((int64(0), steps), (tap, tap_steps)) as (place, number):
                number = marks.broadcast(builder.trunc(number, marks.element))
                for channel, best, where in found:
                    value, highest = load(values, x, builder.add(place, channel)), builder.load(best)
                    wins = builder.and_(builder.fcmp_unordered(">", value, highest),
                                        builder.fcmp_ordered("==", highest, highest))
                    builder.store(builder.select(wins, value, highest), best)
                    builder.store(builder.select(wins, number, builder.load(where)), where)
            for channel, best, where in found:
                store(values, builder.load(best), y, channel)
                store(marks, builder.load(where), taps, channel)

        box.each_vector(emit)

    i = types.int64
    return types.void(x, _Three, _Three, i, _Three, i, y, taps), codegen


def _python_scaled_sum(x, counts, steps, scale, channels, y, times):
    y[:channels] = 0
    for place, in _walk(counts, (0, steps)):
        y[:channels] += x[place:place + channels]
    y[:channels] *= scale
    y[channels:times * channels].reshape(-1, channels)[:] = y[:channels]


@routine(_python_scaled_sum)
def scaled_sum(typing, x, counts, steps, scale, channels, y, times):
    """y = scale times the sum of the box x, for `times` neighbouring pixels."""
    def codegen(context, builder, signature, arguments):
        x, counts, steps, scale, pixel, y, times = arguments
        box = _Box(context, builder, signature.args[0].dtype, counts, pixel)
        values = box.vectors(signature.args[0].dtype)

        def emit(channels, load, store):
            sums = [(channel, values.variable(ir.Constant(values.type, None))) for channel in channels]
            with box.each_pixel((int64(0), steps)) as (place,):
                for channel, total in sums:
                    number = load(values, x, builder.add(place, channel))
                    builder.store(builder.fadd(builder.load(total), number), total)
            scaled = [(channel, builder.fmul(builder.load(total), values.broadcast(scale))) for channel, total in sums]
            with cgutils.for_range(builder, times) as time:
                for channel, total in scaled:
                    store(values, total, y, builder.add(channel, builder.mul(time.index, pixel)))

        box.each_vector(emit)

    return types.void(x, _Three, _Three, x.dtype, types.int64, y, types.int64), codegen


def _python_sum_where(x, taps, counts, steps, tap, tap_steps, channels, y):
    y[:channels] = 0
    for place, number in _walk(counts, (0, steps), (tap, tap_steps)):
        here = slice(place, place + channels)
        y[:channels] += np.where(taps[here] == number, x[here], 0)


@routine(_python_sum_where)
def sum_where(typing, x, taps, counts, steps, tap, tap_steps, channels, y):
    """y = the sum of those pixels of the box x whose number is the one that `taps`, of x's shape, holds there."""
    def codegen(context, builder, signature, arguments):
        x, taps, counts, steps, tap, tap_steps, channels, y = arguments
        box = _Box(context, builder, signature.args[0].dtype, counts, channels)
        values, marks = box.vectors(signature.args[0].dtype), box.vectors(signature.args[1].dtype)
        zeros = ir.Constant(values.type, None)

        def emit(channels, load, store):
            sums = [(channel, values.variable(zeros)) for channel in channels]
            with box.each_pixel((int64(0), steps), (tap, tap_steps)) as (place, number):
                number = marks.broadcast(builder.trunc(number, marks.element))
                for channel, total in sums:
                    here = builder.add(place, channel)
                    chosen = builder.icmp_signed("==", load(marks, taps, here), number)
                    value = builder.select(chosen, load(values, x, here), zeros)
                    builder.store(builder.fadd(builder.load(total), value), total)
            for channel, total in sums:
                store(values, builder.load(total), y, channel)

        box.each_vector(emit)

    i = types.int64
    return types.void(x, taps, _Three, _Three, i, _Three, i, y), codegen
