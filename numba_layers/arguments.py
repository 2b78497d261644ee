"""Numbers, shapes and types as users write them, compared with what is legal. `what` names one in messages."""

import numpy as np

from .errors import ArgumentError, unknown

ELEMENT_TYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")


def whole(value, what, least=None):
    """`value` as an int of at least `least`; 3, 3.0 and NumPy's numbers are whole.

    Raises: ArgumentError for anything else.
    """
    try:
        number = int(value)
        fits = bool(number == value) and (least is None or number >= least)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        bound = "" if least is None else f" of at least {least}"
        raise ArgumentError(f"{what} must be a whole number{bound}, got {value!r}.")
    return number


def share(value, what):
    """`value` as a float in [0, 1).

    Raises: ArgumentError for anything else.
    """
    number = real(value, what)
    if not 0 <= number < 1:
        raise ArgumentError(f"{what} must lie in [0, 1), got {value!r}.")
    return number


def real(value, what):
    """`value` as a float.

    Raises: ArgumentError for text, None, lists and complex numbers.
    """
    try:
        if not isinstance(value, str | bytes):
            return float(value)
    except (TypeError, ValueError):
        pass
    raise ArgumentError(f"{what} must be a number, got {value!r}.")


def sizes(value, what, example="(28, 28)", least=0, open_sizes=True):
    """A shape as a tuple of ints, None where `open_sizes` may be; a lone number is a shape of one axis.

    Raises: ArgumentError for text, negative sizes, fractions and nested shapes.
    """
    entries = value if isinstance(value, tuple | list | np.ndarray) else (value,)
    try:
        if value is None:
            raise ArgumentError("no shape")
        return tuple(None if entry is None and open_sizes else whole(entry, what, least) for entry in entries)
    except ArgumentError:
        free = ", None where open" if open_sizes else ""
        raise ArgumentError(f"{what} must list whole numbers of at least {least} like {example}{free}, "
                            f"got {value!r}.") from None


def element_type(value, what):
    """`value` (a name or NumPy's type) as the name of an element type that layers can hold.

    Raises: UnknownNameError for other types, such as float16 and complex ones, which have no kernels.
    """
    try:
        name = np.dtype(value).name
    except TypeError:
        name = value
    if name not in ELEMENT_TYPES:
        raise unknown(what, name, ELEMENT_TYPES)
    return name
