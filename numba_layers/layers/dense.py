"""The densely connected layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from .. import activations, constraints, initializers, ops, regularizers
from .._legacy import DENSE, LAYER, keras1
from ..arguments import flag, size
from ..errors import ShapeError
from .base import InputSpec, Layer
from .renamed import Renamed, WeightNames
from .weights import initializer_of

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..autograd.tensor import Tensor, Variable
    from ..typing import Config, DenseOptions, Identifier


class Dense(WeightNames, Layer):
    """Affine map of the last axis and an activation: output = activation(input @ kernel + bias).

    units: size of the output's last axis, positive. activation: name or function, none by default. use_bias: add a
    bias vector. kernel_initializer, bias_initializer: initial weights. kernel_regularizer, bias_regularizer,
    activity_regularizer: penalties added to the loss. kernel_constraint, bias_constraint: applied after each update.

    Shapes: (batch, ..., features) -> (batch, ..., units); kernel (features, units), bias (units,)
    Raises: ShapeError for an input without a known last axis, or with another size of it than the weights have.
    Reference: core-layers document, "Dense".
    """

    supports_masking = True
    output_dim = Renamed("units")

    @overload
    def __init__(self, units: int, activation: Identifier = None, use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 bias_constraint: Identifier = None, **kwargs: Unpack[DenseOptions]) -> None: ...
    @overload
    def __init__(self, *, output_dim: int, activation: Identifier = None, activity_regularizer: Identifier = None,
                 **kwargs: Unpack[DenseOptions]) -> None: ...
    @keras1(LAYER | DENSE)   # type: ignore[misc]
    def __init__(self, units: int, activation: Identifier = None, use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 bias_constraint: Identifier = None, **kwargs: Unpack[DenseOptions]) -> None:
        super().__init__(**kwargs)
        self.input_dim = kwargs.get("input_dim")
        self.units = size(units, "units")
        self.activation = activations.get(activation)
        self.use_bias = flag(use_bias, "use_bias")
        self.kernel_initializer = initializer_of(kernel_initializer)
        self.bias_initializer = initializer_of(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias: Variable | None = None
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        features = input_shape[-1]
        if features is None:
            raise ShapeError(f"the last axis of the input must be known, got shape {input_shape}.")
        self.kernel = self.add_weight("kernel", (features, self.units), initializer=self.kernel_initializer,
                                      regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        if self.use_bias:
            self.bias = self.add_weight("bias", (self.units,), initializer=self.bias_initializer,
                                        regularizer=self.bias_regularizer, constraint=self.bias_constraint)
        self.input_dim = features
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        super().build(input_shape)

    def keeps_axes(self, tensor: Tensor, output: Tensor) -> bool:
        return output.ndim == tensor.ndim

    def call(self, inputs: Any) -> Any:
        if self.activation is activations.relu:
            return ops.dense(inputs, self.kernel, self.bias, activation="relu")
        return self.activation(ops.dense(inputs, self.kernel, self.bias))

    def get_config(self) -> Config:
        return super().get_config() | {
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
