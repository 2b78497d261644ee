"""Convolutions in Keras 1's words: the layers of `conv`, called and described as there.

In the engine weights lie as (*window, in, out). `get_weights`, `set_weights`, `weights=`, constraints, files and `init`
see them as Keras 1 has them: (out, in, *window) for 'th', (*window, in, out) for 'tf'.

Under the same names Keras 2 knows its own layers, so `Convolution2D(64, (3, 3), padding='same')` makes a `Conv2D`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import numpy as np

from .. import initializations, initializers
from .._legacy import SIDES, keywords
from ..arguments import sizes
from ..autograd.tensor import in_order
from ..errors import ArgumentError, ShapeError
from .conv import Conv1D, Conv2D, Conv2DTranspose, Conv3D
from .data_format import ORDERINGS
from .renamed import Renamed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import ArrayLike, Config, Identifier, PerAxis, ShapeLike

# Keras 1's name -> Keras 2's, of arguments and attributes
NAMES = {
    "nb_filter": "filters", "init": "kernel_initializer", "border_mode": "padding", "subsample": "strides",
    "dim_ordering": "data_format", "W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint", "b_constraint": "bias_constraint",
}


class _Unset(str):
    """A default that shows as this text and means: as the process, keras.json or the input say."""


class Keras1Conv:
    """What a layer of Keras 1 adds to the layer of Keras 2 that it spells.

    keras2: the layer that Keras 2 has under this name. sides: the names of the window's sides. names: Keras 1's names
    of arguments, with Keras 2's.
    """

    keras1_name = True
    paddings: tuple[str, ...] = ("valid", "same", "full")
    keras2: Any = None
    sides: tuple[str, ...] = ()
    names = NAMES

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for old, new in cls.names.items():
            if old != "dim_ordering" and old not in vars(cls):
                setattr(cls, old, Renamed(new))

    def __new__(cls, *args, **kwargs):
        if "keras2" in vars(cls) and cls._means_keras2(args, kwargs):
            return cls.keras2(*args, **kwargs)
        return super().__new__(cls)

    @classmethod
    def _means_keras2(cls, args, kwargs):
        """Whether these are arguments of Keras 2: one of its keywords, or not all sides of the window one by one."""
        if set(kwargs) & (set(keywords(cls.keras2.__init__)) - set(keywords(cls.__init__))):
            return True
        count = len(cls.sides)
        window = args[1:1 + count]
        if any(isinstance(entry, tuple | list) for entry in window):
            return True
        if len(args) > 1 + count and isinstance(args[1 + count], int):      # strides, where Keras 1 has init
            return True
        return 0 < len(window) and any(name not in kwargs for name in cls.sides[len(window):])

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if hasattr(self, "kernel"):     # separable ones have two others
            self.W_shape = tuple(self.W.shape)

    def _asking_for(self, data_format):
        return f"dim_ordering={ORDERINGS[data_format]!r} (Keras 2: data_format={data_format!r})"

    def word(self, name: str) -> str:
        return next((old for old, new in self.names.items() if new == name), name)

    def _set_role(self, role, initializer, regularizer, constraint):
        super()._set_role(role, "zeros", regularizer, constraint)
        if role != "bias":
            given = initializer if inspect.isfunction(initializer) else initializations.get(
                "glorot_uniform" if initializer is None else initializer)
            setattr(self, f"{role}_initializer", given)

    @property
    def _drawing_order(self):
        """What `init` is told about that order."""
        return self.dim_ordering

    def _weight_options(self, role, shape):
        options = super()._weight_options(role, shape)
        if role == "bias":
            return options
        order = self.keras1_order(len(shape))
        initializer = options["initializer"]
        return options | {
            "order": order, "initializer": lambda shape, dtype: self._drawn(initializer, shape, order, dtype)}

    def _drawn(self, initializer, shape, order, dtype):
        """First weights of an engine's `shape`, by a function that sees them in `order`."""
        if isinstance(initializer, initializers.Initializer):       # one of Keras 2, for the engine's layout
            return initializer(shape, dtype=dtype)
        weight = np.empty(shape, dtype)
        seen = weight if order is None else in_order(weight, order)
        takes = inspect.signature(initializer, follow_wrapped=False).parameters
        options = {"dim_ordering": self._drawing_order} if "dim_ordering" in takes else {}
        drawn = initializers.drawn(initializer, seen.shape, None, **options)
        if drawn.shape != seen.shape:
            raise ShapeError(f"init gave an array of shape {drawn.shape}, expected {seen.shape}.")
        seen[...] = drawn
        return weight

    def get_config(self) -> Config:
        description = super().get_config()
        description |= {old: description.pop(new) for old, new in self.names.items()}
        description |= {side: getattr(self, side) for side in self.sides} | {"bias": description.pop("use_bias")}
        if "dim_ordering" in description:
            description["dim_ordering"] = self.dim_ordering
        dropped = ("kernel_size", "dilation_rate", "data_format", "bias_initializer", "pointwise_initializer")
        return {name: value for name, value in description.items() if name not in dropped}


