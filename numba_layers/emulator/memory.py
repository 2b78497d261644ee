"""Where threads read and write: global memory of arrays with addresses, shared memory of blocks, local of threads.

Every space answers `load`, `store` and `update` (an atomic) for the threads of a group at once. It finds the
array and the elements that addresses stand for, and stops with the first thread whose address is not legal.
"""

from bisect import bisect_right
from collections import deque

import numpy as np

from .faults import MemoryFault, Stop

WINDOW = {"global": 0, "const": 0, "param": 0, "shared": 1 << 60, "local": 1 << 61}   # where generic addresses lie
SPACES = tuple(WINDOW)
POISON = 0xFF            # memory before its first write: NaN in every float type, -1 in integers
FIRST_ADDRESS = 1 << 40
GUARD = 1 << 24          # bytes between arrays, so that no index off by a little reaches another array
SHIFT = {1 << k: np.uint64(k) for k in range(4)}
QUARANTINE = 1 << 26     # bytes of freed arrays that are kept, so that NumPy gives their memory to no other


class Spread(Exception):
    """The addresses lie in several arrays: `parts` are indices of threads, one set for each array."""

    def __init__(self, parts):
        super().__init__()
        self.parts = parts


class Space:
    """Loads, stores and atomics on top of `place(g, address, offset, dtype, count, use)` -> (array, index)."""

    def load(self, g, address, offset, dtype, count=1):
        """`count` neighbours from each address, as a list of arrays."""
        try:
            array, index = self.place(g, address, offset, dtype, count, "read")
        except Spread as spread:
            found = [np.empty(address.size, dtype) for _ in range(count)]
            for part in spread.parts:
                for whole, loaded in zip(found, self.load(g.part(part), address[part], offset, dtype, count)):
                    whole[part] = loaded
            return found
        if count == 1:
            return [array.take(index)]
        return [array.take(index + k) for k in range(count)]

    def store(self, g, address, offset, dtype, values):
        """Write a list of arrays to neighbours at each address; of threads that share one, the last wins."""
        try:
            array, index = self.place(g, address, offset, dtype, len(values), "write", values)
        except Spread as spread:
            for part in spread.parts:
                self.store(g.part(part), address[part], offset, dtype, [taken(v, part) for v in values])
            return
        for k, value in enumerate(values):
            array[index + k if k else index] = value if index.size > 1 else value[-1:]

    def update(self, g, address, offset, dtype, function, operands):
        """Atomically replace x by function(x, *operands) for one thread after the other; what was there before."""
        try:
            array, index = self.place(g, address, offset, dtype, 1, "atomic")
        except Spread as spread:
            old = np.empty(address.size, dtype)
            for part in spread.parts:
                old[part] = self.update(g.part(part), address[part], offset, dtype, function,
                                        [taken(operand, part) for operand in operands])
            return old
        index = np.broadcast_to(index, g.size)
        operands = [np.broadcast_to(operand, g.size) for operand in operands]
        old = np.empty(g.size, dtype)
        order, starts, counts = places(index)
        if isinstance(function, np.ufunc) and starts.size < counts.max(initial=0):
            for start, count in zip(starts, counts):   # few places: all of a place's threads at once
                lanes = order[start:start + count]
                at = index[lanes[0]]
                steps = function.accumulate(np.concatenate((array[at:at + 1], operands[0][lanes])), dtype=dtype)
                old[lanes], array[at] = steps[:-1], steps[-1]
            return old
        for turn in range(int(counts.max(initial=0))):     # few threads at each place: all places at once
            lanes = order[starts[counts > turn] + turn]
            old[lanes] = array[index[lanes]]
            array[index[lanes]] = function(old[lanes], *(operand[lanes] for operand in operands))
        return old


def taken(value, part):
    """The elements of some threads; a value that all threads share stays one."""
    return value if value.size == 1 else value[part]


def places(index):
    """Threads in the order of their places, where each place starts in that order, and how many threads it has."""
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    starts = np.flatnonzero(np.r_[index.size > 0, ordered[1:] != ordered[:-1]])
    return order, starts, np.diff(np.r_[starts, index.size])


def misaligned(address, wide, origin=0):
    """The first thread whose address (from an origin on) is no multiple of `wide` bytes, or None."""
    if wide == 1:
        return None
    if origin % wide:
        address = address + np.uint64(origin % wide)
    if not int(np.bitwise_or.reduce(address)) & (wide - 1):
        return None
    return int(np.flatnonzero(address & np.uint64(wide - 1))[0])


def stopped(g, k, use, wide, where):
    """The Stop of thread k of a group."""
    verb = {"read": "reads", "write": "writes", "atomic": "updates"}[use]
    return Stop(MemoryFault, int(g.lanes[k]), f"{verb} {wide} bytes {where}")


