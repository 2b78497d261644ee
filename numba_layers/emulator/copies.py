"""Copies from global to shared memory beside the running threads (cp.async): they arrive when a thread waits for them.

So a kernel that forgets to wait reads what was there before, and the Shadow reports it.
"""

from dataclasses import dataclass

import numpy as np

from .types import DTYPES

U32 = DTYPES["u32"]


@dataclass
class Copy:
    """One instruction's copies: threads, the group each belongs to, words to write and their places."""
    lanes: np.ndarray
    groups: np.ndarray
    index: np.ndarray
    words: list
    left: np.ndarray       # not yet arrived
    instruction: object


class Copies:
    """The copies of a batch that are under way."""

    def __init__(self, batch):
        self._shared = batch.spaces[1]
        self._batch = batch
        self._committed = np.zeros(batch.lanes.size, np.int64)   # groups of each thread
        self._copies = []

    def start(self, g, target, offset, words):
        """Begin to copy words (a list of arrays), which are read now, to shared addresses."""
        array, index = self._shared.place(g, target, offset, U32, len(words), "write", words)
        index = np.broadcast_to(index, g.size)
        self._shared.fill(index, len(words))
        self._copies.append(Copy(g.lanes, self._committed[g.lanes], index,
                                 [np.broadcast_to(word, g.size) for word in words], np.ones(g.size, bool),
                                 self._batch.instruction))
        self._array = array

    def start_partial(self, g, target, offset, origin, source, count, size):
        """The same with only `size` bytes read, maybe none, and 0 in their places."""
        size = np.broadcast_to(size, g.size)
        words = [np.zeros(g.size, U32) for _ in range(count)]
        index = np.flatnonzero(size > 0)
        if index.size:
            part = g.part(index)
            read = self._batch.spaces[0].load(part, np.broadcast_to(origin, g.size)[index], source, U32, count)
            for k, (word, values) in enumerate(zip(words, read)):
                here = np.clip(size[index].astype(np.int64) - 4 * k, 0, 4)   # bytes of this word
                mask = ((np.uint64(1) << (8 * here).astype(np.uint64)) - np.uint64(1)).astype(U32)
                word[index] = values & mask
        self.start(g, target, offset, words)

    def commit(self, g):
        """What the threads started since their last commit is a group."""
        self._committed[g.lanes] += 1

    def wait(self, g, newest):
        """All groups of these threads but the `newest` arrive; with None, all copies."""
        here = np.zeros(self._committed.size, bool)
        here[g.lanes] = True
        for copy in self._copies:
            arrives = copy.left & here[copy.lanes]
            if newest is not None:
                arrives &= copy.groups < self._committed[copy.lanes] - newest
            if arrives.any():
                self._arrive(g, copy, np.flatnonzero(arrives))
        self._copies = [copy for copy in self._copies if copy.left.any()]

    def _arrive(self, g, copy, which):
        index = copy.index[which]
        for k, word in enumerate(copy.words):
            self._array[index + k] = word[which]
        copy.left[which] = False
        lanes = copy.lanes[which]
        self._shared.filled(g.part(np.searchsorted(g.lanes, lanes)), index, len(copy.words))
