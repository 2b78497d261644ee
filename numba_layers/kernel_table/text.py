"""The table as text: for each layer its kernels forward and backward, their files, and when they run."""

import textwrap

from .. import registry
from . import DIRECTIONS

WIDTH = 118
HEAD = """\
The kernels that each layer launches, traced by a dry run, which compiles and launches nothing. Their files are in
numba_layers/kernels/<target>. 'when': what brings a kernel in that the layer written in the heading does not launch.
"""
NOTES = {"Lambda": "and what its function launches", "TimeDistributed": "and what the layer inside launches",
         "Merge": "and, where the mode is a function, what that launches"}


def lines(surveys):
    """The lines that show `surveys`, a block for each layer."""
    yield from HEAD.splitlines()
    for survey in surveys:
        yield ""
        yield survey.example
        yield from _block(survey)
        if survey.layer in NOTES:
            yield f"  {NOTES[survey.layer]}"


def _block(survey):
    """The aligned lines of one layer: a line for each kernel, a column for each target."""
    found = {}      # (direction, kernel) -> {target: row}
    for row in survey.rows:
        found.setdefault((row.direction, row.kernel), {})[row.target] = row
    cells = {direction: [(direction, *registry.TARGETS, "when")] for direction in DIRECTIONS}
    for (direction, kernel), rows in found.items():
        files = [_file(rows[target]) if target in rows else "-" for target in registry.TARGETS]
        cells[direction].append((f"  {kernel}", *files, _when(rows)))
    widths = [max(map(len, column)) for column in zip(*(line for some in cells.values() for line in some))]
    for direction, some in cells.items():
        for line in some if len(some) > 1 else [(direction, "no kernel")]:
            yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
        if survey.nothing_new[direction]:
            yield from textwrap.wrap(f"no other kernel for: {'; '.join(survey.nothing_new[direction])}", WIDTH,
                                     initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)


def _when(rows):
    """When a kernel runs, and on which target at other times."""
    first, *others = rows.values()
    text, whens = first.when, first.when.split(" or ")
    for row in others:
        theirs = row.when.split(" or ")
        more = [when for when in whens if when not in theirs]
        if more and [when for when in whens if when in theirs] == theirs:
            text = f"{row.when}; on {first.target} also {' or '.join(more)}"
        elif row.when != first.when:
            more = row.when.removeprefix(f"{first.when}, ")
            text += f"; on {row.target}{' only with' if more != row.when else ':'} {more or 'always'}"
    return text.removeprefix("; ")


def _file(row):
    """'conv.py:71', below the target's folder; 'missing' where the target has no kernel of the name."""
    return row.location.replace("\\", "/").rpartition(f"/kernels/{row.target}/")[2] or "missing"
