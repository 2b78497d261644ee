"""How layers are connected: one record for each time a layer was called on symbolic tensors."""


def as_list(value):
    """`value` itself if it is a list, [] for None, its entries for a tuple, else [value]."""
    if isinstance(value, list):
        return value
    if value is None:
        return []
    return list(value) if isinstance(value, tuple) else [value]


def unpack(values):
    """The only entry of a list of one, else the list: Keras's convention for single inputs and outputs."""
    return values[0] if len(values) == 1 else values


def sources(tensors):
    """The inputs that `tensors` depend on, each once, those of the first tensor first."""
    found, met, waiting = {}, set(), list(reversed(tensors))
    while waiting:
        layer, number, _ = getattr(waiting.pop(), "_keras_history", (None, 0, 0))
        if layer is None or (layer, number) in met:
            continue
        met.add((layer, number))
        node = layer.inbound_nodes[number]
        if node.input_tensors[0] is node.output_tensors[0]:     # an InputLayer's leads from its tensor to itself
            found[id(node)] = node.output_tensors[0]
        else:
            waiting.extend(reversed(node.input_tensors))
    return list(found.values())


class Node:
    """One call of a layer: the tensors that went in and came out, and the options of the call.

    Inputs without history (a K.variable, say) have no inbound layer. made_here: the outputs are this layer's own; a
    model's first node only names the tensors between which it lies.
    """

    def __init__(self, layer, inputs, outputs, arguments, made_here=True):
        self.layer = layer
        self.input_tensors = inputs
        self.output_tensors = outputs
        self.arguments = arguments
        self.input_shapes = [tensor.shape for tensor in inputs]
        self.output_shapes = [tensor.shape for tensor in outputs]
        self.histories = [getattr(tensor, "_keras_history", None) for tensor in inputs]
        layer.inbound_nodes.append(self)
        if not made_here:
            return
        for history in self.histories:
            if history is not None and history[0] is not layer:
                history[0].outbound_nodes.append(self)
        for index, tensor in enumerate(outputs):
            tensor._keras_history = (layer, len(layer.inbound_nodes) - 1, index)

    outbound_layer = property(lambda self: self.layer)
    node_indices = property(lambda self: [history[1] for history in self.histories if history is not None])
    tensor_indices = property(lambda self: [history[2] for history in self.histories if history is not None])

    @property
    def inbound_layers(self):
        return [history[0] for history in self.histories if history is not None]
