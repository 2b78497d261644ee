"""Locks of what several threads change, which a fork leaves in order: each is free in the child, whoever held it.

What must not be cut through is waited for: a fork takes those locks first (Python's logging does so, too).
"""

import logging  # noqa: F401  its own hook, older than ours, then takes its lock after ours at a fork
import os
import threading

PATIENCE = 60       # seconds a fork waits for a lock, which an interrupt may have left taken

STACK = 8 << 20     # bytes

_made: list = []
_awaited: list = []
_taken: list = []   # by the fork under way
_forks = 0          # between this process and the first


def lock(awaited=False):
    """A reentrant lock, for as long as the process lives; `awaited`: a fork waits until no other thread holds it."""
    return adopted(threading.RLock(), awaited)


def adopted(given, awaited):
    """A lock of another package as one of ours; forks wait for awaited ones in the order in which they came."""
    _made.append(given)
    if awaited:
        _awaited.append(given)
    return given


_renewing = lock()


class Lock(type(threading.RLock())):  # type: ignore[misc]
    """A reentrant lock that lives and dies with what it belongs to; a copy of that has one of its own."""

    def __init__(self):
        self._forks = _forks

    def __reduce__(self):
        return Lock, ()

    def renew(self):
        """Free it where it was taken before a fork."""
        if self._forks != _forks:
            with _renewing:
                if self._forks != _forks:
                    self._at_fork_reinit()
                    self._forks = _forks


def locks_of(objects):
    """The locks of `objects`, each once, in the order in which every thread takes them; see `holding`.

    Objects that have none yet get one together: so most groups of objects have one lock, and two groups that share an
    object share a lock.
    """
    fresh = Lock()
    found = [vars(one).setdefault("_lock", fresh) for one in objects]
    return sorted({id(own): own for own in found}.values(), key=id)


def holding(locks, function, *arguments):
    """`function(*arguments)` while this thread holds all of `locks`."""
    if not locks:
        return function(*arguments)
    locks[0].renew()
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


def to_the_end(function, *arguments):
    """Run a function that an interrupt must not cut short, such as an import, in the main thread through another one.

    Signals are looked at in the main thread alone: Ctrl-C comes out of its waiting, while the function goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        function(*arguments)
        return
    errors = []

    def run():
        try:
            function(*arguments)
        except BaseException as error:      # handed to the thread that waits
            errors.append(error)

    before = threading.stack_size(STACK)    # as the main thread's, whatever the user wants for others
    try:
        thread = threading.Thread(target=run, name="to_the_end", daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if errors:
        raise errors[0]


def _before_fork():
    _taken[:] = [one for one in _awaited if one.acquire(timeout=PATIENCE)]


def _after_fork_in_parent():
    for one in reversed(_taken):
        one.release()


def _after_fork_in_child():
    global _forks
    _forks += 1
    for one in _made:
        one._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent,
                        after_in_child=_after_fork_in_child)
