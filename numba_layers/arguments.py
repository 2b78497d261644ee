"""Numbers, shapes and types as users write them, compared with what is legal. `what` names one in messages."""

from __future__ import annotations

import inspect
import math
import os
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

LARGEST = 2**62     # elements of an array that addresses can count
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
        raise ArgumentError(f"{what} must be a whole number{bound}, got {shown(value)}.")
    return number


def size(value, what):
    """`value` as the size of a weight's or tensor's axis: an int of at least 1 that addresses can count.

    Raises: ArgumentError for anything else.
    """
    number = whole(value, what, least=1)
    if number > LARGEST:
        raise ArgumentError(f"{what} must be at most {LARGEST:,}, got {shown(value)}.")
    return number


def fraction(value, what, closed=False):
    """`value` as a float in [0, 1), or in [0, 1] where `closed`.

    Raises: ArgumentError for anything else.
    """
    number = real(value, what)
    if not (0 <= number < 1 or (closed and number == 1)):
        raise ArgumentError(f"{what} must lie in [0, 1{']' if closed else ')'}, got {shown(value)}.")
    return number


def real(value, what, least=None, most=None, below=None, finite=False):
    """`value` as a float: of at least `least`, at most `most` and less than `below`, where these are said.

    Raises: ArgumentError for text, None, lists and complex numbers; NaN, where there are bounds; where it must be
    `finite`, infinities too.
    """
    try:
        value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
        number = None if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None:
        raise ArgumentError(f"{what} must be a number, got {shown(value)}.")
    if not ((least is None or number >= least) and (most is None or number <= most)
            and (below is None or number < below)):
        bounds = [f"{relation} {bound:g}" for relation, bound in (
            ("at least", least), ("at most", most), ("below", below)) if bound is not None]
        raise ArgumentError(f"{what} must be {' and '.join(bounds)}, got {shown(value)}.")
    if finite and not math.isfinite(number):
        raise ArgumentError(f"{what} must be a finite number, got {shown(value)}.")
    return number


def flag(value, what):
    """Whether `value` is true. Raises: ArgumentError for what has no truth, such as arrays of several numbers."""
    try:
        return bool(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"{what} must be True or False, got {shown(value)}.") from None


def word(value, what, legal):
    """`value` in lower case, one of the names in `legal`. Raises: UnknownNameError for anything else."""
    if not isinstance(value, str) or value.lower() not in legal:
        raise unknown(what, value, legal)
    return value.lower()


def text(value, what):
    """`value`, a text. Raises: ArgumentError for anything else."""
    if not isinstance(value, str):
        raise ArgumentError(f"{what} must be text, got {shown(value)}.")
    return value


def path(value, what):
    """`value`, the name of a file, as text. Raises: ArgumentError for anything else."""
    try:
        return text(os.fspath(value), what)
    except TypeError:
        raise ArgumentError(f"{what} must be the name of a file, got {shown(value)}.") from None


def function(value, what, optional=False):
    """`value`, a function, or None where it is `optional`. Raises: ArgumentError for anything else."""
    if not callable(value) and not (optional and value is None):
        raise ArgumentError(f"{what} must be a function, got {shown(value)}.")
    return value


def axis(value, what):
    """`value`, a whole number or several, as an int or a list of them. Raises: ArgumentError for anything else."""
    return [whole(entry, what) for entry in value] if several(value) else whole(value, what)


def several(value):
    """Whether `value` is a list, a tuple or an array of one axis."""
    return isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim == 1)


def seed(value, what):
    """`value` as NumPy's generators take it: None, a whole number from 0 to 2**32 - 1, or several.

    Raises: ArgumentError for anything else.
    """
    entries = list(value) if several(value) else [] if value is None else [value]
    if any(whole(entry, what, least=0) >= 1 << 32 for entry in entries) or (several(value) and not entries):
        raise ArgumentError(f"{what} must be below 2**32, one number or more, got {shown(value)}.")
    return value


def numbers(value, what):
    """`value`, a number or an array of them. Raises: ArgumentError for anything else."""
    try:
        fits = np.asarray(value).dtype.kind in "biuf"
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise ArgumentError(f"{what} must be a number or an array of numbers, got {shown(value)}.")
    return value


def sizes(value, what, example="(28, 28)", least=0, open_sizes=True):
    """A shape as a tuple of ints, None where `open_sizes` may be; a lone number is a shape of one axis.

    Raises: ArgumentError for text, negative sizes, fractions and nested shapes.
    """
    entries = value if several(value) else (value,)
    try:
        if value is None:
            raise ArgumentError("no shape")
        found = tuple(None if entry is None and open_sizes else whole(entry, what, least) for entry in entries)
    except ArgumentError:
        free = ", None where open" if open_sizes else ""
        raise ArgumentError(f"{what} must list whole numbers of at least {least} like {example}{free}, "
                            f"got {shown(value)}.") from None
    if math.prod(size for size in found if size) > LARGEST:
        raise ArgumentError(f"{what} {shown(value)} has more elements than there are addresses.")
    return found


def element_type(value, what):
    """`value` (a name, NumPy's type, or a policy as tf.keras describes one) as a type's name that layers can hold.

    Raises: UnknownNameError for other types, such as float16 and complex ones, which have no kernels.
    """
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        value = value["config"].get("name", value)
    try:
        name = np.dtype(value).name
    except (TypeError, ValueError, OverflowError):
        name = value
    if not isinstance(name, str) or name not in ELEMENT_TYPES:
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


def dictionaries(description):
    """The dictionaries in a description, at any depth, each once: in YAML they may lie inside of themselves."""
    waiting, met = [description], set()
    while waiting:
        part = waiting.pop()
        if id(part) in met:
            continue
        met.add(id(part))
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
            yield part


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


def unmasked(value: Any, what: str = "the array") -> NDArray[Any]:
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
