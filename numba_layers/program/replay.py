"""A program: the launches of a step, planned, and replayed on other data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import registry
from .graph import GraphRun
from .groups import grouped
from .native import Compiled, NativeRun
from .plan import planned
from .record import INPUT, TEMPORARY, Difference, content, difference_of, part, same, spoiled
from .run import Run

if TYPE_CHECKING:
    from typing import Any

    from .profile import Profile


class Program:
    """What a `Recorder` saw, as a function of its inputs: `run(inputs)` gives the outputs, and changes the variables.

    apart: outputs get memory of their own at each run, so that they may be kept; else they are copied, for small ones.
    Threads may run one program at the same time: each run has temporaries of its own.
    """

    def __init__(self, recorder, apart=False):
        self.device = recorder.device
        self.buffers, self.outputs = recorder.buffers, recorder.outputs
        native = self.device.name == "cpu" and registry.native_usable()
        self.launches, self.groups = grouped(recorder.launches, self.buffers) if native else (recorder.launches, [])
        self.tensors = list(recorder.tensors.values())
        self._kernels = registry.version()
        self._layers = [(layer, layer._changes) for layer in recorder.layers.values()]
        self.inputs = [number for number, buffer in enumerate(self.buffers) if buffer.kind == INPUT]
        last = {view.buffer for view in self.outputs if self.buffers[view.buffer].kind == TEMPORARY}
        self.apart = sorted(last) if apart else []
        self.checks = [(self.inputs.index(view.buffer), view, check) for view, check in recorder.checks]
        self.plan = planned(self.launches, self.buffers, last, self.apart, self.groups)
        self.compiled = Compiled(self) if native else None
        self.specs = recorder.specs     # (shape, type) of each input
        self.seconds = None     # of each launch, once it was profiled
        # For listings: what it is of, what it does, and (what it is called, array) of what it reads and writes.
        self.owner, self.title, self.named = "", "program", []
        self._free = []         # memory of runs that have ended

    @property
    def forms(self) -> list[str]:
        """For each launch 'serial', or 'parallel' where it is divided among threads; 'blocks' where its group runs a
        block of samples at a time, 'parallel blocks' where threads divide them. The first runs measure it.

        On a GPU 'grid'; 'by size' where each launch chooses anew.
        """
        if self.compiled is None:
            return ["by size" if self.device.name == "cpu" else "grid"] * len(self.launches)
        forms = ["parallel" if divided else "serial" for divided in self.compiled.divided]
        for (first, last, *_), (chosen, divided) in zip(self.groups, self.compiled.in_blocks):
            if chosen:
                forms[first:last] = ["parallel blocks" if divided else "blocks"] * (last - first)
        return forms

    @property
    def heading(self) -> str:
        """What it is, in a line."""
        return f"{self.owner + ': ' if self.owner else ''}{self.title}, on {self.device.name}"

    @property
    def gathers(self):
        """Whether it gathers its batches itself: its first input is the order of samples."""
        return any(launch.kernel.name == "gather_batch" for launch in self.launches)

    def __repr__(self) -> str:
        from .listing import text
        return text(self)

    def profile(self, *arrays: Any) -> Profile:
        """Where the time goes: a table by kernel and by layer, in a notebook as a picture.

        arrays: what the program was recorded for (x, y, weights), of the shapes it was recorded for; none: random
        numbers in [0, 1), zeros for class numbers. It runs on copies: weights and counts stay as they are.
        Afterwards the listing has a column with the times.
        Raises: DataError, ShapeError for arrays that do not fit.
        """
        from .profile import profiled
        return profiled(self, arrays)

    @property
    def current(self):
        """Whether its kernels are those that would be launched now."""
        return self._kernels == registry.version()

    def fits(self):
        """Whether variables lie where they lay, and layers and kernels are as they were."""
        if not self.current:
            return False
        for tensor, data in self.tensors:
            if tensor.data is not data:
                return False
        for layer, changes in self._layers:
            if layer._changes != changes:
                return False
        return True

    def run(self, inputs, times=1):
        """The outputs for the arrays `inputs`, as arrays: those of the last run of so many."""
        self.check(inputs)
        try:
            memory = self._free.pop()
        except IndexError:
            memory = self._new_memory()
        answers = memory.run(inputs, times)
        self._free.append(memory)
        return answers

    def check(self, inputs):
        """Raises: what ops raise for the values of such inputs, before anything is computed with them."""
        for place, view, check in self.checks:
            check(part(inputs[place], view.offset, view))

    def _new_memory(self, arrays=None, slab=None):
        arrays = arrays or [buffer.array for buffer in self.buffers]
        if self.compiled is not None:
            return NativeRun(self, self.compiled, arrays, slab)
        return (GraphRun if self.device.name == "cuda" else Run)(self, arrays, slab)

    def proven(self, recording):
        """Whether the program does what was recorded: from the variables as they were before, and from temporaries and
        scratch that are no numbers, it makes the variables what they are now, and gives the same outputs, bit by bit.
        The next run has the memory of this one.
        """
        copies = recording.before | {number: spoiled(array) for number, array in recording.scratch.items()}
        outputs = [output.data for output in recording.outputs]
        memory = self._new_memory([copies.get(number, buffer.array) for number, buffer in enumerate(self.buffers)])
        right = all(map(same, memory.run(recording.inputs), outputs)) and all(
            content(array) == content(self.buffers[number].array) for number, array in copies.items())
        if right:
            self._free.append(self._new_memory(slab=memory.slab))
        return right


def learned(recording, apart):
    """(the `Program` of a recording and the one before, which is None where there is none; why, as a `Difference`).

    There is neither of a first recording.
    """
    last, seen = recording.last, recording.seen
    if seen.refusal:
        return None, Difference(seen.refusal, moved=False)
    difference = last and difference_of(last.seen, seen)
    if last is None or difference:
        return None, difference
    program = Program(seen, apart)
    if program.proven(recording):
        return program, None
    return None, Difference("values change in other ways than by launches of kernels", moved=False)
