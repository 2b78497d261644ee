"""Which kernels are launched with which types, found by dry runs: what `warm` compiles."""

from contextlib import contextmanager

import numpy as np

from .. import config, devices, losses, optimizers, registry
from ..devices.dry import DryRun
from ..layers import Dense
from ..models import Sequential
from . import examples
from .trace import as_the_example_says, drawing_nothing, passes

DATA = "float32", "float64", "uint8", "int32", "int64", "bool"      # of what users train on


class Launches(DryRun):
    """A device of the CPU's kernels on which nothing is launched; `found`: a dictionary of (kernel name, types)."""

    def __init__(self):
        super().__init__("cpu", self._note)
        self.found = {}

    def _note(self, name, arguments):
        self.found[name, registry.types_of(arguments)] = None


@contextmanager
def _op_by_op(device):
    """Inside, steps run on a device without programs, which would replay what was never launched."""
    before = config.programs()
    config.set_programs(False)
    try:
        with devices.device(device):
            yield
    finally:
        config.set_programs(before)


def of_layers():
    """(kernel name, types) of what all layers of the package launch, forward and backward."""
    return of_examples(example for kind in registry.layers().values() if examples.has(kind)
                       for example in examples.of(kind))


@drawing_nothing()
def of_examples(some):
    """(kernel name, types) of what the layers of examples launch, forward and backward."""
    device = Launches()
    for example in some:
        with as_the_example_says(example), devices.device(device):
            passes(example, device.kernels)
    return list(device.found)


@drawing_nothing()
def of_training():
    """(kernel name, types) of what all losses, optimizers and metrics launch, on data of all kinds of numbers."""
    device = Launches()
    kinds = [(optimizer, "mse") for optimizer in optimizers._catalogue.things] + [
        ("sgd", loss) for loss in losses._catalogue.things]
    with _op_by_op(device):
        for optimizer, loss in kinds:
            model = Sequential([Dense(2, activation="softmax", input_shape=(3,))])
            model.compile(optimizer, loss, metrics=["accuracy"])
            train(model, [np.zeros((4, 3), config.floatx())])
        for dtype in DATA:
            train(model, [np.zeros((4, 3), dtype)])
    return list(device.found)


def of_model(model, x):
    """(kernel name, types) of a step of training, an evaluation and a prediction of a compiled model on inputs `x`.

    It is left as it was, but for its random numbers and its optimizer's count of steps.
    """
    device = Launches()
    with _op_by_op(device):
        train(model, x)
    return list(device.found)


def of_batches(types):
    """(kernel name, types) of what `fit` launches to gather batches of such types from data of all kinds of numbers."""
    order, counters = np.zeros(1, np.int64), np.zeros(2, np.int64)
    return [("gather_batch", registry.types_of((np.zeros((1, 1), have), order, counters, np.zeros((1, 1), want))))
            for have in DATA for want in types]


def train(model, x):
    """Predict, train a step and evaluate on arrays `x`, one for each input; the targets are zeros."""
    y = targets(model, x)
    model.train_on_batch(x, y)
    model.test_on_batch(x, y)


def fit(model, x):
    """Train some epochs of a few batches like the arrays `x`, evaluate and predict, so that all become programs."""
    y = targets(model, x)
    more_x, more_y = ([np.concatenate([array] * 4) for array in arrays] for arrays in (x, y))
    for _ in range(3):
        model.fit(more_x, more_y, batch_size=len(x[0]), epochs=1, verbose=0)
        model.evaluate(more_x, more_y, batch_size=len(x[0]), verbose=0)
        model.predict(more_x, batch_size=len(x[0]))


def targets(model, x):
    """Zeros that a compiled model can be trained to give for arrays `x`."""
    outputs = model.predict_on_batch(x)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return [_target(outputs[number], model.objective.losses[number]) for number in model.objective.trained]


def _target(output, loss):
    """Zeros that fit an output: class numbers, or numbers of the output's shape."""
    sparse = loss is losses.sparse_categorical_crossentropy
    return np.zeros((*output.shape[:-1], 1), np.int64) if sparse else np.zeros_like(output)
