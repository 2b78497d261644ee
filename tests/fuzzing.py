"""Odd values for constructors and descriptions, and what came of them; `test_fuzzed` draws from here."""

import functools
import inspect

import numpy as np

from numba_layers import callbacks, constraints, initializers, layers, models, optimizers, regularizers
from numba_layers.errors import NumbaLayersError

VALUES = [
    None, "", "x", "same", "relu", b"x", -1, 0, 1, 2, 2.5, -0.5, 1e308, float("inf"), float("nan"), 10**9, 10**18,
    10**30, 10**5000, -10**30, True, 3j, [], [1], [None], ["x"], [[1, 2], [3, 4]], [1, "x"], {}, {"a": 1}, {1: 2},
    {"class_name": "x"}, {"class_name": "Dense", "config": {}}, {"class_name": 5, "config": []}, (), (1,), (1, 2),
    (1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 4, 5, 6), (-1, 2), (0, 0), (None, None), ((1, 2), (3, 4)), ((1, 2), 3),
    (10**18, 10**18), (2.5, 1), ("a", "b"), (float("nan"), 1), np.array([1, 2]), np.array("x"), np.zeros((2, 2)),
    np.array([]), np.float32(2), np.int8(3),
    np.array([None, 1], object), set(), {1, 2}, range(3), object(), int, len, Ellipsis, np.float32("nan")]
BASE = ("name", "trainable", "input_shape", "batch_input_shape", "batch_size", "dtype", "input_dim", "input_length",
        "weights", "no_such_argument")
NEEDED = {      # values of the arguments without defaults
    "units": 2, "filters": 2, "kernel_size": 2, "nb_filter": 2, "nb_row": 2, "nb_col": 2, "filter_length": 2,
    "kernel_dim1": 2, "kernel_dim2": 2, "kernel_dim3": 2, "rate": 0.5, "activation": "relu", "function": abs,
    "target_shape": (4,), "dims": (1,), "n": 2, "layer": None, "k": 0.1, "axes": 1, "output_shape": (None, 5, 5, 2),
    "filepath": "x.h5", "schedule": abs, "filename": "x.csv", "inputs": None, "outputs": None, "p": 0.5}
SHAPES = [(4,), (4, 4), (4, 4, 4), (4, 4, 4, 4)]


def kinds():
    """(class or function, arguments that go beside those of its signature) of all that users construct."""
    for module, extra in ((layers, BASE), (models, ()), (callbacks, ()), (constraints, ("no_such_argument",)),
                          (initializers, ("no_such_argument",)), (regularizers, ("no_such_argument",)),
                          (optimizers, ("clipnorm", "clipvalue", "no_such_argument"))):
        for name, kind in sorted(vars(module).items()):
            if isinstance(kind, type) and not name.startswith("_") and kind.__module__.startswith(module.__name__) \
                    and kind.__name__ == name and not issubclass(kind, dict):
                yield kind, extra


def needed(kind):
    """Legal values of a constructor's arguments that have no defaults."""
    found = {}
    for name, parameter in inspect.signature(kind.__init__).parameters.items():
        if name != "self" and parameter.default is parameter.empty and parameter.kind in (
                parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            found[name] = NEEDED.get(name)
    if "layer" in found:
        found["layer"] = layers.Dense(2)
    if "inputs" in found:
        found["inputs"] = layers.Input((4,))
        found["outputs"] = layers.Dense(2)(found["inputs"])
    return found


def tries():
    """(what it is, a function that tries it) for each constructor, argument and odd value."""
    for kind, extra in kinds():
        named = [name for name, parameter in inspect.signature(kind.__init__).parameters.items()
                 if name != "self" and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)]
        extra = ("no_such_argument",) if kind is layers.InputSpec else extra
        for name in (*named, *(more for more in extra if more not in named)):
            for number in range(len(VALUES)):
                if (kind, name) != (layers.Lambda, "arguments"):        # what `abs` makes of them
                    yield (kind.__name__, name, number), functools.partial(construct, kind, name, number)


def construct(kind, name, number):
    made = kind(**needed(kind) | {name: VALUES[number]})
    if hasattr(made, "get_config"):
        made.get_config()
    is_layer = isinstance(made, layers.Layer) and not isinstance(made, models.Model | layers.InputLayer)
    if is_layer and not callable(VALUES[number]):       # functions of the user's own may fail as they like
        connect(made)


def connect(layer):
    """Call a layer on symbolic tensors of the shapes that it may take."""
    for shape in SHAPES:
        try:
            return layer([layers.Input(shape), layers.Input(shape)] if isinstance(layer, layers.Add.__bases__[0]) else
                         layers.Input(shape))
        except NumbaLayersError:
            continue


def outcome(attempt):
    """'accepted', 'refused' or what raw error came."""
    try:
        attempt()
    except NumbaLayersError:
        return "refused"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:80]}"
    return "accepted"
