"""Convolutions in Keras 2's words; `conv_keras1` spells the same in Keras 1's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import activations, constraints, initializers, ops, regularizers
from .._legacy import CONV, CONV1D, LAYER, SIDES, keras1
from ..arguments import flag, several, size, whole, word
from ..autograd.tensor import stored
from ..errors import ArgumentError, ShapeError, shown
from ..ops._window import per_axis
from .data_format import ImageLayer
from .renamed import Renamed, WeightNames
from .weights import initializer_of

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..autograd.tensor import Variable
    from ..typing import Config, ConvOptions, Identifier, PerAxis


class Windowed(WeightNames, ImageLayer, public=False):
    """Base: a window of weights slides over each sample; output = activation(sums + bias).

    `roles` are the words in front of `_initializer`, `_regularizer` and `_constraint`, one for each weight.
    """

    kernel: Variable
    bias: Variable | None
    roles: tuple[str, ...] = ("kernel", "bias")
    nb_filter = Renamed("filters")
    border_mode = Renamed("padding")
    subsample = Renamed("strides")
    atrous_rate = Renamed("dilation_rate")
    paddings: tuple[str, ...] = ("valid", "same")
    theano_flips = True             # its kernels lie the other way round in files of the Theano backend

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for number, side in enumerate(SIDES.get(cls.rank, ())):
            setattr(cls, side, Renamed("kernel_size", number))

    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis, padding: str, data_format: str | None,
                 dilation_rate: PerAxis, activation: Identifier, use_bias: bool, activity_regularizer: Identifier,
                 **kwargs: Any) -> None:
        if whole(kwargs.pop("groups", 1), "groups") != 1:
            raise ArgumentError("groups must be 1: of convolutions in groups there are those of one channel each, "
                                "DepthwiseConv2D. Split the channels with Lambda layers and concatenate.")
        super().__init__(data_format, **kwargs)
        self.filters = filters if filters is None else size(filters, self.word("filters"))
        self.kernel_size = self._sides("kernel_size", kernel_size)
        self.strides = self._sides("strides", strides)
        self.padding = word(padding, self.word("padding"), self.paddings)
        self.dilation_rate = self._sides("dilation_rate", dilation_rate)
        self.activation = activations.get(activation)
        self.use_bias = flag(use_bias, self.word("use_bias"))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.bias = None
        self.input_spec = self.images(self.rank)

    def word(self, name: str) -> str:
        """What users call the argument `name`, for messages."""
        return name

    def _sides(self, name, value):
        """`value`, one number or one for each spatial axis, as a tuple."""
        return per_axis(type(self).__name__, self.word(name), value, self.rank)

    def _set_role(self, role, initializer, regularizer, constraint):
        setattr(self, f"{role}_initializer", initializer_of(initializer, dim_ordering="tf"))
        setattr(self, f"{role}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{role}_constraint", constraints.get(constraint))

    def _weight(self, role, shape):
        """The weight of that role and shape (*window, ...)."""
        name = role if role in ("kernel", "bias") else f"{role}_kernel"
        return self.add_weight(name, shape, **self._weight_options(role, shape))

    def _weight_options(self, role, shape):
        """What `add_weight` is told about it."""
        return {what: getattr(self, f"{role}_{what}") for what in ("initializer", "regularizer", "constraint")}

    def build(self, input_shape: Any) -> None:
        self.settle_data_format(input_shape)
        axis = 1 if self.data_format == "channels_first" else len(input_shape) - 1
        channels = input_shape[axis]
        if not channels:
            raise ShapeError(f"there must be channels, a known number of them, on axis {axis} of the input "
                             f"({self.data_format}), got shape {tuple(input_shape)}.")
        self._make_weights(channels)
        self.input_spec = self.images(self.rank, channels)
        super().build(input_shape)

    def keras1_order(self, count: int) -> tuple[int | None, ...] | None:
        """A kernel's `count` axes, (*window, in, out), in the order of Keras 1's kernels (see `ReorderedVariable`)."""
        if self.rank == 1:
            return 0, None, 1, 2
        return (count - 1, count - 2, *range(count - 2)) if self.data_format == "channels_first" else None

    def _make_weights(self, channels):
        """Make the weights for inputs of so many channels."""
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, self.filters))
        self._make_bias(self.filters)

    def _make_bias(self, filters):
        if self.use_bias:
            self.bias = self._weight("bias", (filters,))

    def call(self, inputs: Any) -> Any:
        return self._activated(ops.conv, inputs, self.kernel)

    def _pads(self):
        """`padding` as the ops take it."""
        return self.padding

    def _activated(self, function, *operands, **options):
        """activation(function(*operands) + bias); relu is applied where the op stores its sums."""
        relu = self.activation is activations.relu
        outputs = function(*map(stored, operands), self.bias, strides=self.strides, padding=self._pads(),
                           dilation=self.dilation_rate, data_format=self.data_format,
                           activation="relu" if relu else "linear", **options)
        return outputs if relu else self.activation(outputs)

    def get_config(self) -> Config:
        description = super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }
        for role in self.roles:
            for module, what in ((initializers, "initializer"), (regularizers, "regularizer"),
                                 (constraints, "constraint")):
                description[f"{role}_{what}"] = module.serialize(getattr(self, f"{role}_{what}"))
        return description


class _Conv(Windowed):
    """A convolution whose window sums over all channels."""

    def __init__(self, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                 kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
                 kernel_constraint, bias_constraint, **kwargs):
        super().__init__(size(filters, self.word("filters")), kernel_size, strides, padding, data_format,
                         dilation_rate, activation, use_bias, activity_regularizer, **kwargs)
        self._set_role("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_role("bias", bias_initializer, bias_regularizer, bias_constraint)


class Conv1D(_Conv):
    """Convolution over sequences: each output step is an affine map of `kernel_size` steps of the input.

    filters: channels of the output. kernel_size: steps in a window. strides: steps from one window to the next.
    padding: 'valid' (none), 'same' (as many steps come out, divided by the strides) or 'causal' (zeros in front, so
    that step t sees no later one). data_format: 'channels_last' or 'channels_first'. dilation_rate: steps between the
    taps of a window. activation: name or function. use_bias: add a bias. kernel_initializer, bias_initializer:
    initial weights. kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
    kernel_constraint, bias_constraint: applied after each update.

    Shapes: (batch, steps, channels) -> (batch, new steps, filters); kernel (kernel_size, channels, filters),
            bias (filters,)
    Raises: ShapeError for a window longer than the sequence; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "Conv1D"; causal: van den Oord et al. 2016, "WaveNet", §2.1.
    """

    rank = 1
    subsample_length = Renamed("strides", 0)
    paddings: tuple[str, ...] = ("valid", "same", "causal")

    @keras1(LAYER | CONV1D)
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = 1, padding: str = "valid",
                 data_format: str | None = "channels_last", dilation_rate: PerAxis = 1, activation: Identifier = None,
                 use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
                 bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, bias_constraint: Identifier = None,
                 **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **with_length(kwargs))


class Conv2D(_Conv):
    """Convolution over images: each output pixel is an affine map of the pixels in a window of the input.

    filters: channels of the output. kernel_size: (rows, columns) of the window, or one number for both; so for strides,
    from one window to the next, and dilation_rate, from one tap of a window to the next. padding: 'valid' (none) or
    'same' (output of ceil(size / strides)). data_format: 'channels_first' or 'channels_last'; None: see `ImageLayer`.
    activation, use_bias, kernel_..., bias_..., activity_regularizer: see `Conv1D`.

    Shapes: (batch, rows, columns, channels) -> (batch, new rows, new columns, filters), or with channels first;
            kernel (rows, columns, channels, filters), bias (filters,)
    Raises: ShapeError for a window larger than the image; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "Conv2D"; Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".
    """

    rank = 2

    @keras1(LAYER | CONV, sides=SIDES[2])
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = (1, 1), padding: str = "valid",
                 data_format: str | None = None, dilation_rate: PerAxis = (1, 1), activation: Identifier = None,
                 use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
                 bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, bias_constraint: Identifier = None,
                 **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv3D(_Conv):
    """Convolution over volumes: each output voxel is an affine map of the voxels in a window of the input.

    Arguments as in `Conv2D`, with three numbers for the three spatial axes.

    Shapes: (batch, dim1, dim2, dim3, channels) -> (batch, new dim1, new dim2, new dim3, filters), or with channels
            first; kernel (dim1, dim2, dim3, channels, filters), bias (filters,)
    Raises: ShapeError for a window larger than the volume; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "Conv3D".
    """

    rank = 3

    @keras1(LAYER | CONV, sides=SIDES[3])
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = (1, 1, 1), padding: str = "valid",
                 data_format: str | None = None, dilation_rate: PerAxis = (1, 1, 1), activation: Identifier = None,
                 use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
                 bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, bias_constraint: Identifier = None,
                 **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class _ConvTranspose(_Conv):
    """A convolution run backwards: the gradient of one to its input."""

    def __init__(self, filters, kernel_size, strides, padding, output_padding, *arguments, **kwargs):
        super().__init__(filters, kernel_size, strides, padding, *arguments, **kwargs)
        self.output_padding = None
        if output_padding is not None:
            given = output_padding if several(output_padding) else (output_padding,) * self.rank
            self.output_padding = tuple(whole(entry, "output_padding", least=0) for entry in given)
            if len(given) != self.rank or any(a >= s for a, s in zip(self.output_padding, self.strides)):
                raise ArgumentError(f"output_padding must be smaller than the strides {self.strides} along each axis, "
                                    f"got {shown(output_padding)}.")

    def keras1_order(self, count: int) -> tuple[int | None, ...] | None:
        window = range(count - 2)
        if self.data_format == "channels_first":
            return count - 2, count - 1, *window
        return *window, count - 1, count - 2

    def _make_weights(self, channels):
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, channels))
        self._make_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        return self._activated(ops.conv_transpose, inputs, self.kernel, output_size=self._output_size(inputs.shape))

    def _output_size(self, shape):
        """Sizes of the output's spatial axes for an input of `shape`; None: what the op takes by itself."""
        if self.output_padding is None:
            return None
        sizes = shape[2:] if self.data_format == "channels_first" else shape[1:-1]
        return tuple(None if size is None else (size - 1) * stride + extra + span - 2 * before
                     for size, stride, extra, (span, before) in zip(
                         sizes, self.strides, self.output_padding, map(self._span, range(self.rank))))

    def _span(self, axis):
        """How far a window reaches along an axis, and how much of that is padding on each side."""
        span = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        return span, span // 2 if self.padding == "same" else 0

    def get_config(self) -> Config:
        return super().get_config() | {"output_padding": self.output_padding}


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution over images: what a `Conv2D` makes of its output's gradient, plus a bias.

    strides: output pixels from one window to the next; the image grows by them. output_padding: rows and columns that
    the output has beyond the smallest size that fits, less than the strides; None: as many as make it
    size * strides ('same'), or size * strides + max(window - strides, 0) ('valid'). Others as in `Conv2D`.

    Shapes: (batch, rows, columns, channels) -> (batch, new rows, new columns, filters), or with channels first;
            kernel (rows, columns, filters, channels), bias (filters,)
    Raises: ShapeError for an output size that the input cannot have; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "Conv2DTranspose"; Zeiler et al. 2010, "Deconvolutional Networks".
    """

    rank = 2

    @keras1(LAYER | CONV, sides=SIDES[2])
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = (1, 1), padding: str = "valid",
                 output_padding: PerAxis | None = None, data_format: str | None = None, dilation_rate: PerAxis = (1, 1),
                 activation: Identifier = None, use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
                 kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 bias_constraint: Identifier = None, **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate,
                         activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
                         bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution over volumes: what a `Conv3D` makes of its output's gradient, plus a bias.

    Arguments as in `Conv2DTranspose`, with three numbers for the three spatial axes.

    Shapes: (batch, dim1, dim2, dim3, channels) -> (batch, new dim1, new dim2, new dim3, filters), or with channels
            first; kernel (dim1, dim2, dim3, filters, channels), bias (filters,)
    Raises: ShapeError for an output size that the input cannot have; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "Conv3DTranspose".
    """

    rank = 3

    @keras1(LAYER | CONV, sides=SIDES[3])
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = (1, 1, 1), padding: str = "valid",
                 output_padding: PerAxis | None = None, data_format: str | None = None, activation: Identifier = None,
                 use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
                 bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, bias_constraint: Identifier = None,
                 **kwargs: Unpack[ConvOptions]) -> None:
        super().__init__(filters, kernel_size, strides, padding, output_padding, data_format, 1, activation, use_bias,
                         kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
                         activity_regularizer, kernel_constraint, bias_constraint, **kwargs)

    def get_config(self) -> Config:
        return {name: value for name, value in super().get_config().items() if name != "dilation_rate"}


def with_length(kwargs):
    """The arguments of a first layer: `input_dim` alone leaves the number of steps open."""
    return {"input_length": None} | kwargs if kwargs.get("input_dim") is not None else kwargs


# Keras's other names
Convolution2DTranspose = Conv2DTranspose
Deconv3D = Deconvolution3D = Conv3DTranspose
