"""Changing a model in place, as scripts for Keras do: `model.layers.pop()`, `model.outputs = [...]`.

In a functional model the list of layers is a list and no more, as in Keras: what is taken out is no longer found by
name, in the summary or among the weights, and the outputs are what they were until others are assigned. Files hold what
the model computes. In a `Sequential` layers lie on each other, so that its outputs follow the list.
"""

import warnings

from ..errors import GraphError, ModelError
from ..layers.input import InputLayer
from ..layers.undo import wholly


def take_out(model, left):
    """Make `left` the list of layers of a functional model. Raises: ModelError where that is not a part of it."""
    remaining = iter(model.layers)
    if not all(any(layer is other for other in remaining) for layer in left):
        raise ModelError(f"{_named(model)}: layers can be taken out of model.layers, not put in or moved: a functional "
                         "model is made of tensors. Make Model(model.input, layer(model.output)).")
    model._listed = left


def missing(model):
    """The layers that were taken out of the list and still compute the outputs, but for inputs."""
    if model._listed is model._all_layers:
        return []
    return [layer for layer in model._all_layers if not isinstance(layer, InputLayer)
            and not any(layer is listed for listed in model._listed)]


def warn_of_missing(model):
    """A warning, once, where layers that were taken out of the list of `model` compute its outputs."""
    if not model._warned_of_missing and missing(model):
        model._warned_of_missing = True
        names = ", ".join(f'"{layer.name}"' for layer in missing(model))
        warnings.warn(f"{_named(model)}: the outputs are still computed by what was taken out of model.layers, as in "
                      f"Keras: {names}. Assign model.outputs = [model.layers[-1].output], or make Model(model.input, "
                      "model.layers[-1].output).", stacklevel=4)


def restack(model, changed):
    """Make `changed` the layers of a `Sequential`: those above the first difference come off, others are put on.

    Raises: ModelError for another first layer, and what `add` raises; the stack is then as it was.
    """
    before = list(model._stack)
    same = 0
    while same < min(len(before), len(changed)) and before[same] is changed[same]:
        same += 1
    if same == 0 and model.outputs and changed:
        raise ModelError(f"{_named(model)}: the first layer cannot be taken out or exchanged, for the others were "
                         "built on it. Make a new Sequential, whose first layer has an input shape.")
    with wholly(model, *model._all_layers, *changed):
        while len(model._stack) > same:
            model.pop()
        for layer in changed[same:]:
            model.add(layer)


def cut(model, outputs):
    """Make `outputs` those of a `Sequential`: layers above come off, and those that lead there from below are put on.

    Raises: ModelError where no row of layers does.
    """
    above, tensor = [], outputs[0] if len(outputs) == 1 else None
    while hasattr(tensor, "_keras_history"):
        layer, number, _ = tensor._keras_history
        node = layer.inbound_nodes[number]
        if node in model.nodes and layer in model._stack:
            restack(model, model._stack[:model._stack.index(layer) + 1])
            for layer, tensor in reversed(above):
                model._stack_on(model.inputs, tensor, layer)
            return
        above.append((layer, tensor))
        tensor = node.input_tensors[0] if len(node.input_tensors) == 1 and node.histories != [None] else None
    if outputs or model._stack:
        raise ModelError(f"{_named(model)}: outputs must be [tensor], made from the output of one of its layers by a "
                         "row of layers. For other graphs make Model(inputs, outputs).")


def need_own_end(model):
    """Raises: ModelError where `model` is a layer of another model, which its change would change too."""
    if len(model.inbound_nodes) > 1:
        raise ModelError(f"{_named(model)} is used as a layer, so its ends cannot be changed. Make a new model: "
                         "Model(model.input, model.layers[-2].output).")


def output_of(model, layer):
    """The tensors that `layer` gives in `model`. Raises: GraphError where it has no place, or several, in it."""
    places = [node.output_tensors for node in model.nodes if node.layer is layer]
    if len(places) != 1:
        raise GraphError(f"{layer!r} has {len(places)} places in {_named(model)}; assign model.outputs instead.")
    return places[0]


def _named(model):
    return f'{type(model).__name__} "{model.name}"'
