"""A stack of layers, each with one input and one output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ArgumentError, ModelError, ShapeError, shown
from ..layers.base import Layer
from ..layers.input import Input, InputLayer
from ..layers.merge_keras1 import Merge
from ..layers.node import as_list, sources
from ..layers.undo import wholly
from ..naming import unique_name
from ..utils import function_utils
from . import changing, data, rebuild, topology
from .model import Model
from .network import Network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import Config, CustomObjects, Data


class Sequential(Model):
    """Layers in a row: `Sequential([Dense(32, input_shape=(16,)), Dense(10)])`, or `add` one by one.

    The first layer says its input shape (input_shape, batch_input_shape or input_dim); without one, the model is
    built from the first data it sees. A model may itself be a layer.
    """

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None) -> None:
        self._start_untrained()
        self._stack: list[Any] = []
        self._layout_before = None      # of the first input, where the model is built from it
        self._empty()
        nameless = name is None or (isinstance(name, str) and not name)
        Layer.__init__(self, name=unique_name("sequential") if nameless else name)
        if not isinstance(layers, list | tuple | None):
            raise ArgumentError(f"Sequential takes a list of layers, got {type(layers).__name__}: {shown(layers)}.")
        self._add_all(layers or [])

    def _shown_layers(self):
        """The layers that were added; the input before them is not counted."""
        return self._stack

    def _change_layers(self, layers):
        changing.restack(self, layers)

    def _change_ends(self, inputs, outputs):
        if [*map(id, inputs)] != [*map(id, self.inputs)]:
            raise ModelError(f'model "{self.name}": the inputs of a Sequential model follow from its first layer. Make '
                             "Model(inputs, outputs).")
        changing.cut(self, outputs)

    @property
    def model(self) -> Any:
        """The model itself; in Keras 1 the functional model behind it."""
        return self

    @property
    def flattened_layers(self) -> list[Any]:
        """The layers, and in place of a `Merge` that comes first the layers of what it merges."""
        first, *others = self._stack or [None]
        if not isinstance(first, Merge):
            return self.layers
        inner = [entry for layer in first.layers for entry in getattr(layer, "flattened_layers", [layer])]
        return list(dict.fromkeys([*(layer for layer in inner if isinstance(layer, Layer)), first, *others]))

    def add(self, layer: Layer) -> None:
        """Put `layer` on top of the stack.

        Raises: ArgumentError for what is no layer, ShapeError when it does not fit the layer below.
        """
        if not isinstance(layer, Layer):
            raise ArgumentError(f"Sequential.add takes a layer, got {type(layer).__name__}: {layer!r:.80}.")
        if self.outputs:
            self._stack_on(self.inputs, layer(self.outputs[0]), layer)
        elif isinstance(layer, InputLayer) and not self._stack:
            entry = layer.inbound_nodes[0].output_tensors[0]
            self._lead([entry], [entry])
        elif not self._stack and isinstance(layer, Merge) and layer.layers:
            self._stack_on(sources([layer.output]), layer.output, layer)
        elif not self._stack and _first_shape(layer) is not None:
            entry = Input(batch_shape=_first_shape(layer), dtype=layer.input_type, name=f"{layer.name}_input")
            entry.layout = self._layout_before
            self._stack_on([entry], layer(entry), layer)
        else:
            self._stack.append(layer)

    def _stack_on(self, inputs, output, layer):
        if len(as_list(output)) != 1:
            raise ShapeError(f'a layer of a Sequential model must give one tensor, "{layer.name}" gives '
                             f"{len(as_list(output))}. Use Model(inputs, outputs).")
        with wholly(self):
            self._stack.append(layer)
            self._lead(inputs, [output])

    def _lead(self, inputs, outputs):
        self._wire(inputs, outputs)

    def _add_all(self, layers):
        """`add` them one by one, and find the way through them once, in the end."""
        self._lead = self._set_ends  # type: ignore[method-assign]
        for layer in layers:
            self.add(layer)
        del self._lead
        if self.outputs:
            self._wire(self.inputs, self.outputs)

    def _wire(self, inputs, outputs):
        super()._wire(inputs, outputs)
        places = {layer: place for place, layer in enumerate(self.flattened_layers)}
        self._all_layers.sort(key=lambda layer: places.get(layer, -1))      # where it begins with several models
        self._make_own_node()

    def pop(self) -> Any:
        """Take the top layer off. Raises: ModelError where there is none, or the model is a layer of another."""
        if not self._stack:
            raise ModelError(f'model "{self.name}" has no layers to pop.')
        changing.need_own_end(self)
        with wholly(self, *self._stack, *self._all_layers):
            self._take_off()

    def _take_off(self):
        layer = self._stack.pop()
        self._start_untrained()
        if not self.outputs:
            return
        node = next(node for node in reversed(self.nodes) if node.layer is layer)
        below = node.input_tensors[0]
        if layer.inbound_nodes[-1:] == [node]:
            layer.inbound_nodes.pop()
        lower = below._keras_history[0]
        lower.outbound_nodes = [other for other in lower.outbound_nodes if other is not node]
        if self._stack:
            self._wire(self.inputs, [below])
        else:
            self._empty()

    def build(self, input_shape: Any = None) -> None:
        """Build a stack that was given no input shape; `input_shape` with the batch axis."""
        if self.outputs:
            return
        if input_shape is None or not self._stack:
            raise ModelError(f'model "{self.name}" has no input shape. Give the first layer input_shape=(...), or call '
                             "model.build((None, ...)).")
        with wholly(self, *self._stack):
            waiting, self._stack = self._stack, []
            waiting[0].batch_input_shape = tuple(input_shape)
            self._add_all(waiting)
            self._compile_waiting()

    def _need_built(self, x):
        if not self.outputs:
            shape = () if x is None or isinstance(x, dict) else data.numbers(x, f'model "{self.name}", x').shape
            self.build((None, *(shape[1:] or (1,))) if shape else None)

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        if not self.outputs:
            self._meet(as_list(inputs))
            self.build(as_list(inputs)[0].shape)
        return super().__call__(inputs, **kwargs)

    def _meet(self, tensors):
        self._layout_before = getattr(tensors[0], "layout", None)

    def get_config(self) -> Config:
        return topology.sequential_config(self)

    @classmethod
    def from_config(cls, description: Config, custom_objects: CustomObjects | None = None,
                    safe_mode: bool | None = None) -> Any:
        """The model that `get_config` described; `safe_mode` as in `load_model`, None: as in the load under way."""
        with function_utils.safe_mode(safe_mode):
            return rebuild.sequential_from_description(cls, description, custom_objects)

    def predict_proba(self, x: Data, batch_size: int | None = None, verbose: int = 0) -> Any:
        """`predict`, for models whose outputs are probabilities."""
        return self.predict(x, batch_size, verbose)

    def predict_classes(self, x: Data, batch_size: int | None = None, verbose: int = 0) -> Any:
        """The number of the most probable class; for a single output unit, 1 where it exceeds 0.5."""
        scores = self.predict(x, batch_size, verbose)
        return scores.argmax(axis=-1) if scores.shape[-1] > 1 else (scores > 0.5).astype("int32")


def _first_shape(layer):
    """The input shape that a first layer states, with the batch axis, or None."""
    if isinstance(layer, Network) and layer.outputs:
        return layer.inputs[0].shape
    return layer.batch_input_shape
