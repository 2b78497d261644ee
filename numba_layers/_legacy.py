"""Keras 1 argument names in Keras 2's spelling: the one translation table, and the decorator that applies it.

A table maps a Keras 1 name to the Keras 2 name, or to a function `value -> {Keras 2 name: value}` where the
values differ too. Keras 2 is what the decorated function's signature shows; both spellings work.

Reference: Keras 2.2.5, `keras.legacy.interfaces` (what Keras 2 itself translates).
"""

from __future__ import annotations

import difflib
import functools
import inspect
from numbers import Integral
from typing import TYPE_CHECKING

from .config import DIM_ORDERINGS
from .config import keras1 as in_force
from .errors import ArgumentError, MissingArgumentError, UnknownArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeVar

    Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Samples(int):
    """A number of samples where Keras 2 counts batches: `samples_per_epoch=2000` arrives as
    `steps_per_epoch=Samples(2000)`, and the loop that counts draws batches until it has seen that many.
    """

    def steps(self, batch_size):
        """The batches of `batch_size` samples that make up this number, the last perhaps smaller."""
        return -(-int(self) // batch_size)


class Keras1Name(str):
    """The name of an initializer that was given in Keras 1's spelling (`init=`): Keras 1's formula is meant."""


def _initializer(init):
    """`init=` by name keeps whose name it is."""
    return {"kernel_initializer": Keras1Name(init) if isinstance(init, str) else init}


def _initializer_of(role):
    """The rule for a weight's `init=` by name, which keeps whose name it is."""
    return lambda init: {f"{role}_initializer": _initializer(init)["kernel_initializer"]}


def _alpha_initializer(init):
    """`init=` for the one weight of PReLU."""
    (name,) = _initializer(init).values()
    return {"alpha_initializer": name}


def _forget_bias(init):
    """Keras 1's first bias of the forget gate: Keras 2 has ones or what the other gates have."""
    return {"unit_forget_bias": init if not isinstance(init, str) else init in ("one", "ones") or init}


def _separable_initializers(init):
    """One `init=` for both weights of a separable convolution."""
    (name,) = _initializer(init).values()
    return {"depthwise_initializer": name, "pointwise_initializer": name}


def _data_format(dim_ordering):
    """'th', 'tf' and 'default' in Keras 2's words; anything else stays, for the layer to refuse."""
    if not isinstance(dim_ordering, str):
        return {"data_format": dim_ordering}
    data_format = DIM_ORDERINGS.get(dim_ordering, dim_ordering)
    return {"data_format": None if data_format == "default" else data_format}


def _in_samples(new):
    """The rule for a number of samples that became a number of batches called `new`."""
    return lambda count: {new: count if count is None else Samples(count)}


LAYER = {"input_dtype": "dtype"}
INPUT = {"batch_shape": "batch_input_shape"}      # Keras 3's word
_WEIGHTS = {
    "init": _initializer,
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
DENSE = _WEIGHTS | {"output_dim": "units"}
CONV = _WEIGHTS | {
    "nb_filter": "filters", "border_mode": "padding", "subsample": "strides", "atrous_rate": "dilation_rate",
    "dim_ordering": _data_format,
}
CONV1D = CONV | {"filter_length": "kernel_size", "subsample_length": "strides"}
SEPARABLE_CONV = CONV | {"init": _separable_initializers}
RECURRENT = DENSE | {
    "inner_init": lambda init: {"recurrent_initializer": Keras1Name(init) if isinstance(init, str) else init},
    "inner_activation": "recurrent_activation",
    "forget_bias_init": _forget_bias,
    "U_regularizer": "recurrent_regularizer",
    "U_constraint": "recurrent_constraint",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
SIDES = {        # of a window
    1: ("filter_length",), 2: ("nb_row", "nb_col"), 3: ("kernel_dim1", "kernel_dim2", "kernel_dim3")}
IMAGES = {"dim_ordering": _data_format}
EMBEDDING = {
    "init": _initializer_of("embeddings"), "W_regularizer": "embeddings_regularizer",
    "W_constraint": "embeddings_constraint",
}
BATCH_NORMALIZATION = {"beta_init": _initializer_of("beta"), "gamma_init": _initializer_of("gamma")}
POOLING = IMAGES | {"border_mode": "padding"}
POOLING1D = {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"}
DROPOUT = {"p": "rate"}
GAUSSIAN_NOISE = {"sigma": "stddev"}
LEAKY_RELU = {"negative_slope": "alpha"}      # Keras 3's word
PRELU = {"init": _alpha_initializer}
SPATIAL_DROPOUT = DROPOUT | IMAGES
MODEL = {"input": "inputs", "output": "outputs"}
FIT = {"nb_epoch": "epochs"}
BACKEND = {
    "dim_ordering": _data_format, "X": "x", "dim": "axis", "nb_classes": "num_classes",
    "std": "stddev", "low": "minval", "high": "maxval",
}
GENERATOR = {"max_q_size": "max_queue_size", "nb_worker": "workers", "pickle_safe": "use_multiprocessing"}
FIT_GENERATOR = FIT | GENERATOR | {
    "samples_per_epoch": _in_samples("steps_per_epoch"),
    "nb_val_samples": _in_samples("validation_steps"),
}
EVALUATE_GENERATOR = GENERATOR | {"val_samples": _in_samples("steps")}


def keras1(table: Mapping[str, Any], sides: Sequence[str] = (),
           order: Sequence[str] = ()) -> Callable[[Decorated], Decorated]:
    """Decorator: the function also takes the Keras 1 names of `table`; its signature keeps showing Keras 2's.

    sides: Keras 1's names for the sides of the window of a constructor `(self, filters, kernel_size, ...)`.
    order: the order of a constructor's arguments in Keras 1, where Keras 2 has another; it holds under Keras 1.
    A keyword that is neither raises UnknownArgumentError, unless the function has `**kwargs`, which may know; called
    `**keras1_names`, it is there for type checkers and always empty.
    """
    def decorate(function):
        names = keywords(function)
        signature = inspect.signature(function)
        shown = [parameter for parameter in signature.parameters.values() if parameter.name != "keras1_names"]
        positional = [parameter.name for parameter in shown]
        open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in shown)

        @functools.wraps(function)
        def call(*args, **kwargs):
            if sides:
                args, kwargs = _with_window(args, kwargs, sides)
            if order and 1 < len(args) <= 1 + len(order) and in_force():
                args, kwargs = _by_name(args, kwargs, order)
            if kwargs:
                where = _owner(function, args)
                kwargs = translate(kwargs, table, where, given=positional[:len(args)])
                if not open_ended:
                    refuse_unknown(kwargs, names, where, table)
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                raise_misfit(error, function, args, kwargs)
                raise

        call.__signature__ = signature.replace(parameters=shown)   # type: ignore[attr-defined]
        return call

    return decorate


def _by_name(args, kwargs, order):
    """(args, kwargs) with what came by place, behind `self`, under its name in Keras 1."""
    named = dict(zip(order, args[1:]))
    for name in named.keys() & kwargs.keys():
        raise UnknownArgumentError(f"{type(args[0]).__name__}: {name!r} was given twice, by place and by name.")
    return args[:1], named | kwargs


def _with_window(args, kwargs, sides):
    """(args, kwargs) with the sides of a window, one by one as in `Conv2D(32, 3, 3)`, gathered in `kernel_size`.

    Raises: ArgumentError where the last of them may also be meant for Keras 2's strides.
    """
    count = 2       # behind `self` and the filters
    while count < min(len(args), 2 + len(sides)) and isinstance(args[count], Integral):
        count += 1
    given = count - 2
    if any(name not in kwargs for name in sides[given:]):
        return args, kwargs
    if given == len(sides) and (clash := [name for name in ("strides", "padding", "data_format") if name in kwargs]):
        raise ArgumentError(f"{type(args[0]).__name__}{args[1:]} is Keras 1's way to write a window of "
                            f"{' x '.join(map(str, args[2:count]))}, {clash[0]} is a word of Keras 2, where the third "
                            f"number would be the strides. Write kernel_size={args[2:count]}, or strides=....")
    window = (*args[2:count], *(kwargs[name] for name in sides[given:]))
    kwargs = {name: value for name, value in kwargs.items() if name not in sides}
    if len(args) < 2:
        return args, kwargs | {"kernel_size": window}
    return (*args[:2], window, *args[count:]), kwargs


def translate(kwargs, table, where, given=()):
    """`kwargs` with the Keras 1 names of `table` in their Keras 2 spelling; other names pass through.

    where: the class or function, for messages. given: names already given by position.
    Raises: UnknownArgumentError when one argument comes in both spellings.
    """
    translated = {name: value for name, value in kwargs.items() if name not in table}
    for old in (name for name in kwargs if name in table):
        rule = table[old]
        renamed = {rule: kwargs[old]} if isinstance(rule, str) else rule(kwargs[old])
        for new, value in renamed.items():
            if new in translated or new in given:
                raise UnknownArgumentError(f"{where}: {old} (Keras 1) and {new} (Keras 2) are one argument, "
                                           f"and both were given. Keep {new}.")
            translated[new] = value
    return translated


def refuse_unknown(kwargs, legal, where, table=()):
    """Raise UnknownArgumentError for the first name in `kwargs` that is not `legal`.

    The message offers the nearest name, in either spelling, and lists the Keras 2 names.
    """
    for name in kwargs:
        if name not in legal:
            close = difflib.get_close_matches(name, [*legal, *table], n=1, cutoff=0.5)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            names = ", ".join(legal)
            raise UnknownArgumentError(f"{where}: unknown argument {name!r}. {hint}Legal: {names}.")


def raise_misfit(error, function, args, kwargs):
    """Called with a TypeError of `function(*args, **kwargs)`: raise ours if it did not even begin to run.

    Raises: MissingArgumentError that names what is missing, UnknownArgumentError where there are too many.
    """
    if error.__traceback__.tb_next is not None:
        return
    parameters = inspect.signature(function).parameters.values()
    if not any(entry.kind is entry.VAR_KEYWORD for entry in parameters):
        refuse_unknown(kwargs, keywords(function), _owner(function, args))
    by_place = [entry for entry in parameters if entry.kind is entry.POSITIONAL_OR_KEYWORD]
    where = _owner(function, args)
    if len(args) > len(by_place):
        legal = ", ".join(entry.name for entry in by_place if entry.name != "self")
        raise UnknownArgumentError(f"{where}: more arguments came than it takes: {legal}.") from None
    for entry in by_place[:len(args)]:
        if entry.name in kwargs:
            raise UnknownArgumentError(f"{where}: {entry.name!r} was given twice, by place and by name.") from None
    for entry in by_place[len(args):]:
        if entry.default is entry.empty and entry.name not in kwargs:
            raise MissingArgumentError(f"{where}: the argument {entry.name!r} is missing.") from None


def begins(constructor: Decorated) -> Decorated:
    """`constructor` with errors of ours for arguments that are missing, unknown or too many."""
    @functools.wraps(constructor)
    def call(self, *arguments, **options):
        try:
            return constructor(self, *arguments, **options)
        except TypeError as error:
            raise_misfit(error, constructor, (self, *arguments), options)
            raise

    return call  # type: ignore[return-value]


class Constructed:
    """Base of what users construct, other than layers: see `begins`. Classes of the user's own are left alone."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in vars(cls) and cls.__module__.partition(".")[0] == __package__:
            cls.__init__ = begins(cls.__init__)  # type: ignore[method-assign]


def keywords(function):
    """The names that `function` takes by keyword, in order, without `self`."""
    return [name for name, parameter in inspect.signature(function).parameters.items()
            if name != "self" and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)]


def _owner(function, args):
    """What a message calls the function: the class for a constructor, else `Class.method` or the name."""
    is_method = args and "." in function.__qualname__.rpartition("<locals>.")[2]
    if not is_method:
        return function.__name__
    owner = type(args[0]).__name__
    return owner if function.__name__ == "__init__" else f"{owner}.{function.__name__}"
