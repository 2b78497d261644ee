"""A device's memory in blocks that are used again: the driver is asked for more only while a program grows.

A block whose last array died waits for the next array of its size: steps of one shape repeat the same blocks. Where
none waits, all that wait become free space, from which any size is cut. Where that has too little, slabs in which
nothing lives are given back to the driver, and one as large as all of them, at least, takes their place.
"""

import gc
import mmap
import threading
from collections import defaultdict, deque

import numpy as np

from ._space import Block, Space

ROUND = 512          # bytes of which blocks are multiples, and at whose multiples they begin
SLAB = 64 << 20      # bytes asked of the driver at a time, at least
GRANULE = 2 << 20    # of which the driver gives multiples


class Slab:
    """Memory that the driver gave, and host addresses of the same size, in which layouts of arrays lie.

    Nothing is ever stored at those addresses: they cost no memory, and views of them are NumPy's.
    """

    def __init__(self, address, size):
        self.address, self.size = address, size
        self.host = reserved(size)
        self.shift = address - self.host.ctypes.data   # from a layout's address to the numbers'


class Lease:
    """Keeps a block from others for as long as it lives; arrays hold it. nbytes: that were asked for."""

    __slots__ = ("block", "device", "nbytes", "_returned", "__weakref__")

    def __init__(self, block, device, nbytes, returned):
        self.block, self.device, self.nbytes, self._returned = block, device, nbytes, returned

    @property
    def shift(self):
        """From the address of a layout to that of the numbers."""
        return self.block.slab.shift

    @property
    def octets(self):
        """The layout of all bytes."""
        start = self.block.offset
        return self.block.slab.host[start:start + self.nbytes]

    def __del__(self):   # may run anywhere, even inside of `Pool.lease`
        self._returned.append(self.block)


class Pool:
    """Blocks of a device's memory. `allocate(bytes)` answers an address or None, `free(address)` takes it back."""

    def __init__(self, device, allocate, free):
        self._device, self._allocate, self._free = device, allocate, free
        self._returned, self._waiting, self._space = deque(), defaultdict(list), Space()
        self._lock = threading.RLock()   # finalizers that a garbage collection runs may ask for memory
        self.slabs = []

    def lease(self, nbytes):
        """A block of at least so many bytes. None where neither pool nor driver have it."""
        size = (nbytes + ROUND - 1) // ROUND * ROUND or ROUND
        with self._lock:
            self._sort()
            waiting = self._waiting.get(size)
            block = waiting.pop() if waiting else self._found(size)
        return block and Lease(block, self._device, nbytes, self._returned)

    @property
    def held(self):
        """Bytes that the driver gave."""
        return sum(slab.size for slab in self.slabs)

    @property
    def used(self):
        """Bytes of blocks that are leased."""
        with self._lock:
            self._gather()
            return self.held - self._space.free

    def release(self):
        """Give slabs in which nothing lives back to the driver; their bytes."""
        with self._lock:
            self._gather()
            empty = self._space.take_empty()
            for slab in empty:
                self.slabs.remove(slab)
                self._free(slab.address)
            return sum(slab.size for slab in empty)

    def _sort(self):
        """Blocks that came back wait for arrays of their size."""
        returned, waiting = self._returned, self._waiting
        while returned:
            block = returned.popleft()
            waiting[block.size].append(block)

    def _gather(self):
        """All blocks that wait become free space."""
        self._sort()
        for blocks in self._waiting.values():
            for block in blocks:
                self._space.add(block)
        self._waiting.clear()

    def _found(self, size):
        """A block of free space, of the pool's or of new; None where there is not enough."""
        self._gather()
        found = self._space.cut(size)
        if found is None:
            self._grow(size, self.release())
            found = self._space.cut(size)
        if found is None:
            gc.collect()   # arrays that hold each other in a circle
            self._grow(size, self.release())
            found = self._space.cut(size)
        return found

    def _grow(self, size, released):
        """Add a slab, if the driver gives one that has a block of this size."""
        exact = -(-size // GRANULE) * GRANULE
        for wanted in sorted({max(exact, SLAB, released), max(exact, SLAB), exact}, reverse=True):
            address = self._allocate(wanted)
            if address is not None:
                slab = Slab(address, wanted)
                self.slabs.append(slab)
                self._space.add(Block(slab, 0, wanted))
                return


def reserved(nbytes):
    """Bytes at host addresses that take no memory until they are written; they read as 0."""
    kind = {}
    if hasattr(mmap, "MAP_ANONYMOUS"):   # not on Windows
        no_reserve = getattr(mmap, "MAP_NORESERVE", 0x4000)
        kind = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | no_reserve}
    return np.frombuffer(mmap.mmap(-1, max(nbytes, 1), **kind), np.uint8)
