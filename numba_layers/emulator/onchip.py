"""Memory on the chip: shared by the threads of a block, or a thread's own.

Each shared variable has a range of addresses of its own, so that no index off by a little reaches another variable,
and starts at a multiple of the alignment it asks for and of no more.
"""

from dataclasses import dataclass

import numpy as np

from .memory import POISON, SHIFT, Space, Spread, misaligned, stopped
from .races import Shadow

RANGE = 18   # bits: no block has more than 227 KB
MAX_SHARED = 232448
LOCAL_START = 256


@dataclass(frozen=True)
class Placed:
    """A shared variable: the address it starts and ends at, and its first byte among its block's."""
    name: str
    start: int
    end: int
    first: int


def layout(variables, dynamic=0):
    """Shared variables -> ({name: Placed}, bytes a block has); those without size get `dynamic` bytes, all the same."""
    placed, total, known = {}, 0, None
    for number, variable in enumerate(variables, 1):
        open_ended = variable.size == 0
        align = max(variable.align, 16 if open_ended else 1)
        start = (number << RANGE) + (align if align < 128 else 0)
        if open_ended and known is not None:
            placed[variable.name] = known
            continue
        first = -(-total // 16) * 16
        size = dynamic if open_ended else variable.size
        placed[variable.name] = Placed(variable.name, start, start + size, first)
        total = first + size
        known = placed[variable.name] if open_ended else known
    return placed, -(-total // 16) * 16


class SharedMemory(Space):
    """The shared memory of a batch's blocks, one after the other, watched for races by a Shadow."""

    def __init__(self, placed, total, batch, grain, watched):
        self._placed = {variable.start >> RANGE: variable for variable in placed.values()}
        self._one_block = batch.blocks == 1
        self._octets = np.full(batch.blocks * total, POISON, np.uint8)
        self._first = (batch.block_of.astype(np.uint64) * np.uint64(total))
        self._views = {}
        self._grain = grain
        self._total = total
        self.shadow = Shadow(batch.blocks * total // grain, batch) if watched else None

    def place(self, g, address, offset, dtype, count, use, values=None):
        """The array of all blocks' memory and the elements' numbers in it; races stop here."""
        if address.size == 1:
            low = high = int(address[0]) + offset
        else:
            low, high = int(address.min()) + offset, int(address.max()) + offset
        wide = dtype.itemsize
        variable = self._placed.get(low >> RANGE)
        if (variable is None or low < variable.start or high + count * wide > variable.end
                or misaligned(address, count * wide, offset) is not None):
            raise self._explained(g, address + np.uint64(offset % 2**64), count * wide, use)
        array = self._views.get(dtype)
        if array is None:
            array = self._views[dtype] = self._octets.view(dtype)
        index = address - np.uint64((variable.start - variable.first - offset) % 2**64)
        if not self._one_block:
            index = index + g.of(self._first)
        index = (index >> SHIFT[wide]).view(np.int64)
        if self.shadow is not None:
            self._watch(g, index, low, high, variable, count, use, values, array)
        return array, index

    def _watch(self, g, index, low, high, variable, count, use, values, array):
        per = array.itemsize // self._grain   # cells an element covers
        cells = index * per if per > 1 else index
        low, high = low - variable.start + variable.first, high - variable.start + variable.first
        extent = (low, high + count * array.itemsize)
        if use == "read":
            self.shadow.read(g, cells, count * per, extent)
        else:
            self.shadow.write(g, cells, count * per, extent, use,
                              values and (lambda k: (array[index + k // per], values[k // per])))

    def fill(self, index, count):
        """A cp.async begins to fill `count` words from each index on."""
        if self.shadow is not None:
            self.shadow.fill(index * (4 // self._grain), count * 4 // self._grain)

    def filled(self, g, index, count):
        """It has filled them."""
        if self.shadow is not None:
            low, high = int(index.min()) * 4 % self._total, int(index.max()) * 4 % self._total
            extent = (low, high + 4 * count) if self._one_block else (0, self._total)
            self.shadow.filled(g, index * (4 // self._grain), count * 4 // self._grain, extent)

    def _explained(self, g, address, wide, use):
        """Why `place` failed: a Stop, or Spread where nothing is wrong but that there are several arrays."""
        for k, one in enumerate(address.tolist()):
            variable = self._placed.get(one >> RANGE)
            if variable is None or not variable.start <= one <= variable.end - wide:
                near = variable or self._placed.get((one >> RANGE) + 1)
                where = (f"out of bounds, at byte {one - near.start} of {near.end - near.start} of the shared array "
                         f"{near.name}" if near else f"at shared address {one:#x}, where no array lies")
                return stopped(g, k, use, wide, where)
            if one % wide:
                return stopped(g, k, use, wide, f"at byte {one - variable.start} of the shared array {variable.name}, "
                                             f"misaligned: declare it with alignment={wide} and use multiples of that")
        numbers = address >> np.uint64(RANGE)
        return Spread([np.flatnonzero(numbers == number) for number in np.unique(numbers)])


class LocalMemory(Space):
    """The memory of each thread of a batch: arrays that do not fit registers."""

    def __init__(self, size, batch):
        self._size = -(-size // 16) * 16
        self._octets = np.full(batch.lanes.size * self._size, POISON, np.uint8)
        self._first = batch.lanes.astype(np.uint64) * np.uint64(self._size)

    def place(self, g, address, offset, dtype, count, use, values=None):
        """The array of all threads' memory and the elements' numbers in it."""
        wide = count * dtype.itemsize
        place = address - np.uint64((LOCAL_START - offset) % 2**64)
        if int(place.max()) + wide > self._size or misaligned(place, wide) is not None:
            outside = place + np.uint64(wide) > np.uint64(self._size)
            k = int(np.argmax(outside)) if outside.any() else misaligned(place, wide)
            kind = "out of bounds, at" if outside.any() else "misaligned, at"
            raise stopped(g, k, use, wide, f"{kind} byte {int(place.view(np.int64)[k])} of the {self._size} bytes of "
                                           "its local memory")
        index = (place + g.of(self._first)) >> SHIFT[dtype.itemsize]
        return self._octets.view(dtype), index.view(np.int64)
