"""Locally connected layers: convolutions whose weights differ from place to place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import ops
from .._legacy import CONV, CONV1D, LAYER, SIDES, keras1
from ..arguments import size, whole
from ..errors import ArgumentError, ShapeError, shown
from ..ops._window import AXES, axes
from .conv import Windowed
from .renamed import Renamed

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Config, ConvOptions, Identifier, PerAxis


class _LocallyConnected(Windowed):
    """A window slides over each sample, with weights and a bias of its own at each place."""

    paddings = ("valid",)
    theano_flips = False

    def __init__(self, filters, kernel_size, strides, padding, data_format, activation, use_bias, kernel_initializer,
                 bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
                 bias_constraint, implementation, **kwargs):
        super().__init__(size(filters, self.word("filters")), kernel_size, strides, padding, data_format, 1,
                         activation, use_bias, activity_regularizer, **kwargs)
        self._set_role("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_role("bias", bias_initializer, bias_regularizer, bias_constraint)
        if whole(implementation, "implementation") != 1:
            raise ArgumentError(f"implementation must be 1, got {shown(implementation)}: weights of tf.keras's 2 and 3 "
                                "lie in another order. Take 1, which computes the same.")

    def build(self, input_shape: Any) -> None:
        self.settle_data_format(input_shape)
        first = self.data_format == "channels_first"
        places = range(2, self.rank + 2) if first else range(1, self.rank + 1)
        sizes = [input_shape[axis] for axis in places]
        if None in sizes:
            raise ShapeError(f"each place has weights of its own, so the {' and '.join(AXES[self.rank])} of the input "
                             f"must be known, got shape {tuple(input_shape)}. Say them in input_shape.")
        self._sizes = tuple(axis.out for axis in axes(type(self).__name__, sizes, self.kernel_size, self.strides))
        super().build(input_shape)
        self.input_spec.axes.update(zip(places, sizes))

    def keras1_order(self, count: int) -> tuple[int | None, ...] | None:
        """Weights lie alike in the files of all Kerases."""
        return None

    def _make_weights(self, channels):
        self.kernel = self._weight("kernel", (
            math.prod(self._sizes), math.prod(self.kernel_size) * channels, self.filters))
        if self.use_bias:
            self.bias = self._weight("bias", (*self._sizes, self.filters))
        self.W_shape = tuple(self.kernel.shape)

    def call(self, inputs: Any) -> Any:
        bias: Any = self.bias
        if bias is not None and self.data_format == "channels_first":   # its numbers lie so, whatever its shape says
            bias = ops.reshape(bias, shape=(self.filters, *self._sizes))
            bias = ops.transpose(bias, axes=(*range(1, self.rank + 1), 0))
        return self.activation(ops.local_conv(inputs, self.kernel, bias, window=self.kernel_size, strides=self.strides,
                                              data_format=self.data_format))

    def get_config(self) -> Config:
        return {name: value for name, value in super().get_config().items() if name != "dilation_rate"}


class LocallyConnected1D(_LocallyConnected):
    """`Conv1D` with weights of its own for each output step.

    filters: channels of the output. kernel_size: steps in a window. strides: steps from one window to the next.
    padding: 'valid'; for more, put a ZeroPadding1D before it. data_format: 'channels_last' or 'channels_first'.
    implementation: 1, of tf.keras, where others lay weights out in other ways. Others as in `Conv1D`.

    Shapes: (batch, steps, channels) -> (batch, new steps, filters), or with channels first; kernel (new steps,
            kernel_size * channels, filters), bias (new steps, filters)
    Raises: ShapeError for an open number of steps, or a window longer than the sequence.
    Reference: Keras 2.2.5, "LocallyConnected1D".
    """

    rank = 1
    subsample_length = Renamed("strides", 0)

    @keras1(LAYER | CONV1D)
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = 1, padding: str = "valid",
                 data_format: str | None = "channels_last", activation: Identifier = None, use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 bias_constraint: Identifier = None, implementation: int = 1, **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding,
                         "channels_last" if data_format is None else data_format, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, implementation, **kwargs)


class LocallyConnected2D(_LocallyConnected):
    """`Conv2D` with weights of its own for each output pixel.

    filters: channels of the output. kernel_size: (rows, columns) of the window, or one number for both; so for strides,
    from one window to the next. padding: 'valid'; for more, put a ZeroPadding2D before it. data_format:
    'channels_first' or 'channels_last'; None: see `ImageLayer`. implementation: 1, of tf.keras, where others lay
    weights out in other ways. Others as in `Conv1D`.

    Shapes: (batch, rows, columns, channels) -> (batch, new rows, new columns, filters), or with channels first;
            kernel (new rows * new columns, features, filters), features being rows * columns of the window * channels
            in the order of the input's axes; bias (new rows, new columns, filters), whose numbers lie, where channels
            are first, as (filters, new rows, new columns): so Keras has it
    Raises: ShapeError for an open number of rows or columns, or a window larger than the image.
    Reference: Keras 2.2.5, "LocallyConnected2D".
    """

    rank = 2

    @keras1(LAYER | CONV, sides=SIDES[2])
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = (1, 1), padding: str = "valid",
                 data_format: str | None = None, activation: Identifier = None, use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 bias_constraint: Identifier = None, implementation: int = 1, **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, implementation, **kwargs)
