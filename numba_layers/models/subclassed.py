"""Models written as a class: `class Net(Model)` with layers as attributes and a method `call`.

Such a model is built from the first data or shape it meets: `call` runs once on symbolic tensors and makes the layers'
weights; from then on it runs as the only layer of the model's graph, so that it may use any K functions and change
with `training`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import ModelError
from ..layers.base import Layer, training_phase
from ..layers.input import Input
from ..layers.node import as_list, unpack
from ..layers.undo import wholly
from . import changing, data

if TYPE_CHECKING:
    from typing import Any

    from ..typing import Config


class Body(Layer, public=False):
    """The `call` of a model that a user wrote, as a layer."""

    supports_masking = True

    def __init__(self, model):
        super().__init__(name=f"{model.name}_call")
        self.model = model
        self._call_takes_mask = model._call_takes_mask

    def call(self, inputs, mask=None, training=None):
        options = {} if mask is None else {"mask": mask}
        if self.model._call_takes_training:
            options["training"] = training_phase(training)
        return self.model.call(inputs, **options)

    @property
    def uses_learning_phase(self):
        return self.model._call_takes_training or any(layer.uses_learning_phase for layer in self.model.layers)

    def compute_mask(self, inputs, mask=None):
        """What `call` gives carries its masks already."""
        return None


class WrittenAsClass:
    """What a model does that is written as a class; one that is made of tensors does as it would without this."""

    _written_as_class = False

    def _wait(self, name, trainable):
        """Begin without inputs and outputs; `build` makes them."""
        Layer.__init__(self, name=name, trainable=trainable)
        self._written_as_class = True
        self._empty()

    def build(self, input_shape: Any = None) -> None:
        """Build a model written as a class for `input_shape` with the batch axis, or a list of them."""
        if self.outputs:
            return
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        inputs = [Input(batch_shape=shape) for shape in shapes]
        with wholly(self, *self._shown_layers()):
            outputs = as_list(Body(self)(unpack(inputs)))
            self._wire(inputs, outputs)
            self._all_layers = self._listed = self._shown_layers()
            self._make_own_node()
            self._compile_waiting()

    def _need_built(self, x):
        if self.outputs:
            changing.warn_of_missing(self)
            return
        if x is None or isinstance(x, dict):
            raise ModelError(f'model "{self.name}" has no input shape yet. Call model.build((None, ...)), or fit or '
                             "predict on arrays first.")
        arrays = x if isinstance(x, list | tuple) and len(x) and np.ndim(x[0]) else [x]
        shapes = [data.numbers(array, f'model "{self.name}", x').shape for array in arrays]
        self.build([(None, *(shape[1:] or (1,))) for shape in shapes])

    def _shown_layers(self):
        """The layers among the attributes, in lists and dictionaries too, as they were set."""
        if not self._written_as_class:
            return super()._shown_layers()
        waiting = [value for name, value in vars(self).items() if name not in ("_all_layers", "_listed")][::-1]
        found = {}
        while waiting:
            value = waiting.pop()
            if isinstance(value, Layer):
                found.setdefault(id(value), value)
            elif isinstance(value, list | tuple):
                waiting.extend(reversed(value))
            elif isinstance(value, dict):
                waiting.extend(reversed(value.values()))
        return list(found.values())

    def _change_layers(self, layers):
        self._need_tensors()
        super()._change_layers(layers)

    def _change_ends(self, inputs, outputs):
        self._need_tensors()
        super()._change_ends(inputs, outputs)

    def _need_tensors(self):
        if self._written_as_class:
            raise ModelError(f'model "{self.name}" is written as a class: its layers are its attributes, and what it '
                             "computes is its `call`; neither its layers nor its ends can be set.")

    @property
    def output_names(self):
        """Those of the output layers; a class's `call` gives output_1, output_2 ..., as in Keras."""
        if not self._written_as_class:
            return super().output_names
        return [f"output_{number}" for number in range(1, len(self.outputs) + 1)]

    def _compute(self, tensors, kwargs):
        if self._written_as_class:
            return self._graph.steps[-1].function._compute(tensors, kwargs)
        return super()._compute(tensors, kwargs)

    def get_config(self) -> Config:
        if self._written_as_class:
            raise ModelError(f'model "{self.name}" is written as a class, whose code no description holds. Save its '
                             "weights, model.save_weights(path), and load them into one that was built.")
        return super().get_config()
