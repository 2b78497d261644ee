"""Models from their descriptions, every entry of which is compared before it is used."""

from .. import config
from ..arguments import dictionaries, entry, of_type, options_of, sizes
from ..errors import DataError, nearest, shown
from ..layers.base import Layer
from ..layers.data_format import described_format
from ..layers.node import unpack
from ..layers.serialization import called, deserialize, refusing
from ..utils.generic_utils import knowing, takes


def model_from_description(kind, description, custom_objects=None, make=deserialize, given=None):
    """The functional model that `model_config` described.

    make: gives the layer of an entry. given: name of an input -> the tensor in its place.
    Raises: DataError for a description that is damaged: it names the model, the entry, what was expected and what came.
    """
    what = called(kind.__name__, description)
    with knowing(custom_objects), float_type_of(description), described_format(description), refusing(
            what, description):
        layers = {}
        for layer_entry in _entries(description, "layers", dict, what):
            name = entry(layer_entry, "name", str, f"{what}: a layer")
            if name in layers:
                raise DataError(f"{what}: two layers are called {name!r}; all need names of their own.")
            layers[name] = make(layer_entry)
            if not isinstance(layers[name], Layer):
                raise DataError(f"{what}: {name!r} is no layer, but {shown(layers[name])}.")
            layers[name].name = name        # Keras 1 wrote an inner Sequential's name only here
        reader = _Reader(what, layers, given or {})
        for layer_entry in description["layers"]:
            nodes = _entries(layer_entry, "inbound_nodes", list, f"{what}: layer {layer_entry['name']!r}")
            reader.wait(layers[layer_entry["name"]], nodes)
        reader.connect()
        ends = [[reader.tensor(reader.reference(end, role)) for end in _ends(description, role, what)]
                for role in ("input_layers", "output_layers")]
        model = kind(*ends, name=description.get("name"))
        return _frozen_as(description, model)


class _Reader:
    """Connects layers as a description says: each call of a layer once the tensors it takes are there."""

    def __init__(self, what, layers, given):
        self.what, self.layers, self.given = what, layers, given
        self.waiting = {}       # layer -> its calls still to be made, in order

    def reference(self, place, where):
        """[layer, node, tensor, ...] with the first three compared."""
        fits = isinstance(place, list | tuple) and len(place) >= 3 and isinstance(place[0], str) and all(
            isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in place[1:3])
        if not fits:
            raise DataError(f"{self.what}: {where!r} must name tensors as [layer, node, tensor] with two numbers of at "
                            f"least 0, got {shown(place)}.")
        if place[0] not in self.layers:
            raise DataError(f"{self.what}: {where!r} refers to layer {place[0]!r}, which is not among the layers. "
                            f"{nearest(place[0], self.layers)}")
        return place

    def wait(self, layer, nodes):
        """Take on the calls of `layer` that its `inbound_nodes` list."""
        calls = []
        for node in nodes:
            places = [self.reference(place, "inbound_nodes") for place in node]
            if not places:
                raise DataError(f"{self.what}: an entry of 'inbound_nodes' of layer {layer.name!r} lists no tensors.")
            options = places[0][3] if len(places[0]) > 3 else {}
            where = f"{self.what}: a call of layer {layer.name!r}"
            ours = type(layer) is Layer.kinds.get(type(layer).__name__)
            for name in options_of(options, where):
                if ours and name not in ("mask", "training") and not takes(layer.call, name):
                    raise DataError(f"{where} has an argument {name!r}, which it does not take.")
            calls.append((places, options))
        if calls:
            self.waiting[layer] = calls

    def connect(self):
        """Make all calls. Raises: DataError where some wait for each other, or for what is never made."""
        while self.waiting:
            before = sum(map(len, self.waiting.values()))
            for layer, calls in list(self.waiting.items()):
                while calls and all(self.is_made(place) for place in calls[0][0]):
                    places, options = calls.pop(0)
                    layer(unpack([self.tensor(place) for place in places]), **options)
                if not calls:
                    del self.waiting[layer]
            if sum(map(len, self.waiting.values())) == before:
                layer, calls = next(iter(self.waiting.items()))
                missing = next(place for place in calls[0][0] if not self.is_made(place))
                raise DataError(f"{self.what}: layer {layer.name!r} waits for {shown(missing[:3])} ('inbound_nodes': "
                                "layer, node, tensor), which is never made.")

    def is_made(self, place):
        return place[0] in self.given or place[1] < len(self.layers[place[0]].inbound_nodes)

    def tensor(self, place):
        name, number, index = place[:3]
        if name in self.given:
            return self.given[name]
        nodes = self.layers[name].inbound_nodes
        if number >= len(nodes) or index >= len(nodes[number].output_tensors):
            raise DataError(f"{self.what}: there is no tensor {shown([name, number, index])}: layer {name!r} has "
                            f"{len(nodes)} nodes, of {[len(node.output_tensors) for node in nodes]} tensors.")
        return nodes[number].output_tensors[index]


def _entries(description, key, kind, what):
    """A list in a description, all of whose entries are of one type."""
    found = entry(description, key, list, what)
    for number, part in enumerate(found):
        of_type(part, kind, f"{what}: {key}[{number}]")
    return found


def _ends(description, role, what):
    """A list of [layer, node, tensor]; Keras writes a single one without the outer list at times."""
    found = entry(description, role, list, what)
    return [found] if found and isinstance(found[0], str) else found


def sequential_from_description(kind, description, custom_objects=None):
    """The Sequential that `sequential_config` described; Keras 1 and 2.0 wrote a bare list of layers.

    Arguments and errors as of `model_from_description`.
    """
    description = {"layers": description} if isinstance(description, list) else description
    what = called(kind.__name__, description)
    with knowing(custom_objects), float_type_of(description), described_format(description), refusing(
            what, description):
        entries = _entries(description, "layers", dict, what)
        shape = description.get("build_input_shape")
        model = kind(name=description.get("name"))
        for layer_entry in entries:
            model.add(deserialize(layer_entry))
        if shape is not None and not model.outputs:
            model.build(sizes(shape, f"{what}: 'build_input_shape'", example="(None, 28)"))
        return _frozen_as(description, model)


def _frozen_as(description, model):
    model.trainable = of_type(description.get("trainable", True), bool, f"{model!r}: 'trainable'")
    return model


def float_type_of(description):
    """A block in which new weights have the float type of a model's description: float64 if all in it says so."""
    said = set(_float_types(description))
    return config.float_type("float64" if said == {"float64"} else None)


def _float_types(description):
    """The float types that a description mentions as `dtype`, at any depth."""
    for part in dictionaries(description):
        for said in (part.get("dtype"), part.get("input_dtype")):       # Keras 2's word and Keras 1's
            if isinstance(said, str) and said.startswith("float"):
                yield said
