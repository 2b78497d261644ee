"""Host arrays on their way to a GPU. They pass through pinned memory, which the GPU reads while Python goes on."""

import ctypes
from collections import deque

import numpy as np

from ._pool import ROUND

SMALL = 1 << 16       # bytes of an array that goes through `Uploads`
HALF = 1 << 19        # bytes of half of its pinned memory
LARGEST = 1 << 28     # bytes of a batch that goes through pinned memory
KEPT = 4              # blocks of batches that are kept for those to come
ALIGNED = 64


class Pinned:
    """Page-locked host memory, and an event that tells when the GPU has read it."""

    def __init__(self, gpu):
        self._gpu, self._event, self.address, self.bytes = gpu, gpu.event(), 0, np.empty(0, np.uint8)

    def ready(self, nbytes):
        """Wait until the GPU has read what was there; then it holds at least so many bytes."""
        gpu = self._gpu
        gpu.checked(gpu.driver.cuEventSynchronize(self._event))
        if nbytes > self.bytes.size:
            if self.address:
                gpu.checked(gpu.driver.cuMemFreeHost(self.address))
            self.address = int(gpu.checked(gpu.driver.cuMemHostAlloc(nbytes, 0)))
            self.bytes = np.frombuffer((ctypes.c_uint8 * nbytes).from_address(self.address), np.uint8)

    def copy_to(self, address, start, nbytes, stream):
        """Let the GPU copy a part to its memory."""
        gpu = self._gpu
        gpu.checked(gpu.driver.cuMemcpyHtoDAsync(address, self.address + start, nbytes, stream))

    def mark(self, stream):
        """The copies asked of `stream` so far are those to wait for. Returns the event, for other streams."""
        self._gpu.checked(self._gpu.driver.cuEventRecord(self._event, stream))
        return self._event


class Uploads:
    """Copies to the GPU in the order of its kernels, which wait for nothing where arrays are small."""

    def __init__(self, gpu):
        self._gpu, self._at = gpu, 0
        self._halves = deque([Pinned(gpu), Pinned(gpu)])
        self._halves[0].ready(HALF)

    def __call__(self, address, array):
        """Copy a contiguous host array to an address; afterwards it may change."""
        gpu, nbytes = self._gpu, array.nbytes
        if nbytes > SMALL:
            gpu.checked(gpu.driver.cuMemcpyHtoDAsync(address, array.ctypes.data, nbytes, gpu.stream))
            gpu.checked(gpu.driver.cuStreamSynchronize(gpu.stream))
            return
        if self._at + nbytes > HALF:
            self._halves[0].mark(gpu.stream)
            self._halves.rotate()
            self._halves[0].ready(HALF)
            self._at = 0
        pinned = self._halves[0]
        pinned.bytes[self._at:self._at + nbytes] = array.reshape(-1).view(np.uint8)
        pinned.copy_to(address, self._at, nbytes, gpu.stream)
        self._at += -(-nbytes // ALIGNED) * ALIGNED


class Feed:
    """Copies batches to the GPU on a stream of their own, while kernels of the batches before compute.

    Its arrays hold for as long as they live. Kernels that read a batch were asked for before it died, so before the
    next call. The block is given out at the call after that one at the earliest, and its copy waits for what was asked
    for before the call between: the kernels of the latest batch may run meanwhile.
    """

    def __init__(self, gpu):
        self._gpu = gpu
        self._stream = gpu.new_stream(beside=True)
        self._pinned = deque([Pinned(gpu), Pinned(gpu)])
        self._passed = deque([gpu.event(), gpu.event()])   # what kernels were asked for at the last calls
        self._calls = 0
        self._free = []    # (calls when its batch died, block)

    def __call__(self, arrays):
        """Copies of host arrays on the GPU, in one block."""
        starts, total = [], 0
        for array in arrays:
            starts.append(total)
            total += -(-array.nbytes // ROUND) * ROUND
        if not 0 < total <= LARGEST:
            return [self._gpu.put(array) for array in arrays]
        pinned = self._pinned[0]
        self._pinned.rotate()
        pinned.ready(total)
        for array, start in zip(arrays, starts):
            np.ndarray(array.shape, array.dtype, pinned.bytes, start)[...] = array
        block = self._block(total)
        pinned.copy_to(block.block.address, 0, total, self._stream)
        self._wait(self._gpu.stream, pinned.mark(self._stream))
        batch = Batch(self, block)
        host = block.block.slab.host
        return [self._gpu.array(np.ndarray(array.shape, array.dtype, host, block.block.offset + start), batch)
                for array, start in zip(arrays, starts)]

    def _block(self, nbytes):
        """A block to which the copying stream may write once it has waited for what it is told to wait for."""
        gpu = self._gpu
        self._calls += 1
        dead, self._free = self._free, []
        found = None
        for died, block in dead:
            if found is None and died < self._calls and block.block.size >= nbytes:
                found = block
            elif block.block.size >= nbytes and len(self._free) < KEPT:
                self._free.append((died, block))   # the others go back to the pool
        known = found is not None
        found = found or gpu.lease(nbytes)
        self._passed.rotate()
        gpu.checked(gpu.driver.cuEventRecord(self._passed[0], gpu.stream))
        self._wait(self._stream, self._passed[1 if known else 0])   # the pool's blocks were any kernel's until now
        return found

    def _wait(self, stream, event):
        self._gpu.checked(self._gpu.driver.cuStreamWaitEvent(stream, event, 0))

    def died(self, block):
        """A block's batch is no more: kernels that are asked for from the next call on do not read it."""
        self._free.append((self._calls + 1, block))


class Batch:
    """Keeps the block of a batch for as long as an array of it lives."""

    __slots__ = ("_feed", "_block", "__weakref__")

    def __init__(self, feed, block):
        self._feed, self._block = feed, block

    @property
    def device(self):
        return self._block.device

    @property
    def shift(self):
        """From the address of a layout to that of the numbers."""
        return self._block.shift

    @property
    def octets(self):
        """The layout of all bytes."""
        return self._block.octets

    def __del__(self):   # may run anywhere: it takes no lock
        self._feed.died(self._block)
