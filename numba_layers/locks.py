"""Locks of objects that several threads change, free in a forked child whoever held them at the fork."""

import os
import threading
import weakref

_made = weakref.WeakSet()
_owned = weakref.WeakKeyDictionary()    # object -> its lock; beside the object, which can be copied and pickled


def lock():
    """A reentrant lock."""
    made = threading.RLock()
    _made.add(made)
    return made


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


def _after_fork_in_child():
    for made in _made:
        made._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
