"""Functions to plain text and back, for Lambda layers in configurations and files.

A named function is kept by its name and must be among the custom objects when loading; a lambda is kept as bytecode,
which only the Python version that wrote it can read.
Reference: Keras 2.2.5, `utils.generic_utils.func_dump`.
"""

import base64
import marshal
import sys
import types

from ..errors import DataError, unknown

_VERSION = list(sys.version_info[:2])


def dump_function(function):
    """(description, kind): a name and 'function', or the bytecode of a lambda and 'lambda'."""
    if not isinstance(function, types.LambdaType) or function.__name__ != "<lambda>":
        return getattr(function, "__name__", type(function).__name__), "function"
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    code = base64.b64encode(marshal.dumps(function.__code__)).decode("ascii")
    return {"code": code, "defaults": function.__defaults__, "closure": closure or None, "python": _VERSION}, "lambda"


def load_function(description, kind, custom_objects=None, names=None):
    """The function that `dump_function` described; `names`: the globals that a lambda's code finds.

    Raises: UnknownNameError for a name that is no custom object; DataError for another Python version's bytecode.
    """
    from .generic_utils import get_custom_objects
    if kind == "function":
        known = get_custom_objects() | (custom_objects or {})
        if description not in known:
            raise unknown("function of a Lambda layer (pass it in custom_objects)", description, known)
        return known[description]
    if not isinstance(description, dict) or description.get("python") != _VERSION:
        raise DataError("the Lambda layer holds the bytecode of another Python version. Define the function by name, "
                        "or rebuild the model in code and call load_weights.")
    code = marshal.loads(base64.b64decode(description["code"]))
    cells = tuple(types.CellType(value) for value in description["closure"] or ())
    defaults = description["defaults"]
    found = {"__builtins__": __builtins__} | (names or {})
    return types.FunctionType(code, found, "<lambda>", tuple(defaults) if defaults else None, cells)
