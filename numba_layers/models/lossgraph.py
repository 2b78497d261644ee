"""A compiled model's loss as a graph: `model.total_loss` is made of `model.inputs`, `targets` and `sample_weights`.

Training does not need it: it runs the same functions on each batch. Scripts do, which ask for gradients of the loss:
`K.function([*model.inputs, *model.sample_weights, *model.targets, K.learning_phase()], gradients)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import ops
from ..autograd.graph import placeholder
from ..autograd.tensor import Tensor
from ..errors import ModelError
from ..layers.watched import WatchedList
from .objective import TEMPORAL

if TYPE_CHECKING:
    from typing import Any


class _Graph(NamedTuple):
    objective: object       # whose graph it is
    targets: list
    weights: list
    total: Tensor
    figures: list


class LossGraph:
    """What a model shows of its loss: tensors that wait for targets and sample weights; they need a compiled model."""

    _made_graph = None

    @property
    def targets(self) -> Any:
        """Placeholders of the targets, one for each output that has a loss."""
        return self._loss_graph("targets").targets

    @property
    def sample_weights(self) -> Any:
        """Placeholders of the samples' weights, one for each output that has a loss."""
        return self._loss_graph("sample_weights").weights

    @property
    def total_loss(self) -> Any:
        """The loss that training makes small, with penalties and what layers add, as a scalar tensor."""
        return self._loss_graph("total_loss").total

    @property
    def metrics_tensors(self) -> Any:
        """The metrics, as scalar tensors.

        Raises: ModelError where one is added: training measures what `compile` was given.
        """
        return WatchedList(self._loss_graph("metrics_tensors").figures, self._refuse_metrics)

    def _refuse_metrics(self, changed):
        raise ModelError(f'model "{self.name}": metrics_tensors cannot be changed. Give compile(metrics=[...]) a '
                         "function of y_true and y_pred that answers the tensor; it may use any tensor of the model.")

    @property
    def loss_functions(self) -> Any:
        """The losses of the outputs, as functions."""
        self._need_compiled("loss_functions")
        return list(self.objective.losses)

    @property
    def sample_weight_modes(self) -> Any:
        """'temporal' or None for each output."""
        self._need_compiled("sample_weight_modes")
        return list(self.objective.weight_modes)

    @property
    def uses_learning_phase(self) -> Any:
        """Whether the outputs may differ between training and testing."""
        return any(output._uses_learning_phase for output in self.outputs)

    def _loss_graph(self, asked):
        self._need_compiled(asked)
        if self._made_graph is None or self._made_graph.objective is not self.objective:
            self._made_graph = self._make_graph(self.objective)
        return self._made_graph

    def _make_graph(self, objective):
        targets, weights = [], []
        for number in objective.trained:
            output, name = self.outputs[number], self.output_names[number]
            targets.append(placeholder((None,) * output.ndim, objective.target_type(number, output), f"{name}_target"))
            axes = 2 if objective.weight_modes[number] == TEMPORAL else 1
            weights.append(placeholder((None,) * axes, output.dtype, f"{name}_sample_weights"))
        total, _ = objective.loss(targets, self.outputs, weights, [ops.sum(loss) for loss in self.losses])
        return _Graph(objective, targets, weights, total, objective.measure(targets, self.outputs, weights))
