"""Where the temporaries of a program lie: in one slab, those that are not needed at the same time in the same place.

Reference: Pisarchyk & Lee 2020, "Efficient Memory Management for Deep Neural Net Inference", §5.2 (greedy by size).
"""

from collections import namedtuple

from ..devices.host import ALIGNED
from .record import TEMPORARY, View

# places: for each buffer its offset in the slab in bytes, or None. size: of the slab. makers: for each buffer the first
# launch that takes it. lives: (first launch, last one) that find it needed.
Plan = namedtuple("Plan", "places size makers lives")


def planned(launches, buffers, kept, apart, groups=()):
    """The `Plan` of a list of launches.

    kept: numbers of the buffers that are read when all have run. apart: of those that do not lie in the slab.
    groups: of launches that run in turns: all that one needs is needed as long as any of them runs.
    """
    makers, lives = _lives(launches, buffers, kept, groups)
    inside = [number for number, buffer in enumerate(buffers)
              if buffer.kind == TEMPORARY and lives[number] and number not in apart]
    order = sorted(inside, key=lambda number: -buffers[number].bytes)
    places, placed = [None] * len(buffers), []      # placed: (start, end, first launch, last launch)
    for number in order:
        (first, last), size = lives[number], -(-buffers[number].bytes // ALIGNED) * ALIGNED
        start = _gap([(begin, end) for begin, end, born, dead in placed if born <= last and first <= dead], size)
        placed.append((start, start + size, first, last))
        places[number] = start
    return Plan(places, max((end for _, end, _, _ in placed), default=0), makers, lives)


def _lives(launches, buffers, kept, groups):
    makers: list = [None] * len(buffers)
    lives: list = [None] * len(buffers)
    span = {position: (group.first, group.last - 1) for group in groups for position in range(group.first, group.last)}
    for position, launch in enumerate(launches):
        begin, end = span.get(position, (position, position))
        for argument in launch.arguments:
            if isinstance(argument, View):
                born = lives[argument.buffer]
                lives[argument.buffer] = (born[0] if born else begin), end
                if born is None:
                    makers[argument.buffer] = position
    for number in kept:
        if lives[number]:
            lives[number] = lives[number][0], len(launches)
    return makers, lives


def _gap(taken, size):
    """The first place of `size` bytes that overlaps none of the intervals `taken`."""
    start = 0
    for begin, end in sorted(taken):
        if begin - start >= size:
            break
        start = max(start, end)
    return start
