"""Whether a step may come to code that is not of this package, such as a user's Lambda, metric or layer."""

import functools
import gc
import types

_PACKAGE = __name__.partition(".")[0]
# Where classes come from that a package's object may hold, and which call nothing of a user's that is not held beside.
_KNOWN = {_PACKAGE, "builtins", "collections", "functools", "threading", "_thread", "weakref", "numpy", "numba"}
_CONTAINERS = (list, tuple, dict, set, frozenset, functools.partial, types.MethodType, types.CellType)


def reaches_others(start):
    """Whether anything that `start` holds, by attributes, elements and closures, is a function or class of others."""
    met, ahead = {}, [start]        # id -> object, kept so that no other takes its id
    while ahead:
        one = ahead.pop()
        if id(one) in met:
            continue
        met[id(one)] = one
        if isinstance(one, types.FunctionType):
            if not _known(one.__globals__.get("__name__")):
                return True
            ahead += [one.__closure__, one.__defaults__, one.__kwdefaults__]
        elif isinstance(one, type):
            if not _known(one.__module__):
                return True
        elif isinstance(one, _CONTAINERS) or _of_package(type(one)):
            ahead += [type(one), *gc.get_referents(one)]
        elif not isinstance(one, types.ModuleType | types.CodeType):
            ahead.append(type(one))
    return False


def _known(module):
    return (module or "").partition(".")[0] in _KNOWN


def _of_package(cls):
    return cls.__module__.partition(".")[0] == _PACKAGE
