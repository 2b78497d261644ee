"""What a model does with one batch: train, measure, predict. Meant to be read and changed, as the `loops` around it."""

import itertools
import warnings
from collections import namedtuple

import numpy as np

from .. import config, constraints, devices, ops
from ..autograd.context import evaluation, unrecorded
from ..autograd.graph import concrete
from ..autograd.tape import Tape
from ..autograd.tensor import Tensor, as_tensor
from ..layers.context import collecting, keeping_states
from ..locks import holding
from ..ops._op import copy_into
from ..phase import learning
from ..program.programs import allowed
from . import added
from .training import Training

# Lists of tensors. counts: whether a sample's weight is not 0; a batch that does not count leaves the weights of the
# model as they are, whatever the momentum of those before.
Batch = namedtuple("Batch", "inputs targets weights counts")
# The program of the last prediction of one array, and when it serves for another.
Quick = namedtuple("Quick", "shape dtype version program")


class Steps:
    """The part of `Model` that runs on a batch."""

    def _types(self):
        """The element types of inputs, targets and sample weights, one after the other."""
        trained = [(number, self.outputs[number]) for number in self.objective.trained]
        return [*(tensor.dtype for tensor in self._fed), *itertools.starmap(self.objective.target_type, trained),
                *(output.dtype for _, output in trained)]

    def _batch(self, arrays, weights):
        """A batch of arrays as tensors of the model's types on the current device."""
        counts = not weights or any(weight is None or weight.any() for weight in weights)
        tensors = [None if array is None else as_tensor(array, dtype)
                   for array, dtype in zip((*arrays, *weights), self._types())]
        dense = [tensor for tensor in tensors if type(tensor) is Tensor]
        for tensor, array in zip(dense, devices.current().feed([tensor.data for tensor in dense])):
            tensor.data = array
        return self._parted(tensors, counts)

    def _parted(self, tensors, counts=True):
        """The batch of inputs, targets, and a sample weight or None for each target, one after the other."""
        fed = len(self._fed)
        targets = fed + (len(tensors) - fed) // 2
        return Batch(tensors[:fed], tensors[fed:targets], tensors[targets:], counts)

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
                updates = [] if self._frozen else [
                    (variable, concrete(as_tensor(value))) for variable, value in updates]
            figures = [total, *map(concrete, parts if len(self.outputs) > 1 else []), *map(concrete, measured)]
        return total, figures, updates

    def _train_step(self, batch):
        """Forward, backward, update on one batch; answers the figures, as arrays: nothing waits for a GPU here.

        Threads that train this model, or models that share its optimizer or weights, do so in turn.
        """
        return holding(self._locks, self._step, batch)

    def _step(self, batch):
        self._prepare_training()
        training = self._training
        return self._replayed("train", batch, self._op_by_op, training.arrays, (training.key, batch.counts),
                              training.scratch)[0]

    def _op_by_op(self, batch):
        """The step itself: what a program of it was recorded of."""
        with evaluation(learning_phase=1), keeping_states():
            with Tape() as tape:
                total, figures, updates = self._forward(*batch[:3])
            if batch.counts or self.penalties or self.adds_losses:
                arena = self._training.arena
                tape.gradient(total, arena.variables, into=arena.gradient_views, last=True)
                self._training.state.step(total)
                self._constrain()
            for variable, value in updates:
                variable.assign(value)
        return figures

    def _replayed(self, mode, batch, step, variables=(), key=(), scratch=()):
        """(what `step(batch)` answers, as arrays; the program that it was replayed by, or None)."""
        tensors = [*batch.inputs, *batch.targets, *batch.weights]
        dense = [tensor for tensor in tensors if tensor is not None]
        if any(type(tensor) is not Tensor for tensor in dense):
            return [figure.data for figure in step(batch)], None

        def again(*arrays):
            given = iter(map(Tensor, arrays))
            return step(self._parted([None if tensor is None else next(given) for tensor in tensors], batch.counts))

        missing = tuple(place for place, tensor in enumerate(tensors) if tensor is None)
        outputs, _, program = self._programs.steps(
            (mode, missing, *key), again, [tensor.data for tensor in dense], variables, apart=mode == "predict",
            locks=[] if mode == "train" else self._locks, scratch=scratch)
        return outputs, program

    def _constrain(self):
        for weight in self._trained_weights:
            if weight.constraint is not None:
                copy_into(weight.value, constraints.get(weight.constraint)(Tensor(weight.value)))

    def _test_step(self, batch):
        return [float(figure) for figure in self._replayed("test", batch, self._measured)[0]]

    def _measured(self, batch):
        with evaluation(learning_phase=0), keeping_states():
            return self._forward(*batch[:3])[1]

    def _predict_step(self, inputs):
        tensors = [as_tensor(array, tensor.dtype) for array, tensor in zip(inputs, self._fed)]
        outputs, program = self._replayed("predict", Batch(tensors, [], [], True), self._predicted)
        if program is None:
            return [np.array(output) for output in outputs]
        plain = program.compiled is not None and len(inputs) == len(outputs) == 1 and tensors[0].data is inputs[0]
        if plain and type(inputs[0]) is np.ndarray:
            self._quick = Quick(inputs[0].shape, inputs[0].dtype, config.version(), program)
        return list(map(np.asarray, outputs))

    def _predicted_quickly(self, x, batch_size):
        """What `predict` answers for an array like the last one, in a few microseconds; None where it is not so."""
        quick = self._quick
        if (quick is None or type(x) is not np.ndarray or x.shape != quick.shape or x.dtype != quick.dtype
                or quick.version != config.version() or len(x) > (batch_size or 32) or not x.flags.carray
                or not allowed() or devices.current() is not quick.program.device or learning.phase is not None
                or not quick.program.fits()):
            return None
        return quick.program.run([x])[0]

    def _predicted(self, batch):
        with keeping_states():
            return self._graph.run(batch.inputs, learning_phase=0)

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
