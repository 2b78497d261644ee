"""What layers do in this Python thread: the losses and updates that they add while a model computes its loss, and the
random numbers that they draw."""

from ..autograd.context import context
from ..random import Stream
from ..thread_state import Block, noted, thread_state

collected = thread_state(losses=None, updates=None, states=None)     # lists, or None where nobody collects


class collecting(Block):
    """Inside, the losses and updates that layers add are collected in the two lists given."""

    __slots__ = ()

    def __enter__(self):
        self._before = noted(collected)
        losses, updates = [], []
        collected.losses, collected.updates = losses, updates
        return losses, updates


class keeping_states(Block):  # noqa: N801
    """Inside a model computes a batch; at its end stateful layers take on the states that the next one begins with."""

    __slots__ = ()

    def __enter__(self):
        self._before = noted(collected)
        collected.states = []

    def __exit__(self, kind=None, *rest):
        states = collected.states
        super().__exit__(kind, *rest)
        for variable, value in states if kind is None else ():
            variable.assign(value)


class Draws:
    """What a layer's call draws without a seed: the first draw of each call from the first of `streams`, and so on.

    A stream is made when it is first asked for: so that each call goes on where the last one ended, as Keras's does.
    """

    def __init__(self, streams):
        self._streams, self._drawn = streams, 0

    def next(self):
        """The stream of the next draw."""
        place, self._drawn = self._drawn, self._drawn + 1
        if place == len(self._streams):
            self._streams.append(Stream())
        return self._streams[place]


class drawing(Block):
    """Inside, what has no seed is drawn from `draws`."""

    __slots__ = ("_draws",)

    def __init__(self, draws):
        self._draws = draws

    def __enter__(self):
        self._before = noted(context)
        context.draws = self._draws


class symbolically(Block):
    """Inside, ops on variables wait whatever goes on outside: what a layer's `build` makes is for all later steps."""

    __slots__ = ()

    def __enter__(self):
        self._before = noted(context, collected)
        tapes, walks = [], []
        context.tapes, context.evaluating, context.walks = tapes, 0, walks
        context.draws = None        # initializers' numbers are no part of a call
        collected.losses, collected.updates, collected.states = None, None, None
