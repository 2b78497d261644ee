"""Runs of a program on a GPU as a CUDA graph: one call of the driver for all its launches."""

import time
import warnings
from typing import Any

from ..devices import memory
from ..errors import DeviceError
from .run import Run


class GraphRun(Run):
    """One run of a program at a time, as a graph of its own, made at the first one. Inputs are read where they lie:
    the few launches that do so are told where, when it is elsewhere. `graph`: None where the driver makes none; then it
    runs launch by launch.
    """

    def __init__(self, program, arrays, slab=None):
        super().__init__(program, arrays, slab)
        self.graph: Any = None
        self._nodes: list[Any] | None = None
        self._addresses: list[int] = []
        self._own = {memory(array) for array in arrays if array is not None}

    def run(self, inputs, times=1):
        """The outputs for the arrays `inputs`, those of the last run of so many. Nothing waits for the GPU."""
        inputs = self._here(inputs)
        if not self._ready(inputs):
            return super().run(inputs, times)
        self.graph.run(times)
        return self._answers(inputs)

    def _here(self, inputs):
        """As launches take them; a variable of the program itself is copied, for launches were put in order without it.
        """
        return [self._program.device.put(array) if memory(array) in self._own else array
                for array in super()._here(inputs)]

    def _ready(self, inputs):
        """Whether there is a graph, which reads the arrays `inputs` then."""
        addresses = [array.address for array in inputs]
        if self._nodes is None:
            self._make(inputs)
        elif self.graph is not None:
            for address, before, readers in zip(addresses, self._addresses, self._readers):
                if address != before:
                    for number, place, view in readers:
                        if self._nodes[number] is not None:
                            self.graph.move(self._nodes[number], place, address + view.offset)
        self._addresses = addresses
        return self.graph is not None

    def _make(self, inputs):
        """Build the graph, if the driver can."""
        device = self._program.device
        self._nodes = []
        if not device.makes_graphs:
            return
        self._bind(inputs)
        try:
            graph = device.graph()
            self._nodes = [graph.add(kernel, arguments) for kernel, arguments in self._launches]
            graph.finish()
            self.graph = graph
        except DeviceError as error:
            device.synchronize()    # raises where the GPU is lost
            device.makes_graphs = False
            warnings.warn(f"programs are replayed launch by launch, which is slower: {error}", stacklevel=2)
        self._bind([None] * len(inputs))

    def taken(self, inputs):
        """Seconds of a run."""
        inputs = self._here(inputs)
        if not self._ready(inputs):
            return super().taken(inputs)
        synchronize = self._program.device.synchronize
        synchronize()
        start = time.perf_counter()
        self.graph.run()
        synchronize()
        return time.perf_counter() - start
