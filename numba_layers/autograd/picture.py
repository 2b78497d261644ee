"""A tape drawn as SVG text: its operations in recorded order, and the way back of the gradients."""

from html import escape

LETTER, BOX, GAP, SIDE, LANE = 7.25, 26, 12, 64, 20    # pixels; SIDE lies between inputs and operations
TEXT, EDGE, INPUT, OP = "#1d2733", "#a9b4c2", "#f6eedd", "#dfeaf7"
FORWARD, BACK = "#8a94a3", "#d2603a"


def svg(nodes):
    """`Tape.nodes` as a picture.

    A row is an operation: its place in the list, its name and the shape of what it gives. To its left stands
    what comes from outside, by name and shape. Lines end in a grey head where a value arrives, and in an
    orange one where its gradient can come back.
    """
    made = {}                                          # identity of a tensor -> the node that gave it
    rows, edges = [], []
    for number, node in enumerate(nodes):
        outside = []
        for tensor, vjp in zip(node.inputs, node.vjps):
            if id(tensor) in made:
                edges.append((made[id(tensor)], number, vjp is not None))
            elif tensor is not None:
                outside.append((_label(tensor), vjp is not None))
        made |= {id(output): number for output in node.outputs}
        rows.append((f"{number}  {node.name.lstrip('_')} → {', '.join(map(_shape, node.outputs))}", outside))
    return _drawn(rows, edges)


def _label(tensor):
    if tensor.name is None and tensor.size == 1:
        return f"{tensor.item():.4g}"
    return f"{tensor.name or 'tensor'} {_shape(tensor)}"


def _shape(tensor):
    return "×".join(map(str, tensor.shape)) or "number"


def _drawn(rows, edges):
    """The text. rows: (label, [(label of an input, gradient?)]); edges: (from row, to row, gradient?)."""
    heights = [max(1, len(outside)) * (BOX + GAP) + GAP for _, outside in rows]
    middles = [sum(heights[:number]) + height / 2 for number, height in enumerate(heights)]
    inputs = max((_width(label) for _, outside in rows for label, _ in outside), default=0)
    wide = max((_width(label) for label, _ in rows), default=0)
    left, right = inputs + SIDE, inputs + SIDE + wide
    lanes = _lanes(edges)
    parts = []
    for source, number, gradient in edges:
        start, end = middles[source], middles[number]
        if (source, number) in lanes:
            x = right + LANE * (1 + lanes[source, number])
            parts.append(_line(f"M{right} {start + 6}H{x - 8}q8 0 8 8V{end - 14}q0 8 -8 8H{right}"))
            parts.append(_heads((right, end - 6), (right, start + 6), (-1, 0), (-1, 0), gradient))
        else:
            x = (left + right) / 2
            parts.append(_line(f"M{x} {start + BOX / 2}V{end - BOX / 2}"))
            parts.append(_heads((x, end - BOX / 2), (x, start + BOX / 2), (0, 1), (0, -1), gradient))
    for (label, outside), middle in zip(rows, middles):
        for place, (name, gradient) in enumerate(outside):
            off = place - (len(outside) - 1) / 2
            y, entry = middle + off * (BOX + GAP), middle + off * BOX / (len(outside) + 1)
            turn = inputs + SIDE / 2
            parts.append(_line(f"M{inputs} {y}C{turn} {y} {turn} {entry} {left} {entry}"))
            parts.append(_heads((left, entry), (inputs, y), (1, 0), (-1, 0), gradient))
            parts.append(_box(inputs - _width(name), y, _width(name), name, INPUT, BOX / 2))
        parts.append(_box(left, middle, wide, label, OP, 4))
    width, height = right + LANE * (2 + max(lanes.values(), default=-1)), sum(heights)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
            f'viewBox="-1 0 {width:.0f} {height}" font-family="ui-monospace, Menlo, Consolas, monospace" '
            f'font-size="12" fill="{TEXT}">{"".join(parts)}</svg>')


def _lanes(edges):
    """(from, to) -> how far outside an edge that passes rows by runs: none lies on another."""
    lanes = {}
    for start, end in sorted({(a, b) for a, b, _ in edges if b > a + 1}, key=lambda edge: edge[1] - edge[0]):
        taken = {lane for (a, b), lane in lanes.items() if a < end and start < b}
        lanes[start, end] = next(lane for lane in range(len(lanes) + 1) if lane not in taken)
    return lanes


def _width(text):
    return LETTER * len(text) + 22


def _box(x, middle, width, text, fill, corner):
    return (f'<rect x="{x:.1f}" y="{middle - BOX / 2:.1f}" width="{width:.1f}" height="{BOX}" rx="{corner}" '
            f'fill="{fill}" stroke="{EDGE}"/>'
            f'<text x="{x + 11:.1f}" y="{middle + 4:.1f}" xml:space="preserve">{escape(text)}</text>')


def _line(path):
    return f'<path d="{path}" fill="none" stroke="{FORWARD}" stroke-width="1.4"/>'


def _heads(end, start, forward, back, gradient):
    """Arrow heads of a line: where the value arrives, and where its gradient does."""
    return _head(*end, *forward, FORWARD) + (_head(*start, *back, BACK) if gradient else "")


def _head(x, y, dx, dy, colour):
    """A triangle whose tip is (x, y), pointing along (dx, dy)."""
    x0, y0 = x - 8 * dx, y - 8 * dy
    return f'<path fill="{colour}" d="M{x} {y}L{x0 + 4 * dy} {y0 + 4 * dx}L{x0 - 4 * dy} {y0 - 4 * dx}z"/>'
