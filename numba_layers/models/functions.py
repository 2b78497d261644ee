"""A model as functions for jitted code: what it predicts, the gradient of that, and a step of its training."""

import numpy as np

from .. import ops
from ..autograd.context import evaluation
from ..autograd.tape import Tape
from ..autograd.tensor import Tensor
from ..errors import ShapeError
from ..program import function


def predicting(model, batch_size):
    """What `model` predicts for `batch_size` samples."""
    name, inputs = f'as_function of model "{model.name}"', _inputs(model, batch_size)

    def body(*arrays):
        return model._graph.run([Tensor(array) for array in arrays], learning_phase=0)

    return function.function(name, body, inputs, lambda outputs: _gradient(model, name, inputs, outputs))


def _gradient(model, name, inputs, outputs):
    """Of the inputs, then a seed for each output: d(sum of outputs * seeds) / d(inputs)."""
    seeds = [(f"seed{number}", spec.shape, spec.dtype) for number, spec in enumerate(outputs)]

    def body(*arrays):
        tensors = [Tensor(array) for array in arrays]
        given, wanted = tensors[:len(inputs)], tensors[len(inputs):]
        with evaluation(learning_phase=0), Tape() as tape:
            parts = [ops.sum(output * seed) for output, seed in zip(model._graph.run(given, learning_phase=0), wanted)]
            total = sum(parts[1:], parts[0])
        return [Tensor(np.zeros(x.shape, x.dtype)) if gradient is None else gradient
                for x, gradient in zip(given, tape.gradient(total, given))]

    return function.function(f"gradient of {name}", body, [*inputs, *seeds], groups=[len(inputs), len(seeds)])


def training(model, batch_size, weighted):
    """One step of training on `batch_size` samples: of (x, y), or (x, y, weights), the loss."""
    model._prepare_training()
    trained = model.objective.trained
    inputs, groups = _inputs(model, batch_size), [len(model._fed), len(trained)]
    for number in trained:
        output = model.outputs[number]
        shape = model.objective.target_shape(number, output)
        dtype = model.objective.target_type(number, output)
        inputs.append((f"y{number}", _sized(f"y{number}", batch_size, shape), dtype))
    if weighted:
        inputs += [(f"weights{number}", (batch_size,), model.outputs[number].dtype) for number in trained]
        groups.append(len(trained))

    def body(*arrays):
        tensors = [Tensor(array) for array in arrays]
        return model._op_by_op(model._parted(tensors if weighted else [*tensors, *(None for _ in trained)]))[:1]

    arrays = [*model._training.arrays, *(weight.data for weight in model.weights)]
    return function.step(f'as_step of model "{model.name}"', body, inputs, groups, arrays)


def _inputs(model, batch_size):
    return [(f"x{number}", _sized(tensor.name, batch_size, tensor.shape), tensor.dtype)
            for number, tensor in enumerate(model._fed)]


def _sized(name, batch_size, shape):
    if None in shape[1:]:
        raise ShapeError(f"{name} has shape {tuple(shape)}: a function for jitted code takes arrays of known sizes.")
    return batch_size, *shape[1:]
