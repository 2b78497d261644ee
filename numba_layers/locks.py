"""Locks of what several threads change, which a fork leaves in order: each is free in the child, whoever held it.

What must not be cut through is waited for: a fork takes those locks first (Python's logging does so, too).
"""

import logging  # noqa: F401  its own hook, older than ours, then takes its lock after ours at a fork
import os
import threading
import weakref

PATIENCE = 60       # seconds a fork waits for a lock, which an interrupt may have left taken

_made = weakref.WeakSet()
_awaited = []
_taken = []                             # by the fork under way
_owned = weakref.WeakKeyDictionary()    # object -> its lock; beside the object, which can be copied and pickled


def lock(awaited=False):
    """A reentrant lock; `awaited`: a fork waits until no other thread holds it."""
    return adopted(threading.RLock(), awaited)


def adopted(given, awaited):
    """A lock of another package as one of ours; forks wait for awaited ones in the order in which they came."""
    _made.add(given)
    if awaited:
        _awaited.append(given)
    return given


def locks_of(objects):
    """The locks of `objects`, each once, in the order in which every thread takes them; see `holding`.

    Objects that have none yet get one together: so most groups of objects have one lock, and two groups that share an
    object share a lock.
    """
    fresh = lock()
    return sorted({id(own): own for own in (_owned.setdefault(one, fresh) for one in objects)}.values(), key=id)


def holding(locks, function, *arguments):
    """`function(*arguments)` while this thread holds all of `locks`."""
    if not locks:
        return function(*arguments)
    with locks[0]:      # C code takes and leaves it: no signal comes between
        return holding(locks[1:], function, *arguments)


class made_once:
    """A property computed when it is first asked for; unlike functools', it holds no lock meanwhile."""

    def __init__(self, make):
        self.make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        return self if instance is None else vars(instance).setdefault(self.name, self.make(instance))


def _before_fork():
    _taken[:] = [one for one in _awaited if one.acquire(timeout=PATIENCE)]


def _after_fork_in_parent():
    for one in reversed(_taken):
        one.release()


def _after_fork_in_child():
    for one in _made:
        one._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent,
                        after_in_child=_after_fork_in_child)
