"""Functions to plain text and back, for Lambda layers in configurations and files.

A named function is kept by its name and must be among the custom objects when loading; a lambda is kept as bytecode,
which only the Python version that wrote it can read. Bytecode is a program: what a file holds is run only where the
caller said `safe_mode=False`. A lambda that this process wrote itself is its own code again, whatever the file holds.
Reference: Keras 2.2.5, `utils.generic_utils.func_dump`; Keras 3, `load_model(safe_mode=)`.
"""

import base64
import marshal
import sys
import types
from contextlib import contextmanager
from contextvars import ContextVar

from ..errors import DataError, unknown
from .generic_utils import keeps_functions, own_objects

_VERSION = list(sys.version_info[:2])
_safe = ContextVar("safe", default=True)    # False: the caller of the load under way lets code of its file run
_written_here: dict = {}                    # bytecode as text -> (code, globals) of a lambda of this process


@contextmanager
def safe_mode(wanted):
    """Inside, no code of a description is run, or any if `wanted` is False; None: as around."""
    token = _safe.set(_safe.get() if wanted is None else bool(wanted))
    try:
        yield
    finally:
        _safe.reset(token)


def dump_function(function):
    """(description, kind): a name and 'function', or the bytecode of a lambda and 'lambda'."""
    if keeps_functions():
        return function, "function"
    if not isinstance(function, types.LambdaType) or function.__name__ != "<lambda>":
        return getattr(function, "__name__", type(function).__name__), "function"
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    code = base64.b64encode(marshal.dumps(function.__code__)).decode("ascii")
    _written_here[code] = function.__code__, function.__globals__
    return {"code": code, "defaults": function.__defaults__, "closure": closure or None, "python": _VERSION}, "lambda"


def load_function(description, kind, custom_objects=None, names=None, instead=None):
    """The function that `dump_function` described.

    names: the globals that a lambda's code finds, beside the custom objects. instead: the name of a custom object that
    stands in for a lambda that may not be run.
    Raises: UnknownNameError for a name that is no custom object; DataError for code that is not run: in safe mode, or
    of another Python version.
    """
    if callable(description):
        return description
    known = own_objects(custom_objects)
    if kind == "function":
        if not isinstance(description, str) or description not in known:
            raise unknown("function of a Lambda layer (pass it in custom_objects)", description, known)
        return known[description]
    if runs(description):
        return _function(description, names or {}, known)
    given = known.get(instead) if isinstance(instead, str) else None
    if callable(given) and not isinstance(given, type):
        return given
    cure = "Build the model in code and call load_weights"
    if instead is not None:
        cure = f"Define the function and pass it by the layer's name, custom_objects={{{instead!r}: function}}, or " + (
            cure[0].lower() + cure[1:])
    if not _readable(description):
        raise DataError(f"a lambda in a file is bytecode, this one of another Python version. {cure}.")
    raise DataError(f"a lambda in a file is bytecode, which is not run unasked. {cure}. If you trust the file as you "
                    "would trust a program, load it with safe_mode=False: its code runs then.")


def runs(description):
    """Whether the lambda described may be run: one that this process wrote, or any readable one without safe mode."""
    return _readable(description) and (description.get("code") in _written_here or not _safe.get())


def _readable(description):
    return (isinstance(description, dict) and description.get("python") == _VERSION
            and isinstance(description.get("code"), str))


def _function(description, names, own):
    try:
        code, found = _written_here.get(description["code"]) or (
            marshal.loads(base64.b64decode(description["code"])), {"__builtins__": __builtins__} | names)
        cells = tuple(types.CellType(value) for value in description.get("closure") or ())
        defaults = description.get("defaults")
        return types.FunctionType(code, found | own if own else found, "<lambda>",
                                  tuple(defaults) if defaults else None, cells)
    except (ValueError, TypeError, EOFError) as error:
        raise DataError(f"the bytecode of a lambda is damaged ({type(error).__name__}: {error}).") from None
