"""Convolutions with a window for each channel: depthwise, and separable, which mixes the channels afterwards."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from .. import ops
from .._legacy import CONV1D, LAYER, SEPARABLE_CONV, SIDES, keras1
from ..arguments import options_of, size
from .conv import Windowed, with_length
from .renamed import Renamed

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Config, ConvOptions, Identifier, PerAxis


class _ByChannel(Windowed):
    """Base: a window for each channel of its own.

    Words for a `kernel` are taken and have no effect, as in Keras, where scripts give them; with a warning.
    """

    kernel_initializer = kernel_regularizer = kernel_constraint = None
    init = Renamed("depthwise_initializer")

    def __init__(self, *arguments, **kwargs):
        given = [what for what in ("initializer", "regularizer", "constraint")
                 if kwargs.pop(f"kernel_{what}", None) is not None]
        super().__init__(*arguments, **kwargs)
        if given:
            words = [f"{role}_{what}" for role in self.roles if role != "bias" for what in given]
            warnings.warn(f'{type(self).__name__} "{self.name}": {", ".join(f"kernel_{what}" for what in given)} is '
                          f"without effect, as in Keras. The weights have {', '.join(words)}.", stacklevel=3)


    @classmethod
    def from_config(cls, description: Config) -> Any:
        """The layer that `get_config` described; tf.keras writes words for a `kernel` too."""
        without = {f"kernel_{what}" for what in ("initializer", "regularizer", "constraint")}
        return super().from_config({name: value for name, value in options_of(description, cls.__name__).items()
                                    if name not in without})


class _SeparableConv(_ByChannel):
    """A window for each channel of its own, then a mixture of the channels of each pixel."""

    roles = ("depthwise", "pointwise", "bias")
    theano_flips = False

    def __init__(self, filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier,
                 activation, use_bias, depthwise_initializer, pointwise_initializer, bias_initializer,
                 depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer,
                 depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs):
        super().__init__(size(filters, self.word("filters")), kernel_size, strides, padding, data_format,
                         dilation_rate, activation, use_bias, activity_regularizer, **kwargs)
        self.depth_multiplier = size(depth_multiplier, "depth_multiplier")
        self._set_role("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._set_role("pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint)
        self._set_role("bias", bias_initializer, bias_regularizer, bias_constraint)

    def _make_weights(self, channels):
        self.depthwise_kernel = self._weight("depthwise", (*self.kernel_size, channels, self.depth_multiplier))
        self.pointwise_kernel = self._weight(
            "pointwise", (*(1,) * self.rank, channels * self.depth_multiplier, self.filters))
        self._make_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        return self._activated(ops.separable_conv, inputs, self.depthwise_kernel, self.pointwise_kernel)

    def get_config(self) -> Config:
        return super().get_config() | {"depth_multiplier": self.depth_multiplier}


class SeparableConv1D(_SeparableConv):
    """Separable convolution over sequences: a window for each channel, then a mixture of the channels.

    Arguments as in `Conv1D` and `SeparableConv2D`.

    Shapes: (batch, steps, channels) -> (batch, new steps, filters); depthwise_kernel (kernel_size, channels,
            depth_multiplier), pointwise_kernel (1, channels * depth_multiplier, filters), bias (filters,)
    Raises: ShapeError for a window longer than the sequence; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "SeparableConv1D".
    """

    rank = 1
    paddings = ("valid", "same", "causal")

    @keras1(LAYER | CONV1D | SEPARABLE_CONV)
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = 1, padding: str = "valid",
                 data_format: str | None = "channels_last", dilation_rate: PerAxis = 1, depth_multiplier: int = 1,
                 activation: Identifier = None, use_bias: bool = True,
                 depthwise_initializer: Identifier = "glorot_uniform",
                 pointwise_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 depthwise_regularizer: Identifier = None, pointwise_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 depthwise_constraint: Identifier = None, pointwise_constraint: Identifier = None,
                 bias_constraint: Identifier = None, **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier,
                         activation, use_bias, depthwise_initializer, pointwise_initializer, bias_initializer,
                         depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer,
                         depthwise_constraint, pointwise_constraint, bias_constraint, **with_length(kwargs))


class SeparableConv2D(_SeparableConv):
    """Separable convolution over images: a window for each channel, then a mixture of the channels of each pixel.

    depth_multiplier: how many windows each channel gets. depthwise_..., pointwise_...: of the weights of the two
    steps; bias and activation belong to the second. Others as in `Conv2D`.

    Shapes: (batch, rows, columns, channels) -> (batch, new rows, new columns, filters), or with channels first;
            depthwise_kernel (rows, columns, channels, depth_multiplier),
            pointwise_kernel (1, 1, channels * depth_multiplier, filters), bias (filters,)
    Raises: ShapeError for a window larger than the image; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "SeparableConv2D"; Chollet 2017, "Xception", §2.
    """

    rank = 2

    @keras1(LAYER | SEPARABLE_CONV, sides=SIDES[2])
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = (1, 1), padding: str = "valid",
                 data_format: str | None = None, dilation_rate: PerAxis = (1, 1), depth_multiplier: int = 1,
                 activation: Identifier = None, use_bias: bool = True,
                 depthwise_initializer: Identifier = "glorot_uniform",
                 pointwise_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 depthwise_regularizer: Identifier = None, pointwise_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 depthwise_constraint: Identifier = None, pointwise_constraint: Identifier = None,
                 bias_constraint: Identifier = None, **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier,
                         activation, use_bias, depthwise_initializer, pointwise_initializer, bias_initializer,
                         depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer,
                         depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs)


class DepthwiseConv2D(_ByChannel):
    """The first step of a separable convolution alone: a window for each channel; channels do not mix.

    depth_multiplier: how many windows each channel gets; output channel c * depth_multiplier + m is the m-th of
    channel c. depthwise_...: of their weights. Others as in `Conv2D`.

    Shapes: (batch, rows, columns, channels) -> (batch, new rows, new columns, channels * depth_multiplier), or with
            channels first; depthwise_kernel (rows, columns, channels, depth_multiplier), bias (output channels,)
    Raises: ShapeError for a window larger than the image; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "DepthwiseConv2D".
    """

    rank = 2
    roles = ("depthwise", "bias")
    theano_flips = False

    @keras1(LAYER)
    def __init__(self, kernel_size: PerAxis, strides: PerAxis = (1, 1), padding: str = "valid",
                 depth_multiplier: int = 1, data_format: str | None = None, dilation_rate: PerAxis = (1, 1),
                 activation: Identifier = None, use_bias: bool = True,
                 depthwise_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 depthwise_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, depthwise_constraint: Identifier = None,
                 bias_constraint: Identifier = None, **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(None, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         activity_regularizer, **kwargs)
        self.depth_multiplier = size(depth_multiplier, "depth_multiplier")
        self._set_role("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._set_role("bias", bias_initializer, bias_regularizer, bias_constraint)

    def _make_weights(self, channels):
        self.depthwise_kernel = self._weight("depthwise", (*self.kernel_size, channels, self.depth_multiplier))
        self._make_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        return self._activated(ops.depthwise_conv, inputs, self.depthwise_kernel)

    def get_config(self) -> Config:
        description = super().get_config() | {"depth_multiplier": self.depth_multiplier}
        return {name: value for name, value in description.items() if name != "filters"}


SeparableConvolution1D = SeparableConv1D      # Keras's other name
