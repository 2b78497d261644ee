"""Activations that are layers: some have a number to choose, some learn theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np

from .. import activations, config, constraints, initializers, ops, regularizers
from .._legacy import LAYER, LEAKY_RELU, PRELU, Keras1Name, keras1
from ..arguments import axis as axes_of
from ..arguments import real, several
from ..errors import ShapeError, shown
from .base import InputSpec, Layer
from .renamed import Renamed
from .weights import initializer_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from typing_extensions import Unpack

    from ..autograd.tensor import Variable
    from ..typing import ArrayLike, Config, Identifier, LayerOptions, PerAxis


def _rounded(value, what, **bounds):
    """The number `value` as floatx holds it; bounds as `arguments.real` takes them."""
    return float(np.asarray(real(value, what, **bounds), config.floatx()))


class _Elementwise(Layer):
    """Base: each element of the output comes of one of the input."""

    supports_masking = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = InputSpec()


class LeakyReLU(_Elementwise):
    """x where positive, else alpha x.

    alpha: the slope below 0; Keras 3 calls it negative_slope.
    Shapes: any -> the same
    Reference: Maas et al. 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", §2.
    """

    @keras1(LAYER | LEAKY_RELU)
    def __init__(self, alpha: float = 0.3, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.alpha = _rounded(alpha, "alpha")

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs, alpha=self.alpha)

    def get_config(self) -> Config:
        return super().get_config() | {"alpha": self.alpha}


class ELU(_Elementwise):
    """x where positive, else alpha (e**x - 1).

    alpha: at least 0; minus it is where the output tends to, far below 0.
    Shapes: any -> the same
    Raises: ArgumentError for a negative alpha.
    Reference: Clevert et al. 2016, "Fast and Accurate Deep Network Learning by Exponential Linear Units", eq. 16.
    """

    @keras1(LAYER)
    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.alpha = _rounded(alpha, "alpha", least=0)

    def call(self, inputs: Any) -> Any:
        return ops.elu(inputs, alpha=self.alpha)

    def get_config(self) -> Config:
        return super().get_config() | {"alpha": self.alpha}


class ThresholdedReLU(_Elementwise):
    """x where x > theta, else 0.

    theta: the threshold.
    Shapes: any -> the same
    Reference: Konda et al. 2015, "Zero-bias Autoencoders and the Benefits of Co-adapting Features", §3.
    """

    @keras1(LAYER)
    def __init__(self, theta: float = 1.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.theta = _rounded(theta, "theta")

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs, threshold=self.theta)

    def get_config(self) -> Config:
        return super().get_config() | {"theta": self.theta}


class ReLU(_Elementwise):
    """x where x > threshold, but at most max_value; else negative_slope (x - threshold).

    max_value: at least 0; None is no limit. negative_slope: at least 0. threshold: where x begins to pass.
    Shapes: any -> the same
    Raises: ArgumentError for a negative max_value or negative_slope.
    Reference: Keras 2.2.5, "ReLU".
    """

    @keras1(LAYER)
    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0,
                 **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else _rounded(max_value, "max_value", least=0)
        self.negative_slope = _rounded(negative_slope, "negative_slope", least=0)
        self.threshold = _rounded(threshold, "threshold")

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs, alpha=self.negative_slope, max_value=self.max_value, threshold=self.threshold)

    def get_config(self) -> Config:
        return super().get_config() | {
            "max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}


class Softmax(_Elementwise):
    """e**x / Σ e**x, the sum over an axis.

    axis: the axis, or several, over which the output adds up to 1.
    Shapes: any of two axes or more -> the same
    Raises: ShapeError for an axis that the input lacks.
    Reference: Keras 2.2.5, "Softmax".
    """

    @keras1(LAYER)
    def __init__(self, axis: PerAxis = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = axes_of(axis, "axis")

    def call(self, inputs: Any) -> Any:
        if isinstance(self.axis, int):
            return activations.softmax(inputs, axis=self.axis)
        return ops.exp(ops.subtract(inputs, ops.logsumexp(inputs, axis=self.axis, keepdims=True)))

    def get_config(self) -> Config:
        return super().get_config() | {"axis": self.axis}


class _Learned(_Elementwise):
    """Base: with weights for each element of a sample, which those along `shared_axes` share.

    `_roles` are the names of the weights.
    """

    _roles: tuple[str, ...] = ()

    def __init__(self, shared_axes, **kwargs):
        super().__init__(**kwargs)
        axes = shared_axes if several(shared_axes) else [shared_axes]
        axes = [axis for axis in axes if axis is not None]      # Keras 1 keeps [None] for none
        self.shared_axes = axes_of(axes, "shared_axes") if axes else None

    def _shape(self, input_shape):
        """Shape of the weights: that of a sample, with size 1 along the shared axes."""
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            if not 1 <= axis <= len(shape):
                raise ShapeError(f"shared_axes {shown(self.shared_axes)}: axis {shown(axis)} is none of a sample's, "
                                 f"which are 1 to {len(shape)} for inputs of shape {tuple(input_shape)}.")
            shape[axis - 1] = 1
        if None in shape:
            axis = shape.index(None) + 1
            raise ShapeError(f"there are weights for each place along axis {axis}, whose size is open in inputs of "
                             f"shape {tuple(input_shape)}. Tell the size, or share the weights: "
                             f"shared_axes={sorted([*(self.shared_axes or ()), axis])}.")
        return tuple(shape)

    def _options(self, role):
        """What `add_weight` is told about the weight of that role."""
        return {"initializer": getattr(self, f"{role}_init")}

    def build(self, input_shape: Any) -> None:
        shape = self._shape(input_shape)
        for role in self._roles:
            setattr(self, role, self.add_weight(role, shape, **self._options(role)))
        free = {axis: size for axis, size in enumerate(shape, 1) if axis not in (self.shared_axes or ())}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=free)
        super().build(input_shape)

    def get_config(self) -> Config:
        return super().get_config() | {"shared_axes": self.shared_axes}


class PReLU(_Learned):
    """x where positive, else alpha x, with a weight alpha for each element of a sample.

    alpha_initializer, alpha_regularizer, alpha_constraint: of the weights. shared_axes: axes, counted from 1, along
    which one weight serves all: [1, 2] of images (rows, columns, channels) gives one to each channel.
    Shapes: any -> the same; alpha one sample's shape, with 1 along the shared axes
    Raises: ShapeError for axes that a sample lacks, and for open sizes that are not shared.
    Reference: He et al. 2015, "Delving Deep into Rectifiers", §2.1.
    """

    alpha: Variable
    _roles = ("alpha",)
    alphas = Renamed("alpha")
    init = Renamed("alpha_initializer")
    initial_weights = Renamed("_initial_weights")

    @overload
    def __init__(self, alpha_initializer: Identifier = "zeros", alpha_regularizer: Identifier = None,
                 alpha_constraint: Identifier = None, shared_axes: PerAxis | None = None,
                 **kwargs: Unpack[LayerOptions]) -> None: ...
    @overload
    def __init__(self, *, init: Identifier, shared_axes: PerAxis | None = None,
                 **kwargs: Unpack[LayerOptions]) -> None: ...
    @keras1(LAYER | PRELU)   # type: ignore[misc]
    def __init__(self, alpha_initializer: Identifier = "zeros", alpha_regularizer: Identifier = None,
                 alpha_constraint: Identifier = None, shared_axes: PerAxis | None = None,
                 **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(shared_axes, **kwargs)
        self.alpha_initializer = initializer_of(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)

    def _options(self, role):
        return {"initializer": self.alpha_initializer, "regularizer": self.alpha_regularizer,
                "constraint": self.alpha_constraint}

    def call(self, inputs: Any) -> Any:
        return ops.prelu(inputs, self.alpha)

    def get_config(self) -> Config:
        return super().get_config() | {
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
        }


class ParametricSoftplus(_Learned):
    """alpha log(1 + e**(beta x)), with weights alpha and beta for each element of a sample; of Keras 1.

    alpha_init, beta_init: numbers to begin with. weights: arrays to begin with, [alphas, betas]. shared_axes: as in
    `PReLU`.
    Shapes: any -> the same; alphas and betas one sample's shape, with 1 along the shared axes
    Raises: ShapeError for axes that a sample lacks, and for open sizes that are not shared.
    Reference: Keras 1.2.2, "ParametricSoftplus"; McFarland et al. 2013, "Inferring Nonlinear Neuronal Computation".
    """

    alphas: Variable
    betas: Variable
    _roles = ("alphas", "betas")
    initial_weights = Renamed("_initial_weights")

    @keras1(LAYER)
    def __init__(self, alpha_init: float = 0.2, beta_init: float = 5.0,
                 weights: Sequence[ArrayLike] | None = None, shared_axes: PerAxis | None = None,
                 **kwargs: Any) -> None:
        super().__init__(shared_axes, weights=weights, **kwargs)
        self.alpha_init = _rounded(alpha_init, "alpha_init")
        self.beta_init = _rounded(beta_init, "beta_init")

    def _options(self, role):
        return {"initializer": initializers.Constant(self.alpha_init if role == "alphas" else self.beta_init)}

    def call(self, inputs: Any) -> Any:
        return ops.multiply(ops.softplus(ops.multiply(inputs, self.betas)), self.alphas)

    def get_config(self) -> Config:
        return super().get_config() | {"alpha_init": self.alpha_init, "beta_init": self.beta_init}


class SReLU(_Learned):
    """x between two thresholds, and straight lines of other slopes beyond them, all learned; of Keras 1.

    t_left + a_left (x - t_left) from t_left down, t + a_right (x - t) from t = t_left + |t_right| up.

    t_left_init, a_left_init, t_right_init, a_right_init: of the weights, in Keras 1's names of initializers.
    shared_axes: as in `PReLU`.
    Shapes: any -> the same; each of the four weights one sample's shape, with 1 along the shared axes
    Raises: ShapeError for axes that a sample lacks, and for open sizes that are not shared.
    Reference: Jin et al. 2015, "Deep Learning with S-shaped Rectified Linear Activation Units", eq. 1.
    """

    t_left: Variable
    a_left: Variable
    t_right: Variable
    a_right: Variable
    _roles = ("t_left", "a_left", "t_right", "a_right")

    @keras1(LAYER)
    def __init__(self, t_left_init: Identifier = "zero", a_left_init: Identifier = "glorot_uniform",
                 t_right_init: Identifier = "glorot_uniform", a_right_init: Identifier = "one",
                 shared_axes: PerAxis | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(shared_axes, **kwargs)
        for role, init in zip(self._roles, (t_left_init, a_left_init, t_right_init, a_right_init)):
            setattr(self, f"{role}_init", initializer_of(Keras1Name(init) if isinstance(init, str) else init))

    def call(self, inputs: Any) -> Any:
        t_right = ops.add(self.t_left, ops.abs(self.t_right))
        inner = ops.minimum(ops.prelu(ops.subtract(inputs, self.t_left), self.a_left),
                            ops.subtract(t_right, self.t_left))
        outer = ops.multiply(ops.relu(ops.subtract(inputs, t_right)), self.a_right)
        return ops.add(ops.add(self.t_left, inner), outer)

    def get_config(self) -> Config:
        return super().get_config() | {
            f"{role}_init": initializers.serialize(getattr(self, f"{role}_init")) for role in self._roles}
