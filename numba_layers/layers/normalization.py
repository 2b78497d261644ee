"""Layers that bring their input to mean 0 and variance 1: each channel over a batch, each sample, or as data were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import config, constraints, initializers, ops, regularizers
from .._legacy import BATCH_NORMALIZATION, LAYER, Keras1Name, keras1
from ..arguments import axis as axis_of
from ..arguments import flag, numbers, real, several, unmasked, whole
from ..autograd.tensor import Tensor, Variable
from ..errors import ArgumentError, DataError, ShapeError, shown
from .base import InputSpec, Layer, training_phase
from .renamed import Renamed
from .weights import initializer_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import ArrayLike, Config, Identifier, LayerOptions

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

    @keras1(LAYER | BATCH_NORMALIZATION, order=(
        "epsilon", "mode", "axis", "momentum", "weights", "beta_init", "gamma_init", "gamma_regularizer",
        "beta_regularizer"))
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
        _add_scale_and_shift(self, (channels,))
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
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            **_described(self),
        }


class LayerNormalization(Layer):
    """Normalises each sample by its own mean and variance: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    axis: of the features over which the moments are taken, or several. epsilon: added to the variance. center, scale:
    whether there are beta and gamma. beta_initializer, gamma_initializer: initial weights. beta_regularizer,
    gamma_regularizer: penalties added to the loss. beta_constraint, gamma_constraint: applied after each update.

    Shapes: any -> the same; gamma and beta of the sizes of `axis`
    Raises: ShapeError for an unknown number of features.
    Reference: Ba, Kiros & Hinton 2016, "Layer Normalization"; tf.keras, "LayerNormalization".
    """

    supports_masking = True

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Identifier = "zeros", gamma_initializer: Identifier = "ones",
                 beta_regularizer: Identifier = None, gamma_regularizer: Identifier = None,
                 beta_constraint: Identifier = None, gamma_constraint: Identifier = None,
                 **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = axis_of(axis, "axis")
        self.epsilon = real(epsilon, "epsilon", least=0, finite=True)
        self.center = flag(center, "center")
        self.scale = flag(scale, "scale")
        self.beta_initializer = initializer_of(beta_initializer)
        self.gamma_initializer = initializer_of(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: Any) -> None:
        axes = _places(self.axis, input_shape)
        sizes = tuple(input_shape[axis] for axis in axes)
        if None in sizes or not sizes:
            raise ShapeError(f"axis {self.axis} of the input, that of the features, must be known, got shape "
                             f"{tuple(input_shape)}. Name another by axis=.")
        self.input_spec = InputSpec(ndim=len(input_shape), axes=dict(zip(axes, sizes)))
        self._axes = axes
        _add_scale_and_shift(self, sizes)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        return ops.layer_normalize(inputs, self.gamma, self.beta, axis=self._axes, epsilon=self.epsilon)

    def get_config(self) -> Config:
        return super().get_config() | {"axis": self.axis, "epsilon": self.epsilon, **_described(self)}


class Rescaling(Layer):
    """y = scale x + offset, in floats: pixels of 0 to 255 come to lie in 0 to 1 with `Rescaling(1 / 255)`.

    scale, offset: a number, or several, one for each entry of the last axis.
    Shapes: any -> the same
    Reference: tf.keras, "Rescaling".
    """

    supports_masking = True

    def __init__(self, scale: ArrayLike, offset: ArrayLike = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.scale = _plain(numbers(scale, "scale"))
        self.offset = _plain(numbers(offset, "offset"))

    def call(self, inputs: Any) -> Any:
        return ops.add(ops.multiply(_floats(inputs), _constant(self.scale)), _constant(self.offset))

    def get_config(self) -> Config:
        return super().get_config() | {"scale": self.scale, "offset": self.offset}


class Normalization(Layer):
    """(x - mean) / sqrt(variance), by moments of data that `adapt` has seen, or that are given.

    axis: of what has moments of its own, an axis or several; None: all numbers share theirs. mean, variance: numbers,
    or arrays of the sizes of `axis`, in place of `adapt`. invert: x sqrt(variance) + mean, which undoes it.
    Shapes: any -> the same; weights, none of which trains: mean and variance of the sizes of `axis`, count ()
    Raises: ArgumentError where mean is given without variance; ShapeError for an unknown size of `axis`, and for data
            that do not fit.
    Reference: tf.keras, "Normalization".
    """

    supports_masking = True

    def __init__(self, axis: int | Sequence[int] | None = -1, mean: ArrayLike | None = None,
                 variance: ArrayLike | None = None, invert: bool = False, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = None if axis is None else axis_of(axis, "axis")
        if (mean is None) != (variance is None):
            raise ArgumentError("mean and variance go together: give both, or neither and call adapt(data).")
        self.input_mean = None if mean is None else _plain(numbers(mean, "mean"))
        self.input_variance = None if variance is None else _plain(numbers(variance, "variance"))
        self.invert = flag(invert, "invert")

    def build(self, input_shape: Any) -> None:
        self._axes = () if self.axis is None else _places(self.axis, input_shape)
        sizes = tuple(input_shape[axis] for axis in self._axes)
        if None in sizes:
            raise ShapeError(f"axis {self.axis} of the input must be known, got shape {tuple(input_shape)}. Name "
                             "another by axis=, or None.")
        self.input_spec = InputSpec(ndim=len(input_shape), axes=dict(zip(self._axes, sizes)))
        for name in ("mean", "variance"):
            given = np.shape(getattr(self, f"input_{name}") or 0.0)
            if given not in ((), sizes):
                raise ShapeError(f"{name} has shape {given}, expected a number, or {sizes}: the sizes of axis "
                                 f"{self.axis} of an input of shape {tuple(input_shape)}.")
        if self.input_mean is None:
            self.mean = self.add_weight("mean", sizes, initializer="zeros", trainable=False)
            self.variance = self.add_weight("variance", sizes, initializer="ones", trainable=False)
            self.count = self.add_weight("count", (), dtype="int64", initializer="zeros", trainable=False)
        super().build(input_shape)

    def adapt(self, data: ArrayLike, batch_size: int | None = None, steps: int | None = None) -> None:
        """Take mean and variance of `data`, an array of samples, over all axes but `axis`, and forget earlier ones.

        batch_size, steps: of tf.keras; nothing is read in batches.
        Raises: DataError for no samples; ShapeError for another shape than the layer was built for.
        """
        if self.input_mean is not None:
            raise ArgumentError("mean and variance were given, there is nothing to adapt. Leave them out.")
        array = unmasked(numbers(data, "adapt: data"), "adapt: data")
        array = array[:, None] if array.ndim == 1 else array
        if not array.size:
            raise DataError(f"adapt: data of shape {array.shape} hold no samples.")
        if not self.built:
            self._build_for((None, *array.shape[1:]))
        self.input_spec.check(array.shape)
        others = tuple(axis for axis in range(array.ndim) if axis not in self._axes)
        array = array.astype(np.float64)
        for weight, value in ((self.mean, array.mean(axis=others)), (self.variance, array.var(axis=others)),
                              (self.count, array.size // max(1, self.mean.size))):
            weight.set_value(np.asarray(value, weight.dtype))

    def call(self, inputs: Any) -> Any:
        inputs = _floats(inputs)
        moments = ((self.mean, self.variance) if self.input_mean is None else
                   (_constant(self.input_mean), _constant(self.input_variance)))
        along = tuple(inputs.shape[axis] if axis in self._axes else 1 for axis in range(inputs.ndim))
        mean, variance = (ops.reshape(one, shape=along) if one.ndim else one for one in moments)
        spread = ops.maximum(ops.sqrt(variance), config.epsilon())
        if self.invert:
            return ops.add(ops.multiply(inputs, spread), mean)
        return ops.divide(ops.subtract(inputs, mean), spread)

    def get_config(self) -> Config:
        description = super().get_config() | {
            "axis": self.axis, "mean": self.input_mean, "variance": self.input_variance}
        return description | ({"invert": True} if self.invert else {})


def _add_scale_and_shift(layer, sizes):
    """Make the weights gamma and beta that a layer is to have."""
    for role, wanted in (("gamma", layer.scale), ("beta", layer.center)):
        if wanted:
            options = {what: getattr(layer, f"{role}_{what}") for what in ("initializer", "regularizer", "constraint")}
            setattr(layer, role, layer.add_weight(role, sizes, **options))


def _described(layer):
    """What `get_config` says of gamma and beta."""
    return {"center": layer.center, "scale": layer.scale} | {
        f"{role}_{what}": module.serialize(getattr(layer, f"{role}_{what}"))
        for role in ("beta", "gamma")
        for module, what in ((initializers, "initializer"), (regularizers, "regularizer"), (constraints, "constraint"))}


def _plain(value):
    """Numbers as a configuration holds them."""
    return np.asarray(value).tolist()


def _constant(value):
    return Tensor(np.asarray(value, config.floatx()))


def _floats(x):
    """x in floats: pixels come as whole numbers."""
    return x if x.dtype.kind == "f" else ops.cast(x, dtype=config.floatx())


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
        raise ShapeError(f"axis {shown(axis)} is out of range for an input of shape {tuple(shape)}.")
    if axis % len(shape) == 0:
        raise ShapeError(f"axis {axis} of an input of shape {tuple(shape)} is that of the samples. Name the channels'.")
    return axis % len(shape)


def _places(axis, shape):
    """`axis`, one or several, counted from the front, in order."""
    places = sorted(_place(entry, shape) for entry in (axis if isinstance(axis, list) else [axis]))
    if len(set(places)) < len(places):
        raise ShapeError(f"axis {axis} names an axis twice.")
    return tuple(places)


def _corrected(shape, axis, epsilon):
    """By what Keras 2 multiplies the variance of a batch that it averages."""
    number = int(np.prod([size for place, size in enumerate(shape) if place != axis]))
    images = len(shape) == 4 and axis == 3      # TensorFlow's fused form corrects it once already
    first = number / max(number - 1, 1) if images else 1.0
    return first * number / (number - (1.0 + epsilon))
