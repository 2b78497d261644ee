"""What autograd does in this Python thread: tapes that record, graphs being evaluated."""

from .. import config
from ..phase import learning
from ..thread_state import Block, noted, thread_state

# tapes: those that record now.   evaluating: depth of graph evaluations under way.
# walks: for each tape and each graph being evaluated the values of symbolic tensors, by identity.
# layer: the name of the one that computes, or whose gradient is taken; None outside of layers.
# draws: random numbers without a seed of the layer that is called (see `layers.context.Draws`), None outside of calls.
context = thread_state(tapes=[], evaluating=0, walks=[], layer=None, draws=None)


def deferring():
    """True where an op on a variable should wait: no tape records, no graph is being evaluated."""
    return not context.tapes and not context.evaluating


class evaluation(Block):
    """Inside, variables have values; `learning_phase` (if not None) holds until the end.

    A phase fixed with `config.set_learning_phase` holds over it. Tapes and evaluations that an interrupt left in the
    block end with it.
    """

    __slots__ = ("_phase",)

    def __init__(self, learning_phase=None):
        fixed = config.learning_phase()
        self._phase = learning_phase if fixed is None else fixed

    def __enter__(self):
        if self._phase is None:
            self._before = noted(context)
            context.evaluating += 1
        else:
            self._before = noted(context, learning)
            context.evaluating, learning.phase = context.evaluating + 1, self._phase


class unrecorded(Block):
    """Inside, no tape of this thread records."""

    __slots__ = ()

    def __enter__(self):
        self._before = noted(context)
        context.tapes = []
