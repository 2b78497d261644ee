"""Convolutions over sequences that tf.keras has added to Keras 2's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._legacy import CONV1D, LAYER, keras1
from .conv import _ConvTranspose
from .depthwise import DepthwiseConv2D
from .renamed import Renamed

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..typing import ConvOptions, Identifier, PerAxis


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution over sequences: what a `Conv1D` makes of its output's gradient, plus a bias.

    Arguments as in `Conv2DTranspose`, with one number for the steps.

    Shapes: (batch, steps, channels) -> (batch, new steps, filters), or with channels first; kernel (kernel_size,
            filters, channels), bias (filters,)
    Raises: ShapeError for an output size that the input cannot have; ArgumentError for numbers that are no sizes.
    Reference: tf.keras 2.15, "Conv1DTranspose".
    """

    rank = 1
    subsample_length = Renamed("strides", 0)

    @keras1(LAYER | CONV1D)
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = 1, padding: str = "valid",
                 output_padding: PerAxis | None = None, data_format: str | None = "channels_last",
                 dilation_rate: PerAxis = 1, activation: Identifier = None, use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 bias_constraint: Identifier = None, **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
                         activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                         bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class DepthwiseConv1D(DepthwiseConv2D):
    """A window for each channel of a sequence; channels do not mix.

    Arguments as in `DepthwiseConv2D`, with one number for the steps.

    Shapes: (batch, steps, channels) -> (batch, new steps, channels * depth_multiplier), or with channels first;
            depthwise_kernel (kernel_size, channels, depth_multiplier), bias (output channels,)
    Raises: ShapeError for a window longer than the sequence; ArgumentError for numbers that are no sizes.
    Reference: tf.keras 2.15, "DepthwiseConv1D".
    """

    rank = 1

    @keras1(LAYER)
    def __init__(self, kernel_size: PerAxis, strides: PerAxis = 1, padding: str = "valid", depth_multiplier: int = 1,
                 data_format: str | None = "channels_last", dilation_rate: PerAxis = 1,
                 activation: Identifier = None, use_bias: bool = True,
                 depthwise_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 depthwise_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, depthwise_constraint: Identifier = None,
                 bias_constraint: Identifier = None, **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate, activation,
                         use_bias, depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer,
                         activity_regularizer, depthwise_constraint, bias_constraint, **kwargs)
