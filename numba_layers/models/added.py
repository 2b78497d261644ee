"""Losses and updates that were added outside of a layer's `call`: which of them count in the evaluation under way.

Those that depend on a model's inputs count whenever that model is evaluated, as a layer too; those of weights alone
once a step. `kind` is the list of a layer that holds them, '_added_losses' or '_added_updates'.
"""

from ..autograd.graph import placeholders
from ..errors import GraphError
from ..layers.belongings import Belongings


def of_call(model, kind):
    """The entries of `model` and its own layers that depend on its inputs."""
    if not (Belongings.any_added and any(getattr(layer, kind) for layer in (model, *model._all_layers))):
        return []
    own = [model, *(layer for layer in model._all_layers if not hasattr(layer, "_all_layers"))]
    return [entry for layer in own for entry in getattr(layer, kind) if _depends_on(model, layer, _tensor(entry))]


def of_step(model, kind):
    """What counts once in a step of `model`: `of_call`, and all entries inside that depend on no input."""
    if not Belongings.any_added:        # nearly always
        return []
    everything = [entry for layer in model.all_inside() for entry in getattr(layer, kind)]
    return [*of_call(model, kind), *(entry for entry in everything if not _depends(_tensor(entry)))]


def _tensor(entry):
    """The loss itself, or the new value of a pair (variable, value)."""
    return entry[1] if isinstance(entry, tuple) else entry


def _depends(tensor):
    return getattr(tensor, "depends_on_inputs", False)


def _depends_on(model, layer, tensor):
    """Whether `tensor`, added to `layer`, depends on the inputs of `model`.

    Raises: GraphError where it depends on others and `layer` is in no other model.
    """
    if not _depends(tensor):
        return False
    foreign = [leaf for leaf in placeholders(tensor) if leaf not in model.inputs]
    if foreign and (layer is model or len(layer.inbound_nodes) < 2):
        raise GraphError(f'what was added to {layer!r} depends on {foreign[0]!r}, which is no input of model '
                         f'"{model.name}". Add it to inputs=[...].')
    return not foreign
