"""What a model does with one batch: train, measure, predict. Meant to be read and changed, as the `loops` around it."""

import warnings
from collections import namedtuple

from .. import constraints, devices, ops
from ..autograd.context import evaluation, unrecorded
from ..autograd.graph import concrete
from ..autograd.tape import Tape
from ..autograd.tensor import Tensor, Variable, as_tensor
from ..layers.context import collecting
from ..locks import holding
from ..ops._op import copy_into
from . import added
from .training import Training

# Lists of tensors. counts: whether a sample's weight is not 0; a batch that does not count leaves the weights of the
# model as they are, whatever the momentum of those before.
Batch = namedtuple("Batch", "inputs targets weights counts")


class Steps:
    """The part of `Model` that runs on a batch."""

    def _batch(self, arrays, weights):
        """A batch of arrays as tensors of the model's types on the current device."""
        counts = not weights or any(weight is None or weight.any() for weight in weights)
        inputs = [as_tensor(array, tensor.dtype) for array, tensor in zip(arrays, self._fed)]
        targets = [as_tensor(array, self.objective.target_type(number, self.outputs[number]))
                   for array, number in zip(arrays[len(inputs):], self.objective.trained)]
        weights = [None if weight is None else as_tensor(weight, self.outputs[number].dtype)
                   for weight, number in zip(weights, self.objective.trained)]
        dense = [tensor for tensor in (*inputs, *targets, *weights) if type(tensor) is Tensor]
        for tensor, array in zip(dense, devices.current().feed([tensor.data for tensor in dense])):
            tensor.data = array
        return Batch(inputs, targets, weights, counts)

    def _forward(self, inputs, targets, weights):
        """(total loss, figures, updates) of a batch; the figures are those named by `metrics_names`, as tensors.

        What layers add and regularizers count in the loss. Losses and metrics may use all tensors of the model.
        """
        with collecting() as (of_layers, updates), self._graph.evaluated(inputs) as outputs:
            extra = [regularizer(weight) for regularizer, weight in self.penalties]
            extra += [ops.sum(loss) for loss in added.of_step(self, "_added_losses")]
            total, parts = self.objective.loss(targets, outputs, weights, extra + of_layers)
            total = concrete(total)
            with unrecorded():
                measured = self.objective.measure(targets, outputs, weights)
                updates += added.of_step(self, "_added_updates")
                updates = [(variable, concrete(as_tensor(value))) for variable, value in updates]
            figures = [total, *map(concrete, parts if len(self.outputs) > 1 else []), *map(concrete, measured)]
        return total, figures, updates

    def _train_step(self, batch):
        """Forward, backward, update on one batch; answers the figures, as tensors: nothing waits for a GPU here.

        Threads that train this model, or models that share its optimizer or weights, do so in turn.
        """
        return holding(self._locks, self._step, batch)

    def _step(self, batch):
        self._prepare_training()
        with evaluation(learning_phase=1):
            with Tape() as tape:
                total, figures, updates = self._forward(*batch[:3])
            if batch.counts or self.penalties or self.adds_losses:
                arena = self._training.arena
                tape.gradient(total, arena.variables, into=arena.gradient_views)
                self._training.state.step(total)
                self._constrain()
            for variable, value in updates:
                variable.assign(value)
        return figures

    def _constrain(self):
        for weight in self._trained_weights:
            if weight.constraint is not None:
                copy_into(weight.value, constraints.get(weight.constraint)(Tensor(weight.value)))

    def _test_step(self, batch):
        with evaluation(learning_phase=0):
            return [float(figure) for figure in self._forward(*batch[:3])[1]]

    def _predict_step(self, inputs):
        tensors = [as_tensor(array, tensor.dtype) for array, tensor in zip(inputs, self._fed)]
        outputs = self._graph.run(tensors, learning_phase=0)
        return [output.numpy().copy() if type(output) is Variable else output.numpy() for output in outputs]

    def _prepare_training(self):
        """Before a training step: all trained weights in the arena, the optimizer's state beside it."""
        if self._training is None:
            self._training = Training(self.optimizer, self._trained_weights)
            if {id(weight) for weight in self._trained_weights} != {id(weight) for weight in self.trainable_weights}:
                warnings.warn(f'model "{self.name}": `trainable` was changed after compile, which has no effect until '
                              "compile is called again.", stacklevel=3)
        elif self._training.device is not devices.current():   # weights and the optimizer's state go there
            self._training = self._training.moved()
        self._training.arena.claim()