class _Sequence(Keras1Conv):
    """What Keras 1's convolutions over sequences have in common."""

    sides = SIDES[1]

    _drawing_order = "th"       # Keras 1 says so to `init`, whatever the layout

    subsample_length = Renamed("strides", 0)

    def get_config(self) -> Config:
        description = super().get_config() | {
            "subsample_length": self.subsample_length, "input_dim": self.input_dim, "input_length": self.input_length}
        del description["subsample"]
        return description


_SEQUENCE_NAMES = {old: new for old, new in NAMES.items() if old != "dim_ordering"}


class Convolution1D(_Sequence, Conv1D):
    """Convolution over sequences, in Keras 1's words; see `Conv1D`.

    nb_filter: channels of the output. filter_length: steps in a window. init: first weights, by name (see
    `initializations`) or as a function. activation: name or function. weights: list of arrays to start from.
    border_mode: 'valid' or 'same'; Theano's 'full' too. subsample_length: steps from one window to the next.
    W_regularizer, b_regularizer, activity_regularizer: penalties added to the loss. W_constraint, b_constraint: applied
    after each update. bias: add one. input_dim, input_length: channels and steps of the input, of a first layer.

    Shapes: (batch, steps, input_dim) -> (batch, new steps, nb_filter); W (filter_length, 1, input_dim, nb_filter),
            b (nb_filter,)
    Raises: ShapeError for a window longer than the sequence; ArgumentError for numbers that are no sizes.
    Reference: convolutional-layers document, "Convolution1D".
    """

    keras2 = Conv1D
    names = _SEQUENCE_NAMES

    def __init__(self, nb_filter: int, filter_length: int, init: Identifier = "uniform",
                 activation: Identifier = "linear", weights: Sequence[ArrayLike] | None = None,
                 border_mode: str = "valid", subsample_length: int = 1, W_regularizer: Identifier = None,
                 b_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 W_constraint: Identifier = None, b_constraint: Identifier = None, bias: bool = True,
                 input_dim: int | None = None, input_length: int | None = None, **kwargs: Any) -> None:
        super().__init__(nb_filter, filter_length, subsample_length, border_mode, "channels_last", 1, activation, bias,
                         init, None, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
                         weights=weights, input_dim=input_dim, input_length=input_length, **kwargs)
        self.input_dim, self.input_length = input_dim, input_length


class AtrousConvolution1D(_Sequence, Conv1D):
    """Convolution over sequences whose taps lie `atrous_rate` steps apart, in Keras 1's words.

    Other arguments and shapes as in `Convolution1D`.

    Raises: ShapeError for a window longer than the sequence; ArgumentError for numbers that are no sizes.
    Reference: Keras 1.2.2, "AtrousConvolution1D"; Yu & Koltun 2016, "Multi-Scale Context Aggregation by Dilated
    Convolutions", §2.
    """

    keras2 = Conv1D
    names = _SEQUENCE_NAMES | {"atrous_rate": "dilation_rate"}
    atrous_rate = Renamed("dilation_rate", 0)

    def __init__(self, nb_filter: int, filter_length: int, init: Identifier = "glorot_uniform",
                 activation: Identifier = None, weights: Sequence[ArrayLike] | None = None, border_mode: str = "valid",
                 subsample_length: int = 1, atrous_rate: PerAxis = 1, W_regularizer: Identifier = None,
                 b_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 W_constraint: Identifier = None, b_constraint: Identifier = None, bias: bool = True,
                 **kwargs: Any) -> None:
        self.input_dim, self.input_length = kwargs.get("input_dim"), kwargs.get("input_length")
        super().__init__(nb_filter, filter_length, subsample_length, border_mode, "channels_last", atrous_rate,
                         activation, bias, init, None, W_regularizer, b_regularizer, activity_regularizer,
                         W_constraint, b_constraint, weights=weights, **kwargs)

    def get_config(self) -> Config:
        return super().get_config() | {"atrous_rate": self.atrous_rate}


