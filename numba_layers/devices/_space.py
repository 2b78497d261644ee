"""Free memory: neighbours are joined at once, and what is asked for is cut from the smallest piece that has it."""

from bisect import bisect_left, insort


class Block:
    """A piece of a slab: where it begins there, its bytes, its address."""

    __slots__ = ("slab", "offset", "size", "address")

    def __init__(self, slab, offset, size):
        self.slab, self.offset, self.size, self.address = slab, offset, size, slab.address + offset


class Space:
    """Free blocks of slabs, no two of them neighbours."""

    def __init__(self):
        self._starts, self._ends = {}, {}   # address -> the block that begins, or ends, there
        self._sizes = []                    # (bytes, address), ascending

    @property
    def free(self):
        """Bytes in all."""
        return sum(size for size, _ in self._sizes)

    def add(self, block):
        """Take a block in, as one with its neighbours."""
        slab, offset, size = block.slab, block.offset, block.size
        before, after = self._ends.get(block.address), self._starts.get(block.address + size)
        if before and before.slab is slab:
            self._remove(before)
            offset, size = before.offset, before.size + size
        if after and after.slab is slab:
            self._remove(after)
            size += after.size
        block = Block(slab, offset, size)
        self._starts[block.address] = self._ends[block.address + size] = block
        insort(self._sizes, (size, block.address))

    def _remove(self, block):
        del self._starts[block.address], self._ends[block.address + block.size]
        del self._sizes[bisect_left(self._sizes, (block.size, block.address))]

    def cut(self, size):
        """A block of so many bytes, or None."""
        at = bisect_left(self._sizes, (size,))
        if at == len(self._sizes):
            return None
        block = self._starts[self._sizes[at][1]]
        self._remove(block)
        if block.size > size:
            self.add(Block(block.slab, block.offset + size, block.size - size))
        return Block(block.slab, block.offset, size)

    def take_empty(self):
        """The slabs that are free as a whole, which are forgotten here."""
        empty = [block for block in self._starts.values() if block.size == block.slab.size]
        for block in empty:
            self._remove(block)
        return [block.slab for block in empty]
