"""Layers for which the place of the channels matters: who decides their data format."""

import warnings

from .. import config
from ..errors import ShapeError
from ..ops._window import AXES
from .base import InputSpec, Layer
from .input import InputLayer

_FEW = (1, 3, 4)        # channels of images: grey, RGB, RGBA
_MANY = 8               # an axis this long holds pixels, next to one of few


class ImageLayer(Layer):
    """Base of the layers that work in a data format: `data_format` is settled when the layer is built.

    Pass the constructor's `data_format` on: 'channels_first', 'channels_last', Keras 1's 'th' and 'tf'; None and
    'default' leave it open. What counts, in this order: that argument; the setting of the process; keras.json; the
    layout of the tensor that arrives first; `default_data_format`, which a subclass may set to 'channels_first'. Until
    it is built an open `data_format` is None, afterwards it is text, and outputs of as many axes carry it as their
    layout. A subclass whose `build` makes weights calls `self.settle_data_format(input_shape)` first there.

    As a model's first layer, `reads_shapes` lets it take the other format, with a warning, where its input's shape
    cannot be of the default one.
    """

    default_data_format = "channels_last"
    reads_shapes = False

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = config.asked_data_format(data_format)
        self._told = data_format not in (None, "default")
        self._by_default = False

    @classmethod
    def from_config(cls, description):
        """The layer that `get_config` described; Keras 1 forgot some layers' format, which their input has then."""
        layer = super().from_config(description)
        if not layer._told and not {"data_format", "dim_ordering"} & set(description):
            layer.data_format = None
        return layer

    def _meet(self, tensors):
        first = isinstance(getattr(tensors[0], "_keras_history", [None])[0], InputLayer)
        self.settle_data_format(tensors[0].shape, tensors[0].layout, first)

    def build(self, input_shape):
        self.settle_data_format(input_shape)
        super().build(input_shape)

    def settle_data_format(self, input_shape, layout=None, first=False):
        """Decide `data_format` if it is open. layout: of the input. first: the input is a model's own."""
        if self.data_format is None:
            self.data_format = layout if layout in config.DATA_FORMATS else config.chosen_data_format()
        if self.data_format is None:
            self.data_format = self.default_data_format
            self._by_default = True
            if self.reads_shapes and (first or self.batch_input_shape is not None):
                self._read_shape(tuple(input_shape[1:]))

    def _read_shape(self, shape):
        """Take the format that is not the default, if `shape` (without the batch) can only be of that one."""
        other = _says(shape)
        if other is None or other == self.default_data_format:
            return
        self.data_format = other
        channels, *sizes = shape if other == "channels_first" else (shape[-1], *shape[:-1])
        sizes = " x ".join("?" if size is None else str(size) for size in sizes)
        warnings.warn(f'{type(self).__name__} "{self.name}": input shape {shape} is read as {other}: {sizes} pixels of '
                      f"{channels} channels. Say {self._asking_for(other)}, or "
                      f"{self._asking_for(self.default_data_format)} if that is what you mean.", stacklevel=2)

    def _asking_for(self, data_format):
        """The argument that asks for `data_format`."""
        return f"data_format={data_format!r}"

    def infer(self, tensors, kwargs):
        try:
            return super().infer(tensors, kwargs)
        except ShapeError as error:
            other = _says(tensors[0].shape[1:])
            if self._by_default and other not in (None, self.data_format):
                error.args = (f"{error} The input is read as {self.data_format}, as nothing says otherwise; for "
                              f"{other}, which it looks like, pass {self._asking_for(other)}.",)
            raise

    def images(self, rank, channels=None):
        """The `InputSpec` of samples with `rank` spatial axes; channels: how many there must be."""
        first = (self.data_format or self.default_data_format) == "channels_first"
        names = ("channels", *AXES[rank]) if first else (*AXES[rank], "channels")
        return InputSpec(ndim=rank + 2, axes={1 if first else rank + 1: channels} if channels else None,
                         form=f"(batch, {', '.join(names)})", missing="x[:, None]" if first else "x[..., None]")

    def get_config(self):
        return super().get_config() | {"data_format": self.data_format}


def _says(shape):
    """The data format of an image of `shape` (without the batch) that has few channels and many pixels, else None."""
    first, last = shape[0] in _FEW, shape[-1] in _FEW
    if first and not last:
        return "channels_first"
    return "channels_last" if last and not first and min(size or _MANY for size in shape[:-1]) >= _MANY else None