class Convolution2D(Keras1Conv, Conv2D):
    """Convolution over images, in Keras 1's words; see `Conv2D`.

    nb_filter: channels of the output. nb_row, nb_col: rows and columns of the window. border_mode: 'valid' or 'same';
    Theano's 'full' too. subsample: rows and columns from one window to the next. dim_ordering: 'th', channels first, or
    'tf', channels last; 'default': see `ImageLayer`. Others as in `Convolution1D`.

    Shapes: 'th': (batch, channels, rows, cols) -> (batch, nb_filter, new rows, new cols);
            W (nb_filter, channels, nb_row, nb_col), b (nb_filter,)
            'tf': (batch, rows, cols, channels) -> (batch, new rows, new cols, nb_filter);
            W (nb_row, nb_col, channels, nb_filter), b (nb_filter,)
    Raises: ShapeError for a window larger than the image; ArgumentError for numbers that are no sizes.
    Reference: convolutional-layers document, "Convolution2D".
    """

    keras2 = Conv2D
    sides = SIDES[2]

    def __init__(self, nb_filter: int, nb_row: int, nb_col: int, init: Identifier = "glorot_uniform",
                 activation: Identifier = "linear", weights: Sequence[ArrayLike] | None = None,
                 border_mode: str = "valid", subsample: PerAxis = (1, 1), dim_ordering: str = "default",
                 W_regularizer: Identifier = None, b_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, W_constraint: Identifier = None,
                 b_constraint: Identifier = None, bias: bool = True, **kwargs: Any) -> None:
        super().__init__(nb_filter, (nb_row, nb_col), subsample, border_mode, dim_ordering, 1, activation, bias, init,
                         None, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
                         weights=weights, **kwargs)


class AtrousConvolution2D(Keras1Conv, Conv2D):
    """Convolution over images whose taps lie `atrous_rate` pixels apart, in Keras 1's words.

    atrous_rate: rows and columns from one tap of a window to the next. Others, and shapes, as in `Convolution2D`.

    Raises: ShapeError for a window larger than the image; ArgumentError for numbers that are no sizes.
    Reference: convolutional-layers document, "AtrousConvolution2D"; Yu & Koltun 2016, "Multi-Scale Context Aggregation
    by Dilated Convolutions", §2.
    """

    keras2 = Conv2D
    sides = SIDES[2]
    names = NAMES | {"atrous_rate": "dilation_rate"}

    def __init__(self, nb_filter: int, nb_row: int, nb_col: int, init: Identifier = "glorot_uniform",
                 activation: Identifier = "linear", weights: Sequence[ArrayLike] | None = None,
                 border_mode: str = "valid", subsample: PerAxis = (1, 1), atrous_rate: PerAxis = (1, 1),
                 dim_ordering: str = "default", W_regularizer: Identifier = None, b_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, W_constraint: Identifier = None,
                 b_constraint: Identifier = None, bias: bool = True, **kwargs: Any) -> None:
        super().__init__(nb_filter, (nb_row, nb_col), subsample, border_mode, dim_ordering, atrous_rate, activation,
                         bias, init, None, W_regularizer, b_regularizer, activity_regularizer, W_constraint,
                         b_constraint, weights=weights, **kwargs)


