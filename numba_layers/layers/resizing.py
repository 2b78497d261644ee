"""Layers that make images larger or smaller and compute next to nothing: pixels repeated, zeros added, borders cut off.

UpSampling and ZeroPadding are known to Keras 1 and 2 under the same names. Their signatures are Keras 1's, as the
convolutional document has them; Keras 2's words are understood as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import ops
from .._legacy import IMAGES, LAYER, keras1
from ..arguments import sizes
from ..errors import ArgumentError, UnknownArgumentError, shown, unknown
from ..ops._window import per_axis
from ..ops.resize import INTERPOLATIONS
from .base import InputSpec
from .data_format import ImageLayer
from .renamed import Renamed

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Config, ImageOptions, LayerOptions, PerAxis, ResizingOptions

# Keras 1's names for the sides of images, where padding is a dictionary
SIDES = {1: ("left_pad", "right_pad"), 2: ("top_pad", "bottom_pad", "left_pad", "right_pad")}


def _one_of(kwargs: Any, keras2: str, keras1: str, value: Any, default: Any) -> Any:
    """`value`, which the signature calls `keras1`, or what `kwargs` calls `keras2` and means the same."""
    if keras2 not in kwargs:
        return value
    if value != default:
        raise UnknownArgumentError(f"{keras1} (Keras 1) and {keras2} (Keras 2) are one argument, and both were given. "
                                   f"Keep {keras2}.")
    return kwargs.pop(keras2)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | np.integer)


def pairs(value: Any, rank: int, what: str) -> tuple[tuple[int, int], ...]:
    """(before, after) for each of `rank` axes: `value` is a number for all, one for each, or a pair for each.

    Keras 1's forms: the four sides of an image in a row, or a dictionary of sides, where one not named is 0.
    Raises: ArgumentError for anything else.
    """
    try:
        if isinstance(value, dict) and rank in SIDES and set(value) <= set(SIDES[rank]):
            value = [value.get(side, 0) for side in SIDES[rank]]
        entries = [value] * rank if _is_number(value) else list(value)
        if rank < 3 and len(entries) == 2 * rank and all(map(_is_number, entries)):
            entries = [entries[2 * axis:2 * axis + 2] for axis in range(rank)]
        found = [sizes(entry, what, open_sizes=False) for entry in entries]
        if len(found) == rank and all(len(pair) in (1, 2) for pair in found):
            return tuple((pair[0], pair[-1]) for pair in found)
    except (ArgumentError, TypeError):
        pass
    counts = "a pair" if rank == 1 else f"{rank} of them, or {rank} pairs"
    raise ArgumentError(f"{what} must be a whole number, {counts} (before, after), none negative, got {shown(value)}.")


class _Resizing(ImageLayer):
    """Base: `rank` spatial axes of another size. Sequences are always channels_last."""

    def __init__(self, dim_ordering: str = "default", **kwargs: Any) -> None:
        if self.rank == 1:
            dim_ordering = "channels_last"
        else:
            dim_ordering = _one_of(kwargs, "data_format", "dim_ordering", dim_ordering, "default")
        super().__init__(dim_ordering, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def get_config(self) -> Config:
        description = super().get_config()
        if self.rank == 1:
            del description["data_format"]
        return description


class _UpSampling(_Resizing):
    interpolation = "nearest"

    def __init__(self, size: PerAxis, dim_ordering: str = "default", **kwargs: Any) -> None:
        super().__init__(dim_ordering, **kwargs)
        self.size = per_axis(type(self).__name__, "size", size, self.rank)

    def call(self, inputs: Any) -> Any:
        return ops.upsample(inputs, size=self.size, data_format=self.data_format, interpolation=self.interpolation)

    def get_config(self) -> Config:
        return super().get_config() | {"size": self.size}


class UpSampling1D(_UpSampling):
    """Each step of a sequence `length` times.

    length: whole number; Keras 2 calls it size.
    Shapes: (batch, steps, channels) -> (batch, length * steps, channels)
    Reference: convolutional-layers document, "UpSampling1D".
    """

    rank = 1

    def __init__(self, length: int = 2, **kwargs: Any) -> None:
        super().__init__(_one_of(kwargs, "size", "length", length, 2), **kwargs)

    length = Renamed("size", 0)

    def get_config(self) -> Config:
        return super().get_config() | {"size": self.length}


class UpSampling2D(_UpSampling):
    """Each row of an image size[0] times, each column size[1] times.

    size: two whole numbers, or one for both. dim_ordering: 'th', channels first, or 'tf', channels last; 'default': see
    `ImageLayer`. In Keras 2's words data_format, and interpolation: 'nearest' repeats, 'bilinear' draws lines between
    the pixels (as TensorFlow 1 does).
    Shapes: (batch, channels, rows, cols) -> (batch, channels, size[0] * rows, size[1] * cols), or with channels last
    Reference: convolutional-layers document, "UpSampling2D"; Keras 2.2.5, "UpSampling2D".
    """

    rank = 2

    def __init__(self, size: PerAxis = (2, 2), dim_ordering: str = "default",
                 **kwargs: Unpack[ResizingOptions]) -> None:
        self.interpolation = kwargs.pop("interpolation", "nearest")
        if self.interpolation not in INTERPOLATIONS:
            raise unknown("interpolation", self.interpolation, INTERPOLATIONS)
        super().__init__(size, dim_ordering, **kwargs)

    def get_config(self) -> Config:
        return super().get_config() | {"interpolation": self.interpolation}


class UpSampling3D(_UpSampling):
    """Each voxel of a volume size[i] times along spatial axis i.

    size: three whole numbers, or one for all. dim_ordering: 'th', channels first, or 'tf', channels last; 'default':
    see `ImageLayer`. In Keras 2's words data_format.
    Shapes: (batch, channels, dim1, dim2, dim3) -> (batch, channels, size[0] * dim1, size[1] * dim2, size[2] * dim3), or
            with channels last
    Reference: convolutional-layers document, "UpSampling3D".
    """

    rank = 3

    def __init__(self, size: PerAxis = (2, 2, 2), dim_ordering: str = "default",
                 **kwargs: Unpack[ResizingOptions]) -> None:
        super().__init__(size, dim_ordering, **kwargs)


class _ZeroPadding(_Resizing):
    def __init__(self, padding: Any, dim_ordering: str = "default", **kwargs: Any) -> None:
        super().__init__(dim_ordering, **kwargs)
        self.padding = pairs(padding, self.rank, "padding")

    def call(self, inputs: Any) -> Any:
        return ops.zero_pad(inputs, padding=self.padding, data_format=self.data_format)

    def get_config(self) -> Config:
        return super().get_config() | {"padding": self.padding}


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and behind a sequence.

    padding: how many on both sides, or (before, behind), or Keras 1's {'left_pad': before, 'right_pad': behind}.
    Shapes: (batch, steps, channels) -> (batch, before + steps + behind, channels)
    Raises: ArgumentError for a padding of another form.
    Reference: convolutional-layers document, "ZeroPadding1D"; Keras 2.2.5, "ZeroPadding1D".
    """

    rank = 1
    left_pad, right_pad = (Renamed("padding", 0, end) for end in (0, 1))

    def __init__(self, padding: Any = 1, **kwargs: Unpack[ResizingOptions]) -> None:
        super().__init__(padding, **kwargs)

    def get_config(self) -> Config:
        return super().get_config() | {"padding": self.padding[0]}


