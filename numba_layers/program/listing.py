"""A program as a listing: a line for each launch, and what the whole takes."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ..devices.array import address, allocation, octets
from .record import INPUT, TEMPORARY, View
from .table import Table, microseconds, size

if TYPE_CHECKING:
    from typing import Any

    from .replay import Program


def text(program: Program) -> str:
    """The listing. Of an argument it says where it lies and its shape:

    x0, x1 ...: an input. @4096: a temporary, in the slab from byte 4096 on; `->` where it is made. A name: a weight, a
    gradient or what else outlives the step; +64: its part from byte 64 on. constant 3: an array of settings. out: an
    output with memory of its own.
    """
    names = Names(program)
    timed, rows = program.seconds, []
    for number, (launch, form) in enumerate(zip(program.launches, program.forms)):
        arguments = ", ".join(names.argument(number, launch.kernel, place, argument)
                              for place, argument in enumerate(launch.arguments)
                              if isinstance(argument, View) or not isinstance(argument, tuple))
        rows.append((number, launch.kernel.name, launch.layer or "", form,
                     *([timed[number]] if timed else []), arguments))
    titles = ["#", "kernel", "layer", "form", *(["us"] if timed else []), "arguments"]
    table = Table(titles, rows, [str] * 4 + ([microseconds] if timed else []))
    return f"{program.heading}\n{table}\n{_totals(program)}"


def _totals(program: Program) -> str:
    forms = Counter(program.forms)
    counted = ", ".join(f"{count} {form}" for form, count in forms.items())
    groups = "".join(f"; {group.first} to {group.last - 1} are a group, whose blocks have {group.rows} of "
                     f"{group.samples} samples" for group in program.groups)
    return (f"{len(program.launches)} launches ({counted}){groups}; temporaries in a slab of "
            f"{size(program.plan.size)}, {size(sum(buffer.bytes for buffer in temporaries(program)))} without planning")


def temporaries(program: Program) -> list[Any]:
    """The buffers that lie in the slab."""
    return [buffer for buffer, place in zip(program.buffers, program.plan.places) if place is not None]


class Names:
    """What the arguments of a program's launches are called."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._inputs = {number: f"x{place}" for place, number in enumerate(program.inputs)}
        # Streams of random keys are known as tensors are, and have no names.
        tensors = [(getattr(tensor, "name", "random key"), data) for tensor, data in program.tensors]
        self._known = [(name, id(allocation(array)), _span(array)) for name, array in [*tensors, *program.named]
                       if name]

    def argument(self, position: int, kernel: Any, place: int, argument: Any) -> str:
        """Argument number `place` of launch number `position`."""
        if not isinstance(argument, View):
            value = f"{argument:.6g}" if isinstance(argument, float | np.floating) else str(argument)
            return f"{kernel.function.__code__.co_varnames[place]}={value}"
        buffer = self._program.buffers[argument.buffer]
        made = buffer.kind == TEMPORARY and self._program.plan.makers[argument.buffer] == position
        shape = "x".join(map(str, argument.shape)) or "number"
        kind = "" if argument.dtype == np.float32 else f" {np.dtype(argument.dtype)}"
        return f"{'-> ' if made else ''}{self.place(argument)} [{shape}{kind}]"

    def place(self, view: View) -> str:
        """Where a `View` lies."""
        buffer, place = self._program.buffers[view.buffer], self._program.plan.places[view.buffer]
        if place is not None:
            return f"@{place + view.offset}"
        if buffer.kind == TEMPORARY:
            return _and_offset("out", view.offset)
        if buffer.kind == INPUT:
            return _and_offset(self._inputs[view.buffer], view.offset)
        return self._name(buffer, view) or _and_offset(f"{buffer.kind} {view.buffer}", view.offset)

    def _name(self, buffer: Any, view: View) -> str | None:
        memory = allocation(buffer.array)
        start = address(octets(buffer.array)) + view.offset
        end = start + math.prod(view.shape) * np.dtype(view.dtype).itemsize
        inside = [(stop - first, start - first, name) for name, owned, (first, stop) in self._known
                  if owned == id(memory) and first <= start and end <= stop]
        if not inside:
            return None
        _, offset, name = min(inside)       # of arrays within each other the smallest
        return _and_offset(name, offset)


def _and_offset(name: str, offset: int) -> str:
    return f"{name}+{offset}" if offset else name


def _span(array: Any) -> tuple[int, int]:
    """The addresses where an array begins and ends."""
    layout = getattr(array, "layout", array)
    return address(layout), address(layout) + layout.nbytes
