"""Barriers and reconvergence: `ready(group, parked)` says when threads that wait for each other may go on.

A group is the threads that stand at a basic block; `parked` are (basic block, group) of all that wait anywhere. The
answer says for each thread of the group whether its partners are there. Threads that have ended are waited for by none.
"""

import numpy as np


def warp(mask_slot):
    """Threads of a warp that a mask names, in the register `mask_slot`; all of the warp for None."""
    def ready(group, parked=()):
        batch = group.batch
        mask = np.uint32(0xFFFFFFFF) if mask_slot is None else group.r[mask_slot]
        bits = np.uint32(1) << batch.lane_in_warp.astype(np.uint32)
        running, here = np.zeros(batch.warps, np.uint32), np.zeros(batch.warps, np.uint32)
        np.bitwise_or.at(running, batch.warp_of[batch.running], bits[batch.running])
        np.bitwise_or.at(here, batch.warp_of[group.lanes], bits[group.lanes])
        warps = group.of(batch.warp_of)
        return mask & running[warps] & ~here[warps] == 0
    return ready


NUMBERS = 16   # of barriers that a block has


def block(number_slot, count_slot):
    """All threads of a block, or as many as the register `count_slot` says at barriers of the same number."""
    def ready(group, parked=()):
        batch = group.batch
        blocks = group.of(batch.block_of)
        if count_slot is None:
            here = np.bincount(blocks, minlength=batch.blocks)
            return (here == np.bincount(batch.block_of[batch.running], minlength=batch.blocks))[blocks]
        barriers = _barriers(group, number_slot)
        here = np.bincount(barriers, minlength=batch.blocks * NUMBERS)
        for basic_block, other in parked:
            if other is not group and basic_block.counted:
                here += np.bincount(_barriers(other, basic_block.counted[0]), minlength=batch.blocks * NUMBERS)
        return here[barriers] >= group.r[count_slot]
    return ready


def _barriers(group, number_slot):
    """Each thread's barrier, numbered through all blocks of the batch."""
    return group.of(group.batch.block_of) * NUMBERS + group.r[number_slot].astype(np.int64)
