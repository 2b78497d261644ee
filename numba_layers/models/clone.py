"""Copies of models, with fresh weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..autograd.graph import is_symbolic
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, shown
from ..layers.input import Input, InputLayer
from ..layers.merge_keras1 import Merge
from ..layers.node import as_list
from ..utils.generic_utils import keeping_functions, knowing, takes
from .model import Model
from .rebuild import model_from_description
from .sequential import Sequential
from .topology import stack_with_input

if TYPE_CHECKING:
    from typing import Any


def clone_model(model: Model, input_tensors: Any = None) -> Model:
    """The same architecture with fresh weights; layers of the user's own are made again by their classes.

    input_tensors: one tensor or a list, in place of the model's inputs: of `Input`, of layers, or K tensors.
    Raises: ArgumentError for what is no model, and for tensors that cannot be its inputs.
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"clone_model takes a model, got {shown(model)}.")
    given = None if input_tensors is None else [_entering(tensor) for tensor in as_list(input_tensors)]
    count = 1 if isinstance(model, Sequential) else len(model.inputs)
    if given is not None and len(given) != count:
        raise ArgumentError(f'clone_model: model "{model.name}" has {count} inputs, got {len(given)} input_tensors.')
    own = {type(layer).__name__: type(layer) for layer in model.all_inside()}
    with keeping_functions(), knowing({name: kind for name, kind in own.items() if name not in Model.kinds}):
        return (_copied_stack if isinstance(model, Sequential) else _copied_graph)(model, given)


def _entering(tensor):
    """The symbolic tensor by which a model gets `tensor`."""
    if not isinstance(tensor, Tensor):
        raise ArgumentError(f"input_tensors must be tensors, made by Input(...) or K, got {shown(tensor)}.")
    if is_symbolic(tensor) and hasattr(tensor, "_keras_history"):
        return tensor
    return Input(tensor=tensor)


def _copied(layer):
    if isinstance(layer, Model):
        return clone_model(layer)
    make, description = type(layer).from_config, layer.get_config()
    if isinstance(layer, Merge) and layer.layers:
        copies = {id(entry): _copied(entry) for entry in layer.layers}
        description["layers"] = [copies[id(entry)] for entry in layer.layers]
    return make(description, **{"custom_objects": None} if takes(make, "custom_objects") else {})


def _kind(model, base):
    """The model's class, or `base` where the constructor is the user's own and takes who knows what."""
    return type(model) if type(model).__init__ is base.__init__ else base


def _copied_stack(model, given):
    copies = [_copied(layer) for layer in (stack_with_input(model) if given is None else model.layers)]
    if given is not None:
        entry = given[0]._keras_history[0]
        if not isinstance(entry, InputLayer):
            raise ArgumentError(f'clone_model: a Sequential model cannot begin behind {entry!r}. Call its copy on the '
                                "tensor: clone_model(model)(tensor).")
        copies = [entry, *copies]
    return _kind(model, Sequential)(copies, name=model.name)


def _copied_graph(model, given):
    layers = {layer.name: layer for layer in model.flattened_layers}
    replaced = {} if given is None else dict(zip(model.input_names, given))

    def copied(layer_entry):
        name = layer_entry["name"]
        return layers[name] if name in replaced else _copied(layers[name])

    description = {name: value for name, value in model.get_config().items() if name != "trainable"}
    return model_from_description(_kind(model, Model), description, None, copied, replaced)