class ZeroPadding2D(_ZeroPadding):
    """Zeros around an image.

    padding: (rows, cols) on both sides, one number for all sides, ((top, bottom), (left, right)), or Keras 1's
    (top, bottom, left, right) and {'top_pad': ..., 'bottom_pad': ..., 'left_pad': ..., 'right_pad': ...}.
    dim_ordering: 'th', channels first, or 'tf', channels last; 'default': see `ImageLayer`. In Keras 2's words
    data_format.
    Shapes: (batch, channels, rows, cols) -> (batch, channels, top + rows + bottom, left + cols + right), or with
            channels last
    Raises: ArgumentError for a padding of another form.
    Reference: convolutional-layers document, "ZeroPadding2D"; Keras 2.2.5, "ZeroPadding2D".
    """

    rank = 2
    top_pad, bottom_pad, left_pad, right_pad = (Renamed("padding", axis, end) for axis in (0, 1) for end in (0, 1))

    def __init__(self, padding: Any = (1, 1), dim_ordering: str = "default", **kwargs: Unpack[ResizingOptions]) -> None:
        super().__init__(padding, dim_ordering, **kwargs)


class ZeroPadding3D(_ZeroPadding):
    """Zeros around a volume.

    padding: a number for each spatial axis, or one for all, or three pairs (before, behind). dim_ordering: 'th',
    channels first, or 'tf', channels last; 'default': see `ImageLayer`. In Keras 2's words data_format.
    Shapes: (batch, channels, dim1, dim2, dim3) -> the same with larger spatial axes, or with channels last
    Raises: ArgumentError for a padding of another form.
    Reference: convolutional-layers document, "ZeroPadding3D"; Keras 2.2.5, "ZeroPadding3D".
    """

    rank = 3

    def __init__(self, padding: Any = (1, 1, 1), dim_ordering: str = "default",
                 **kwargs: Unpack[ResizingOptions]) -> None:
        super().__init__(padding, dim_ordering, **kwargs)


