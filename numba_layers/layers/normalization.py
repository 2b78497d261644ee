"""Layers that bring their input to mean 0 and variance 1: each channel over a batch, each sample, or as data were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import config, constraints, initializers, ops, regularizers
from .._legacy import BATCH_NORMALIZATION, LAYER, Keras1Name, keras1
from ..arguments import flag, real, several, whole
from ..autograd.tensor import Variable
from ..errors import ArgumentError, ShapeError, shown
from .base import InputSpec, Layer, training_phase
from .renamed import Renamed
from .weights import initializer_of

if TYPE_CHECKING:
    from typing import Any

    from ..typing import Config, Identifier

MODES = 0, 1, 2
_OF_TF_KERAS = {"fused": None, "renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99,
                "virtual_batch_size": None, "adjustment": None}     # its arguments, with the values that change nothing


class BatchNormalization(Layer):
    """Normalises each channel by its mean and variance: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    While training these are the batch's, and moving averages of them are kept, which count otherwise.

    axis: of the channels. momentum: what a moving average keeps of itself in an update. epsilon: added to the variance.
    center, scale: whether there are beta and gamma. beta_initializer, gamma_initializer, moving_mean_initializer,
    moving_variance_initializer: initial weights. beta_regularizer, gamma_regularizer: penalties added to the loss.
    beta_constraint, gamma_constraint: applied after each update. mode, of Keras 1: 0 as above; 1: each sample by its
    own moments along the last axis; 2: each batch by its own, in testing too, without averages. fused, renorm ... of
    tf.keras are taken where they change nothing.

    Averages go as those of the Keras whose words or version are in use. Keras 1 (`mode`, `beta_init`, `gamma_init`, or
    `config.set_keras_version`) adds epsilon to the variance that it averages, under the name running_std, and averages
    in frozen layers too. Keras 2 multiplies that variance by n / (n - 1 - epsilon), n numbers for each channel (and in
    images with channels last by n / (n - 1)), averages nothing where `trainable` is False, and before Keras 2.3 lets an
    average count for nothing that no update made: the first batch's moments become the averages.

    Shapes: any -> the same; gamma, beta, moving_mean and moving_variance (channels,)
    Raises: ShapeError for an unknown number of channels, and for a batch without samples while training; ArgumentError
            for what has no kernels: renorm, virtual_batch_size, adjustment.
    Reference: Ioffe & Szegedy 2015, "Batch Normalization"; Keras 2.2.5 and 1.2.2, "BatchNormalization".
    """

    supports_masking = True
    beta_init = Renamed("beta_initializer")
    gamma_init = Renamed("gamma_initializer")
    running_mean = Renamed("moving_mean")
    running_std = Renamed("moving_variance")
    initial_weights = Renamed("_initial_weights")

    @keras1(LAYER | BATCH_NORMALIZATION)
    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True,
                 scale: bool = True, beta_initializer: Identifier = "zeros", gamma_initializer: Identifier = "ones",
                 moving_mean_initializer: Identifier = "zeros", moving_variance_initializer: Identifier = "ones",
                 beta_regularizer: Identifier = None, gamma_regularizer: Identifier = None,
                 beta_constraint: Identifier = None, gamma_constraint: Identifier = None, mode: int | None = None,
                 **kwargs: Any) -> None:
        _refuse_what_changes(kwargs)
        super().__init__(**kwargs)
        self.axis = _one_axis(axis)
        self.momentum = real(momentum, "momentum", least=0, most=1)
        self.epsilon = real(epsilon, "epsilon", least=0, finite=True)
        self.center = flag(center, "center")
        self.scale = flag(scale, "scale")
        self.mode = 0 if mode is None else whole(mode, "mode")
        if self.mode not in MODES:
            raise ArgumentError(f"mode must be 0, 1 or 2, got {shown(mode)}.")
        self.of_keras1 = mode is not None or config.keras1() or any(
            isinstance(name, Keras1Name) for name in (beta_initializer, gamma_initializer))
        self.beta_initializer = initializer_of(beta_initializer)
        self.gamma_initializer = initializer_of(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.uses_learning_phase = self.mode == 0
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: Any) -> None:
        axis = _place(self.axis, input_shape)
        channels = input_shape[axis]
        if channels is None:
            raise ShapeError(f"axis {self.axis} of the input, that of the channels, must be known, got shape "
                             f"{tuple(input_shape)}. Name another by axis=.")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: channels})
        for role in ("gamma", "beta"):
            if self.scale if role == "gamma" else self.center:
                options = {what: getattr(self, f"{role}_{what}")
                           for what in ("initializer", "regularizer", "constraint")}
                setattr(self, role, self.add_weight(role, (channels,), **options))
        mean, variance = ("running_mean", "running_std") if self.of_keras1 else ("moving_mean", "moving_variance")
        self.moving_mean = self.add_weight(mean, (channels,), initializer=self.moving_mean_initializer,
                                           trainable=False)
        self.moving_variance = self.add_weight(variance, (channels,), initializer=self.moving_variance_initializer,
                                               trainable=False)
        self._update_count = Variable(np.zeros(1, np.int64), name=f"{self.name}/updates", trainable=False)
        super().build(input_shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if self.mode == 1:
            return self._by_sample(inputs)
        options = {"axis": self.axis, "epsilon": self.epsilon}
        if self.mode == 0 and not training_phase(training):
            return ops.normalize(inputs, self.moving_mean, self.moving_variance, self.gamma, self.beta, **options)
        normalized, mean, variance = ops.batch_normalize(inputs, self.gamma, self.beta, **options)
        if self.mode == 0 and (self.of_keras1 or self.trainable):
            self._average(inputs.shape, mean, variance)
        return normalized

    def _by_sample(self, inputs):
        """Keras 1's mode 1, whose epsilon counts twice."""
        distance = inputs - ops.mean(inputs, axis=-1, keepdims=True)
        spread = ops.sqrt(ops.mean(ops.square(distance), axis=-1, keepdims=True) + self.epsilon) + self.epsilon
        scaled = ops.divide(distance, spread)
        scaled = scaled if self.gamma is None else ops.multiply(scaled, self.gamma)
        return scaled if self.beta is None else ops.add(scaled, self.beta)

    def _average(self, shape, mean, variance):
        """Let the moving averages take in a batch of `shape` with these moments."""
        options = {"momentum": self.momentum, "debiased": not self.of_keras1 and config.keras_before("2.3")}
        factor = 1.0
        if self.of_keras1:
            variance = ops.add(variance, self.epsilon)      # Theano gives its inverse root alone
        elif None not in shape:
            factor = _corrected(shape, _place(self.axis, shape), self.epsilon)
        count = self._update_count
        self.add_update([
            (self.moving_mean, ops.moving_average(self.moving_mean, mean, count, **options)),
            (self.moving_variance, ops.moving_average(self.moving_variance, variance, count, factor=factor, **options)),
            (count, ops.add(count, 1))])

    def get_config(self) -> Config:
        if self.of_keras1:
            others = {"center": self.center, "scale": self.scale} if not (self.center and self.scale) else {}
            constrained = {f"{role}_constraint": constraints.serialize(getattr(self, f"{role}_constraint"))
                           for role in ("beta", "gamma") if getattr(self, f"{role}_constraint") is not None}
            return super().get_config() | others | constrained | {
                "epsilon": self.epsilon,
                "mode": self.mode,
                "axis": self.axis,
                "momentum": self.momentum,
                "beta_init": initializers.serialize(self.beta_initializer),
                "gamma_init": initializers.serialize(self.gamma_initializer),
                "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
                "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            }
        return super().get_config() | {
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


def _refuse_what_changes(kwargs):
    """Take tf.keras's own arguments from `kwargs`. Raises: ArgumentError for one that asks for other arithmetic."""
    for name, harmless in _OF_TF_KERAS.items():
        value = kwargs.pop(name, harmless)
        if name in ("renorm", "virtual_batch_size", "adjustment") and value:
            raise ArgumentError(f"{name}={shown(value)} is another computation, which this package does not have. "
                                "Leave it out.")


def _one_axis(axis):
    """`axis`, or the one in a list, as tf.keras writes it, as an int."""
    if several(axis):
        if len(axis) != 1:
            raise ArgumentError(f"axis must be one axis, that of the channels, got {shown(axis)}.")
        axis = axis[0]
    if isinstance(axis, float) and not axis.is_integer():
        raise ArgumentError(f"axis must be a whole number, got {axis}. Name the arguments: Keras 1 has epsilon in the "
                            "first place, Keras 2 axis.")
    return whole(axis, "axis")


def _place(axis, shape):
    """`axis` counted from the front, of an input of `shape`, whose first one is the batch."""
    if not -len(shape) <= axis < len(shape):
        raise ShapeError(f"axis {axis} is out of range for an input of shape {tuple(shape)}.")
    if axis % len(shape) == 0:
        raise ShapeError(f"axis {axis} of an input of shape {tuple(shape)} is that of the samples. Name the channels'.")
    return axis % len(shape)


def _corrected(shape, axis, epsilon):
    """By what Keras 2 multiplies the variance of a batch that it averages."""
    number = int(np.prod([size for place, size in enumerate(shape) if place != axis]))
    images = len(shape) == 4 and axis == 3      # TensorFlow's fused form corrects it once already
    first = number / max(number - 1, 1) if images else 1.0
    return first * number / (number - (1.0 + epsilon))
