"""Runs of a program launch by launch, from Python: on any device."""

import time

import numpy as np

from ..devices.array import whole
from .record import INPUT, NAN, View, part


class Run:
    """One run of a program at a time, in memory of its own. Inputs are read where they lie.

    arrays: for each buffer an array in it, or None. slab: that of a run that has ended, instead of a new one.
    """

    def __init__(self, program, arrays, slab=None):
        self._program = program
        device, places = program.device, program.plan.places
        self.slab = slab
        if slab is None:
            self.slab = device.empty((program.plan.size,), np.uint8)
            self.slab[...] = NAN
        kept = [whole(array) if array is not None
                else None if place is not None or buffer.kind == INPUT else device.empty((buffer.bytes,), np.uint8)
                for array, place, buffer in zip(arrays, places, program.buffers)]

        def array(view):
            """A view as an array; None of an input."""
            place, memory = places[view.buffer], kept[view.buffer]
            if place is not None:
                return part(self.slab, place + view.offset, view)
            return memory if memory is None else part(memory, view.offset, view)

        self._launches = [(launch.kernel, [array(argument) if isinstance(argument, View) else argument
                                           for argument in launch.arguments]) for launch in program.launches]
        self._outputs = [array(view) for view in program.outputs]
        # For each input who reads it: (number of the launch, of its argument, the view).
        self._readers = [[(number, place, view) for number, launch in enumerate(program.launches)
                          for place, view in enumerate(launch.arguments)
                          if isinstance(view, View) and view.buffer == buffer] for buffer in program.inputs]

    def run(self, inputs, times=1):
        """The outputs for the arrays `inputs`, those of the last run of so many."""
        inputs = self._here(inputs)
        self._bind(inputs)
        for _ in range(times):
            for kernel, arguments in self._launches:
                kernel(*arguments)
        self._bind([None] * len(inputs))
        return self._answers(inputs)

    def _here(self, inputs):
        """The arrays `inputs` as launches take them."""
        device = self._program.device
        return [array if array.flags.carray else device.put(array) for array in map(device.local, inputs)]

    def _bind(self, inputs):
        """Let launches read the arrays `inputs`; None: whatever they read so far is let go of."""
        for given, readers in zip(inputs, self._readers):
            for number, place, view in readers:
                self._launches[number][1][place] = None if given is None else part(given, view.offset, view)

    def _answers(self, inputs):
        """Copies of the outputs."""
        given = dict(zip(self._program.inputs, inputs))
        return [self._program.device.put(part(given[view.buffer], view.offset, view) if array is None else array)
                for array, view in zip(self._outputs, self._program.outputs)]

    def taken(self, inputs):
        """Seconds of a run."""
        return sum(self.taken_each(inputs, None))

    def taken_each(self, inputs, times):
        """Seconds of each launch."""
        found, synchronize = [], self._program.device.synchronize
        self._bind(self._here(inputs))
        for kernel, arguments in self._launches:
            start = time.perf_counter()
            kernel(*arguments)
            synchronize()
            found.append(time.perf_counter() - start)
        return found
