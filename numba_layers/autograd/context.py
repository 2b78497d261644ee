"""What is going on in this Python thread: tapes that record, graphs being evaluated, the learning phase."""

import threading
from contextlib import contextmanager

from .. import config


class _Context(threading.local):
    """State of one thread.

    tapes: the tapes that record now.   evaluating: depth of graph evaluations under way.
    learning_phase: 1 training, 0 not, None not said.   destination: the array the next fitting output goes to.
    losses, updates: lists that collect what layers add while a model computes its loss, or None.
    walks: for each tape and each graph being evaluated the values of symbolic tensors, by identity.
    """

    def __init__(self):
        self.tapes = []
        self.evaluating = 0
        self.learning_phase = None
        self.destination = None
        self.losses = None
        self.updates = None
        self.walks = []


context = _Context()


def deferring():
    """True where an op on a variable should wait: no tape records, no graph is being evaluated."""
    return not context.tapes and not context.evaluating


@contextmanager
def evaluation(learning_phase=None):
    """Inside, variables have values; `learning_phase` (if not None) holds until the end.

    A phase fixed with `config.set_learning_phase` holds over it.
    """
    before = context.learning_phase
    context.evaluating += 1
    if config.learning_phase() is not None:
        context.learning_phase = config.learning_phase()
    elif learning_phase is not None:
        context.learning_phase = learning_phase
    try:
        yield
    finally:
        context.evaluating -= 1
        context.learning_phase = before


@contextmanager
def symbolically():
    """Inside, ops on variables wait whatever goes on outside: what a layer's `build` makes is for all later steps."""
    before = dict(vars(context))
    try:
        vars(context).update(tapes=[], evaluating=0, walks=[], losses=None, updates=None)
        yield
    finally:
        vars(context).update(before)


@contextmanager
def unrecorded():
    """Inside, no tape of this thread records."""
    before, context.tapes = context.tapes, []
    try:
        yield
    finally:
        context.tapes = before


@contextmanager
def collecting():
    """Inside, the losses and updates that layers add are collected in the two lists given."""
    before = context.losses, context.updates
    context.losses, context.updates = [], []
    try:
        yield context.losses, context.updates
    finally:
        context.losses, context.updates = before


@contextmanager
def output_into(array):
    """The first output of `array`'s shape and type that a kernel writes inside goes to `array`."""
    before, context.destination = context.destination, array
    try:
        yield
    finally:
        context.destination = before