class Deconvolution2D(Keras1Conv, Conv2DTranspose):
    """Transposed convolution over images to a size that is given, in Keras 1's words; see `Conv2DTranspose`.

    output_shape: of the output, with the batch, which may be None: (None, nb_filter, rows, cols) for 'th'. Where an
    image of i rows may grow to o of them, o = s (i - 1) + a + k - 2 p, with the window k, the subsample s, p rows of
    padding on each side, and a in 0 .. s - 1 for you to choose. dim_ordering: as in `Convolution2D`, 'th' where nothing
    says otherwise. Others as there.

    Shapes: 'th': (batch, channels, rows, cols) -> output_shape; W (nb_filter, channels, nb_row, nb_col), b (nb_filter,)
            'tf': (batch, rows, cols, channels) -> output_shape; W (nb_row, nb_col, channels, nb_filter), b (nb_filter,)
    Raises: ShapeError for an output_shape that cannot be, with those that can.
    Reference: convolutional-layers document, "Deconvolution2D"; Dumoulin & Visin 2016, §4.
    """

    keras2 = Conv2DTranspose
    sides = SIDES[2]
    paddings = ("valid", "same")

    def __init__(self, nb_filter: int, nb_row: int, nb_col: int, output_shape: ShapeLike,
                 init: Identifier = "glorot_uniform", activation: Identifier = "linear",
                 weights: Sequence[ArrayLike] | None = None, border_mode: str = "valid", subsample: PerAxis = (1, 1),
                 dim_ordering: str = _Unset("th"), W_regularizer: Identifier = None, b_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, W_constraint: Identifier = None,
                 b_constraint: Identifier = None, bias: bool = True, **kwargs: Any) -> None:
        ordering = None if isinstance(dim_ordering, _Unset) else dim_ordering
        super().__init__(nb_filter, (nb_row, nb_col), subsample, border_mode, None, ordering, 1, activation, bias,
                         init, None, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
                         weights=weights, **kwargs)
        self.output_shape_ = sizes(output_shape, "output_shape", example="(None, 3, 14, 14)", least=1)
        if len(self.output_shape_) != 4 or None in self.output_shape_[1:]:
            raise ArgumentError(f"output_shape must have 4 entries like (None, {self.filters}, 14, 14), of which the "
                                f"first, the batch, may be None; got {output_shape}.")

    def _output_size(self, shape):
        filters, size = (self.output_shape_[1], self.output_shape_[2:]) if self.data_format == "channels_first" else (
            self.output_shape_[3], self.output_shape_[1:3])
        if filters != self.filters:
            order = "nb_filter, rows, cols" if self.data_format == "channels_first" else "rows, cols, nb_filter"
            raise ShapeError(f"output_shape {self.output_shape_} has {filters} channels, nb_filter is {self.filters}. "
                             f"With dim_ordering {self.dim_ordering!r} it lists (batch, {order}).")
        return size

    def get_config(self) -> Config:
        description = super().get_config() | {"output_shape": self.output_shape_}
        del description["output_padding"]
        return description


class Convolution3D(Keras1Conv, Conv3D):
    """Convolution over volumes, in Keras 1's words; see `Conv3D`.

    kernel_dim1, kernel_dim2, kernel_dim3: the window. subsample: three numbers, from one window to the next; the output
    is every so many-th entry of what there is without, with border_mode 'same' too. Others as in `Convolution2D`.

    Shapes: 'th': (batch, channels, dim1, dim2, dim3) -> (batch, nb_filter, new dim1, new dim2, new dim3);
            W (nb_filter, channels, kernel_dim1, kernel_dim2, kernel_dim3), b (nb_filter,)
            'tf': (batch, dim1, dim2, dim3, channels) -> (batch, new dim1, new dim2, new dim3, nb_filter);
            W (kernel_dim1, kernel_dim2, kernel_dim3, channels, nb_filter), b (nb_filter,)
    Raises: ShapeError for a window larger than the volume; ArgumentError for numbers that are no sizes.
    Reference: convolutional-layers document, "Convolution3D".
    """

    keras2 = Conv3D
    sides = SIDES[3]

    def __init__(self, nb_filter: int, kernel_dim1: int, kernel_dim2: int, kernel_dim3: int,
                 init: Identifier = "glorot_uniform", activation: Identifier = "linear",
                 weights: Sequence[ArrayLike] | None = None, border_mode: str = "valid", subsample: PerAxis = (1, 1, 1),
                 dim_ordering: str = "default", W_regularizer: Identifier = None, b_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, W_constraint: Identifier = None,
                 b_constraint: Identifier = None, bias: bool = True, **kwargs: Any) -> None:
        super().__init__(nb_filter, (kernel_dim1, kernel_dim2, kernel_dim3), subsample, border_mode, dim_ordering, 1,
                         activation, bias, init, None, W_regularizer, b_regularizer, activity_regularizer,
                         W_constraint, b_constraint, weights=weights, **kwargs)

    def _pads(self):
        if self.padding != "same":
            return self.padding
        return tuple(((taps - 1) // 2, taps // 2) for taps in self.kernel_size)     # of 'same' without subsample


# Keras's other names
AtrousConv1D, AtrousConv2D = AtrousConvolution1D, AtrousConvolution2D
Deconv2D = Deconvolution2D
