"""Races in shared memory: who last wrote and read each cell, and whether a barrier stands between.

A stamp packs (epoch, warp event, by an atomic?, thread) into an int64. The epoch is the number of barriers that a
block has passed, a warp event the number of the last `bar.warp.sync` that the thread took part in. Two accesses of
one cell are in order if their epochs differ, if one thread made both, or if both threads took part in a warp event
that lies between. Reads are only noted down; they are looked at when a write meets their range before a barrier.
"""

from typing import NamedTuple

import numpy as np

from .faults import RaceFault, Stop

LANE = np.int64((1 << 16) - 1)
ATOMIC = np.int64(1 << 16)
EVENT_SHIFT, EPOCH_SHIFT = 17, 41
EVENT = np.int64((1 << EPOCH_SHIFT - EVENT_SHIFT) - 1)
EPOCH = np.int64(1 << EPOCH_SHIFT)
NOTES = 64   # reads noted before they are entered; ranges told apart before they are taken as one


class Note(NamedTuple):
    """An access: the bytes of a block it lies within, its cells, its threads' stamps, its instruction."""
    low: int
    high: int
    cells: np.ndarray
    span: int           # cells from each of `cells` on
    start: np.ndarray   # the first stamp of the epoch
    stamps: np.ndarray
    instruction: object


class Ranges:
    """Bytes of a block that were accessed, and the instruction that did so last."""

    def __init__(self):
        self._found = {}   # (low, high) -> instruction, the latest last

    def add(self, note):
        """The bytes of a Note."""
        self._found.pop((note.low, note.high), None)
        self._found[note.low, note.high] = note.instruction
        if len(self._found) > NOTES:
            low, high = min(low for low, _ in self._found), max(high for _, high in self._found)
            self._found = {(low, high): note.instruction}

    def overlapping(self, note):
        """The latest instruction whose bytes overlap a Note's, or None."""
        return next((instruction for (low, high), instruction in reversed(self._found.items())
                     if low < note.high and note.low < high), None)


