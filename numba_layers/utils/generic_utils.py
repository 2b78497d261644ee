"""Names of the user's own classes and functions, for loading."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ..errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_custom_objects: dict[str, Any] = {}
_keeps_functions = ContextVar("keeps_functions", default=False)
_given = ContextVar("given", default=())        # the custom_objects of the loads under way, the innermost last


def get_custom_objects() -> dict[str, Any]:
    """The dictionary name -> object of the user's own classes and functions; change it freely."""
    return _custom_objects


def own_objects(more=None):
    """All of the user's own by name: what is registered, what the loads under way were given, and `more`."""
    known = dict(_custom_objects)
    for objects in (*_given.get(), more or {}):
        known |= objects
    return known


@contextmanager
def knowing(custom_objects):
    """Inside, `own_objects()` has `custom_objects` (None: no more than before): for all parts of what is loaded.

    Gives how many such blocks lie around, itself among them.

    Raises: ArgumentError for what is no dictionary by name.
    """
    token = _given.set((*_given.get(), _by_name(custom_objects, "custom_objects")))
    try:
        yield len(_given.get())
    finally:
        _given.reset(token)


@contextmanager
def keeping_functions():
    """Inside, descriptions hold functions and objects of the user's own themselves, in place of their names."""
    token = _keeps_functions.set(True)
    try:
        yield
    finally:
        _keeps_functions.reset(token)


def keeps_functions():
    """Whether descriptions made now stay in this process, and hold functions themselves."""
    return _keeps_functions.get()


def is_loading():
    """Whether a description is being read."""
    return bool(_given.get())


def _by_name(objects, what):
    """`objects` if they are a dictionary with names as keys; {} for None."""
    if objects is None:
        return {}
    if not isinstance(objects, dict) or not all(isinstance(name, str) for name in objects):
        raise ArgumentError(f"{what} must be a dictionary from names to your own classes and functions, such as "
                            f"{{'MyLayer': MyLayer}}, got {objects!r:.80}.")
    return objects


def takes(function, name):
    """Whether `function` has an argument called `name`."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):     # some built-in functions show no signature
        return False


class CustomObjectScope:
    """Inside, the objects given are known by their names: `with CustomObjectScope({'MyLayer': MyLayer}): ...`."""

    def __init__(self, *dictionaries: Mapping[str, Any]) -> None:
        self._given = [_by_name(dictionary, "CustomObjectScope") for dictionary in dictionaries]
        self._before: Any = None

    def __enter__(self) -> Any:
        self._before = dict(_custom_objects)
        for dictionary in self._given:
            _custom_objects.update(dictionary)
        return self

    def __exit__(self, *exception: Any) -> None:
        _custom_objects.clear()
        _custom_objects.update(self._before)


def custom_object_scope(*dictionaries: Mapping[str, Any]) -> CustomObjectScope:
    """`CustomObjectScope(...)`, under its other name."""
    return CustomObjectScope(*dictionaries)
