"""The pool of a device's memory, on a driver that is a list of addresses."""

import gc
import random

import pytest

from numba_layers.devices._pool import GRANULE, ROUND, SLAB, Pool, reserved


class Memory:
    """What a driver gives: one piece directly behind the other."""

    def __init__(self, total=1 << 40):
        self.total, self.given, self.asked, self._next = total, {}, 0, 1 << 40

    def allocate(self, nbytes):
        """An address or None."""
        self.asked += 1
        if sum(self.given.values()) + nbytes > self.total:
            return None
        address, self._next = self._next, self._next + nbytes
        self.given[address] = nbytes
        return address

    def pool(self):
        """A pool of this memory."""
        return Pool("the device", self.allocate, self.given.pop)


@pytest.mark.parametrize("nbytes, size", [(0, ROUND), (1, ROUND), (ROUND, ROUND), (ROUND + 1, 2 * ROUND)])
def test_blocks_are_round(nbytes, size):
    lease = Memory().pool().lease(nbytes)
    assert lease.block.size == size and lease.block.address % ROUND == 0 and lease.device == "the device"


def test_layouts_lie_as_far_apart_as_numbers():
    pool = Memory().pool()
    for lease in [pool.lease(5000), pool.lease(7000)]:
        block = lease.block
        host = block.slab.host[block.offset:block.offset + block.size]
        assert host.ctypes.data + lease.shift == block.address


def test_reserved_bytes_take_no_memory():
    far = reserved(1 << 40)     # more than any machine has
    assert far.size == 1 << 40 and not far[-1] and far.flags.writeable


def test_blocks_come_back():
    pool = Memory().pool()
    first = pool.lease(1000)
    address = first.block.address
    assert pool.lease(1000).block.address != address
    del first
    assert pool.lease(900).block.address == address


def test_large_blocks_have_slabs_of_their_size():
    memory = Memory()
    kept = memory.pool().lease(SLAB + 1)
    assert kept.block.size == SLAB + ROUND and list(memory.given.values()) == [SLAB + GRANULE]


def test_free_neighbours_become_one():
    memory = Memory()
    pool = memory.pool()
    small = [pool.lease(SLAB // 64) for _ in range(64)]
    del small[10:30], small[:5]
    large = pool.lease(20 * SLAB // 64)
    assert len(memory.given) == 1
    assert large.block.offset == 10 * SLAB // 64
    assert pool.used == 59 * SLAB // 64 and pool.held == SLAB


def test_lengths_that_vary_take_no_more_than_the_longest():
    """Batches of texts are as long as their longest one: each step asks for other sizes."""
    memory, chance = Memory(), random.Random(3)
    pool = memory.pool()
    weights = [pool.lease(300_000) for _ in range(10)]

    def step(length):
        return [pool.lease(length * width) for width in (40_000, 10_000, 40_000, 400, 90_000)]

    for _ in range(300):
        step(chance.randint(1, 1000))
    assert pool.held < 1.4 * 1000 * 180_400
    asked = memory.asked
    for _ in range(100):
        step(chance.randint(1, 1000))
    assert memory.asked <= asked + 1 and len(weights) == 10


def test_one_slab_takes_the_place_of_those_in_which_nothing_lives():
    memory = Memory(total=3 * SLAB)
    pool = memory.pool()
    kept, free = pool.lease(SLAB), [pool.lease(SLAB) for _ in range(2)]
    del free
    block = pool.lease(SLAB + 1).block
    assert sorted(memory.given.values()) == [SLAB, 2 * SLAB] and block.slab.size == 2 * SLAB
    assert kept.block.address in memory.given
    assert pool.lease(SLAB).block.size == SLAB


def test_the_last_bytes_can_be_had():
    pool = Memory(total=SLAB + 3 * GRANULE).pool()
    kept = [pool.lease(SLAB), pool.lease(2 * GRANULE)]
    assert pool.lease(2 * GRANULE) is None
    assert pool.lease(GRANULE).block.size == GRANULE and len(kept) == 2


def test_circles_of_arrays_are_found_when_memory_is_short():
    pool = Memory(total=SLAB).pool()
    gc.disable()
    try:
        circle = [pool.lease(SLAB)]
        circle.append(circle)
        del circle
        assert pool.lease(SLAB).block.size == SLAB
    finally:
        gc.enable()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_slabs_stay_apart(order):
    pool = Memory().pool()
    leases = [pool.lease(SLAB), pool.lease(SLAB)]
    assert leases[0].block.address + SLAB == leases[1].block.address
    for k in order:
        leases[k] = None
    assert pool.release() == 2 * SLAB


def test_releasing_gives_whole_slabs_back():
    memory = Memory()
    pool = memory.pool()
    kept = pool.lease(SLAB), pool.lease(5000)
    gone = [pool.lease(3000) for _ in range(9)]
    del gone
    pool.release()
    assert len(memory.given) == 2
    del kept
    pool.release()
    assert not memory.given and pool.held == pool.used == 0
