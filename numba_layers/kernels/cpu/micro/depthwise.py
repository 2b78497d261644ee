"""The innermost loops of depthwise convolution, as vector instructions; a vector holds channels of one pixel.

A channel meets only itself, so there is no product of matrices here: each tap of the window costs a number of the
image. The sums of a block of neighbouring pixels stay in registers while the window passes. Where pixels are as far
apart as taps, a number of the image is read once for RUN taps, each of which adds it to another pixel's sum.

Each sum is one chain of multiply-adds in an order that only the taps decide, not where a row is cut nor the number of
channels. See `micro.gemm` for pointers, strides, and the Python that stands beside each routine.
"""

from collections import namedtuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from ..compile import inlined
from .vector import Vectors, ceil_div, int32, int64, operand_type, routine

RUN = 3                  # taps of a window's row that are taken together
BLOCK = 4, 2             # pixels and vectors of a block: with the weights of a run they fill the registers of AVX2
ALONE = 1, 4             # of the pixels that are left of a row, one by one
WIDTHS = {RUN: 2, 1: 4}  # for `add_products`: vectors with so many taps, whose sums fill the pipelines
ROW_VECTORS = 4          # of `filter_row`, at a time: sums that fill the pipelines

# The taps of a window: its first one's weights begin at `start`; strides of rows and columns, which may be negative,
# and counts of them.
Taps = namedtuple("Taps", "weight start strides counts")
# A row of an image, or a row for each row of the window: its elements, where the window's first tap meets it for the
# first output, and strides from tap to tap.
Row = namedtuple("Row", "pointer size start strides")


def _taps_type(weight):
    """Numba's type of `Taps`."""
    pair = types.UniTuple(types.int64, 2)
    return types.NamedTuple([weight, types.int64, pair, pair], Taps)


@inlined
def repeated_row(channels, lanes):
    """Length of a row of weights for `filter_row`, whose vectors begin at any channel: aligned for vectors."""
    return ceil_div(channels + ROW_VECTORS * lanes, lanes) * lanes


class _Slice:
    """Neighbouring channels in `vectors` vectors; memory has `count` of them (None: all)."""

    def __init__(self, vector, vectors, count=None):
        self.vector, self.vectors, self.count = vector, vectors, count

    def load(self, pointer, offset):
        if self.count is None:
            return [self.vector.load(pointer, place) for place in self._places(offset)]
        return [self.vector.load_part(pointer, place, left) for place, left in zip(self._places(offset), self._left())]

    def store(self, variables, pointer, offset):
        numbers = [self.vector.builder.load(variable) for variable in variables]
        if self.count is None:
            for number, place in zip(numbers, self._places(offset)):
                self.vector.store(number, pointer, place)
        else:
            for number, place, left in zip(numbers, self._places(offset), self._left()):
                self.vector.store_part(number, pointer, place, left)

    def _places(self, offset):
        return [self.vector.builder.add(offset, before) for before in self._before()]

    def _left(self):
        return [self.vector.builder.sub(self.count, before) for before in self._before()]

    def _before(self):
        """The channels before each vector."""
        return [int64(v * self.vector.lanes) for v in range(self.vectors)]


def _for_slices(vector, channels, vectors, emit):
    """`emit(first channel, slice)` in a loop over whole slices, and once more for the channels that are left."""
    builder, width = vector.builder, int64(vectors * vector.lanes)
    whole = builder.udiv(channels, width)
    with cgutils.for_range(builder, whole) as loop:
        emit(builder.mul(loop.index, width), _Slice(vector, vectors))
    first = builder.mul(whole, width)
    left = builder.sub(channels, first)
    with builder.if_then(builder.icmp_signed(">", left, int64(0))):
        emit(first, _Slice(vector, vectors, left))


def _add_products(vector, numbers, weights, sums):
    for number, weight, total in zip(numbers, weights, sums):
        vector.builder.store(vector.multiply_add(number, weight, vector.builder.load(total)), total)


def _cut(vector, sums):
    """Set negative ones to zero."""
    zeros = ir.Constant(vector.type, None)
    for total in sums:
        value = vector.builder.load(total)
        vector.builder.store(vector.builder.select(vector.builder.fcmp_ordered("<", value, zeros), zeros, value), total)


