"""Runs of a program on the CPU as machine code: one native call for all its launches."""

import struct
import time

import numpy as np

from .. import registry
from ..devices.array import address, owner, whole
from ..devices.host import ALIGNED
from .groups import blocks_of
from .record import NAN, part

SLOW = 20e-6        # seconds of a launch on one thread, from where on it may pay to divide it
ROUNDS = 3          # runs on one thread, and as many divided, in which launches are timed
HELD = 4 << 20      # bytes of a slab, from where on other memory is given back first
GAIN = 0.9          # a launch is divided where that takes at most this fraction of the time: it wakes other threads


class Compiled:
    """A program's launches as blocks of words for `kernels.cpu.native`.

    Its table of addresses lists the slab, the inputs, the outputs that lie apart, and all other buffers. Which
    launches are divided among threads is measured in the first runs; it changes no bit.
    """

    def __init__(self, program):
        self._native, self._threads = registry.native()
        places, buffers = program.plan.places, program.buffers
        listed = [*program.inputs, *program.apart]
        self.others = [number for number, buffer in enumerate(buffers) if buffer.array is not None]
        rows = {number: row for row, number in enumerate([*listed, *self.others], start=1)}
        self.table_of_step = struct.Struct(f"<{1 + len(listed)}Q").pack

        def place(view):
            inside = places[view.buffer]
            return (0, inside + view.offset) if inside is not None else (rows[view.buffer], view.offset)

        def block(launch, divided):
            return self._native.block(launch.kernel.code(launch.arguments), launch.arguments, place, divided)

        self._forms = [[block(launch, divided) for launch in program.launches] for divided in (False, True)]
        self._divisible = [launch.kernel.divisible for launch in program.launches]
        self._times = np.full((2, len(program.launches)), np.inf)
        self.groups = program.groups
        lists = [[[block(launch, False) for launch in some] for some in blocks_of(group, program.launches)]
                 for group in self.groups]
        self._group_forms = [[self._native.together(some, divided) for some in lists] for divided in (False, True)]
        self._group_times = np.full((2, len(self.groups)), np.inf)
        # Runs in which forms are timed, as (groups in blocks, divided): the first one is that in which it is proven.
        alone, shared = [(True, False), (False, False)], [(True, True), (False, True)]
        self._kinds = [*alone, *shared] if self.groups else [alone[1], shared[1]]
        self._rounds = 0
        self._choose()

    def table_of_others(self, arrays):
        """The part of the table for the buffers that stay, given an array in each."""
        return struct.pack(f"<{len(self.others)}Q", *(address(owner(arrays[number])) for number in self.others))

    @property
    def divided(self):
        """For each launch whether it is divided among threads."""
        return [bool(divisible and one > SLOW and many < GAIN * one)
                for divisible, one, many in zip(self._divisible, *self._times)]

    @property
    def in_blocks(self):
        """For each group whether it runs a block of samples at a time, and so whether threads divide the blocks."""
        found, divided = [], self.divided
        for group, times in zip(self.groups, self._group_times.T):
            apart = sum(self._times[int(divided[number]), number] for number in range(group.first, group.last))
            found.append((bool(times.min() < apart), bool(times[1] < GAIN * times[0])))
        return found

    def _units(self, divided, in_blocks):
        """What runs in turn: (launch or group, its bytes); divided, in_blocks: as those properties say."""
        starts = {group.first: number for number, group in enumerate(self.groups) if in_blocks[number][0]}
        position = 0
        while position < len(divided):
            number = starts.get(position)
            if number is None:
                form = int(divided[position])
                yield (self._times, form, position), self._forms[form][position]
                position += 1
            else:
                form = int(in_blocks[number][1])
                yield (self._group_times, form, number), self._group_forms[form][number]
                position = self.groups[number].last

    def _choose(self):
        chosen = list(self._units(self.divided, self.in_blocks))
        self._wakes_threads = any(form for (_, form, _), _ in chosen)
        self._count, self._blocks = len(chosen), b"".join(block for _, block in chosen)

    def make_place(self, size):
        """Before a large slab is made: what it takes the place of lies free in pieces, none of which may hold it."""
        if size >= HELD:
            self._threads.give_back_freed_memory()

    def serial(self):
        """The blocks, all for one thread."""
        return b"".join(self._forms[False])

    def run(self, addresses, times):
        """Run all launches with a table of addresses, so many times."""
        while times and self._rounds < ROUNDS * len(self._kinds):
            self._run_timed(addresses)
            times -= 1
        if self._wakes_threads:
            with self._threads.launching():
                self._native.run(self._blocks, self._count, addresses, times, self._threads.count())
        else:
            self._native.run(self._blocks, self._count, addresses, times, 1)

    def _run_timed(self, addresses):
        """Run launch by launch or group by group, on one thread or divided, and keep the least times.

        An interrupt comes when all have run: a step is made as a whole or not at all.
        """
        done = np.zeros(1, np.int64)
        one_more = self._native.counting(done)      # in the same native call, which no interrupt cuts
        with self._threads.launching():
            threads = self._threads.count()
            in_blocks, many = self._kinds[self._rounds % len(self._kinds)]
            many = many and threads > 1
            divided = self.divided if in_blocks else [bool(many and divisible and once > SLOW) for divisible, once in
                                                      zip(self._divisible, self._times[0])]
            units = list(self._units(divided, [(in_blocks, many)] * len(self.groups)))
            try:
                for (times, form, number), block in units:
                    if form:    # threads that sleep take longer to wake than most launches take
                        self._native.run(self._native.waking(), 1, addresses, 1, threads)
                    taken = self._taken(block + one_more, 2, addresses, 1, threads)
                    times[form, number] = min(times[form, number], taken)
            finally:
                left = [block for _, block in units[done[0]:]]
                self._native.run(b"".join(left), len(left), addresses, 1, threads)
        self._rounds += 1
        if not self.groups and not np.any(self._times[0] > SLOW):
            self._rounds = ROUNDS * len(self._kinds)
        self._choose()

    def _taken(self, blocks, count, addresses, times, threads):
        start = time.perf_counter()
        self._native.run(blocks, count, addresses, times, threads)
        return time.perf_counter() - start

    def taken(self, addresses):
        """Seconds of all launches in one native call."""
        with self._threads.launching():
            return self._taken(self._blocks, self._count, addresses, 1, self._threads.count())

    def taken_each(self, addresses, times):
        """Seconds of each launch in its form, one after the other. times: how often to repeat each short one."""
        found = []
        with self._threads.launching():
            threads = self._threads.count()
            call = min(self._taken(b"", 0, addresses, 1, 1) for _ in range(3))
            for number, form in enumerate(self.divided):
                repeated = times[number] if self._times[0, number] < SLOW else 1
                taken = self._taken(self._forms[form][number], 1, addresses, repeated, threads)
                found.append(max(0.0, taken - call) / repeated)
        return found


