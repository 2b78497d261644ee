"""Which weight of a file is which weight of a layer, where layers lie inside of layers.

Keras lists the weights of a model that is used as a layer with the trained ones first, so that their order depends on
what was frozen when the file was written, and again on what is frozen where it is read. Our files tell the place of
each weight in an order that does not change, layer by layer; in others the names tell, which begin with the layer's.
Where the names are others too, Keras's order is taken, as Keras does.
"""


def own_layers(layer):
    """The layers inside of `layer` that hold weights themselves, in an order that no `trainable` changes."""
    inner = layer.inner_layers()
    return [own for part in inner for own in own_layers(part)] if inner else [layer]


def places(layer):
    """id of a weight -> its place among the weights of `layer`; {} where their order is no question."""
    holders = own_layers(layer)
    found = {}
    for own in holders:
        for weight in own.weights:
            found.setdefault(id(weight), len(found))
    return found if len(holders) > 1 and set(found) == set(map(id, layer.weights)) else {}


def in_order(layer, names, told):
    """For each of `layer.weights` the number of its entry in a file that has as many.

    names: of the entries. told: their places as our files tell them, None in others.
    """
    ours = places(layer)
    count = len(layer.weights)
    if not ours:
        return range(count)
    if sorted(place for place in told if place is not None) == list(range(count)):
        entries = {place: number for number, place in enumerate(told)}
    else:
        entries = _by_names(layer, names)
    return range(count) if entries is None else [entries[ours[id(weight)]] for weight in layer.weights]


def _by_names(layer, names):
    """Place -> entry of that weight, by the layers' names; None where they do not tell."""
    holders = [own for own in own_layers(layer) if own.weights]
    known = {own.name for own in holders}
    if len(known) < len(holders):
        return None
    owned = {name: [] for name in known}
    for number, name in enumerate(names):
        owner = _owner(name, known)
        if owner is None:
            return None
        owned[owner].append(number)
    if any(len(owned[own.name]) != len(own.weights) for own in holders):
        return None
    return dict(enumerate(number for own in holders for number in owned[own.name]))


def _owner(name, known):
    """The layer that a weight's name begins with: 'dense_1/kernel:0', TensorFlow's 'dense_1_1/kernel:0' for the second
    of a process, 'net/dense_1/kernel:0', Keras 1's 'dense_1_W'; None where there is none.
    """
    *layers, last = name.split("/")
    for part in reversed(layers):
        for found in (part, part.rpartition("_")[0] if part.rpartition("_")[2].isdigit() else None):
            if found in known:
                return found
    if layers:
        return None
    return max((layer for layer in known if last.startswith(f"{layer}_")), key=len, default=None)
