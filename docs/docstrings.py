"""Docstrings of the house in RST, so that a page shows their sections.

A docstring is one sentence, then plain text. `Shapes:`, `Raises:`, `Reference:` and `name: ...`, for an argument of the
signature, begin sections; text indented by four more is code; rows of `|` are a table.
"""

import re

from numba_layers import errors

SECTIONS = "Shapes", "Raises", "Returns", "Attributes", "Reference"
WIDTH = 105     # of a docstring's lines: one that ends before, although the next word would fit, was meant to end there


def restructured(lines, arguments=()):
    """The lines of a docstring in RST; `arguments`: the names in the signature."""
    out, fields = [], []
    for block in "\n".join(lines).strip("\n").split("\n\n"):
        block = block.strip("\n").split("\n")
        if block[0].startswith("    "):
            out += ["::", "", *block, ""]
        elif block[0].startswith("| "):
            out += [*table(block), ""]
        else:
            text, more = split(block, arguments)
            fields += more
            out += [*paragraph(text), ""] if text else []
    return out + grouped(fields)


def unwrapped(lines, begins):
    """The lines as they were before they were broken to fit: a row for each that was meant."""
    rows = [lines[0].strip()]
    for before, line in zip(lines, lines[1:]):
        fits = len(before) + 1 + len(line.split()[0]) < WIDTH
        meant = fits or begins.match(line) and not before.endswith(",")
        rows[-1:] = [rows[-1], line.strip()] if meant else [f"{rows[-1]} {line.strip()}"]
    return rows


def split(block, arguments):
    """The rows of a block before the first section, and its sections as [(name, rows)]."""
    name = rf"\*{{0,2}}(?:{'|'.join(map(re.escape, arguments)) or '(?!)'})"
    begins = re.compile(rf"({'|'.join(SECTIONS)}|{name}(?:, {name})*):(?: +|$)")
    inside = re.compile(rf"(?<=[.;] )(?={name}(?:, {name})*: )")
    text, sections = [], []
    for row in unwrapped(block, begins):
        for part in [row] if row.startswith(SECTIONS) else inside.split(row):
            begun = begins.match(part)
            if begun:
                sections.append((begun[1], [part[begun.end():].strip()]))
            else:
                (sections[-1][1] if sections else text).append(part)
    return text, sections


def grouped(fields):
    """A list of fields: all arguments in one, each other section in one of its own."""
    arguments = [(name, rows) for name, rows in fields if name not in SECTIONS]
    out = [":Arguments:"] if arguments else []
    for name, rows in arguments:
        names = ", ".join(f"**{escaped(one)}**" for one in name.split(", "))
        out.append(f"    * {names}: {' '.join(map(marked, rows))}")
    for name, rows in fields:
        if name in SECTIONS:
            out += [f":{name}:", *(f"    {row}" for row in paragraph([row for row in rows if row]))]
    return [*out, ""]


def paragraph(rows):
    """One row is a paragraph; several stay lines."""
    return [marked(row) if len(rows) == 1 else f"| {marked(row)}" for row in rows]


def marked(text):
    """Text with `code` in RST's marks, errors as links, and all else as it stands."""
    parts = re.split(r"`([^`]+)`", text)
    parts[::2] = [re.sub(r"\b[A-Z]\w+Error\b", lambda found: link(found[0]), escaped(part)) for part in parts[::2]]
    parts[1::2] = [rf"\ ``{part}``\ " for part in parts[1::2]]
    return "".join(parts)


def link(name):
    return rf"\ :py:exc:`~numba_layers.errors.{name}`\ " if hasattr(errors, name) else name


def escaped(text):
    return re.sub(r"([\\*_|`:<>\[\]])", r"\\\1", text)


def table(rows):
    """Rows of `| a | b |`, the second a rule; a row without a first cell goes on with the one before."""
    cells = [[cell.strip() for cell in row.strip("| ").split(" | ")] if not row.startswith("|  ")
             else ["", row.strip("| ")] for row in rows]
    merged = []
    for row in cells[:1] + cells[2:]:
        if row[0]:
            merged.append(row)
        else:
            merged[-1] = [f"{old} {new}".strip() for old, new in zip(merged[-1], row)]
    return [".. list-table::", "    :header-rows: 1", "",
            *(f"    {'*' if i == 0 else ' '} - {marked(cell)}" for row in merged for i, cell in enumerate(row))]
