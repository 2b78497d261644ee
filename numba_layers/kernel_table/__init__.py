"""Which kernels layers launch: each layer runs dry, forward and backward, with the arguments that make a difference."""

import inspect
from collections import namedtuple

from .. import registry
from ..errors import ArgumentError, unknown
from ..layers import Layer
from ..models import Model
from . import examples
from .trace import DIRECTIONS, drawing_nothing, traced

__all__ = ["DIRECTIONS", "Survey", "surveys", "table"]

BATCH = 32      # samples, where a model leaves it open, as `fit` takes them
_CURE = "registry.table(layer, input_shape=(None, 28, 28)), the batch being the first axis"

# What was found out about one layer. example: the call that `when` compares with, as text. nothing_new: for each
# direction what was tried and launched no kernel that the example does not.
Survey = namedtuple("Survey", "layer example rows nothing_new")


def table(layer=None, input_shape=None):
    """See `registry.table`."""
    return [row for survey in surveys(layer, input_shape) for row in survey.rows]


@drawing_nothing()
def surveys(layer=None, input_shape=None):
    """A `Survey` for each layer that `registry.table` has rows of."""
    if isinstance(layer, Model):
        if not layer.outputs:
            raise ArgumentError(f'{type(layer).__name__} "{layer.name}" has no input yet. Build it first: '
                                "model.build((None, 28, 28)), the batch being the first axis.")
        return [_survey(one.name, _as_it_is(one, calls)) for one, calls in _layers(layer)]
    if isinstance(layer, Layer):
        return [_survey(layer.name, _as_it_is(layer, [] if input_shape else layer.inbound_nodes, input_shape))]
    known = {name: kind for name, kind in registry.layers().items() if examples.has(kind)}
    if inspect.isclass(layer) and known.get(layer.__name__) is not layer:
        raise ArgumentError(f"{layer.__name__} is no layer of this package. Make one, and say of which shape its "
                            f"input is: {_CURE}.")
    name = layer.__name__ if inspect.isclass(layer) else layer
    if name is not None and name not in known:
        raise unknown("layer", name, known)
    return [_survey(one, examples.of(known[one])) for one in ([name] if name else sorted(known))]


def _layers(model):
    """The layers of a model and of the models in it, each with its calls there; calls within a class leave no node."""
    for layer in model.layers:
        if isinstance(layer, Model):
            yield from _layers(layer)
        elif layer.inbound_nodes:
            yield layer, [node for node in model.nodes if node.layer is layer] or layer.inbound_nodes[:1]


def _as_it_is(layer, calls, input_shape=None):
    """A layer as examples: one for each size, and mask, of what it is called with."""
    shapes = input_shape or layer.batch_input_shape
    several = isinstance(shapes, list) and all(isinstance(shape, tuple | list) for shape in shapes)
    inputs = [(node.input_shapes, any(tensor.mask is not None for tensor in node.input_tensors)) for node in calls]
    inputs = inputs or [(shapes if several else [shapes], False)]
    if inputs[0][0][0] is None:
        raise ArgumentError(f'{type(layer).__name__} "{layer.name}" has no input yet. Say of which shape it is: '
                            f"{_CURE}.")
    found = {}
    for shapes, masked in inputs:
        shapes = [tuple(size or BATCH for size in shape) for shape in shapes]
        when = (f"input {' and '.join(map(str, shapes))}{', a mask' * masked}" if found
                else f"{layer.name}: {type(layer).__name__}")
        found.setdefault((tuple(shapes), masked), examples.Example(layer, shapes, when, masked))
    return list(found.values())


def _survey(name, found):
    """The rows of a layer, of the examples `found`, the first of which is that from which the others differ."""
    rows, tried = [], dict.fromkeys(example.when for example in found[1:])
    nothing_new = {direction: tried.copy() for direction in DIRECTIONS}
    for target in registry.TARGETS:
        launched_in = {}        # (direction, kernel) -> the examples that launch it
        for example in found:
            for pair in traced(example, target):
                launched_in.setdefault(pair, []).append(example)
        known = registry.kernels(target)
        for (direction, kernel), some in launched_in.items():
            whens = [] if found[0] in some else [example.when for example in some]
            for when in whens:
                nothing_new[direction].pop(when, None)
            rows.append(registry.Row(name, direction, kernel, " or ".join(examples.briefly(whens)), target,
                                     getattr(known.get(kernel), "location", "")))
    rows.sort(key=lambda row: (DIRECTIONS.index(row.direction), row.when != ""))
    example = f"{found[0].when}, input {' and '.join(map(str, found[0].shapes))}"
    return Survey(name, example, rows, {direction: examples.briefly(whens) for direction, whens in nothing_new.items()})
