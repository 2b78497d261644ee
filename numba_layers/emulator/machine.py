"""The machine: threads of several blocks run together, in groups that stand at the same instruction.

A `Batch` is a number of blocks; a thread is a lane of its arrays. A `Group` is the threads at one instruction, with
their registers: one array for each register, with an element for each thread, or a single one where all have the
same value. A branch splits a group where its threads disagree. The group at the lowest instruction runs first, so
that threads which took different ways meet again, and there they become one group.
"""

from functools import cached_property

import numpy as np

from . import faults
from .faults import Stop
from .onchip import LocalMemory, SharedMemory

WARP = 32
AXES = {"x": 0, "y": 1, "z": 2}
LANES = 8192        # threads that run together, about: arrays that fit a cache
STEP_LIMIT = 1 << 20   # basic blocks that a batch may run
PATIENCE = 64       # turns of the lowest group after which the one furthest on has that many steps: it may hold a lock


class Group:
    """Threads at one instruction: their lanes in the batch in ascending order, and their registers."""

    __slots__ = ("batch", "lanes", "r", "size", "whole", "stamps")

    def __init__(self, batch, lanes, registers):
        self.batch, self.lanes, self.r = batch, lanes, registers
        self.size = lanes.size
        self.whole = lanes.size == batch.lanes.size
        self.stamps = None   # the Shadow's

    def of(self, values):
        """What an array over all lanes of the batch holds for these threads."""
        return values if self.whole else values[self.lanes]

    def part(self, index, live=()):
        """Some of the threads, by index, with those registers that are `live`."""
        registers = self.r.copy()
        for slot in live:
            values = registers[slot]
            if values.size > 1:
                registers[slot] = values[index]
        return Group(self.batch, self.lanes[index], registers)

    def joined(self, other, live):
        """The threads of two groups as one, with those registers that are `live`."""
        lanes = np.concatenate((self.lanes, other.lanes))
        order = np.argsort(lanes, kind="stable")
        registers = self.r.copy()
        for slot in live:
            a, b = registers[slot], other.r[slot]
            if a is b or (a.size == 1 and b.size == 1 and a.tobytes() == b.tobytes()):
                continue
            both = np.empty(lanes.size, a.dtype)
            both[:self.size], both[self.size:] = a, b
            registers[slot] = both[order]
        return Group(self.batch, lanes[order], registers)