def _over_taps(builder, rows, steps, pointers, emit):
    """`emit()` for each of `steps` steps in each of `rows` rows; between them pointers, or offsets, move.

    pointers: (variable, elements from step to step, elements from row to row) each.
    One loop, not two: a CPU guesses wrong where loops of a few rounds end.
    """
    last = builder.sub(steps, int64(1))
    jumps = [builder.sub(row, builder.mul(last, step)) for _, step, row in pointers]
    left = cgutils.alloca_once_value(builder, last)
    with cgutils.for_range(builder, builder.mul(rows, steps)):
        emit()
        now = builder.load(left)
        ends = builder.icmp_signed("==", now, int64(0))
        builder.store(builder.select(ends, last, builder.sub(now, int64(1))), left)
        for (variable, step, _), jump in zip(pointers, jumps):
            way = builder.select(ends, jump, step)
            here = builder.load(variable)
            moved = builder.gep(here, [way]) if isinstance(here.type, ir.PointerType) else builder.add(here, way)
            builder.store(moved, variable)


def _python_filter_row(x, taps, bias, relu, y, elements, channels):
    e = np.arange(elements)
    total = bias[e % channels]
    for p, q in np.ndindex(*taps.counts):
        met = e + x.start + q * x.strides[1]
        inside = (met >= 0) & (met < x.size)
        weights = taps.start + p * taps.strides[0] + q * taps.strides[1] + e[inside] % channels
        total[inside] += x.pointer[p * x.strides[0] + met[inside]] * taps.weight[weights]
    y[:elements] = np.where(relu & (total < 0), 0, total)


@routine(np.errstate(all="ignore")(_python_filter_row))
def filter_row(typing, x, taps, bias, relu, y, elements, channels):
    """y[e] = bias[e] + sum over p, q of x[p, x.start + e + q * x.strides[1]] * weight[p, q, e]: the pixels of a row
    side by side in the vectors, for few channels. Negative numbers are set to zero if relu.

    Elements e < `elements` of a row of the output, taps (p, q) < taps.counts; x is a `Row`, and what lies outside of
    it counts as no tap. The `channels` numbers of a tap, and of the bias, stand there again and again: see
    `repeated_row`.
    """
    def codegen(context, builder, signature, arguments):
        x, taps, bias, relu, y, elements, channels = arguments
        vector = Vectors(context, builder, pointer.dtype)
        (x_row, x_column), (w_row, w_column), (rows, columns) = x.strides, taps.strides, taps.counts
        width = int64(ROW_VECTORS * vector.lanes)
        parts = [int64(v * vector.lanes) for v in range(ROW_VECTORS)]
        reach = builder.mul(builder.sub(columns, int64(1)), x_column)
        neighbours = builder.icmp_signed("==", x_column, channels)
        runs = builder.select(neighbours, builder.udiv(columns, int64(RUN)), int64(0))
        in_runs = builder.mul(runs, int64(RUN))
        zeros, int32_lanes = ir.Constant(vector.type, None), ir.VectorType(int32, vector.lanes)
        row_end = vector.broadcast(builder.trunc(x.size, int32))
        same = builder.icmp_signed("==", builder.urem(int64(vector.lanes), channels), int64(0))

        def add_taps(sums, place, met, inside, same=False):
            """Add all taps for vectors whose first tap meets element `met` of a row; with masks unless `inside`.

            same: the weights of a tap are the same in each vector.
            """
            for run, first, steps in ((RUN, int64(0), runs), (1, in_runs, builder.sub(columns, in_runs))):
                add_runs(sums, builder.add(place, builder.mul(first, w_column)),
                         builder.add(met, builder.mul(first, x_column)), inside, same, run, steps)

        def add_runs(sums, place, met, inside, same, run, steps):
            """Add `steps` runs of taps for each row of the window, in `filter_pixels`'s order: for the same bits."""
            offsets = [cgutils.alloca_once_value(builder, start) for start in (met, met, place)]

            def emit():
                here, column, weights = map(builder.load, offsets)
                for t in map(int64, range(run)):
                    weight_column, tap_column = (builder.mul(t, stride) for stride in (w_column, x_column))
                    elements = vector.broadcast(builder.trunc(builder.add(column, tap_column), int32))
                    numbers = [vector.load(taps.weight, builder.add(builder.add(weights, weight_column), before))
                               for before in parts[:1 if same else None]]
                    for v, (total, tap) in enumerate(zip(sums, numbers * len(parts) if same else numbers)):
                        offset = builder.add(builder.add(here, tap_column), parts[v])
                        if inside:
                            _add_products(vector, [vector.load(x.pointer, offset)], [tap], [total])
                            continue
                        lanes = int32_lanes(list(range(v * vector.lanes, (v + 1) * vector.lanes)))
                        within = builder.icmp_unsigned("<", builder.add(elements, lanes), row_end)
                        number = vector.call("masked.load", vector.type, vector.pointer(x.pointer, offset),
                                             int32(vector.align), within, zeros)
                        old = builder.load(total)
                        builder.store(builder.select(within, vector.multiply_add(number, tap, old), old), total)

            x_run, w_run = (builder.mul(stride, int64(run)) for stride in (x_column, w_column))
            moves = (x_run, x_row), (x_run, int64(0)), (w_run, w_row)
            _over_taps(builder, rows, steps, [(offset, *move) for offset, move in zip(offsets, moves)], emit)

        blocks = builder.udiv(builder.add(elements, builder.sub(width, int64(1))), width)
        with cgutils.for_range(builder, blocks) as loop:
            e = builder.mul(loop.index, width)
            channel = builder.urem(e, channels)
            place = builder.add(taps.start, channel)
            behind = builder.add(e, width)
            sums = [vector.variable(vector.load(bias, builder.add(channel, before))) for before in parts]
            met = builder.add(e, x.start)
            inside = builder.and_(builder.icmp_signed("<=", behind, elements), builder.and_(
                builder.icmp_signed(">=", met, int64(0)),
                builder.icmp_signed("<=", builder.add(builder.add(met, width), reach), x.size)))
            with builder.if_else(inside) as (then, otherwise):
                with then, builder.if_else(same) as (then, otherwise_too):
                    with then:
                        add_taps(sums, place, met, True, True)
                    with otherwise_too:
                        add_taps(sums, place, met, True)
                with otherwise:
                    add_taps(sums, place, met, False)
            with builder.if_then(relu):
                _cut(vector, sums)
            with builder.if_else(builder.icmp_signed("<=", behind, elements)) as (then, otherwise):
                with then:
                    _Slice(vector, ROW_VECTORS).store(sums, y, e)
                with otherwise:
                    _Slice(vector, ROW_VECTORS, builder.sub(elements, e)).store(sums, y, e)

    i, pair, pointer = types.int64, types.UniTuple(types.int64, 2), x.types[0]
    row = types.NamedTuple([pointer, i, i, pair], Row)
    return types.void(row, _taps_type(pointer), bias, types.boolean, y, i, i), codegen


