"""Dense layers that only Keras 1 has, in its words; Keras 2 keeps them under `legacy`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from .. import activations, constraints, initializers, ops, regularizers
from ..arguments import flag, size
from ..errors import ShapeError
from .base import InputSpec, Layer
from .renamed import Renamed
from .weights import initializer_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..autograd.tensor import Variable
    from ..typing import ArrayLike, Config, Identifier


class _Keras1Dense(Layer):
    """Base: the arguments that all have."""

    W: Variable
    b: Variable | None = None
    initial_weights = Renamed("_initial_weights")

    def __init__(self, init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
                 bias, input_dim, **kwargs):
        super().__init__(weights=weights, input_dim=input_dim, **kwargs)
        self.init = initializer_of(init)
        self.W_regularizer = regularizers.get(W_regularizer)
        self.b_regularizer = regularizers.get(b_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.W_constraint = constraints.get(W_constraint)
        self.b_constraint = constraints.get(b_constraint)
        self.bias = flag(bias, "bias")
        self.input_dim = input_dim
        self.input_spec = InputSpec(ndim=2, form="(batch, features)")

    def _features(self, input_shape):
        """The size of the input's last axis, which all inputs then must have."""
        features = input_shape[-1]
        if features is None:
            raise ShapeError(f"the last axis of the input must be known, got shape {tuple(input_shape)}.")
        self.input_spec.axes = {-1: features}
        return features

    def _make_W(self, *shape):  # noqa: N802  Keras 1's name of the weight
        self.W = self.add_weight("W", shape, initializer=self.init, regularizer=self.W_regularizer,
                                 constraint=self.W_constraint)

    def _make_b(self, *shape):
        if self.bias:
            self.b = self.add_weight("b", shape, initializer="zeros", regularizer=self.b_regularizer,
                                     constraint=self.b_constraint)

    def get_config(self) -> Config:
        return super().get_config() | {
            "init": initializers.serialize(self.init),
            "W_regularizer": regularizers.serialize(self.W_regularizer),
            "b_regularizer": regularizers.serialize(self.b_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "W_constraint": constraints.serialize(self.W_constraint),
            "b_constraint": constraints.serialize(self.b_constraint),
            "bias": self.bias,
            "input_dim": self.input_dim,
        }


class MaxoutDense(_Keras1Dense):
    """The largest of several affine maps, number by number: output = max over k of (input @ W[k] + b[k]).

    output_dim: size of the output. nb_feature: how many maps. init: of W, by name or as a function. weights: arrays to
    begin with. W_regularizer, b_regularizer, activity_regularizer: penalties added to the loss. W_constraint,
    b_constraint: applied after each update. bias: add one. input_dim: size of the input, of a first layer.

    Shapes: (batch, input_dim) -> (batch, output_dim); W (nb_feature, input_dim, output_dim), b (nb_feature, output_dim)
    Raises: ShapeError for an input of another number of axes, or without a known last one.
    Reference: Goodfellow et al. 2013, "Maxout Networks", §2; Keras 1.2.2, "MaxoutDense".
    """

    def __init__(self, output_dim: int, nb_feature: int = 4, init: Identifier = "glorot_uniform",
                 weights: Sequence[ArrayLike] | None = None, W_regularizer: Identifier = None,
                 b_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 W_constraint: Identifier = None, b_constraint: Identifier = None, bias: bool = True,
                 input_dim: int | None = None, **kwargs: Any) -> None:
        super().__init__(init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
                         bias, input_dim, **kwargs)
        self.output_dim = size(output_dim, "output_dim")
        self.nb_feature = size(nb_feature, "nb_feature")

    def build(self, input_shape: Any) -> None:
        features = self._features(input_shape)
        self._make_W(self.nb_feature, features, self.output_dim)
        self._make_b(self.nb_feature, self.output_dim)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        side_by_side = ops.reshape(ops.transpose(self.W, axes=(1, 0, 2)), shape=(-1, self.nb_feature * self.output_dim))
        bias = None if self.b is None else ops.reshape(self.b, shape=(-1,))
        maps = ops.dense(inputs, side_by_side, bias)
        return ops.max(ops.reshape(maps, shape=(-1, self.nb_feature, self.output_dim)), axis=1)

    def get_config(self) -> Config:
        return super().get_config() | {"output_dim": self.output_dim, "nb_feature": self.nb_feature}


class Highway(_Keras1Dense):
    """A dense layer that learns how much of its input it passes on: t activation(input @ W + b) + (1 - t) input.

    t = sigmoid(input @ W_carry + b_carry), for each number of the input.

    init: of W and W_carry; b_carry begins with ones. activation: name or function. Others as in `MaxoutDense`; the
    regularizers and constraints are for W and b.

    Shapes: (batch, input_dim) -> the same; W and W_carry (input_dim, input_dim), b and b_carry (input_dim,)
    Raises: ShapeError for an input of another number of axes, or without a known last one.
    Reference: Srivastava et al. 2015, "Highway Networks", §2; Keras 1.2.2, "Highway".
    """

    W_carry: Variable
    b_carry: Variable | None = None

    def __init__(self, init: Identifier = "glorot_uniform", activation: Identifier = None,
                 weights: Sequence[ArrayLike] | None = None, W_regularizer: Identifier = None,
                 b_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 W_constraint: Identifier = None, b_constraint: Identifier = None, bias: bool = True,
                 input_dim: int | None = None, **kwargs: Any) -> None:
        if "transform_bias" in kwargs:
            kwargs.pop("transform_bias")
            warnings.warn("Highway: transform_bias is without effect, as in Keras. The carry bias begins with ones; "
                          "give others as weights=[W, W_carry, b, b_carry].", stacklevel=2)
        super().__init__(init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
                         bias, input_dim, **kwargs)
        self.activation = activations.get(activation)

    def build(self, input_shape: Any) -> None:
        features = self._features(input_shape)
        self._make_W(features, features)
        self.W_carry = self.add_weight("W_carry", (features, features), initializer=self.init)
        self._make_b(features)
        if self.bias:
            self.b_carry = self.add_weight("b_carry", (features,), initializer="ones")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        passed = ops.sigmoid(ops.dense(inputs, self.W_carry, self.b_carry))
        made = self.activation(ops.dense(inputs, self.W, self.b))
        return ops.add(ops.multiply(made, passed), ops.multiply(ops.subtract(1.0, passed), inputs))

    def get_config(self) -> Config:
        return super().get_config() | {"activation": activations.serialize(self.activation)}


class TimeDistributedDense(_Keras1Dense):
    """The same affine map and activation at each timestep, as `Dense` of three axes and `TimeDistributed(Dense(...))`.

    output_dim: size of the output's last axis. activation: name or function. input_dim, input_length: features and
    steps of the input, of a first layer. Others as in `MaxoutDense`.

    Shapes: (batch, steps, input_dim) -> (batch, steps, output_dim); W (input_dim, output_dim), b (output_dim,)
    Raises: ShapeError for an input of another number of axes, or without a known last one.
    Reference: Keras 1.2.2, "TimeDistributedDense".
    """

    supports_masking = True

    def __init__(self, output_dim: int, init: Identifier = "glorot_uniform", activation: Identifier = None,
                 weights: Sequence[ArrayLike] | None = None, W_regularizer: Identifier = None,
                 b_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 W_constraint: Identifier = None, b_constraint: Identifier = None, bias: bool = True,
                 input_dim: int | None = None, input_length: int | None = None, **kwargs: Any) -> None:
        super().__init__(init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
                         bias, input_dim, input_length=input_length, **kwargs)
        self.output_dim = size(output_dim, "output_dim")
        self.activation = activations.get(activation)
        self.input_length = input_length
        self.input_spec = InputSpec(ndim=3, form="(batch, steps, features)")

    def build(self, input_shape: Any) -> None:
        features = self._features(input_shape)
        self._make_W(features, self.output_dim)
        self._make_b(self.output_dim)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        return self.activation(ops.dense(inputs, self.W, self.b))

    def get_config(self) -> Config:
        return super().get_config() | {
            "output_dim": self.output_dim, "activation": activations.serialize(self.activation),
            "input_length": self.input_length}
