"""What is going on in this Python thread: tapes that record, graphs being evaluated, the learning phase."""

import functools
import threading

from .. import config


class _Context(threading.local):
    """State of one thread.

    tapes: the tapes that record now.   evaluating: depth of graph evaluations under way.
    learning_phase: 1 training, 0 not, None not said.
    losses, updates: lists that collect what layers add while a model computes its loss, or None.
    walks: for each tape and each graph being evaluated the values of symbolic tensors, by identity.
    Lists are replaced, never changed in place, so that to assign the former values is to restore them.
    """

    def __init__(self):
        self.tapes = []
        self.evaluating = 0
        self.learning_phase = None
        self.losses = None
        self.updates = None
        self.walks = []


context = _Context()


def deferring():
    """True where an op on a variable should wait: no tape records, no graph is being evaluated."""
    return not context.tapes and not context.evaluating


class _Block:
    """A block that changes this thread's state; after it, what it noted in `_before` is as it was.

    A class, for a generator's `finally` may come late after an interrupt. What may be interrupted comes before the
    change: between an attribute's assignment and the block no signal is looked at.
    """

    __slots__ = ("_before",)

    def __exit__(self, *exception):
        context.__dict__.update(self._before)


class evaluation(_Block):
    """Inside, variables have values; `learning_phase` (if not None) holds until the end.

    A phase fixed with `config.set_learning_phase` holds over it. Tapes and evaluations that an interrupt left in the
    block end with it.
    """

    __slots__ = ("_phase",)

    def __init__(self, learning_phase=None):
        fixed = config.learning_phase()
        self._phase = learning_phase if fixed is None else fixed

    def __enter__(self):
        self._before = {"evaluating": context.evaluating, "learning_phase": context.learning_phase,
                        "tapes": context.tapes, "walks": context.walks}
        phase = context.learning_phase if self._phase is None else self._phase
        context.evaluating, context.learning_phase = context.evaluating + 1, phase


class symbolically(_Block):
    """Inside, ops on variables wait whatever goes on outside: what a layer's `build` makes is for all later steps."""

    def __enter__(self):
        self._before = dict(context.__dict__)
        tapes, walks = [], []
        context.tapes, context.evaluating, context.walks, context.losses, context.updates = tapes, 0, walks, None, None


class unrecorded(_Block):
    """Inside, no tape of this thread records."""

    def __enter__(self):
        self._before = {"tapes": context.tapes}
        context.tapes = []


class collecting(_Block):
    """Inside, the losses and updates that layers add are collected in the two lists given."""

    def __enter__(self):
        self._before = {"losses": context.losses, "updates": context.updates}
        losses, updates = [], []
        context.losses, context.updates = losses, updates
        return losses, updates


def contained(function):
    """Decorator: an error or interrupt at any moment of `function` leaves this thread's state as it was before."""
    @functools.wraps(function)
    def call(*arguments, **options):
        before = dict(context.__dict__)
        try:
            return function(*arguments, **options)
        except BaseException:
            context.__dict__.update(before)
            raise

    return call
