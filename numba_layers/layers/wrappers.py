"""Layers around a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from .._legacy import LAYER, keras1
from ..arguments import entry
from ..autograd.graph import SymbolicTensor
from ..errors import ArgumentError, ShapeError, shown
from .base import InputSpec, Layer
from .serialization import deserialize, serialize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from typing_extensions import Unpack

    from ..autograd.tensor import Tensor, Variable
    from ..typing import Config, CustomObjects, LayerOptions

_EACH = "each timestep "        # in front of the layout of images that come in sequences


class Wrapper(Layer):
    """Base of layers around a layer: its weights and penalties are the wrapper's own.

    layer: the layer inside, `self.layer`.
    Raises: ArgumentError for what is no layer.
    Reference: Keras 2.2.5, "Wrapper".
    """

    @keras1(LAYER)
    def __init__(self, layer: Layer, **kwargs: Unpack[LayerOptions]) -> None:
        if not isinstance(layer, Layer):
            raise ArgumentError(f"{type(self).__name__} takes a layer, got {type(layer).__name__} {shown(layer)}.")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Subclasses may leave the shape out, as in Keras."""
        super().build(input_shape)

    @property
    def uses_learning_phase(self) -> Any:
        return self.layer.uses_learning_phase

    @property
    def trainable_weights(self) -> list[Variable]:
        return self.layer.trainable_weights if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return self.layer.non_trainable_weights if self.trainable else self.layer.weights

    @property
    def penalties(self) -> list[Any]:
        return self.layer.penalties

    @property
    def losses(self) -> list[Any]:
        return [*super().losses, *self.layer._added_losses, *self.layer._called_losses()]

    @property
    def updates(self) -> list[Any]:
        return [*super().updates, *self.layer.updates]

    def get_config(self) -> Config:
        return super().get_config() | {"layer": serialize(self.layer)}

    @classmethod
    def from_config(cls, description: Config, custom_objects: CustomObjects = None) -> Any:
        layer = deserialize(entry(description, "layer", dict, cls.__name__), custom_objects)
        return cls(layer, **{name: value for name, value in description.items() if name != "layer"})


class TimeDistributed(Wrapper):
    """Applies `layer` to each timestep alike.

    Shapes: (batch, timesteps, ...) -> (batch, timesteps, *shape of the layer's output)
    Raises: ShapeError for inputs of fewer than 3 axes.
    Reference: Keras 2.2.5, "TimeDistributed".
    """

    supports_masking = True

    @keras1(LAYER)
    def __init__(self, layer: Layer, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        self.input_spec = InputSpec(min_ndim=3)

    def _meet(self, tensors: Sequence[Tensor]) -> None:
        if not self.layer.built:
            self.layer._meet([_timestep(tensors[0])])

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer._build_for((None, *input_shape[2:]))
        super().build(input_shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        batch, steps, *rest = inputs.shape
        if None in rest:
            raise ShapeError(f"all sizes behind the timesteps must be known, got shape {inputs.shape}.")
        rows = None if None in (batch, steps) else batch * steps
        options = {} if training is None else {"training": training}
        images = ops.reshape(inputs, shape=(rows, *rest))
        images.layout = _layout_of_each(inputs)
        outputs = self.layer(images, **options)
        sequences = ops.reshape(outputs, shape=(batch, steps, *outputs.shape[1:]))
        sequences.layout = outputs.layout and _EACH + outputs.layout
        return sequences

    def layout_of(self, tensors: Sequence[Tensor], output: Tensor) -> str | None:
        return output.layout


def _layout_of_each(sequences: Any) -> str | None:
    """The layout of the images at each timestep, or None."""
    return sequences.layout[len(_EACH):] if (sequences.layout or "").startswith(_EACH) else None


def _timestep(sequences: Tensor) -> SymbolicTensor:
    """A symbolic tensor with shape and layout of what stands at each timestep."""
    images = SymbolicTensor((None, *sequences.shape[2:]), sequences.dtype)
    images.layout = _layout_of_each(sequences)
    if hasattr(sequences, "_keras_history"):
        images._keras_history = sequences._keras_history  # type: ignore[attr-defined]
    return images
