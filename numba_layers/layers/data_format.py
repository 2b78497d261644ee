"""Layers for which the place of the channels matters: who decides their data format."""

import warnings

from .. import config
from .base import Layer
from .input import InputLayer

_FEW = (1, 3, 4)        # channels of images: grey, RGB, RGBA
_MANY = 8               # an axis this long holds pixels, next to one of few


class ImageLayer(Layer):
    """Base of the layers that work in a data format: `data_format` is settled when the layer is built.

    Pass the constructor's `data_format` on ('channels_first', 'channels_last', Keras 1's 'th' and 'tf'; None and
    'default' ask nobody). What counts, in this order: that argument; the setting of the process; keras.json; the layout
    of the tensor that arrives first; `default_data_format`, which a subclass may set to 'channels_first'. Until it is
    built an open `data_format` is None, afterwards it is text, and outputs of as many axes carry it as their layout.
    A subclass whose `build` makes weights calls `self.settle_data_format(input_shape)` first there.

    As a model's first layer, `reads_shapes` lets it take the other format, with a warning, where its input's shape
    cannot be of the default one.
    """

    default_data_format = "channels_last"
    reads_shapes = False

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = config.asked_data_format(data_format)

    def _meet(self, tensors):
        first = isinstance(getattr(tensors[0], "_keras_history", [None])[0], InputLayer)
        self.settle_data_format(tensors[0].shape, tensors[0].layout, first)

    def build(self, input_shape):
        self.settle_data_format(input_shape)
        super().build(input_shape)

    def settle_data_format(self, input_shape, layout=None, first=False):
        """Decide `data_format` if it is open. layout: of the input. first: the input is a model's own."""
        if self.data_format is None and layout in config.DATA_FORMATS:
            self.data_format = layout
        if self.data_format is None:
            self.data_format = self.default_data_format
            if self.reads_shapes and (first or self.batch_input_shape is not None):
                self._read_shape(tuple(input_shape[1:]))

    def _read_shape(self, shape):
        """Take the format that is not the default, if `shape` (without the batch) can only be of that one."""
        ends = [size in _FEW for size in (shape[0], shape[-1])]
        other = {(True, False): "channels_first", (False, True): "channels_last"}.get(tuple(ends))
        if other in (None, self.default_data_format):
            return
        if other == "channels_last" and min(size or _MANY for size in shape[:-1]) < _MANY:
            return
        self.data_format = other
        channels, *sizes = shape if other == "channels_first" else (shape[-1], *shape[:-1])
        sizes = " x ".join("?" if size is None else str(size) for size in sizes)
        warnings.warn(f'{type(self).__name__} "{self.name}": input shape {shape} is read as {other}: {sizes} pixels of '
                      f"{channels} channels. Say data_format={other!r}, or {self.default_data_format!r} if that is "
                      "what you mean.", stacklevel=2)

    def get_config(self):
        return super().get_config() | {"data_format": self.data_format}
