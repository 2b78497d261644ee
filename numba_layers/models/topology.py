"""Models to plain Python values and back, in Keras's form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from ..autograd.graph import SymbolicTensor
from ..errors import ArgumentError, DataError, shown
from ..layers.input import InputLayer
from ..layers.merge_keras1 import Merge
from ..layers.serialization import deserialize, serialize
from ..utils import function_utils
from .dialects import naming_dialect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..typing import CustomObjects
    from .model import Model

KERAS_VERSION = "2.2.5"


def model_config(model):
    """Keras's description of a functional model: layers, their connections, the ends."""
    numbers = _node_numbers(model)
    return _frozen(model) | {
        "name": model.name,
        "layers": [
            {"name": layer.name, "class_name": type(layer).__name__, "config": layer.get_config(),
             "inbound_nodes": [_connection(node, numbers) for node in layer.inbound_nodes
                               if id(node) in numbers and _is_connected(node)]}
            for layer in model._all_layers
        ],
        "input_layers": [_end(tensor, numbers) for tensor in model.inputs],
        "output_layers": [_end(tensor, numbers) for tensor in model.outputs],
    }


def _frozen(model):
    """What Keras leaves out: that a whole model is not trained. Its `from_config` reads over it."""
    return {} if model.trainable else {"trainable": False}


def _node_numbers(model):
    """For each of the model's nodes its number among those of its layer that belong to the model.

    Node 0 of a model used as a layer is the model itself, so its uses count from 1.
    """
    kept = {id(node) for node in model.nodes}
    numbers = {}
    for layer in model._all_layers:
        own = [node for node in layer.inbound_nodes if id(node) in kept]
        offset = 1 if layer.inbound_nodes[0].output_tensors is getattr(layer, "outputs", None) else 0
        numbers.update({id(node): number + offset for number, node in enumerate(own)})
    return numbers


def _is_connected(node):
    return not isinstance(node.layer, InputLayer)


def _connection(node, numbers):
    arguments = {name: value for name, value in node.arguments.items() if not isinstance(value, SymbolicTensor)}
    return [[history[0].name, numbers[id(history[0].inbound_nodes[history[1]])], history[2], arguments]
            for history in node.histories if history is not None]


def _end(tensor, numbers):
    layer, number, index = tensor._keras_history
    return [layer.name, numbers[id(layer.inbound_nodes[number])], index]


def sequential_config(model):
    """Keras's description of a stack of layers; with the input before them where no layer states its shape."""
    layers = stack_with_input(model)
    described = [serialize(layer) for layer in layers]
    if layers and isinstance(layers[0], Merge) and layers[0].layers:
        described[0]["config"]["layers"] = [serialize(layer) for layer in layers[0].layers]
    return _frozen(model) | {"name": model.name, "layers": described}


def stack_with_input(model):
    """The layers of a Sequential, the `InputLayer` in front where none of them states the input's shape."""
    layers = model.layers
    if not layers or not model.inputs:
        return layers
    first = layers[0]       # a model and what merges models have inputs themselves
    stated = first.batch_input_shape is not None or hasattr(first, "inputs") or getattr(first, "layers", None)
    return layers if stated else [*model.input_layers, *layers]


def to_json(model, **options):
    """The architecture as JSON text, without weights; `options` go to json.dumps."""
    description = {"class_name": type(model).__name__, "config": model.get_config(),
                   "keras_version": KERAS_VERSION, "backend": "numba"}
    return json.dumps(description, default=plain, **options)


def plain(value):
    """NumPy values and types as JSON knows them; arrays as Keras writes those of a Lambda's arguments."""
    if isinstance(value, np.ndarray):
        return {"type": "ndarray", "value": value.tolist(), "dtype": value.dtype.name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, type):
        return value.__name__
    raise ArgumentError(f"{shown(value)} ({type(value).__name__}) has no place in a model's description: JSON holds "
                        "numbers, texts, lists and dictionaries, and functions by their names.")


def from_json(text, what):
    """The description that is written in `text`.

    Raises: DataError for what is no JSON.
    """
    if not isinstance(text, str | bytes | bytearray):
        raise DataError(f"{what} is no text, but {shown(text)}.")
    try:
        return json.loads(text, object_hook=_array)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"{what} is not JSON, or is damaged: {str(error).rstrip('.')}.") from None


def _array(value):
    """An array that `plain` or Keras wrote as a dictionary; any other dictionary as it is."""
    if value.get("type") != "ndarray" or not isinstance(value.get("value"), list | int | float):
        return value
    kind = np.dtype(value.get("dtype"))
    if kind.kind not in "biufc":
        raise TypeError(f"an array of {kind}, expected numbers")
    return np.array(value["value"], kind)


def model_from_json(text: str, custom_objects: CustomObjects | None = None, safe_mode: bool = True) -> Model:
    """The model, with fresh weights, whose architecture `to_json` wrote.

    custom_objects: your own classes and functions by name. safe_mode: False runs the code of lambdas in the text, which
    is then trusted as a program is.
    Raises: DataError and ArgumentError that name the layer, the entry, what was expected and what came.
    """
    return model_from_config(from_json(text, "the text given to model_from_json"), custom_objects, safe_mode)


def model_from_config(description: Mapping[str, Any], custom_objects: CustomObjects | None = None,
                      safe_mode: bool = True) -> Model:
    """The model that {'class_name': ..., 'config': ...} describes; arguments and errors as of `model_from_json`."""
    with naming_dialect(description), function_utils.safe_mode(safe_mode):
        return deserialize(description, custom_objects)
