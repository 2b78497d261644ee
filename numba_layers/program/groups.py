"""Groups: neighbouring launches that do the same for each sample, which run a block of samples at a time.

A block goes through all launches of its group before the next one does, and what it touches stays in the caches.
Threads take whole blocks, and wait for each other once a group. Launches that make gradients to weights, and other sums
over the samples, stand in between: they wait until the group has ended, as long as nothing needs them.
"""

import math
from collections import namedtuple

from .. import registry
from .record import TEMPORARY, View

CACHE = 192 << 10   # bytes that a block touches, about
LEAST = 256 << 10   # bytes that a group touches, at least: fewer stay in the caches anyhow
MOST = 8 << 20      # and at most: its temporaries are all needed at the same time
HELD = 1 << 20      # bytes of temporaries that launches which wait hold, at most
BLOCKS = 16, 64     # at least, for the threads to share, where there are as many samples, and at most
EVEN = 24           # samples: blocks of more have a multiple, which whole tiles make
# Kernels that may wait: they write their last argument alone.
SUMS = frozenset(("matmul_tn", "sum_columns", "sum_rows", "convolve_backward_weight", "depthwise_backward_weight",
                  "winograd_backward_points", "winograd_backward_weight"))

# Launches first .. last - 1, which go over so many samples, in blocks of `rows` of them.
Group = namedtuple("Group", "first last samples rows")


class _Pending:
    """A group that grows, and the launches that wait for its end."""

    def __init__(self, buffers):
        self._buffers = buffers
        self.in_order, self.samples = [], 0     # launches that joined and that wait, as they came
        self._extents, self._shared, self._written = {}, set(), set()
        self._needed, self._made = set(), set()     # buffers that waiting launches read, and write

    def takes(self, launch):
        """Let a launch join, if it can."""
        arguments = _arguments(launch)
        cut = [view for view, by_samples in arguments if by_samples]
        samples = math.gcd(self.samples, *(view.shape[0] for view in cut))
        written = {view.buffer for view in cut[-2 if launch.kernel.name == "max_pool_forward" else -1:]}
        extents = {view.buffer: (view.offset, math.prod(view.shape) * view.dtype.itemsize) for view in cut}
        shared = {view.buffer for view, by_samples in arguments if isinstance(view, View) and not by_samples}
        everything = self._extents | extents
        fits = (samples > 1 and len(extents) == len(cut)
                and not written & (self._needed | self._made) and not (shared | extents.keys()) & self._made
                and not (self._written | written) & (self._shared | shared)
                and all(self._extents.get(buffer, extents[buffer]) == extents[buffer] for buffer in extents
                        if buffer in self._written | written)
                and sum(size for _, size in everything.values()) <= MOST)
        if fits:
            self.in_order.append(launch)
            self.samples, self._extents = samples, everything
            self._shared |= shared
            self._written |= written
        return fits

    def delays(self, launch):
        """Let a launch wait for the group's end, if it may."""
        if not self.in_order or launch.kernel.name not in SUMS:
            return False
        *read, made = [argument.buffer for argument in launch.arguments if isinstance(argument, View)]
        needed = self._needed | set(read)
        held = sum(self._buffers[buffer].bytes for buffer in needed if self._buffers[buffer].kind == TEMPORARY)
        if held > HELD:
            return False
        self.in_order.append(launch)
        self._needed = needed
        self._made.add(made)
        return True

    def parted(self):
        """(launches that joined, launches that wait)."""
        return tuple([launch for launch in self.in_order if (launch.kernel.name in SUMS) == waits]
                     for waits in (False, True))

    def rows(self):
        """Samples of a block; None where the group is not worth it."""
        size = sum(size for _, size in self._extents.values())
        if len(self.parted()[0]) < 2 or size < LEAST:
            return None
        least, most = BLOCKS
        rows = -(-self.samples // min(most, max(least, -(-size // CACHE))))
        return rows if rows < 2 * EVEN else -(-rows // EVEN) * EVEN


def _arguments(launch):
    """(argument, whether it is an array that begins with samples) of a launch."""
    names, shared = launch.kernel.function.__code__.co_varnames, registry.shared_by_samples()[launch.kernel.name]
    return [(argument, isinstance(argument, View) and name not in shared)
            for name, argument in zip(names, launch.arguments)]


def grouped(launches, buffers):
    """(the launches in an order that suits groups, the `Group`s)."""
    ordered, groups = [], []
    pending = _Pending(buffers)

    def end():
        rows = pending.rows()
        if rows:
            joined, waiting = pending.parted()
            groups.append(Group(len(ordered), len(ordered) + len(joined), pending.samples, rows))
            ordered.extend((*joined, *waiting))
        else:
            ordered.extend(pending.in_order)
        return _Pending(buffers)

    for launch in launches:
        by_samples = launch.kernel.name in registry.shared_by_samples()
        if by_samples and pending.takes(launch) or pending.delays(launch):
            continue
        pending = end()
        if not (by_samples and pending.takes(launch)):
            ordered.append(launch)
    end()
    return ordered, groups


def blocks_of(group, launches):
    """For each block of a group's samples its launches."""
    for first in range(0, group.samples, group.rows):
        last = min(group.samples, first + group.rows)
        yield [_of_samples(launch, first, last, group.samples) for launch in launches[group.first:group.last]]


def _of_samples(launch, first, last, samples):
    """A launch on the samples first .. last - 1 of all."""
    return launch._replace(arguments=tuple([_part(argument, first, last, samples) if by_samples else argument
                                            for argument, by_samples in _arguments(launch)]))


def _part(view, first, last, samples):
    each = view.shape[0] // samples
    return view._replace(offset=view.offset + first * each * view.strides[0],
                         shape=((last - first) * each, *view.shape[1:]))
