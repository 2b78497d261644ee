"""The errors users meet: who, what was expected, what came, the cure.

Every class also derives from the built-in that Keras raises in its place, so old `except ValueError` still works.
"""

import difflib
import reprlib
import sys

_BELOW = sys.stdlib_module_names | {"numpy", "h5py", __name__.partition(".")[0]}


class NumbaLayersError(Exception):
    """Base of all errors of this package."""


class ShapeError(NumbaLayersError, ValueError):
    """An array's number of axes or sizes do not fit."""


class TooLargeError(ShapeError, MemoryError):
    """There is no memory for what an op computes."""


class DtypeError(NumbaLayersError, TypeError):
    """An array's element type does not fit."""


class ArgumentError(NumbaLayersError, ValueError):
    """An argument's value is outside of what is legal."""


class FormulaError(ArgumentError, TypeError):
    """A function of numbers cannot be compiled: the message shows the line."""

    certain = False     # whether it can be nothing but a function of numbers


class OutOfRangeError(ArgumentError, IndexError):
    """An index lies outside of its axis."""


class UnknownNameError(ArgumentError):
    """A name (activation, layer, kernel, argument ...) that nothing answers to."""


class UnknownArgumentError(UnknownNameError, TypeError):
    """A keyword argument the function does not take (a `TypeError`, as Python itself raises)."""


class MissingArgumentError(ArgumentError, TypeError):
    """An argument that the function cannot do without is missing (a `TypeError`, as Python itself raises)."""


class AbsentError(NumbaLayersError, AttributeError):
    """An attribute that Keras has and this package has not (an `AttributeError`, so that `hasattr` says no)."""


class MissingError(NumbaLayersError, ImportError):
    """An import of what Keras has and this package has not."""


class MaskError(NumbaLayersError, TypeError):
    """A mask reached a layer that cannot take one."""


class GraphError(NumbaLayersError, ValueError):
    """Tensors do not form the graph that was asked for, or a value was asked of a symbolic tensor."""


class ModelError(NumbaLayersError, RuntimeError):
    """A model is used in an order that cannot work: not built, not compiled, already attached."""


class StatelessError(ModelError, AttributeError):
    """A layer is asked about states between batches, and keeps none (Keras raises an `AttributeError`)."""


class DataError(NumbaLayersError, ValueError):
    """Data given to a model, or read from a file, is not what it should be."""


class FileError(DataError, OSError):
    """A file is missing, damaged, or has no place where it should go."""


class WeightMemoryError(NumbaLayersError, MemoryError):
    """A weight is larger than the memory there is."""


class DeviceError(NumbaLayersError, RuntimeError):
    """The device asked for is missing or arrays lie on different devices."""


_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother, _short.maxlong = 3, 80, 80, 40


def shown(value):
    """`value` as messages show it: in short, whatever it is."""
    try:
        return _short.repr(value)
    except ValueError:      # a number of thousands of digits
        return f"a {type(value).__name__}"


SHOWN = 30      # names in a list of all legal ones, at most; of longer lists, the few that are near


def add_name(error, who):
    """Put `who` (a layer's class and name) in front of the message of `error`, unless a name stands there already."""
    if error.args and not getattr(error, "has_name", False):
        message, kind = str(error.args[0]), who.partition(" ")[0]
        before, colon, rest = message.partition(":")
        if colon and all(word in kind.lower() for word in before.lower().split("_")):   # the bare class, or its op
            message = rest.lstrip()
        if not message.startswith(kind):
            error.args = (f"{who}: {message}", *error.args[1:])
        error.has_name = True


def is_ours(error):
    """Whether `error` comes from this package and the libraries below it, and from no function of the user's.

    Handlers of signals are the user's: what they raise in the middle of our work is no failure of it.
    """
    step = error.__traceback__
    while step is not None:
        module = step.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if module not in _BELOW:
            return False
        step = step.tb_next
    return True


def _word(name):
    """A name as text; what is no text is near to nothing."""
    return name if isinstance(name, str) else ""


def nearest(name, legal, label="Legal", shown=SHOWN):
    """A sentence for the user: the nearest legal name, then all of them where there are at most `shown`."""
    legal = sorted(str(entry) for entry in legal)
    caseless = {entry.lower(): entry for entry in legal}
    close = [caseless[entry] for entry in difflib.get_close_matches(_word(name).lower(), caseless, n=5, cutoff=0.5)]
    hint = f"Did you mean {close[0]!r}? " if close else ""
    if len(legal) <= shown:
        return f"{hint}{label}: {', '.join(legal)}."
    return f"{hint}{label}: {', '.join(close[1:] or legal[:5])}, ... ({len(legal)} in all)."


def unknown(what, name, legal):
    """The error for a name that is not in `legal`; raise what it returns."""
    return UnknownNameError(f"unknown {what} {shown(name)}. {nearest(name, legal)}")