class _Cropping(ImageLayer):
    def __init__(self, cropping: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.cropping = pairs(cropping, self.rank, "cropping")
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return ops.crop(inputs, cropping=self.cropping, data_format=self.data_format)

    def get_config(self) -> Config:
        return super().get_config() | {"cropping": self.cropping}


class Cropping1D(_Cropping):
    """A sequence without its first and last steps.

    cropping: how many on both sides, or (first, last).
    Shapes: (batch, steps, channels) -> (batch, steps - first - last, channels)
    Raises: ShapeError where nothing is left; ArgumentError for a cropping of another form.
    Reference: Keras 2.2.5, "Cropping1D".
    """

    rank = 1

    @keras1(LAYER)
    def __init__(self, cropping: Any = (1, 1), **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(cropping, "channels_last", **kwargs)

    def get_config(self) -> Config:
        description = super().get_config() | {"cropping": self.cropping[0]}
        del description["data_format"]
        return description


class Cropping2D(_Cropping):
    """An image without its borders.

    cropping: ((top, bottom), (left, right)), (rows, columns) on both sides, or one number for all sides. data_format:
    'channels_first' or 'channels_last'; None: see `ImageLayer`.
    Shapes: (batch, rows, columns, channels) -> (batch, rows - top - bottom, columns - left - right, channels), or with
            channels first
    Raises: ShapeError where nothing is left; ArgumentError for a cropping of another form.
    Reference: Keras 2.2.5, "Cropping2D".
    """

    rank = 2

    @keras1(LAYER | IMAGES)
    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None,
                 **kwargs: Unpack[ImageOptions]) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    """A volume without its borders.

    cropping: three pairs (before, behind), a number for each spatial axis, or one for all. data_format:
    'channels_first' or 'channels_last'; None: see `ImageLayer`.
    Shapes: (batch, dim1, dim2, dim3, channels) -> the same with smaller spatial axes, or with channels first
    Raises: ShapeError where nothing is left; ArgumentError for a cropping of another form.
    Reference: Keras 2.2.5, "Cropping3D".
    """

    rank = 3

    @keras1(LAYER | IMAGES)
    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None,
                 **kwargs: Unpack[ImageOptions]) -> None:
        super().__init__(cropping, data_format, **kwargs)
