"""Recurrent layers over sequences of images: the products of an LSTM are convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import config, ops
from .._legacy import LAYER, RECURRENT, SIDES, keras1
from ..arguments import size, word
from ..errors import ArgumentError, ShapeError
from ..ops._window import per_axis
from .base import InputSpec
from .data_format import ORDERINGS
from .node import as_list
from .recurrent import _ROLES, RNN, OfCell, _Gated, _of_keras1
from .recurrent_cells import LSTMCell, sizes_of
from .recurrent_keras1 import Recurrent
from .renamed import Renamed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import Config, Identifier, PerAxis

_WINDOW = ("kernel_size", "strides", "padding", "data_format", "dilation_rate")
_KERAS1 = LAYER | RECURRENT | {
    "nb_filter": "filters", "border_mode": "padding", "subsample": "strides",
    "dim_ordering": lambda given: {"data_format": config.DIM_ORDERINGS.get(given, given)}}


class ConvLSTM2DCell(LSTMCell):
    """One timestep of `ConvLSTM2D`. Arguments as there.

    Shapes: x (batch, rows, columns, channels), states [h, c], each (batch, new rows, new columns, filters); or with the
            channels first
    Reference: Keras 2.2.5, "ConvLSTM2DCell".
    """

    rank = 2
    theano_flips = True
    nb_filter = Renamed("units")
    filters = Renamed("units")

    @keras1(_KERAS1, sides=SIDES[2])
    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = (1, 1), padding: str = "valid",
                 data_format: str | None = None, dilation_rate: PerAxis = (1, 1), activation: Identifier = "tanh",
                 recurrent_activation: Identifier = "hard_sigmoid", use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
                 bias_initializer: Identifier = "zeros", unit_forget_bias: bool = True,
                 kernel_regularizer: Identifier = None, recurrent_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 recurrent_constraint: Identifier = None, bias_constraint: Identifier = None, dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, **kwargs: Any) -> None:
        roles = {name: value for name, value in locals().items() if name.startswith(("kernel_", "recurrent_", "bias_"))
                 and name != "kernel_size"}
        del roles["recurrent_dropout"]
        super().__init__(size(filters, "filters"), activation, use_bias=use_bias, unit_forget_bias=unit_forget_bias,
                         dropout=dropout, recurrent_dropout=recurrent_dropout, **roles, **kwargs)
        name = type(self).__name__
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, 2)
        self.strides = per_axis(name, "strides", strides, 2)
        self.padding = word(padding, "padding", ("valid", "same"))
        self.dilation_rate = per_axis(name, "dilation_rate", dilation_rate, 2)
        self.data_format = _data_format(data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(f"strides {self.strides} and dilation_rate {self.dilation_rate} cannot both be over 1.")

    @property
    def gate_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def build(self, input_shape: Any) -> None:
        shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        channels = shape[self.gate_axis]
        if channels is None:
            raise ShapeError(f"the channels of the input must be known, got shape {tuple(shape)} "
                             f"({self.data_format}).")
        super().build((shape[0], channels))

    def keras1_order(self, count: int) -> tuple[int | None, ...] | None:
        """A kernel's `count` axes in the order of Keras 1's kernels (see `ReorderedVariable`)."""
        return (3, 2, 0, 1) if self.data_format == "channels_first" else None

    def _weight_options(self, axes):
        return {"order": self.keras1_order(axes)} if self.apart and axes > 1 else {}

    def _weight_shapes(self, features, columns):
        return {"kernel": (*self.kernel_size, features, columns), "recurrent": (*self.kernel_size, self.units, columns),
                "bias": (columns,)}

    def output_sizes(self, shape: Any) -> tuple[Any, ...]:
        """The sizes of an image of the output, for images of `shape` (with the batch)."""
        return sizes_through(self, shape)

    def project(self, x: Any, training: bool | None = None) -> Any:
        """The part of all gates that the images make, of one timestep or of all (5 axes)."""
        kernel, bias = self._input_kernel(), self._input_bias()
        options = {"strides": self.strides, "padding": self.padding, "dilation": self.dilation_rate,
                   "data_format": self.data_format}
        masks = self._masks_of("inputs", self.dropout, x, x.shape[-3:], training)
        if masks is None:
            return _each_timestep(lambda images: ops.conv(images, kernel, bias, **options), x)
        if x.ndim > 4:
            masks = [ops.expand_dims(mask, axis=1) for mask in masks]
        biases = [None] * 4 if bias is None else ops.split(bias, parts=4)
        return ops.concatenate(*[
            _each_timestep(lambda images, part=part, b=b: ops.conv(images, part, b, **options), ops.multiply(x, mask))
            for mask, part, b in zip(masks, ops.split(kernel, parts=4), biases)],
            axis=self.gate_axis if self.gate_axis < 0 else x.ndim - 3)

    def _from_state(self, h, gates, training):
        kernel = self._state_kernel()
        options = {"padding": "same", "data_format": self.data_format}
        masks = self._masks_of("states", self.recurrent_dropout, h, h.shape[1:], training)
        if masks is None:
            return ops.conv(h, kernel, **options)
        parts = zip(masks, ops.split(kernel, parts=4))
        return ops.concatenate(*[ops.conv(ops.multiply(h, mask), part, **options) for mask, part in parts],
                               axis=self.gate_axis)

    def sequence(self, z: Any, states: Sequence[Any], mask: Any, backwards: bool) -> tuple[Any, ...] | None:
        return None

    def get_config(self) -> Config:
        described = super().get_config()
        del described["units"]
        described.pop("implementation", None)
        return described | {"filters": self.units} | {name: getattr(self, name) for name in _WINDOW}


def _data_format(given):
    """The data format that is given, or chosen for the process, or the default."""
    return config.asked_data_format(given) or config.chosen_data_format() or config.default_data_format(False)


def sizes_through(windows: Any, shape: Any) -> tuple[Any, ...]:
    """The sizes of what the windows of a layer or cell, with `units` channels, make of images of `shape`."""
    first = windows.data_format == "channels_first"
    found = []
    for n, k, s, d in zip(shape[2:] if first else shape[1:3], windows.kernel_size, windows.strides,
                          windows.dilation_rate):
        reach = d * (k - 1) + 1
        found.append(None if n is None else -(-n // s) if windows.padding == "same" else (n - reach) // s + 1)
    return (windows.units, *found) if first else (*found, windows.units)


def _each_timestep(function, x):
    """`function` of images: of x itself, or of all timesteps of x alike."""
    if x.ndim == 4:
        return function(x)
    batch, time, *image = x.shape
    z = function(ops.reshape(x, shape=(None if None in (batch, time) else batch * time, *image)))
    return ops.reshape(z, shape=(batch, time, *z.shape[1:]))


class ConvRNN2D(RNN):
    """`RNN` over sequences of images, for cells whose states are images.

    cell: its `output_sizes(shape)`, where it has one, gives the sizes of states without the batch. Others as of `RNN`.
    Shapes: (batch, time, rows, columns, channels) -> what the cell gives
    Reference: Keras 2.2.5, "ConvRNN2D".
    """

    sequence_rank = 5

    def get_initial_state(self, inputs: Any) -> list[Any]:
        if not hasattr(self.cell, "output_sizes"):
            return super().get_initial_state(inputs)
        sizes = self.cell.output_sizes((inputs.shape[0], *inputs.shape[2:]))
        return [ops.filled_for(inputs, sizes=sizes) for _ in sizes_of(self.cell)]

    def _state_sizes(self, shape):
        if not hasattr(self.cell, "output_sizes"):
            return super()._state_sizes(shape)
        return [self.cell.output_sizes((shape[0], *shape[2:]))] * len(sizes_of(self.cell))

    def _check(self, tensors: Sequence[Any]) -> None:
        """The sequence alone: sizes of states are those of images, which steps compare."""
        as_list(self.input_spec)[0].check(tensors[0].shape)


class ConvLSTM2D(_Gated, ConvRNN2D):
    """LSTM over sequences of images, whose products are convolutions; states are images.

    filters: channels of the output. kernel_size: rows and columns of the windows. strides, padding, dilation_rate: of
    the inputs' windows; those of the states have stride 1 and padding 'same'. data_format: 'channels_first' or
    'channels_last'. Others as of `LSTM`.

    Shapes: (batch, time, rows, columns, channels) -> (batch, new rows, new columns, filters), or (batch, time, ...)
            with return_sequences; or with the channels first; kernel (rows, columns, channels, 4 filters),
            recurrent_kernel (rows, columns, filters, 4 filters), bias (4 filters,)
    Raises: ShapeError for inputs of another rank and windows larger than images.
    Reference: Shi et al. 2015, "Convolutional LSTM Network", eq. 3 (without peepholes); Keras 2.2.5, "ConvLSTM2D".
    """

    cell_class = ConvLSTM2DCell
    paddings = ("valid", "same")
    recurrent_activation = OfCell()
    inner_activation = OfCell("recurrent_activation")
    unit_forget_bias = OfCell()
    forget_bias_init = OfCell("_forget_initializer")
    filters = OfCell("units")
    nb_filter = OfCell("units")
    kernel_size = OfCell()
    strides = OfCell()
    padding = OfCell()
    data_format = OfCell()
    dilation_rate = OfCell()
    border_mode = OfCell("padding")
    subsample = OfCell("strides")

    def __init__(self, filters: int, kernel_size: PerAxis, strides: PerAxis = (1, 1), padding: str = "valid",
                 data_format: str | None = None, dilation_rate: PerAxis = (1, 1), activation: Identifier = "tanh",
                 recurrent_activation: Identifier = "hard_sigmoid", use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
                 bias_initializer: Identifier = "zeros", unit_forget_bias: bool = True,
                 kernel_regularizer: Identifier = None, recurrent_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, recurrent_constraint: Identifier = None,
                 bias_constraint: Identifier = None, return_sequences: bool = False, go_backwards: bool = False,
                 stateful: bool = False, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 return_state: bool = False, unroll: bool = False, **kwargs: Any) -> None:
        roles = tuple(name for name in _ROLES if name != "units")
        self._begin(locals(), (*roles, "filters", *_WINDOW, "recurrent_activation", "unit_forget_bias"))

    __init__ = _of_keras1(__init__, _KERAS1, SIDES[2])

    @property
    def dim_ordering(self) -> str:
        return ORDERINGS[self.data_format]

    def layout_of(self, tensors: Sequence[Any], output: Any) -> str | None:
        return self.data_format if output.ndim == 4 else f"each timestep {self.data_format}"


class ConvRecurrent2D(Recurrent):
    """`Recurrent` over sequences of images: a subclass has `build` and `step`; states are images.

    filters, kernel_size, strides, padding, data_format, dilation_rate: as of `ConvLSTM2D`; they say what sizes states
    have. Others as of `Recurrent`.
    Shapes: (batch, time, rows, columns, channels) -> (batch, new rows, new columns, filters), or with time before
            them with return_sequences; or with the channels first
    Reference: Keras 1.2.2 and 2.0.9, "ConvRecurrent2D".
    """

    filters = Renamed("units")
    nb_filter = Renamed("units")

    @keras1(_KERAS1, sides=SIDES[2])
    def __init__(self, filters: int | None = None, kernel_size: PerAxis = (1, 1), strides: PerAxis = (1, 1),
                 padding: str = "valid", data_format: str | None = None, dilation_rate: PerAxis = (1, 1),
                 return_sequences: bool = False, go_backwards: bool = False, stateful: bool = False,
                 **kwargs: Any) -> None:
        super().__init__(return_sequences, go_backwards=go_backwards, stateful=stateful, **kwargs)
        name = type(self).__name__
        self.units: Any = None if filters is None else size(filters, "filters")
        self.kernel_size = per_axis(name, "kernel_size", kernel_size, 2)
        self.strides = per_axis(name, "strides", strides, 2)
        self.padding = word(padding, "padding", ("valid", "same"))
        self.dilation_rate = per_axis(name, "dilation_rate", dilation_rate, 2)
        self.data_format = _data_format(data_format)
        self.states = [None, None]
        self.input_spec = [InputSpec(ndim=5)]

    def _state_sizes(self, shape):
        return sizes_through(self, (shape[0], *shape[2:]))

    def get_config(self) -> Config:
        return super().get_config() | {"filters": self.units} | {name: getattr(self, name) for name in _WINDOW}
