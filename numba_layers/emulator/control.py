"""Where threads go after a basic block: `leave(batch, group)` gives pairs (number of the next one, group)."""

import numpy as np


def jump(target):
    """All go to one place."""
    return lambda batch, group: ((target, group),)


def end(batch, group):
    """All leave the kernel."""
    batch.ended(group)
    return ()


def split(slot, negated, target, following, basic_blocks):
    """Those for whom the predicate in `slot` holds (or not: `negated`) go to the target, the others on.

    A target of None is the kernel's end.
    """
    def leave(batch, group):
        taken = ~group.r[slot] if negated else group.r[slot]
        count = np.count_nonzero(taken)
        if count == 0:
            return ((following, group),)
        if count == taken.size:
            return end(batch, group) if target is None else ((target, group),)
        staying = group.part(np.flatnonzero(~taken), basic_blocks[following].live)
        if target is None:
            return (*end(batch, group.part(np.flatnonzero(taken))), (following, staying))
        return ((following, staying), (target, group.part(np.flatnonzero(taken), basic_blocks[target].live)))
    return leave


def table(slot, targets, basic_blocks):
    """Each goes to the target that an index in `slot` chooses (brx.idx)."""
    def leave(batch, group):
        index = group.r[slot]
        if index.size == 1:
            return ((targets[int(index[0])], group),)
        return tuple((targets[k], group.part(np.flatnonzero(index == k), basic_blocks[targets[k]].live))
                     for k in np.unique(index))
    return leave