def _python_filter_pixels(x, taps, bias, relu, y, pixels, channels):
    for k in range(pixels):
        total = bias[:channels].copy()
        for p, q in np.ndindex(*taps.counts):
            here = x.pointer[np.dot((k, p, q), x.strides):][:channels]
            total += here * taps.weight[taps.start + np.dot((p, q), taps.strides):][:channels]
        y.pointer[k * y.strides[0]:][:channels] = np.where(relu & (total < 0), 0, total)


@routine(np.errstate(all="ignore")(_python_filter_pixels))
def filter_pixels(typing, x, taps, bias, relu, y, pixels, channels):
    """y[k, c] = bias[c] + sum over p, q of x[k, p, q, c] * weight[p, q, c]; negative numbers set to zero if relu.

    Pixels k < `pixels` of a row of the output, taps (p, q) < taps.counts, channels c < `channels`. x and y are
    `Operand`; strides of x: of pixels and of the window's rows and columns; of y: of pixels.
    """
    def codegen(context, builder, signature, arguments):
        x, taps, bias, relu, y, pixels, channels = arguments
        vector = Vectors(context, builder, pointer.dtype)
        (x_step, x_row, x_column), (w_row, w_column), (rows, columns) = x.strides, taps.strides, taps.counts
        shared = builder.icmp_signed("==", x_step, x_column)
        runs = builder.select(shared, builder.udiv(columns, int64(RUN)), int64(0))

        def add_taps(sums, part, image, weights, steps, run):
            """Add `steps` runs of taps for each window row; pixel k + 1 meets in a run what k met a tap later."""
            # A pointer to each 4 pixels: from a single one LLVM would step from pixel to pixel, one by one.
            images = [vector.variable(vector.barrier(builder.gep(image, [builder.mul(int64(m), x_step)])))
                      for m in range(0, len(sums) + run - 1, 4)]
            weights = vector.variable(weights)
            x_run, w_run = (builder.mul(stride, int64(run)) for stride in (x_column, w_column))

            def emit():
                loaded = [part.load(builder.load(weights), builder.mul(int64(t), w_column)) for t in range(run)]
                for m in range(len(sums) + run - 1):
                    offset = builder.mul(int64(m % 4), x_step)
                    numbers = part.load(builder.load(images[m // 4]), offset)
                    for t, tap in enumerate(loaded):
                        if 0 <= m - t < len(sums):
                            _add_products(vector, numbers, tap, sums[m - t])

            moving = [(image, x_run, x_row) for image in images]
            _over_taps(builder, rows, steps, [*moving, (weights, w_run, w_row)], emit)

        def block(first, count, vectors):
            """The sums of `count` pixels from `first` on."""
            def emit(c, part):
                sums = [[vector.variable(number) for number in part.load(bias, c)] for _ in range(count)]
                image = builder.gep(x.pointer, [vector.offset(first, x_step, c)])
                weights = builder.gep(taps.weight, [builder.add(taps.start, c)])
                add_taps(sums, part, image, weights, runs, RUN)
                done = builder.mul(runs, int64(RUN))
                image = builder.gep(image, [builder.mul(done, x_column)])
                weights = builder.gep(weights, [builder.mul(done, w_column)])
                add_taps(sums, part, image, weights, builder.sub(columns, done), 1)
                with builder.if_then(relu):
                    _cut(vector, [total for pixel in sums for total in pixel])
                for k, pixel in enumerate(sums):
                    part.store(pixel, y.pointer, vector.offset(builder.add(first, int64(k)), y.strides[0], c))

            _for_slices(vector, channels, vectors, emit)

        blocks = builder.udiv(pixels, int64(BLOCK[0]))
        with cgutils.for_range(builder, blocks) as loop:
            block(builder.mul(loop.index, int64(BLOCK[0])), *BLOCK)
        done = builder.mul(blocks, int64(BLOCK[0]))
        with cgutils.for_range(builder, builder.sub(pixels, done)) as loop:
            block(builder.add(done, loop.index), *ALONE)

    i, pointer = types.int64, x.types[0]
    x, y = operand_type(pointer, 3), operand_type(pointer, 1)
    return types.void(x, _taps_type(pointer), bias, types.boolean, y, i, i), codegen


def _python_add_products(x, grad, total, pixels, taps, channels):
    for t in range(taps):
        for k in range(pixels):
            here = x.pointer[k * x.strides[0] + t * x.strides[1]:][:channels]
            total.pointer[t * total.strides[0]:][:channels] += here * grad.pointer[k * grad.strides[0]:][:channels]


@routine(np.errstate(all="ignore")(_python_add_products))
def add_products(typing, x, grad, total, pixels, taps, channels):
    """total[t, c] += sum over pixels k of x[k, t, c] * grad[k, c], for t < `taps` and c < `channels`.

    All three are `Operand`; strides of x: of pixels and of taps; of grad: of pixels; of total: of taps.
    """
    def codegen(context, builder, signature, arguments):
        x, grad, total, pixels, taps, channels = arguments
        vector = Vectors(context, builder, pointer.dtype)
        (x_step, x_column), (grad_step,), (total_step,) = x.strides, grad.strides, total.strides

        def sum_taps(first, run):
            """Sum `run` taps from `first` on."""
            def emit(c, part):
                offsets = [vector.offset(builder.add(first, int64(t)), total_step, c) for t in range(run)]
                sums = [[vector.variable(number) for number in part.load(total.pointer, offset)] for offset in offsets]
                image = builder.gep(x.pointer, [vector.offset(first, x_column, c)])
                with cgutils.for_range(builder, pixels) as k:
                    numbers = part.load(grad.pointer, vector.offset(k.index, grad_step, c))
                    here = builder.gep(image, [builder.mul(k.index, x_step)])
                    for t in range(run):
                        met = part.load(here, builder.mul(int64(t), x_column))
                        _add_products(vector, met, numbers, sums[t])
                for tap, offset in zip(sums, offsets):
                    part.store(tap, total.pointer, offset)

            _for_slices(vector, channels, WIDTHS[run], emit)

        runs = builder.udiv(taps, int64(RUN))
        with cgutils.for_range(builder, runs) as loop:
            sum_taps(builder.mul(loop.index, int64(RUN)), RUN)
        done = builder.mul(runs, int64(RUN))
        with cgutils.for_range(builder, builder.sub(taps, done)) as loop:
            sum_taps(builder.add(done, loop.index), 1)

    i, pointer = types.int64, x.types[0]
    x, grad, total = (operand_type(pointer, rank) for rank in (2, 1, 1))
    return types.void(x, grad, total, i, i, i), codegen
