"""What layers do in this Python thread: the losses and updates that they add while a model computes its loss."""

from ..autograd.context import context
from ..thread_state import Block, noted, thread_state

collected = thread_state(losses=None, updates=None)     # lists, or None where nobody collects


class collecting(Block):
    """Inside, the losses and updates that layers add are collected in the two lists given."""

    __slots__ = ()

    def __enter__(self):
        self._before = noted(collected)
        losses, updates = [], []
        collected.losses, collected.updates = losses, updates
        return losses, updates


class symbolically(Block):
    """Inside, ops on variables wait whatever goes on outside: what a layer's `build` makes is for all later steps."""

    __slots__ = ()

    def __enter__(self):
        self._before = noted(context, collected)
        tapes, walks = [], []
        context.tapes, context.evaluating, context.walks = tapes, 0, walks
        collected.losses, collected.updates = None, None
