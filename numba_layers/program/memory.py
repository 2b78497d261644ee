"""What a model's programs keep in memory: what stays between steps, slabs of temporaries, and what is large in them."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

import numpy as np

from ..devices.array import allocation, octets
from . import pictures
from .listing import temporaries
from .record import CONSTANT, INPUT, TEMPORARY
from .table import Table, size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .replay import Program

LARGEST = 8         # buffers that are listed

# One program, in bytes. slab: of its temporaries. unplanned: their sum. needed: of those needed at the same time, at
# most. inputs: the arrays that it is given. outputs: those with memory of their own. constants: arrays of settings.
# slabs: how many are kept for the next runs. peak: what stays, slab, outputs and constants.
ProgramMemory = namedtuple("ProgramMemory", "program launches slab unplanned needed inputs outputs constants slabs "
                                            "peak")
# A temporary. kernel, layer: that write it first. first, last: the launches between which it is needed.
LargeBuffer = namedtuple("LargeBuffer", "bytes kernel layer first last program")


class MemoryReport:
    """The memory of a model's programs, in bytes.

    weights, gradients, slots: what the model, its gradients and the optimizer keep. others: what else steps read and
    write, such as counts and random keys. programs: a table, a row for each (see `ProgramMemory`). largest: a table of
    the largest temporaries with the kernel and layer that make them. stays: what is there between steps, without slabs.
    peak: that and the largest program's slab, outputs and constants; what users hand over comes on top. held: `stays`
    and the constants and slabs of all programs.
    """

    def __init__(self, programs: Sequence[Program], kept: Mapping[str, Sequence[Any]]) -> None:
        seen: set[int] = set()
        self.weights, self.gradients, self.slots = (_bytes(kept[name], seen) for name in (
            "weights", "gradients", "slots"))
        written = [buffer.array for program in programs for buffer in program.buffers
                   if buffer.array is not None and buffer.kind != CONSTANT]
        self.others = _bytes(written, seen)
        self.stays = self.weights + self.gradients + self.slots + self.others
        rows = [_memory(program, self.stays) for program in programs]
        self.programs = Table(ProgramMemory._fields, rows, [str, str, *[size] * 6, str, size])
        self.peak = max((row.peak for row in rows), default=self.stays)
        self.held = self.stays + sum(row.constants + row.slabs * row.slab for row in rows)
        large = sorted((large for program in programs for large in _large(program)), key=lambda one: -one.bytes)
        self.largest = Table(LargeBuffer._fields, large[:LARGEST], [size])
        self._programs = list(programs)

    def __str__(self) -> str:
        kept = ", ".join(f"{name} {size(getattr(self, name))}" for name in ("weights", "gradients", "slots", "others"))
        return (f"stays between steps: {size(self.stays)} ({kept})\npeak of a step: {size(self.peak)}; held now, with "
                f"slabs and constants: {size(self.held)}\n\n{self.programs}\n\nlargest temporaries\n{self.largest}")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = str(self).splitlines()[:2]
        drawn = "".join(f"<p>{program.title}<br>{picture(program)}</p>" for program in self._programs
                        if program.plan.size)
        return (f"{'<br>'.join(lines)}{self.programs._repr_html_()}{drawn}largest temporaries"
                f"{self.largest._repr_html_()}")


def _bytes(arrays: Sequence[Any], seen: set[int]) -> int:
    """Bytes of the memory that arrays lie in, each once; `seen` takes note of it."""
    total = 0
    for array in arrays:
        memory = id(allocation(array))
        if memory not in seen:
            seen.add(memory)
            total += octets(array).nbytes
    return total


def _memory(program: Program, stays: int) -> ProgramMemory:
    def sum_of(kind: str) -> int:
        return sum(buffer.bytes for buffer in program.buffers if buffer.kind == kind)

    inputs, constants = sum_of(INPUT), sum_of(CONSTANT)
    outputs = sum(program.buffers[number].bytes for number in program.apart)
    return ProgramMemory(program.title, len(program.launches), program.plan.size,
                         sum(buffer.bytes for buffer in temporaries(program)), _needed(program), inputs, outputs,
                         constants, len(program._free), stays + program.plan.size + outputs + constants)


def _needed(program: Program) -> int:
    """The bytes of temporaries that one launch finds needed, at most: no plan is smaller."""
    needed = np.zeros(len(program.launches) + 1, np.int64)
    for buffer, place, life in zip(program.buffers, program.plan.places, program.plan.lives):
        if place is not None:
            needed[life[0]:life[1] + 1] += buffer.bytes
    return int(needed.max())


def _large(program: Program) -> list[LargeBuffer]:
    return [LargeBuffer(buffer.bytes, program.launches[maker].kernel.name, program.launches[maker].layer or "",
                        life[0], min(life[1], len(program.launches) - 1), program.title)
            for buffer, maker, life in zip(program.buffers, program.plan.makers, program.plan.lives)
            if buffer.kind == TEMPORARY and life]


def picture(program: Program) -> str:
    """The program's plan as SVG: launches to the right, places in the slab upwards."""
    blocks = []
    plan = program.plan
    for buffer, place, made, life in zip(program.buffers, plan.places, plan.makers, plan.lives):
        if place is not None:
            maker = program.launches[made]
            blocks.append((*life, place, buffer.bytes, f"{maker.kernel.name} {maker.layer or ''} {size(buffer.bytes)}"))
    return pictures.plan(blocks, len(program.launches), program.plan.size)
