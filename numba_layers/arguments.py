"""Numbers, shapes and types as users write them, compared with what is legal. `what` names one in messages."""

import inspect

import numpy as np

from .errors import (
    ArgumentError,
    DataError,
    MissingArgumentError,
    UnknownArgumentError,
    nearest,
    shown,
    unknown,
)

ELEMENT_TYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")
_MAY_BE_MASKED = np.ma.MaskedArray, list, tuple
_WORDS = {dict: "a dictionary", list: "a list", tuple: "a tuple", str: "text", int: "a whole number", bool: "a boolean"}


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


def share(value, what, closed=False):
    """`value` as a float in [0, 1), or in [0, 1] where `closed`.

    Raises: ArgumentError for anything else.
    """
    number = real(value, what)
    if not (0 <= number < 1 or (closed and number == 1)):
        raise ArgumentError(f"{what} must lie in [0, 1{']' if closed else ')'}, got {value!r}.")
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


def entry(description, key, kinds, what):
    """`description[key]`, of one of the types `kinds`: of a layer, model, optimizer ... read from a file.

    Raises: DataError that names `what`, the key, what was expected and what came.
    """
    if not isinstance(description, dict):
        raise DataError(f"{what} must be described by a dictionary that has {key!r}, got {shown(description)}.")
    if key not in description:
        there = ", ".join(map(shown, description)) or "nothing"
        raise DataError(f"{what}: the description has no {key!r}, only {there}.")
    return of_type(description[key], kinds, f"{what}: {key!r}")


def of_type(value, kinds, what):
    """`value` if it is of one of the types `kinds`, else a DataError."""
    if not isinstance(value, kinds):
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        words = " or ".join(_WORDS.get(kind, kind.__name__) for kind in kinds)
        raise DataError(f"{what} must be {words}, got {shown(value)}.")
    return value


def options_of(description, what):
    """A description's options by name.

    Raises: DataError for anything else.
    """
    if not isinstance(description, dict) or not all(isinstance(name, str) for name in description):
        raise DataError(f"{what}: the options must be a dictionary by name, got {shown(description)}.")
    return description


def call_with(maker, options):
    """maker(**options), where the options come from a description.

    Raises: MissingArgumentError and UnknownArgumentError, which name the maker, where they are not its arguments.
    """
    refuse_other_options(maker, options)
    return maker(**options)


def refuse_other_options(maker, options):
    """Raise MissingArgumentError or UnknownArgumentError where `options` are not the arguments of `maker`."""
    try:
        parameters = inspect.signature(maker).parameters.values()
    except (TypeError, ValueError):     # some built-in functions show no signature
        return
    named = [entry for entry in parameters if entry.kind in (entry.POSITIONAL_OR_KEYWORD, entry.KEYWORD_ONLY)]
    legal = [entry.name for entry in named]
    if not any(entry.kind is entry.VAR_KEYWORD for entry in parameters):
        for name in options:
            if name not in legal:
                raise UnknownArgumentError(f"{maker.__name__}: unknown argument {name!r}. {nearest(name, legal)}")
    for entry in named:
        if entry.default is entry.empty and entry.name not in options:
            raise MissingArgumentError(f"{maker.__name__}: the argument {entry.name!r} is missing.")


def unmasked(value, what="the array"):
    """`value` as a NumPy array.

    Raises: DataError for masked entries of it, or of arrays in a list: what lies under a mask is no number of anyone's.
    """
    if not isinstance(value, _MAY_BE_MASKED):
        return np.asarray(value)
    for part in (value,) if isinstance(value, np.ndarray) else value:
        if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part):
            raise DataError(f"{what}: {np.ma.count_masked(part)} of {part.size} entries are masked, and masks of NumPy "
                            "do not travel. Fill them, x.filled(0), and give those samples sample_weight 0, or Masking "
                            "their timesteps.")
    return np.asarray(value)
