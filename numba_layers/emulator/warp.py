"""What the 32 threads of a warp do together: shuffles, votes, matches and reductions.

A value from a thread that takes no part is undefined; here it has all bits set.
Reference: PTX ISA, §9.7.9 (shfl) and §9.7.13 (bar.warp.sync, vote, match, activemask, redux, elect).
"""

import numpy as np

from .faults import Stop, WarpFault
from .ptx import Vector
from .table import Operation, instruction
from .types import DTYPES

U32, PRED = DTYPES["u32"], DTYPES["pred"]
ALL = np.uint32(0xFFFFFFFF)
LANES = np.arange(32)


def together(function, results, sources):
    """An operation in which the threads of a mask, its last source, wait for each other."""
    def step(g, *values):
        mine = values[-1] >> g.of(g.batch.lane_in_warp).astype(np.uint32) & np.uint32(1)
        if not mine.all():
            raise Stop(WarpFault, int(g.lanes[np.argmin(mine)]), "is not in the mask of its own warp operation")
        return function(g, *values)
    return Operation(step, results, (*sources, U32), grouped=True, together="warp", mask=True)


def by_warp(g, values, absent):
    """The values of a group as (warps, 32), with `absent` for threads that are not in it."""
    batch = g.batch
    values = np.broadcast_to(values, g.size)
    if g.whole and not batch.threads % 32:
        return values.reshape(-1, 32)
    table = np.full((batch.warps, 32), absent, values.dtype)
    table[g.of(batch.warp_of), g.of(batch.lane_in_warp)] = values
    return table


def members(g, mask):
    """(threads, 32): which threads of its warp are in the group and in the thread's mask."""
    here = by_warp(g, np.ones(1, bool), False)[g.of(g.batch.warp_of)]
    return here & (np.broadcast_to(mask, g.size)[:, None] >> LANES.astype(np.uint32) & np.uint32(1)).astype(bool)


def as_bits(table):
    """Rows of 32 truths as words."""
    return (table.astype(np.uint32) << LANES.astype(np.uint32)).sum(1, dtype=np.uint32)


@instruction("bar.warp.sync")
def warp_sync(asked):
    """Threads of a mask wait for each other, and see what the others wrote."""
    def step(g, mask):
        shadow = g.batch.spaces[1].shadow
        if shadow is not None:
            shadow.warp_barrier(g, mask)
    return together(step, (), ())


@instruction("shfl.sync")
def shuffle(asked):
    """A register of another thread of the warp (or segment of it), and whether there is such a thread."""
    mode = asked.one_of("up", "down", "bfly", "idx")
    both = isinstance(asked.operands[0], Vector)

    def step(g, values, b, c, mask):
        lane = g.of(g.batch.lane_in_warp)
        b, segment = (b & np.uint32(31)).astype(np.int64), (c >> np.uint32(8) & np.uint32(31)).astype(np.int64)
        clamp = (c & np.uint32(31)).astype(np.int64)
        last = (lane & segment) | (clamp & ~segment)
        if mode == "up":
            source = lane - b
            exists = source >= last
        else:
            source = {"down": lambda: lane + b, "bfly": lambda: lane ^ b,
                      "idx": lambda: (lane & segment) | (b & ~segment)}[mode]()
            exists = source <= last
        source = np.where(exists, source, lane)
        warps = g.of(g.batch.warp_of)
        found = by_warp(g, values, ALL)[warps, source]
        in_mask = np.broadcast_to(mask, g.size) >> source.astype(np.uint32) & np.uint32(1)
        found = np.where(in_mask.astype(bool), found, ALL)
        return (found, exists) if both else found

    return together(step, (U32, PRED)[:1 + both], (U32, U32, U32))


@instruction("vote.sync")
def vote(asked):
    """Whether a predicate holds for all, any, or no and all of a warp's threads, or for which (ballot)."""
    how = asked.one_of("ballot", "all", "any", "uni")

    def step(g, predicate, mask):
        here = members(g, mask)
        true = here & by_warp(g, predicate, False)[g.of(g.batch.warp_of)]
        if how == "ballot":
            return as_bits(true)
        everyone = true.sum(1) == here.sum(1)
        return {"all": everyone, "any": true.any(1), "uni": everyone | ~true.any(1)}[how]

    return together(step, (U32 if how == "ballot" else PRED,), (PRED,))


@instruction("match.any.sync", "match.all.sync")
def match(asked):
    """Which threads of the mask hold the same value (any); the mask if all do, else 0 (all)."""
    both = isinstance(asked.operands[0], Vector)

    def step(g, value, mask):
        here = members(g, mask)
        mine = np.broadcast_to(value, g.size)[:, None]
        same = here & (by_warp(g, value, asked.dtype.type(0))[g.of(g.batch.warp_of)] == mine)
        if "any" in asked.words:
            return as_bits(same)
        agree = same.sum(1) == here.sum(1)
        found = np.where(agree, as_bits(here), np.uint32(0))
        return (found, agree) if both else found

    return together(step, (U32, PRED)[:1 + both], (asked.dtype,))


@instruction("redux.sync")
def redux(asked):
    """Sum, least, greatest or logic of a register over the threads of a mask."""
    name = asked.one_of("add", "min", "max", "and", "or", "xor")
    function = {"add": np.add, "min": np.minimum, "max": np.maximum, "and": np.bitwise_and, "or": np.bitwise_or,
                "xor": np.bitwise_xor}[name]
    dtype = asked.dtype
    if dtype.kind == "f":
        raise asked.unknown()
    neutral = {"min": np.iinfo(dtype).max, "max": np.iinfo(dtype).min, "and": np.array(-1).astype(dtype)}.get(name, 0)

    def step(g, value, mask):
        table = by_warp(g, value, dtype.type(0))[g.of(g.batch.warp_of)]
        return function.reduce(np.where(members(g, mask), table, dtype.type(neutral)), axis=1, dtype=dtype)

    return together(step, (dtype,), (dtype,))


@instruction("activemask")
def activemask(asked):
    """Which threads of the warp are at this instruction now."""
    return Operation(lambda g: as_bits(members(g, ALL)), (U32,), (), grouped=True)


@instruction("elect.sync")
def elect(asked):
    """The lowest thread of the mask, and whether it is this one."""
    def step(g, mask):
        first = members(g, mask).argmax(1)
        return first.astype(np.uint32), first == g.of(g.batch.lane_in_warp)
    return together(step, (U32, PRED), ())
