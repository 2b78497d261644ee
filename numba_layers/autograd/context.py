"""What is going on in this Python thread: tapes that record, graphs being evaluated, the learning phase."""

import threading
from contextlib import contextmanager


class _Context(threading.local):
    """State of one thread.

    tapes: the tapes that record now.   evaluating: depth of graph evaluations under way.
    learning_phase: 1 training, 0 not, None not said.   destination: the array the next fitting output goes to.
    """

    def __init__(self):
        self.tapes = []
        self.evaluating = 0
        self.learning_phase = None
        self.destination = None


context = _Context()


def deferring():
    """True where an op on a deferred variable should wait: no tape records, no graph is being evaluated."""
    return not context.tapes and not context.evaluating


@contextmanager
def evaluation(learning_phase=None):
    """Inside, deferred variables have values; `learning_phase` (if not None) holds until the end."""
    before = context.learning_phase
    context.evaluating += 1
    if learning_phase is not None:
        context.learning_phase = learning_phase
    try:
        yield
    finally:
        context.evaluating -= 1
        context.learning_phase = before


@contextmanager
def output_into(array):
    """The first output of `array`'s shape and type that a kernel writes inside goes to `array`."""
    context.destination = array
    try:
        yield
    finally:
        context.destination = None
