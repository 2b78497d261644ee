"""Models to plain Python values and back, in Keras's form."""

import json

import numpy as np

from ..autograd.graph import SymbolicTensor
from ..errors import DataError
from ..layers.node import unpack
from ..layers.serialization import deserialize, serialize
from ..utils import function_utils

KERAS_VERSION = "2.2.5"


def model_config(model):
    """Keras's description of a functional model: layers, their connections, the ends."""
    numbers = _node_numbers(model)
    return {
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
    return any(history is not None and history[0] is not node.layer for history in node.histories)


def _connection(node, numbers):
    arguments = {name: value for name, value in node.arguments.items() if not isinstance(value, SymbolicTensor)}
    return [[history[0].name, numbers[id(history[0].inbound_nodes[history[1]])], history[2], arguments]
            for history in node.histories if history is not None]


def _end(tensor, numbers):
    layer, number, index = tensor._keras_history
    return [layer.name, numbers[id(layer.inbound_nodes[number])], index]


def model_from_description(kind, description, custom_objects=None):
    """The functional model that `model_config` described.

    Raises: DataError for a description that names layers it does not hold.
    """
    layers = {entry["name"]: deserialize(entry, custom_objects) for entry in description["layers"]}
    for name, layer in layers.items():
        layer.name = name       # Keras 1 wrote an inner Sequential's name only here
    waiting = [(layers[entry["name"]], connection)
               for entry in description["layers"] for connection in entry["inbound_nodes"]]
    while waiting:
        ready = [pair for pair in waiting if _inputs(pair[1], layers) is not None]
        if not ready:
            raise DataError(f"the model's description leaves layer {waiting[0][0].name!r} without its inputs.")
        for layer, connection in _in_order(waiting, layers):
            options = connection[0][3] if len(connection[0]) > 3 else {}
            layer(unpack(_inputs(connection, layers)), **options)
            waiting.remove((layer, connection))

    def end(reference):
        name, number, index = reference
        return layers[name].inbound_nodes[number].output_tensors[index]

    return kind([end(entry) for entry in _references(description["input_layers"])],
                [end(entry) for entry in _references(description["output_layers"])], name=description.get("name"))


def _in_order(waiting, layers):
    """The connections that can be made now: for each layer in the order of its nodes."""
    blocked = set()
    for layer, connection in list(waiting):
        if layer in blocked or _inputs(connection, layers) is None:
            blocked.add(layer)
        else:
            yield layer, connection


def _references(entries):
    """A list of [layer, node, tensor]; Keras writes a single one without the outer list at times."""
    return [entries] if entries and isinstance(entries[0], str) else entries


def _inputs(connection, layers):
    """The tensors that a connection names, or None while one of them is not made yet."""
    tensors = []
    for name, number, index, *_ in connection:
        if name not in layers:
            raise DataError(f"the model's description refers to layer {name!r}, which it does not hold.")
        nodes = layers[name].inbound_nodes
        if number >= len(nodes):
            return None
        tensors.append(nodes[number].output_tensors[index])
    return tensors


def sequential_config(model):
    """Keras's description of a stack of layers."""
    return {"name": model.name, "layers": [serialize(layer) for layer in model.layers]}


def sequential_from_description(kind, description, custom_objects=None):
    """The Sequential that `sequential_config` described; Keras 1 and 2.0 wrote a bare list of layers."""
    named = isinstance(description, dict)
    entries = description["layers"] if named else description
    model = kind(name=description.get("name") if named else None)
    for entry in entries:
        model.add(deserialize(entry, custom_objects))
    return model


def to_json(model, **options):
    """The architecture as JSON text, without weights; `options` go to json.dumps."""
    description = {"class_name": type(model).__name__, "config": model.get_config(),
                   "keras_version": KERAS_VERSION, "backend": "numba"}
    return json.dumps(description, default=plain, **options)


def plain(value):
    """NumPy values and types as JSON knows them."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, type):
        return value.__name__
    raise TypeError(f"{value!r} has no place in a model's configuration")


def model_from_json(text, custom_objects=None, safe_mode=True):
    """The model, with fresh weights, whose architecture `to_json` wrote.

    safe_mode: False runs the code of lambdas in the text, which is then trusted as a program is.
    """
    try:
        description = json.loads(text)
    except ValueError as error:
        raise DataError(f"this is not JSON: {error}.") from None
    return model_from_config(description, custom_objects, safe_mode)


def model_from_config(description, custom_objects=None, safe_mode=True):
    """The model that {'class_name': ..., 'config': ...} describes; `safe_mode` as in `model_from_json`."""
    with function_utils.safe_mode(safe_mode):
        return deserialize(description, custom_objects)


def clone_model(model):
    """The same architecture with fresh weights."""
    return type(model).from_config(model.get_config())