class Segment:
    """An array in global memory: its address, its bytes, and how it is called in messages."""

    def __init__(self, start, octets, address, name, array):
        self.start, self.size, self.end = start, octets.size, start + octets.size
        self.bytes, self.address = octets, address   # address: of the first element
        self.writable, self.freed = array.flags.writeable, False
        self._called = name, array.dtype, array.shape
        self._views = {}

    @property
    def name(self):
        """What messages call the array."""
        return "{} ({}, shape {})".format(*self._called)

    def viewed(self, dtype):
        """The bytes as elements that lie at multiples of their size, and the address of the first."""
        view = self._views.get(dtype)
        if view is None:
            origin = -(-self.start // dtype.itemsize) * dtype.itemsize
            octets = self.bytes[origin - self.start:]
            octets = octets[:octets.size // dtype.itemsize * dtype.itemsize]
            view = self._views[dtype] = octets.view(dtype), origin
        return view


class GlobalMemory(Space):
    """Arrays by address. `add` gives an array an address, `free` takes it back; addresses are never given twice."""

    def __init__(self):
        self._segments, self._starts = [], []
        self._next = FIRST_ADDRESS
        self._last = None
        self._freed, self._freed_bytes = deque(), 0

    def add(self, array, name="an array"):
        """The address of a NumPy array, which kernels use like one on a GPU; they work on the array itself."""
        octets, lead = bytes_of(array)
        start = self._next + lead
        self._next = (start + octets.size + GUARD) // 256 * 256
        address = start + array.ctypes.data - octets.ctypes.data if array.size else start
        self._starts.append(start)
        self._segments.append(Segment(start, octets, address, name, array))
        return address

    def free(self, address):
        """Take an array's address back: each later access through it, or to the array itself, is reported.

        Raises: KeyError where no array has that address.
        """
        segment = self._at(address)
        if segment is None or segment.address != address or segment.freed:
            raise KeyError(f"no array has the address {address:#x}")
        segment.freed = True
        self._freed.append(segment)
        self._freed_bytes += segment.size
        while self._freed_bytes > QUARANTINE:
            oldest = self._freed.popleft()
            self._freed_bytes -= oldest.size
            oldest.bytes = np.empty(0, np.uint8)   # the address stays known, the memory goes

    def remove(self, address):
        """Forget an array without a trace, as at the end of a launch."""
        at = bisect_right(self._starts, address) - 1
        while self._segments[at].address != address:   # an empty array, or one read backwards
            at -= 1
        del self._starts[at], self._segments[at]
        self._last = None

    def freed_address(self, array):
        """The old address of an array whose memory was freed, else None."""
        first = array.ctypes.data
        for segment in self._freed:
            start = segment.bytes.ctypes.data
            if start <= first < start + segment.size:
                return segment.start + first - start
        return None

    def _at(self, address):
        """The segment at an address, or the nearest below it; None below all."""
        at = bisect_right(self._starts, address) - 1
        return self._segments[at] if at >= 0 else None

    def place(self, g, address, offset, dtype, count, use, values=None):
        """The array that holds the addresses, and the elements' numbers in it."""
        first = int(address[0]) + offset
        segment = self._last
        if segment is None or not segment.start <= first < segment.end:
            segment = self._last = self._at(first)
        if segment is not None and not segment.freed and (segment.writable or use == "read"):
            array, origin = segment.viewed(dtype)
            distance = address - np.uint64((origin - offset) % 2**64)   # far beyond the end where it is below 0
            index = distance >> SHIFT[dtype.itemsize]
            span = count * dtype.itemsize
            if int(index.max()) + count <= array.size and misaligned(distance, span, origin) is None:
                return array, index.view(np.int64)
        raise self._explained(g, address + np.uint64(offset % 2**64), count * dtype.itemsize, use)

    def _explained(self, g, address, wide, use):
        """Why `place` failed: a Stop, or Spread where nothing is wrong but that there are several arrays."""
        self._last = None
        owners = np.searchsorted(np.array(self._starts, np.uint64), address, side="right").astype(np.int64) - 1
        parts = [np.flatnonzero(owners == owner) for owner in np.unique(owners)]
        for part in parts:
            first, owner = int(part[0]), int(owners[part[0]])
            if owner < 0:
                return stopped(g, first, use, wide, f"at address {int(address[first]):#x}, where no array lies")
            segment = self._segments[owner]
            if segment.freed:
                return stopped(g, first, use, wide, f"of freed memory: {segment.name}")
            outside = address[part] - np.uint64(segment.start) + np.uint64(wide) > np.uint64(segment.size)
            if outside.any():
                k = int(part[np.argmax(outside)])
                return stopped(g, k, use, wide, self._outside(int(address[k]), owner))
            if use != "read" and not segment.writable:
                return stopped(g, first, use, wide, f"of {segment.name}, which may only be read")
        k = misaligned(address, wide)
        if k is None:
            return Spread(parts)
        segment = self._segments[owners[k]]
        return stopped(g, k, use, wide, f"at byte {int(address[k]) - segment.start} of {segment.name}, misaligned: the "
                                     f"address {int(address[k]):#x} is no multiple of {wide}")

    def _outside(self, address, owner):
        """Where an address lies, in words, by the nearest array."""
        segment = self._segments[owner]
        above = self._segments[owner + 1] if owner + 1 < len(self._segments) else None
        if above is not None and above.start - address < address - segment.end:
            return f"out of bounds, {above.start - address} bytes before {above.name}"
        return f"out of bounds, at byte {address - segment.start} of {segment.size} of {segment.name}"


def bytes_of(array):
    """The bytes from an array's first element in memory to its last, and how far they lie from a multiple of 256.

    A GPU's allocator aligns to 256 bytes, so that a view is misaligned there by its distance from its array's start.
    """
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if array.flags.c_contiguous or array.size == 0:
        octets = array.reshape(-1).view(np.uint8)
    else:
        span = sum((n - 1) * abs(stride) for n, stride in zip(array.shape, array.strides))
        first = array[tuple(slice(0, 1) if stride >= 0 else slice(-1, None) for stride in array.strides)]
        octets = np.lib.stride_tricks.as_strided(first.reshape(1).view(np.uint8), (span + array.itemsize,), (1,))
    return octets, (octets.ctypes.data - owner.ctypes.data) % 256