def is_whole(view, buffer):
    """Whether a view is all of its buffer, in order."""
    size, strides = view.dtype.itemsize, []
    for length in reversed(view.shape):
        strides.append(size)
        size *= length
    return size == buffer.bytes and view.strides == tuple(reversed(strides))


class NativeRun:
    """One run of a program at a time, in a slab of its own.

    arrays: for each buffer an array in it, or None. slab: that of a run that has ended, instead of a new one.
    """

    def __init__(self, program, compiled, arrays, slab=None):
        self._program, self._compiled = program, compiled
        self._table_of_others = compiled.table_of_others(arrays)
        if slab is None:
            compiled.make_place(program.plan.size)
            slab = np.full(program.plan.size + ALIGNED, NAN, np.uint8)
        self.slab = slab
        start = -address(self.slab) % ALIGNED
        self._address = address(self.slab) + start
        self._outputs = [self._output(view, start, arrays[view.buffer]) for view in program.outputs]
        self._new = [program.buffers[number].bytes for number in program.apart]
        # Where each output is the whole of a buffer apart, it is made as it is.
        whole = [(view.shape, view.dtype) for number in program.apart for view in program.outputs
                 if view.buffer == number and not view.offset and is_whole(view, program.buffers[number])]
        self._whole = whole if len(whole) == len(program.outputs) == len(program.apart) else None
        self._order = [program.apart.index(view.buffer) for view in program.outputs if view.buffer in program.apart]

    def _output(self, view, start, array):
        """An output that lies in the slab or in a buffer that stays; None for others."""
        place = self._program.plan.places[view.buffer]
        if place is not None:
            return part(self.slab, start + place + view.offset, view)
        return array if array is None else part(whole(array), view.offset, view)

    def run(self, inputs, times=1):
        """The outputs for the arrays `inputs`, those of the last run of so many."""
        program = self._program
        inputs = [array if array.flags.carray else np.array(array, order="C") for array in inputs]
        fresh = self._fresh()
        self._compiled.run(self._table(inputs, fresh), times)
        if self._whole is not None:
            return [fresh[place] for place in self._order]
        given = dict(zip(program.inputs, inputs))
        apart = dict(zip(program.apart, fresh))
        return [array.copy() if array is not None
                else part(apart[view.buffer], view.offset, view) if view.buffer in apart
                else part(given[view.buffer], view.offset, view).copy()
                for array, view in zip(self._outputs, program.outputs)]

    def taken(self, inputs):
        """Seconds of a run."""
        fresh = self._fresh()       # alive until the end
        return self._compiled.taken(self._table(inputs, fresh))

    def taken_each(self, inputs, times):
        """Seconds of each launch. times: how often to repeat a short one, so that a clock can tell."""
        fresh = self._fresh()
        return self._compiled.taken_each(self._table(inputs, fresh), times)

    def _fresh(self):
        """Memory for the outputs that lie apart."""
        if self._whole is None:
            return [np.empty(size, np.uint8) for size in self._new]
        return [np.empty(*shape_and_type) for shape_and_type in self._whole]

    def _table(self, inputs, fresh):
        return self._compiled.table_of_step(
            self._address, *map(address, inputs), *map(address, fresh)) + self._table_of_others
