"""A program's times and memory as SVG text, for notebooks."""

from html import escape

BAR, GAP, LETTER, WIDE, TALL = 18, 6, 7.25, 360, 220     # pixels
TEXT, FILL, EDGE = "#1d2733", "#8fb3dd", "#ffffff"
SHADES = "#8fb3dd", "#b9d3a4", "#e3c38b", "#d9a3a0", "#b7a6d6", "#9fcfcb"


def bars(entries, most=12):
    """(name, number, label) of each as a row of bars; what lies behind the first `most` is left out."""
    entries = entries[:most]
    longest = max((number for _, number, _ in entries), default=0) or 1
    left = LETTER * max((len(name) for name, _, _ in entries), default=0) + 12
    right = LETTER * max((len(label) for _, _, label in entries), default=0) + 12
    parts = []
    for row, (name, number, label) in enumerate(entries):
        y, length = row * (BAR + GAP), WIDE * number / longest
        parts.append(_text(left - 8, y + 13, name, "end"))
        parts.append(f'<rect x="{left:.0f}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{FILL}"/>')
        parts.append(_text(left + length + 6, y + 13, label))
    return _svg(left + WIDE + right, len(entries) * (BAR + GAP), parts)


def plan(blocks, launches, size):
    """The slab: launches to the right, places in memory upwards, a box for each temporary while it is needed.

    blocks: (first launch, last, place, bytes, what it is called).
    """
    parts = [f'<rect x="0" y="0" width="{2 * WIDE}" height="{TALL}" fill="none" stroke="{TEXT}" stroke-width="0.5"/>']
    for number, (first, last, place, octets, name) in enumerate(blocks):
        x, width = 2 * WIDE * first / launches, 2 * WIDE * (min(last, launches - 1) + 1 - first) / launches
        height = max(1.0, TALL * octets / size)
        y = TALL - TALL * place / size - height
        parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" stroke="{EDGE}" '
                     f'fill="{SHADES[number % len(SHADES)]}"><title>{escape(name)}</title></rect>')
    return _svg(2 * WIDE, TALL, parts)


def _text(x, y, text, anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.0f}" text-anchor="{anchor}" xml:space="preserve">{escape(text)}</text>'


def _svg(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
            f'viewBox="-1 -1 {width + 2:.0f} {height + 2}" font-family="ui-monospace, Menlo, Consolas, monospace" '
            f'font-size="12" fill="{TEXT}">{"".join(parts)}</svg>')