class Batch:
    """Blocks `first` to `first + blocks` of a launch, run to their end by `run`."""

    def __init__(self, launch, first, blocks):
        self.launch, self.program, self.blocks = launch, launch.program, blocks
        self.first = first
        self.threads = launch.threads   # of a block
        self.lanes = np.arange(blocks * self.threads)
        self.steps = self._lows = 0     # basic blocks run; turns of the lowest group
        self.instruction = None         # that of the latest access, for messages
        self.running = np.ones(self.lanes.size, bool)
        self.alive = self.lanes.size
        self._waiting, self._parked = {}, {}   # number of a basic block -> the group before it
        self.spaces = launch.spaces(self)
        self.copies = None              # cp.async under way

    @cached_property
    def block_of(self):
        """The block of each lane, from 0 in the batch."""
        return self.lanes // self.threads

    @cached_property
    def thread_of(self):
        """The number of each lane in its block."""
        return self.lanes % self.threads

    @cached_property
    def lane_in_warp(self):
        return self.thread_of % WARP

    @cached_property
    def warps(self):
        """How many warps the batch has; a block's last may be part empty."""
        return self.blocks * -(-self.threads // WARP)

    @cached_property
    def warp_of(self):
        return self.block_of * -(-self.threads // WARP) + self.thread_of // WARP

    def thread(self, lane):
        """(x, y, z) of a lane in its block."""
        return _coordinates(int(lane) % self.threads, self.launch.block)

    def block(self, lane):
        """(x, y, z) of a lane's block in the grid."""
        return _coordinates(self.first + int(lane) // self.threads, self.launch.grid)

    def fault(self, stop, instruction):
        """The KernelFault for a Stop in an instruction."""
        return stop.fault(stop.message, self.program, self.block(stop.lane), self.thread(stop.lane), instruction)

    # ---- groups --------------------------------------------------------------------------------------------

    def run(self):
        """Run all threads to their end. Raises: KernelFault."""
        waiting = self._waiting
        waiting[0] = Group(self, self.lanes, self.launch.registers(self))
        while waiting or self._parked:
            if not waiting:
                for at, group in self._released():
                    self._go(at, group, True)
                continue
            lowest = self._lows < PATIENCE
            self._lows = self._lows + 1 if lowest else 0
            at = min(waiting) if lowest else max(waiting)
            self._go(at, waiting.pop(at), False, 0 if lowest else PATIENCE)

    def _go(self, at, group, passed, turns=0):
        """Run a group on from a basic block until others may come first, or for some `turns` in any case.

        passed: it has waited there for its partners already.
        """
        waiting, basic_blocks, limit = self._waiting, self.program.basic_blocks, self.launch.step_limit
        turns += self.steps
        while True:
            basic_block = basic_blocks[at]
            if basic_block.together and not passed and group.size < self.alive:
                group = self._arrived(at, basic_block, group)
                if group is None:
                    return
            passed = False
            self.steps += 1
            if self.steps > limit:
                raise self.fault(Stop(faults.EndlessLoopFault, int(group.lanes[0]),
                                      f"is still running after {limit} steps of its blocks"),
                                 basic_block.last or basic_blocks[at - 1].last)
            basic_block.run(group)
            ways = basic_block.leave(self, group)
            if len(ways) != 1 or (waiting and self.steps >= turns):
                break
            at, group = ways[0]
        for at, group in ways:
            self._wait(waiting, at, group)

    def _wait(self, where, at, group):
        other = where.get(at)
        where[at] = group if other is None else other.joined(group, self.program.basic_blocks[at].live)

    def ended(self, group):
        """Threads leave the kernel."""
        self.running[group.lanes] = False
        self.alive -= group.size

    # ---- waiting for each other ----------------------------------------------------------------------------

    def _arrived(self, at, basic_block, group):
        """A group came to where threads wait for each other: those that need wait no longer, or None."""
        self._wait(self._parked, at, group)
        return self._freed(at, basic_block.ready(self._parked[at]))

    def _freed(self, at, ready):
        """Those threads that are parked at a basic block and `ready`; the others stay. None if there are none."""
        group, live = self._parked.pop(at), self.program.basic_blocks[at].live
        if ready.all():
            return group
        if ready.any():
            self._parked[at] = group.part(np.flatnonzero(~ready), live)
            return group.part(np.flatnonzero(ready), live)
        self._parked[at] = group
        return None

    def _released(self):
        """No thread can run: (place, group) of those whose partners have come, or ended. Raises: DeadlockFault."""
        basic_blocks = self.program.basic_blocks
        everyone = [(basic_blocks[at], group) for at, group in self._parked.items()]
        ready = {at: basic_blocks[at].ready(group, everyone) for at, group in self._parked.items()}
        freed = [(at, self._freed(at, ready[at])) for at in sorted(ready) if ready[at].any()]
        if not freed:
            raise self._deadlock()
        return freed

    def _deadlock(self):
        """The fault that names who waits where, in the first block that is stuck."""
        at = min(self._parked, key=lambda at: int(self._parked[at].lanes[0]))
        block = int(self._parked[at].lanes[0]) // self.threads
        places = []
        for other in sorted(self._parked):
            lanes = self._parked[other].lanes
            count = int((lanes // self.threads == block).sum())
            instruction = self.program.basic_blocks[other].first
            if count:
                places.append(f"{count} at {instruction.opcode} ({self.program.place(instruction)})")
        lane = int(self._parked[at].lanes[0])
        stop = Stop(faults.DeadlockFault, lane, "waits for threads that never come. Of its block's "
                    f"{self.threads} threads wait: {', '.join(places)}")
        return self.fault(stop, self.program.basic_blocks[at].first)


def _coordinates(number, shape):
    x, y, _ = shape
    return number % x, number // x % y, number // (x * y)


class Launch:
    """One run of a kernel: its grid and block (x, y, z), its parameters, its memory.

    `parameters`: name -> (word, Variable); `addresses`: name of a global variable -> its address.
    """

    def __init__(self, program, memory, grid, block, parameters, addresses, dynamic_shared=0, step_limit=STEP_LIMIT,
                 watch_races=True):
        self.program, self.memory, self.grid, self.block = program, memory, grid, block
        self.parameters, self.addresses = parameters, addresses
        self.threads = block[0] * block[1] * block[2]
        self.step_limit, self._watch_races = step_limit, watch_races
        self._dynamic_shared = dynamic_shared
        self._placed, self.shared_bytes = program.shared_layout(dynamic_shared)
        self._registers = program.constants(self)

    def run(self):
        """Run all blocks, as many at a time as make about LANES threads. Raises: KernelFault."""
        blocks = self.grid[0] * self.grid[1] * self.grid[2]
        together = max(1, LANES // self.threads)
        with np.errstate(all="ignore"):
            for first in range(0, blocks, together):
                Batch(self, first, min(together, blocks - first)).run()

    def spaces(self, batch):
        """Number of the window of generic addresses -> the memory behind it."""
        shared = SharedMemory(self._placed, self.shared_bytes, batch, self.program.grain, self._watch_races)
        return {0: self.memory, 1: shared, 2: LocalMemory(self.program.local_size, batch)}

    # ---- what registers hold at the start ------------------------------------------------------------------

    def address(self, name):
        """The address of a variable, None for a local one."""
        if name in self._placed:
            return self._placed[name].start
        return self.addresses.get(name)

    def special(self, name):
        """A special register that is the same for all threads; None for one that is not known."""
        base, _, axis = name.partition(".")
        if base in ("%ntid", "%nctaid") and axis in AXES:
            return (self.block if base == "%ntid" else self.grid)[AXES[axis]]
        return {"%dynamic_smem_size": self._dynamic_shared, "%total_smem_size": self.shared_bytes, "%smid": 0,
                "%nsmid": 1, "%gridid": 0, "%nwarpid": -(-self.threads // WARP)}.get(name)

    def registers(self, batch):
        """The registers with which a batch starts."""
        registers = list(self._registers)
        for name, slot, dtype in self.program.slots.lane_registers:
            registers[slot] = self._lane_register(name, batch).astype(dtype)
        return registers

    def _lane_register(self, name, batch):
        base, _, axis = name.partition(".")
        if base in ("%tid", "%ctaid"):
            numbers, shape = ((batch.thread_of, self.block) if base == "%tid" else
                              (batch.block_of + batch.first, self.grid))
            values = _coordinates(numbers, shape)[AXES[axis]]
            alike = shape[AXES[axis]] == 1 or (base == "%ctaid" and batch.blocks == 1)
            return values[:1] if alike else values
        if base == "%warpid":
            return batch.thread_of // WARP
        lane = batch.lane_in_warp.astype(np.uint64)
        if base == "%laneid":
            return lane
        bit = np.uint64(1) << lane
        return {"%lanemask_eq": bit, "%lanemask_lt": bit - np.uint64(1), "%lanemask_le": bit | (bit - np.uint64(1)),
                "%lanemask_gt": ~(bit | (bit - np.uint64(1))), "%lanemask_ge": ~(bit - np.uint64(1))}[base]
