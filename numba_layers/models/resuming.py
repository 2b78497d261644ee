"""What a training needs beyond weights and optimizer slots to go on with the same bits: counts and random streams.

Kept in a file's data set `training_state`, JSON text in UTF-8, which Keras does not look at:
{"iterations": steps done, "streams": {place in the model: [seed, stream, step]}, "draws": {seed of K functions: same},
"updates": {place in the model: updates of a layer's moving averages}}.
"""

import json

import numpy as np

from ..autograd.tensor import Variable
from ..backend import random as draws
from ..errors import FileError
from ..layers.base import Layer
from ..optimizers.base import MOST_STEPS
from ..random import Stream

NAME = "training_state"


def write(file, model):
    """Add the state of a compiled `model` to the open HDF5 file `file`."""
    state = {"iterations": int(model.optimizer.iterations),
             "streams": {place: stream.state for place, stream in streams(model)},
             "draws": {seed: stream.state for seed, stream in draws.shared_streams().items()},
             "updates": {place: int(count.numpy()[0]) for place, count in _found(model, _is_count)}}
    file.create_dataset(NAME, data=np.frombuffer(json.dumps(state).encode(), np.uint8))


def read(file, model, shown):
    """Set the state of a compiled `model` to what `write` wrote; files without it (Keras's) change nothing.

    shown: the file's name, for messages.
    Raises: FileError where it is damaged.
    """
    if NAME not in file:
        return
    try:
        state = json.loads(file.array(NAME).read().tobytes())
        iterations, places = int(state["iterations"]), dict(streams(model))
        if not 0 <= iterations <= MOST_STEPS:
            raise ValueError(f"{iterations:.3g} steps")
        found = [(places[place], _key(key)) for place, key in state["streams"].items() if place in places]
        found += [(draws.shared_stream(int(seed)), _key(key)) for seed, key in state["draws"].items()]
        updates, counts = state.get("updates", {}), dict(_found(model, _is_count))
        counted = [(counts[place], np.array([updates[place]], np.int64)) for place in counts.keys() & updates.keys()]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise FileError(f"{shown}: data set {NAME!r} is damaged ({type(error).__name__}: {error}).") from None
    model.optimizer.iterations.assign(iterations)
    for stream, key in found:
        stream.state = key
    for count, number in counted:
        count.assign(number)


def _key(numbers):
    """(seed, stream, step), checked."""
    key = np.array(numbers, np.uint64)
    if key.shape != (3,):
        raise ValueError(f"{numbers!r:.80} is no list of seed, stream and step")
    return key


def streams(layer):
    """(place, stream) of all random streams in a layer or model, each once."""
    return _found(layer, lambda place, value: isinstance(value, Stream))


def _is_count(place, value):
    """Whether it is the count of a layer's updates."""
    return isinstance(value, Variable) and place.endswith("/_update_count")


def _found(layer, wanted):
    """(place, value) of all in a layer or model that are `wanted(place, value)`, each once."""
    found = {}
    _collect(layer, "", found, set(), wanted)
    return found.items()


def _collect(value, place, found, seen, wanted):
    """What is wanted of `value`: itself, or parts of a model's layers, a layer's attributes, a list or dictionary."""
    if wanted(place, value):
        found[place] = value
        return
    if not isinstance(value, Layer | list | tuple | dict) or id(value) in seen:
        return
    seen.add(id(value))
    for name, part in _parts(value):
        _collect(part, f"{place}/{name}", found, seen, wanted)


def _parts(value):
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list | tuple):
        return enumerate(value)
    layers = getattr(value, "layers", None)
    if layers is not None:          # a model: by the layers' names, which files keep
        return [(layer.name, layer) for layer in layers]
    return vars(value).items()
