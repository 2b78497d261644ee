"""Where the time of a program goes: each launch timed by itself, on copies of all that it changes."""

from __future__ import annotations

import time
from collections import namedtuple
from typing import TYPE_CHECKING

import numpy as np

from ..devices.array import whole
from ..errors import DataError, ShapeError
from . import pictures
from .record import VARIABLE, copied
from .table import Table, microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .replay import Program

LEAST, MOST = 3, 200    # rounds
ENOUGH = 0.3            # seconds of rounds, after the least number of them
REPEATED = 16           # times that a short launch is run in a round
ELSEWHERE = "(no layer)"    # what launches loss, metrics and optimizer

# A launch. seconds: the least of all rounds.
Timed = namedtuple("Timed", "number kernel layer form seconds")
# What several launches take together. fraction: of all launches.
Sum = namedtuple("Sum", "name launches seconds fraction")


class Profile:
    """The time of each launch of a program, and of the whole.

    rows: for each launch (number, kernel, layer, form, seconds). by_kernel, by_layer: tables, the dearest first, of
    (name, launches, seconds, fraction). together: seconds of all launches in one call, as steps run.
    A short launch is repeated to be timed: it finds its arrays in the caches, which it may not in a step.
    """

    def __init__(self, program: Program, seconds: Sequence[float], together: float, rounds: int) -> None:
        self.rows = [Timed(number, launch.kernel.name, launch.layer or ELSEWHERE, form, taken) for number, (
            launch, form, taken) in enumerate(zip(program.launches, program.forms, seconds))]
        self.together, self.rounds, self._title = together, rounds, program.heading
        self.by_kernel, self.by_layer = self._summed("kernel"), self._summed("layer")

    @property
    def seconds(self) -> float:
        """The sum of all launches' times."""
        return sum(row.seconds for row in self.rows)

    def _summed(self, column: str) -> Table:
        found: dict[str, list[float]] = {}
        for row in self.rows:
            found.setdefault(getattr(row, column), []).append(row.seconds)
        whole_time = self.seconds or 1.0
        sums = [Sum(name, len(times), sum(times), sum(times) / whole_time) for name, times in found.items()]
        return Table([column, "launches", "us", "part"], sorted(sums, key=lambda one: -one.seconds),
                     [str, str, microseconds, "{:.1%}".format])

    def _totals(self) -> str:
        return (f"{len(self.rows)} launches: {microseconds(self.seconds)} us one by one, "
                f"{microseconds(self.together)} us in one call (least of {self.rounds} rounds)")

    def __str__(self) -> str:
        return f"{self._title}\n{self._totals()}\n\n{self.by_kernel}\n\n{self.by_layer}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        bars = [pictures.bars([(row.name, row.seconds, f"{microseconds(row.seconds)} us, {row.fraction:.0%}")
                               for row in table.rows]) for table in (self.by_kernel, self.by_layer)]
        return f"<b>{self._title}</b><br>{self._totals()}<br>{bars[0]}<br>{bars[1]}"


def profiled(program: Program, arrays: Sequence[Any]) -> Profile:
    """Run the program on `arrays`, or on numbers of its own where there are none, in memory of its own."""
    inputs = _inputs(program, arrays)
    program.check(inputs)
    originals = {number: buffer.array for number, buffer in enumerate(program.buffers) if buffer.kind == VARIABLE}
    copies = {number: copied(array) for number, array in originals.items()}
    memory = program._new_memory([copies.get(number, buffer.array) for number, buffer in enumerate(program.buffers)])
    # Batches are counted from 0 on, and once a run: what the count leads to must lie in the arrays.
    counters = {launch.arguments[0].buffer for launch in program.launches if launch.kernel.name == "next_batch"}

    def as_before() -> None:
        for number, copy in copies.items():
            whole(copy)[...] = 0 if number in counters else whole(originals[number])

    def rounds(run: Callable[[], Any]) -> list[Any]:
        found, start = [], time.perf_counter()
        while len(found) < LEAST or len(found) < MOST and time.perf_counter() - start < ENOUGH:
            as_before()
            found.append(run())
        return found

    rounds(lambda: memory.run(inputs))      # chooses the forms
    times = [1 if launch.kernel.name == "next_batch" else REPEATED for launch in program.launches]
    seconds = np.min(rounds(lambda: memory.taken_each(inputs, times)), axis=0).tolist()
    together = rounds(lambda: memory.taken(inputs))
    program.seconds = seconds
    return Profile(program, seconds, min(together), len(together))


def _inputs(program: Program, arrays: Sequence[Any]) -> list[Any]:
    """The inputs of a run: `arrays`, checked, or random numbers in [0, 1) and zeros for whole ones.

    A program that gathers its batches takes the order of samples first: they come as they lie.
    """
    specs = [program.specs[number] for number in range(len(program.inputs))]
    order = [np.arange(*specs[0][0], dtype=np.int64)] if program.gathers else []
    wanted = specs[len(order):]
    if not arrays:
        random = np.random.RandomState(0)
        arrays = [random.uniform(0, 1, shape).astype(dtype) for shape, dtype in wanted]
    parts = [given if isinstance(given, list | tuple) else [given] for given in arrays]
    arrays = [np.asarray(array) for part in parts for array in part]
    described = ", ".join(f"{np.dtype(dtype)}{shape}" for shape, dtype in wanted)
    if len(arrays) != len(wanted):
        raise DataError(f"profile: got {len(arrays)} arrays, expected {len(wanted)}: {described}.")
    found = []
    for array, (shape, dtype) in zip(arrays, wanted):
        if array.shape != shape and (*array.shape, 1) != shape:
            raise ShapeError(f"profile: got an array of shape {array.shape}, expected {shape}: the program was "
                             f"recorded for {described}. Give arrays of these sizes.")
        found.append(np.ascontiguousarray(array.reshape(shape), dtype))
    return [program.device.put(array) for array in [*order, *found]]
