"""What is going on in each Python thread: states that floors keep for themselves, and blocks that change them."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Contained = TypeVar("Contained", bound=Callable[..., Any])

_states: list = []    # all of them, so that an interrupt can put back every one


class _State(threading.local):
    """Attributes with values of their own in each thread.

    Values are replaced, never changed in place, so that to assign the former ones is to restore them.
    """

    def __init__(self, **start):
        vars(self).update(start)


def thread_state(**start):
    """A new state whose attributes have the values of `start` in each thread that begins."""
    state = _State(**start)
    _states.append(state)
    return state


def noted(*states):
    """What `restore` needs to make this thread's `states` (all, where none is named) what they are now."""
    return [(state.__dict__, state.__dict__.copy()) for state in states or _states]


def restore(before):
    """Make this thread's states what they were when it was `noted`."""
    for values, earlier in before:
        values.update(earlier)


class Block:
    """A block that changes this thread's state; after it, what it noted in `_before` is as it was.

    A class, for a generator's `finally` may come late after an interrupt. What may be interrupted comes before the
    change: between an attribute's assignment and the block no signal is looked at.
    """

    __slots__ = ("_before",)

    def __exit__(self, *exception):
        for values, earlier in self._before:
            values.update(earlier)


def contained(function: Contained) -> Contained:
    """Decorator: an error or interrupt at any moment of `function` leaves this thread's states as they were before."""
    @functools.wraps(function)
    def call(*arguments, **options):
        before = noted()
        try:
            return function(*arguments, **options)
        except BaseException:
            restore(before)
            raise

    return call  # type: ignore[return-value]
