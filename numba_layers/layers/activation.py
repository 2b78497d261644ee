"""Layers that apply a function to each element, or a penalty to all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import activations, regularizers
from .._legacy import LAYER, keras1
from .base import InputSpec, Layer

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Config, Identifier, LayerOptions


class Activation(Layer):
    """An activation function: output = activation(input).

    activation: a name (see `activations`), a function of a tensor, or a scalar function, which is compiled.
    Shapes: any -> the same
    Reference: core-layers document, "Activation".
    """

    supports_masking = True

    @keras1(LAYER)
    def __init__(self, activation: Identifier, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.input_spec = InputSpec()

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> Config:
        return super().get_config() | {"activation": activations.serialize(self.activation)}


class ActivityRegularization(Layer):
    """Adds l1 Σ|x| + l2 Σx² of its input to the training loss; passes the input on.

    l1, l2: factors, not negative.
    Shapes: any -> the same
    Reference: core-layers document, "ActivityRegularization".
    """

    supports_masking = True

    @keras1(LAYER)
    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.l1 = l1
        self.l2 = l2
        self.input_spec = InputSpec()
        self.activity_regularizer = regularizers.l1_l2(l1=l1, l2=l2)

    def get_config(self) -> Config:
        return super().get_config() | {"l1": float(self.l1), "l2": float(self.l2)}
