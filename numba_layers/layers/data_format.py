"""Layers for which the place of the channels matters: who decides their data format."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakSet

from .. import config
from ..arguments import dictionaries
from ..errors import ShapeError
from ..ops._window import AXES
from .base import InputSpec, Layer
from .node import sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..autograd.graph import SymbolicTensor
    from ..autograd.tensor import Tensor
    from ..typing import Config

ORDERINGS = {data_format: ordering for ordering, data_format in config.DIM_ORDERINGS.items()}
_FEW = (1, 3, 4)        # channels of images: grey, RGB, RGBA
_described = ContextVar("the data format of the model whose description is read", default=None)
_warned: WeakSet[Any] = WeakSet()     # the input layers of graphs that were warned already


class ImageLayer(Layer, public=False):
    """Base of the layers that work in a data format: `data_format` is settled when the layer is built.

    Pass the constructor's `data_format` on: 'channels_first', 'channels_last', Keras 1's 'th' and 'tf'; None and
    'default' leave it open. What counts, in this order: that argument; the setting of the process; keras.json; the
    layout of the tensor that arrives first; its shape, where that can only be read one way (with a warning where it is
    not the default one); the default of the generation in force. Until it is built an open `data_format` is None,
    afterwards it is text, and outputs of as many axes carry it as their layout. A subclass whose `build` makes weights
    calls `self.settle_data_format(input_shape)` first there.
    """

    rank: Any = None        # spatial axes
    keras1_name = False     # is the name one that only Keras 1 has?
    _others_format = None   # of the other layers of the file that this one is from

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.asked_data_format(data_format)
        self._told = data_format not in (None, "default")
        self._by_default = False

    @classmethod
    def from_config(cls, description: Config) -> Any:
        """The layer that `get_config` described; Keras forgot some layers' format: their input's, or the model's."""
        layer = super().from_config(description)
        if not layer._told and not {"data_format", "dim_ordering"} & set(description):
            layer.data_format = None
            layer._others_format = _described.get()
        return layer

    def _meet(self, tensors):
        self.settle_data_format(tensors[0].shape, tensors[0])

    def build(self, input_shape: Any) -> None:
        self.settle_data_format(input_shape)
        super().build(input_shape)

    def settle_data_format(self, input_shape: Any, tensor: Tensor | None = None) -> None:
        """Decide `data_format` if it is open. tensor: the input, where there is one already."""
        layout = getattr(tensor, "layout", None)
        if self.data_format is None:
            self.data_format = (layout if layout in config.DATA_FORMATS else
                                self._others_format or config.chosen_data_format())
        if self.data_format is None:
            default = config.default_data_format(self.keras1_name)
            reading = _only_reading(tuple(input_shape[1:])) if layout is None else None     # else a sequence of images
            self.data_format = reading or default
            self._by_default = reading is None
            if self.data_format != default:
                self._warn(tuple(input_shape[1:]), default, tensor)

    def _warn(self, shape, default, tensor):
        """Say how `shape` was read, once a graph."""
        entries = {entry._keras_history[0] for entry in sources([tensor])}
        if not _warned.isdisjoint(entries):
            return
        _warned.update(entries)
        channels, *sizes = shape if self.data_format == "channels_first" else (shape[-1], *shape[:-1])
        sizes = " x ".join("?" if size is None else str(size) for size in sizes)
        warnings.warn(f'{type(self).__name__} "{self.name}": input shape {shape} is read as {self.data_format}: '
                      f"{sizes} pixels of {channels} channel{'s' * (channels > 1)}. Say "
                      f"{self._asking_for(self.data_format)}, or {self._asking_for(default)} if that is what you mean.",
                      stacklevel=2)

    def _asking_for(self, data_format):
        """The argument that asks for `data_format`."""
        return f"data_format={data_format!r}"

    def infer(self, tensors: Sequence[Tensor], kwargs: Mapping[str, Any]) -> list[SymbolicTensor]:
        try:
            return super().infer(tensors, kwargs)
        except ShapeError as error:
            if self._by_default:
                (other,) = set(config.DATA_FORMATS) - {self.data_format}
                error.args = (f"{error} The input is read as {self.data_format}, as nothing says otherwise; for "
                              f"{other} pass {self._asking_for(other)}.",)
            raise

    @property
    def dim_ordering(self) -> str:
        """`data_format` in Keras 1's words."""
        return ORDERINGS.get(self.data_format, "default")

    @dim_ordering.setter
    def dim_ordering(self, value: str) -> None:
        self.data_format = config.asked_data_format(value)

    def images(self, rank: int, channels: int | None = None) -> InputSpec:
        """The `InputSpec` of samples with `rank` spatial axes; channels: how many there must be."""
        first = (self.data_format or config.default_data_format(self.keras1_name)) == "channels_first"
        names = ("channels", *AXES[rank]) if first else (*AXES[rank], "channels")
        return InputSpec(ndim=rank + 2, axes={1 if first else rank + 1: channels} if channels else None,
                         form=f"(batch, {', '.join(names)})", missing="x[:, None]" if first else "x[..., None]")

    def get_config(self) -> Config:
        return super().get_config() | {"data_format": self.data_format}


def _only_reading(shape):
    """The data format of an image of `shape` (without the batch) that can only be read one way, else None.

    One of first and last entry is a number of channels and the other is not, and what would be pixels in the other
    reading is no square: (4, 4, 8) and (1, 1, 512) are as well what a network has inside.
    """
    first, last = shape[0] in _FEW, shape[-1] in _FEW
    if first == last or len(set(shape[:-1] if first else shape[1:])) == 1:
        return None
    return "channels_first" if first else "channels_last"


@contextmanager
def described_format(description):
    """A block in which layers that a description tells no data format have the one that all others in it have."""
    said = set(_formats(description))
    token = _described.set(said.pop() if len(said) == 1 else _described.get())
    try:
        yield
    finally:
        _described.reset(token)


def _formats(description):
    """The data formats of layers of images and volumes that a description mentions, at any depth."""
    for part in dictionaries(description):
        name, options = part.get("class_name"), part.get("config")
        kind = Layer.kinds.get(name) if isinstance(name, str) else None
        if kind is not None and issubclass(kind, ImageLayer) and kind.rank > 1 and isinstance(options, dict):
            said = options.get("data_format") or options.get("dim_ordering")
            said = config.DIM_ORDERINGS.get(said, said) if isinstance(said, str) else None
            if said in config.DATA_FORMATS:
                yield said
