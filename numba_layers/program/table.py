"""Rows under titles, as text and in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Table:
    """Rows of numbers and words: reads as text, and as a table in a notebook.

    rows: a list of tuples. titles: of their columns. shown: for each column what makes text of an entry, `str` by
    default; columns of numbers stand to the right.
    """

    def __init__(self, titles: Sequence[str], rows: Sequence[Any], shown: Sequence[Any] = ()) -> None:
        self.titles, self.rows = list(titles), list(rows)
        self._shown = [*shown, *[str] * (len(self.titles) - len(shown))]

    def _cells(self) -> list[list[str]]:
        return [[show(entry) for show, entry in zip(self._shown, row)] for row in self.rows]

    def _right(self) -> list[bool]:
        return [bool(self.rows) and isinstance(entry, int | float) for entry in (self.rows or [self.titles])[0]]

    def __str__(self) -> str:
        lines = [self.titles, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*lines)]
        return "\n".join("  ".join(cell.rjust(width) if right else cell.ljust(width)
                                   for cell, width, right in zip(line, widths, self._right())).rstrip()
                         for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        sides = [f' style="text-align:{"right" if right else "left"}"' for right in self._right()]
        head = "".join(f"<th{side}>{escape(title)}</th>" for side, title in zip(sides, self.titles))
        body = "".join("<tr>" + "".join(f"<td{side}>{escape(cell)}</td>" for side, cell in zip(sides, row)) + "</tr>"
                       for row in self._cells())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def size(octets: int) -> str:
    """A number of bytes as text: 532 B, 12.1 kB, 3.4 MB."""
    if octets < 1000:
        return f"{octets} B"
    return f"{octets / 1e3:.1f} kB" if octets < 1e6 else f"{octets / 1e6:.1f} MB"


def microseconds(seconds: float) -> str:
    """Seconds as text in microseconds."""
    return f"{1e6 * seconds:.1f}" if seconds < 1e-3 else f"{1e6 * seconds:,.0f}"
