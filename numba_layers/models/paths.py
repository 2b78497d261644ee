"""The way from a model's outputs back to its inputs: the nodes on it, and their layers in Keras's order."""

from collections import Counter

from ..errors import ArgumentError, GraphError
from ..layers.input import InputLayer


def nodes(outputs, inputs, name):
    """The nodes between `inputs` and `outputs`, each after those it needs, and the layers in the order they were met.

    Raises: GraphError where the way back ends at a tensor that is neither an input nor made by a layer.
    """
    ordered, done, met = [], set(), {}
    ends = {id(tensor) for tensor in inputs}
    stack = [(output, False) for output in reversed(outputs)]
    while stack:
        tensor, expanded = stack.pop()
        layer, number, _ = tensor._keras_history
        node = layer.inbound_nodes[number]
        if id(node) in done:
            continue
        is_input = isinstance(layer, InputLayer)
        if is_input and layer.is_placeholder and id(tensor) not in ends:
            raise GraphError(f'model "{name}": the outputs depend on input "{layer.name}", which is not among its '
                             "inputs. Add it to inputs=[...].")
        if id(tensor) in ends and not is_input:
            continue
        met.setdefault(layer, len(met))
        if expanded or is_input:
            done.add(id(node))
            ordered.append(node)
            continue
        stack.append((tensor, True))
        for before in reversed(node.input_tensors):
            if hasattr(before, "_keras_history"):
                stack.append((before, False))
            elif before.depends_on_inputs:
                raise GraphError(f'model "{name}": {layer!r} was given {before!r}, which does not come from a layer. '
                                 "Wrap K functions and operators in a Lambda layer.")
    for tensor in inputs:
        met.setdefault(tensor._keras_history[0], -1)
    return ordered, met


def ordered_layers(nodes, met):
    """Layers in Keras's order: by depth (the longest way to an output), then as they were met from the outputs."""
    node_depth, layer_depth = {}, dict.fromkeys(met, 0)
    for node in reversed(nodes):
        depth = max(node_depth.get(id(node), 0), layer_depth[node.layer])
        layer_depth[node.layer] = depth
        for history in node.histories if not isinstance(node.layer, InputLayer) else ():
            if history is not None:
                before = history[0].inbound_nodes[history[1]]
                node_depth[id(before)] = max(node_depth.get(id(before), 0), depth + 1)
    return sorted(met, key=lambda layer: (-layer_depth[layer], met[layer]))


def check_names(network, layers):
    """Raises: ArgumentError where two layers have one name."""
    counts = Counter(layer.name for layer in layers)
    repeated = sorted(name for name, count in counts.items() if count > 1)
    if repeated:
        raise ArgumentError(f'model "{network.name}": the layer name {repeated[0]!r} is used '
                            f"{counts[repeated[0]]} times. All layers of a model need names of their own.")