class Shadow:
    """The stamps of a batch's shared memory."""

    def __init__(self, cells, batch):
        self._batch = batch
        self._writer = np.zeros(cells, np.int64)
        self._reader = np.zeros(cells, np.int64)   # some reader of the epoch
        self._second = np.zeros(cells, np.int64)   # another one, if there is one
        self._start = EPOCH.reshape(1)             # of each block, or one for all
        self._event = np.zeros(1, np.int64)        # of each thread, or one for all
        self._partners = np.zeros(1, np.uint32)    # who took part in that event
        self._events = self._version = 0
        self._writes, self._reads, self._entered = Ranges(), [], Ranges()
        self._filling = np.zeros(0, bool)          # cells that a cp.async fills
        self._fillings = 0                         # how many are under way

    def barrier(self, blocks=None):
        """All blocks, or some, pass a barrier."""
        self._version += 1
        if blocks is None:
            self._start = self._start.max().reshape(1) + EPOCH
            self._event, self._partners, self._events = np.zeros(1, np.int64), np.zeros(1, np.uint32), 0
            self._writes, self._reads, self._entered = Ranges(), [], Ranges()
        else:
            self._start = np.broadcast_to(self._start, self._batch.blocks).copy()
            self._start[blocks] += EPOCH

    def warp_barrier(self, g, masks):
        """Threads of a group wait for those of their warp that their masks name."""
        self._events += 1
        self._version += 1
        self._event = np.broadcast_to(self._event, self._batch.lanes.size).copy()
        self._partners = np.broadcast_to(self._partners, self._batch.lanes.size).copy()
        self._event[g.lanes], self._partners[g.lanes] = self._events, masks

    def _note(self, g, cells, span, extent):
        if g.stamps is None or g.stamps[0] != self._version:
            start = self._start if self._start.size == 1 else self._start[g.of(self._batch.block_of)]
            event = self._event if self._event.size == 1 else self._event[g.lanes]
            g.stamps = self._version, start, start + (event << EVENT_SHIFT) + g.lanes
        return Note(*extent, cells, span, *g.stamps[1:], self._batch.instruction)

    def read(self, g, cells, span, extent):
        """Threads read: a race where another wrote since the last barrier."""
        note = self._note(g, cells, span, extent)
        if self._fillings:
            self._unfilled(note, "reads")
        if write := self._writes.overlapping(note):
            for k in range(span):
                self._check(note, self._writer[cells + k], "reads", "wrote", write)
        self._reads.append(note)
        if len(self._reads) > NOTES:
            self._enter(self._reads)
            self._reads = []

    def write(self, g, cells, span, extent, use, pair):
        """Threads write, or `use` an 'atomic': a race where another read, or wrote another value.

        `pair(k)` is what cell k of each element holds and will hold; None for atomics.
        """
        note = self._note(g, cells, span, extent)
        atomic = use == "atomic"
        verb = "updates" if atomic else "writes"
        if self._fillings:
            self._unfilled(note, verb)
        met = [read.low < note.high and note.low < read.high for read in self._reads]
        if any(met):
            self._enter([read for read, meets in zip(self._reads, met) if meets])
            self._reads = [read for read, meets in zip(self._reads, met) if not meets]
        if read := self._entered.overlapping(note):
            for k in range(span):
                for readers in (self._reader, self._second):
                    self._check(note, readers[cells + k], verb, "read", read)
        if write := self._writes.overlapping(note):
            for k in range(span):
                last = self._writer[cells + k]
                if atomic:
                    self._check(note, np.where(last & ATOMIC, 0, last), verb, "wrote", write)
                else:
                    before, after = pair(k)
                    changes = (last & ATOMIC != 0) | (before.view(np.uint8).reshape(before.size, -1)
                                                      != _octets(after)).any(1)
                    self._check(note, np.where(changes, last, 0), verb, "wrote", write)
        self._stamp(note, atomic, pair)

    def _stamp(self, note, atomic, pair):
        """Enter a write; of threads that write to one cell at once, all must write the same."""
        stamps = note.stamps | ATOMIC if atomic else note.stamps
        for k in range(note.span):
            cells = note.cells + k
            self._writer[cells] = stamps if cells.size > 1 else stamps[-1:]
            lost = self._writer[cells] != stamps
            if pair is not None and lost.any():
                mine = np.broadcast_to(pair(k)[1], stamps.shape)
                winner = np.searchsorted(stamps & LANE, self._writer[cells] & LANE)
                differs = lost & (_octets(mine) != _octets(mine[np.broadcast_to(winner, stamps.shape)])).any(1)
                if differs.any():
                    k = int(np.argmax(differs))
                    self._stop(stamps[k] & LANE, np.broadcast_to(self._writer[cells], stamps.shape)[k] & LANE,
                               "writes", "wrote", note.instruction)
        self._writes.add(note)

    def _enter(self, notes):
        """Enter reads that were only noted."""
        for note in notes:
            cells, stamps, start = note.cells, note.stamps, note.start
            if cells.size == 1:   # two of the threads stand for all
                stamps = stamps[[0, -1]]
                cells, start = np.broadcast_to(cells, 2), start[[0, -1]] if start.size > 1 else start
            for k in range(note.span):
                at = cells + k
                stale = self._reader[at] < start
                self._reader[at[stale]] = stamps[stale]
                others = (self._reader[at] ^ stamps) & LANE != 0
                self._second[at[others]] = stamps[others]
            self._entered.add(note)

    def _check(self, note, last, verb, other_verb, other):
        """Stop at the first thread whose access is in no order with the stamps `last`."""
        bad = (last >= note.start) & ((last ^ note.stamps) & LANE != 0)
        if not bad.any():
            return
        batch = self._batch
        lanes = note.stamps & LANE
        others = np.broadcast_to(last & LANE, lanes.shape)
        partner = np.broadcast_to(self._partners, batch.lanes.shape)[lanes] >> batch.lane_in_warp[others].astype(
            np.uint32) & np.uint32(1)
        later = (note.stamps >> EVENT_SHIFT & EVENT) > (last >> EVENT_SHIFT & EVENT)
        bad &= ~((batch.warp_of[lanes] == batch.warp_of[others]) & later & partner.astype(bool))
        if bad.any():
            k = int(np.argmax(bad))
            self._stop(lanes[k], others[k], verb, other_verb, other)

    def _stop(self, lane, other, verb, other_verb, instruction):
        place = self._batch.program.place(instruction)
        raise Stop(RaceFault, int(lane), f"{verb} shared memory that thread {self._batch.thread(other)} {other_verb} "
                                         f"({place}) with no barrier between")

    def fill(self, cells, span):
        """A cp.async begins to fill cells."""
        if not self._filling.size:
            self._filling = np.zeros(self._writer.size, bool)
        self._fillings += cells.size
        for k in range(span):
            self._filling[cells + k] = True

    def filled(self, g, cells, span, extent):
        """A cp.async has filled cells, which counts as a write of its thread at this moment."""
        self._fillings -= cells.size
        for k in range(span):
            self._filling[cells + k] = False
        self._stamp(self._note(g, cells, span, extent), False, None)

    def _unfilled(self, note, verb):
        for k in range(note.span):
            early = self._filling[note.cells + k]
            if early.any():
                lane = int(note.stamps[np.argmax(early)] & LANE)
                raise Stop(RaceFault, lane, f"{verb} shared memory that a cp.async still fills; wait for it "
                                            "(cp.async.wait_group), then for a barrier")


def _octets(values):
    return np.ascontiguousarray(values).view(np.uint8).reshape(values.size, -1)
