"""Keras 1's layer of several inputs, and its function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..autograd.tensor import Tensor
from ..errors import ArgumentError, shown, unknown
from ..utils.function_utils import dump_function, load_function
from .base import Layer
from .input import Input
from .lambda_layer import Lambda
from .merge import Add, Average, Concatenate, Dot, Maximum, Merging, Multiply
from .node import as_list
from .serialization import deserialize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ..typing import Config, CustomObjects

MODES = {
    "sum": lambda axis, axes, name: Add(name=name), "mul": lambda axis, axes, name: Multiply(name=name),
    "ave": lambda axis, axes, name: Average(name=name), "max": lambda axis, axes, name: Maximum(name=name),
    "concat": lambda axis, axes, name: Concatenate(axis, name=name),
    "dot": lambda axis, axes, name: Dot(axes, name=name),
    "cos": lambda axis, axes, name: Dot(axes, normalize=True, name=name),
}
_OF_FUNCTION = ("output_shape", "output_shape_type", "arguments")       # how a function is described, beside itself


class Merge(Merging):
    """Keras 1's layer of several inputs: `mode` names what the layers above do, or is a function of the list of inputs.

    layers: models, layers that are connected, or tensors, whose outputs are merged at once: `.output` is the result,
    and a Sequential may begin with it. mode: 'sum', 'mul', 'concat', 'ave', 'max', 'dot', 'cos', or a function.
    concat_axis, dot_axes: as in Concatenate and Dot. output_shape, arguments: of a function, as in Lambda. output_mask:
    the mask that a function hands on, or a function of the list of masks. node_indices, tensor_indices: for each of
    `layers`, which of its outputs.
    Shapes: as the layer that `mode` names, or what the function gives
    Raises: UnknownNameError for another mode.
    Reference: Keras 1.2.2, "Merge".
    """

    def __init__(self, layers: Sequence[Any] | None = None, mode: str | Callable[..., Any] = "sum",
                 concat_axis: int = -1, dot_axes: Any = -1, output_shape: Any = None, output_mask: Any = None,
                 arguments: Mapping[str, Any] | None = None, node_indices: Sequence[int] | None = None,
                 tensor_indices: Sequence[int] | None = None, name: str | None = None,
                 **kwargs: Any) -> None:
        for described in ("mode_type", "output_shape_type", "output_mask_type"):    # in Keras 1's files
            kwargs.pop(described, None)
        super().__init__(name=name, **kwargs)
        self.mode, self.concat_axis, self.dot_axes = mode, concat_axis, dot_axes
        if not isinstance(layers, list | tuple | None):
            raise ArgumentError(f"Merge takes a list of layers, models or tensors, got {shown(layers)}.")
        self.layers, self.node_indices = list(layers or ()), node_indices
        self._output_mask = output_mask
        if callable(mode):
            self._merging: Any = Lambda(mode, output_shape, self._function_mask, arguments, name=self.name)
        elif isinstance(mode, str) and mode in MODES:
            self._merging = MODES[mode](concat_axis, dot_axes, self.name)
        else:
            raise unknown("mode of Merge", mode, MODES)
        self.arguments = getattr(self._merging, "arguments", {})
        if layers:
            nothing = [0] * len(layers)
            self([_output(*place) for place in zip(layers, node_indices or nothing, tensor_indices or nothing)])

    def _check_shapes(self, shapes):
        if not callable(self.mode):
            self._merging._check_shapes(shapes)

    def keeps_axes(self, tensor: Tensor, output: Tensor) -> bool:
        return self._merging.keeps_axes(tensor, output)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return self._merging.call(inputs, **({"mask": mask} if callable(self.mode) else {}))

    def _templates(self, inputs, kwargs, mask):
        return self._merging._templates(inputs, kwargs, mask)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self._merging.compute_mask(inputs, mask)

    def _function_mask(self, inputs, mask):
        """What `output_mask` makes of the inputs' masks, where one has any."""
        if not any(entry is not None for entry in mask or []):
            return None
        return self._output_mask(mask) if callable(self._output_mask) else self._output_mask

    def get_config(self) -> Config:
        description = super().get_config() | {
            "mode": self.mode, "concat_axis": self.concat_axis, "dot_axes": self.dot_axes}
        if not callable(self.mode):
            return description
        of_function = self._merging.get_config()
        mask, kind = dump_function(self._output_mask) if callable(self._output_mask) else (self._output_mask, "raw")
        return description | {
            "mode": of_function["function"], "mode_type": of_function["function_type"], "output_mask": mask,
            "output_mask_type": kind, **{what: of_function[what] for what in _OF_FUNCTION if what in of_function}}

    @classmethod
    def from_config(cls, description: Config, custom_objects: CustomObjects = None) -> Any:
        """The layer that `get_config` described; with `layers`, as Keras 1 describes the first of a Sequential."""
        description = dict(description)
        if description.get("mode_type", "raw") != "raw":
            given = {what: description[what] for what in ("name", *_OF_FUNCTION) if what in description}
            function = Lambda.from_config(
                given | {"function": description["mode"], "function_type": description["mode_type"]}, custom_objects)
            description |= {"mode": function.function, "output_shape": function._output_shape}
            kind = description.get("output_mask_type") or "raw"
            if kind != "raw":
                description["output_mask"] = load_function(description["output_mask"], kind, custom_objects)
        described = description.get("layers") or []
        same = [described.index(entry) for entry in described]      # a model that stands in two places
        layers = {place: described[place] if isinstance(described[place], Layer) else
                  deserialize(described[place], custom_objects) for place in dict.fromkeys(same)}
        return super().from_config(description | {"layers": [layers[place] for place in same]})


def _output(layer, node, index):
    """The tensor that `layer` (a model, a layer, or the tensor itself) gives at a node, `index` where it is a list."""
    if isinstance(layer, Tensor):
        return layer
    if not isinstance(layer, Layer):
        raise ArgumentError(f"Merge takes layers, models or tensors, got {shown(layer)}.")
    if not layer.inbound_nodes and layer.batch_input_shape is not None:
        layer(Input(batch_shape=layer.batch_input_shape, dtype=layer.input_type, name=f"{layer.name}_input"))
    return as_list(layer.get_output_at(node))[index]


def merge(inputs: Sequence[Tensor], mode: str | Callable[..., Any] = "sum", concat_axis: int = -1, dot_axes: Any = -1,
          output_shape: Any = None, output_mask: Any = None, arguments: Mapping[str, Any] | None = None,
          name: str | None = None) -> Tensor:
    """Keras 1's function: the tensors `inputs` merged as `mode` says; see `Merge`."""
    layer = Merge(mode=mode, concat_axis=concat_axis, dot_axes=dot_axes, output_shape=output_shape,
                  output_mask=output_mask, arguments=arguments, name=name)
    return layer(inputs)
