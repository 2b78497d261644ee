"""Barriers of a block, and what orders memory.

Reference: PTX ISA, §9.7.13 (bar, barrier, membar, fence).
"""

import numpy as np

from .faults import Stop, TrapFault
from .table import Operation, instruction
from .types import DTYPES

U32, PRED = DTYPES["u32"], DTYPES["pred"]


def _passed(g):
    """Tell the shared memory's Shadow that these threads' blocks are past a barrier."""
    shadow = g.batch.spaces[1].shadow
    if shadow is not None:
        shadow.barrier(None if g.size == g.batch.alive else np.unique(g.of(g.batch.block_of)))


@instruction("bar.sync", "barrier.sync", "bar.cta.sync", "barrier.cta.sync")
def sync(asked):
    """Wait until all threads of the block that still run have come, or as many as the second operand says."""
    return Operation(lambda g, *_: _passed(g), (), (U32,) * len(asked.operands), grouped=True, together="block")


@instruction("bar.red", "barrier.red", "bar.cta.red", "barrier.cta.red")
def red(asked):
    """A barrier that tells how many threads of the block hold a predicate, or whether all or any do."""
    how = asked.one_of("popc", "and", "or")
    counts = (U32,) * (len(asked.operands) - 2)

    def step(g, *values):
        _passed(g)
        blocks = g.of(g.batch.block_of)
        true = np.bincount(blocks, np.broadcast_to(values[-1], g.size), g.batch.blocks)[blocks]
        if how == "popc":
            return true.astype(np.uint32)
        return true > 0 if how == "or" else true == np.bincount(blocks, minlength=g.batch.blocks)[blocks]

    return Operation(step, (U32 if how == "popc" else PRED,), counts + (PRED,), grouped=True, together="block")


@instruction("membar", "fence", "bar.warp.arrive")
def fence(asked):
    """Memory is always in order here."""
    if "proxy" in asked.words or "mbarrier_init" in asked.words:
        raise asked.unknown()
    return Operation(lambda: None, (), None)


@instruction("trap", "brkpt")
def trap(asked):
    """Stop the kernel."""
    def step(g):
        raise Stop(TrapFault, int(g.lanes[0]), "stops the kernel")

    return Operation(step, (), (), grouped=True)
