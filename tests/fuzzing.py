"""Odd values for constructors and descriptions, and what came of them; `test_fuzzed` draws from here."""

import functools
import inspect
import json

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


# -- descriptions ------------------------------------------------------------------------------------------------------

JSON = [
    None, "", "x", "dense", "relu", -1, 0, 1, 2.5, 1e308, float("nan"), float("inf"), 10**9, 10**18, 10**30, True, [],
    [1], [None], ["x"], [[]], [[["x", 0, 0]]], [1, "x"], [-1, 2], {}, {"a": 1}, {"class_name": "Dense", "config": {}},
    {"class_name": "x", "config": {}}, {"class_name": 5, "config": []}, {"class_name": "Zeros", "config": {"x": 1}},
    {"type": "ndarray", "value": "x"}, {"type": "ndarray", "value": [1], "dtype": "x"}, {"name": "l2"}]


def models_to_damage():
    """Models whose descriptions hold every kind of entry."""
    x, image = layers.Input((4,), name="x"), layers.Input((4, 4, 3), name="image")
    shared = layers.Dense(4, activation="tanh", kernel_regularizer="l2", bias_constraint="max_norm", name="shared")
    inner = models.Sequential([layers.Dense(3, input_shape=(4,)), layers.Dropout(0.5, noise_shape=(None, 3))])
    flat = layers.Flatten()(layers.MaxPooling2D(2)(layers.Conv2D(
        2, 2, kernel_initializer=initializers.VarianceScaling(2.0), activity_regularizer=regularizers.l1(0.1))(image)))
    merged = layers.Concatenate()([inner(layers.Add()([shared(x), shared(shared(x))])), flat])
    yield models.Model([x, image], [layers.Dense(2, name="first")(merged), layers.Reshape((-1, 1))(merged)])
    yield models.Sequential([
        layers.Convolution2D(2, 2, 2, input_shape=(3, 6, 6), dim_ordering="th", W_constraint="nonneg"),
        layers.ZeroPadding2D((1, 1)), layers.UpSampling2D((2, 2)), layers.Cropping2D(((0, 1), (1, 0))),
        layers.AveragePooling2D((2, 2)), layers.SeparableConv2D(2, 2), layers.Conv2DTranspose(2, 2, strides=2),
        layers.SpatialDropout2D(0.3), layers.GlobalAveragePooling2D(), layers.RepeatVector(2), layers.Permute((2, 1)),
        layers.Masking(0.5), layers.TimeDistributed(layers.Dense(3, kernel_initializer="orthogonal")),
        layers.ActivityRegularization(l1=0.1), layers.Activation("softmax")])
    yield models.Sequential([layers.InputLayer((5, 2)), layers.Convolution1D(3, 2), layers.Lambda(abs)])


def damages(description, path=()):
    """(path, a function that damages a copy in place) for each entry of a description, at any depth."""
    if isinstance(description, dict | list):
        for key in list(description) if isinstance(description, dict) else range(len(description)):
            here = (*path, key)
            for value in JSON:
                yield here, functools.partial(_replaced, here, value)
            yield here, functools.partial(_dropped, here)
            yield from damages(description[key], here)
        yield path, functools.partial(_added, path)


def _within(description, path):
    for key in path:
        description = description[key]
    return description


def _replaced(path, value, description):
    _within(description, path[:-1])[path[-1]] = value


def _dropped(path, description):
    del _within(description, path[:-1])[path[-1]]


def _added(path, description):
    here = _within(description, path)
    if isinstance(here, dict):
        here["no_such_entry"] = 1
    else:
        here.append(here[-1] if here else None)


def damaged(description, damage):
    """The model of a damaged copy of a description."""
    description = json.loads(description)
    damage(description)
    return models.model_from_json(json.dumps(description))
