"""What a formula may call: functions of Python, `math` and NumPy, and the operation that each stands for."""

import builtins
import math

import numpy as np

from .language import BINARY, COMPARISONS, QUESTIONS, UNARY

_MATH = {"fabs": "abs", "ceil": "ceil", "floor": "floor", "pow": "power"}
_NUMPY = {"absolute": "abs", "fabs": "abs", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh",
          "arccosh": "acosh", "arctanh": "atanh", "arctan2": "atan2", "fmax": "maximum", "fmin": "minimum",
          "remainder": "mod", "true_divide": "divide", "round": "rint"}
_PYTHON = {"abs": "abs", "pow": "power", "round": "rint"}
_PLAIN = (*UNARY, *BINARY, *QUESTIONS)

# Function -> name of its operation, or of a method of `translate` that knows better.
CALLS = {}
for _module, _other in ((np, _NUMPY), (math, _MATH), (builtins, _PYTHON)):
    for _name in _PLAIN:
        _found = getattr(_module, _name, None)
        if _found is not None:
            CALLS[_found] = _name
    for _name, _operation in _other.items():
        CALLS[getattr(_module, _name)] = _operation
for _name in ("add", "subtract", "multiply", "divide", *COMPARISONS):
    CALLS[getattr(np, _name)] = _name
CALLS |= {min: "least", max: "greatest", float: "as_real", np.float32: "as_real", np.float64: "as_real",
          int: "as_int", bool: "as_bool", np.clip: "clipped", np.where: "chosen", math.degrees: "degrees",
          math.radians: "radians", np.degrees: "degrees", np.radians: "radians", np.rad2deg: "degrees",
          np.deg2rad: "radians"}

EVERYWHERE = {abs, pow}     # which take tensors as well
# What tells that a function is one of numbers: tensors pass through none of these
SIGNS = {function for function in CALLS if getattr(function, "__module__", "") == "math"} | {
    min, max, float, int, bool}
