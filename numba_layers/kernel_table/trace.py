"""The dry run of one layer: its call and its gradients, on zeros, with launches noted instead of made."""

import copy
import math
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

from .. import config, devices
from ..autograd import Tape, Tensor
from ..autograd.context import evaluation
from ..autograd.tensor import SparseTensor
from ..devices.dry import DryRun
from ..layers import Layer
from ..layers.context import collecting
from ..layers.dry import DryBuild
from ..layers.node import as_list, unpack
from ..random import Stream

DIRECTIONS = "forward", "backward"


def traced(example, target):
    """Pairs of a direction and the name of a kernel that `example` launches there on `target`, each once."""
    device = DryRun(target)
    with as_the_example_says(example), devices.device(device):
        names = passes(example, device.kernels)
    return list(dict.fromkeys((direction, name) for direction, some in zip(DIRECTIONS, names) for name in some))


def passes(example, launched):
    """Call the layer of `example` and take all gradients; (forward, backward): what the list `launched` then has."""
    layer = example.layer if example.layer.built else _copy(example.layer)
    inputs = [_input(shape, example) for shape in example.shapes]
    before = len(launched)
    with DryBuild(math.inf, ""), collecting() as (losses, _):
        with evaluation(learning_phase=0):      # what training does without
            layer(unpack(inputs))
        with evaluation(learning_phase=1), Tape() as tape:
            outputs = as_list(layer(unpack(inputs)))
            outputs = [*outputs, *losses, *(regularizer(weight) for regularizer, weight in layer.penalties)]
    forward = launched[before:]
    for output in outputs:
        if output.dtype.kind == "f":
            tape.gradient(output, [*inputs, *layer.trainable_weights])
    return forward, launched[before + len(forward):]


def _input(shape, example):
    if example.sparse:
        nothing = SimpleNamespace(indptr=np.zeros(shape[0] + 1, int), indices=np.zeros(0, int),
                                  data=np.zeros(0, config.floatx()), shape=shape)
        return SparseTensor(nothing)
    return Tensor(np.zeros(shape, config.floatx()), mask=Tensor(np.ones(shape[:2], bool)) if example.masked else None)


def _copy(layer):
    """A copy of a layer that is not built, to build it; the tensors to which it is connected are not its own."""
    places = {id(vars(layer)[name]): [] for name in ("inbound_nodes", "outbound_nodes", "_losses_of_calls")}
    return copy.deepcopy(layer, places)


@contextmanager
def drawing_nothing():
    """After it NumPy's next random numbers are those that they would have been."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)


@contextmanager
def as_the_example_says(example):
    """Inside, no setting looks into launches; after it, settings and the layer's random numbers go on as before."""
    check, level, winograd = config.check_numbers, config.debug_level, config.winograd()
    streams = [(stream, stream.state) for one in _inside(example.layer) for stream in vars(one).values()
               if isinstance(stream, Stream)]
    config.check_numbers, config.debug_level = False, 0
    config.set_winograd(example.winograd or winograd)
    try:
        yield
    finally:
        config.check_numbers, config.debug_level = check, level
        config.set_winograd(winograd)
        for stream, state in streams:
            stream.state = state


def _inside(layer):
    """The layer and those in its attributes."""
    yield layer
    for value in vars(layer).values():
        if isinstance(value, Layer):
            yield from _inside(value)
