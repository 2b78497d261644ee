"""Layers that reduce images: to the largest or mean pixel below each window, or of the whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from .._legacy import IMAGES, LAYER, POOLING, POOLING1D, keras1
from ..arguments import flag, word
from ..ops._layout import as_format, channels_last
from ..ops._window import per_axis
from .base import InputSpec
from .data_format import ImageLayer
from .renamed import Renamed

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Config, ImageOptions, LayerOptions, PerAxis, Pooling1DOptions, PoolingOptions


class _Pooling(ImageLayer):
    """Base: `pool`, an op, of the pixels below a window that slides over each sample."""

    pool: Any = None
    border_mode = Renamed("padding")
    paddings = ("valid", "same")

    def __init__(self, pool_size: PerAxis, strides: PerAxis | None, padding: str, data_format: str | None,
                 **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.pool_size = per_axis(type(self).__name__, "pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else per_axis(
            type(self).__name__, "strides", strides, self.rank)
        self.padding = word(padding, "padding", self.paddings)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return self.pool(inputs, pool_size=self.pool_size, strides=self.strides, padding=self.padding,
                         data_format=self.data_format)

    def get_config(self) -> Config:
        return super().get_config() | {
            "pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}


class _Pooling1D(_Pooling):
    rank = 1
    pool_length = Renamed("pool_size", 0)
    stride = Renamed("strides", 0)
    st = property(lambda self: (self.stride, 1))

    @keras1(LAYER | POOLING1D)
    def __init__(self, pool_size: PerAxis = 2, strides: PerAxis | None = None, padding: str = "valid",
                 data_format: str | None = "channels_last", **kwargs: Unpack[Pooling1DOptions]) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class _Pooling2D(_Pooling):
    rank = 2

    @keras1(LAYER | POOLING)
    def __init__(self, pool_size: PerAxis = (2, 2), strides: PerAxis | None = None, padding: str = "valid",
                 data_format: str | None = None, **kwargs: Unpack[PoolingOptions]) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class _Pooling3D(_Pooling):
    rank = 3

    @keras1(LAYER | POOLING)
    def __init__(self, pool_size: PerAxis = (2, 2, 2), strides: PerAxis | None = None, padding: str = "valid",
                 data_format: str | None = None, **kwargs: Unpack[PoolingOptions]) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class MaxPooling1D(_Pooling1D):
    """The largest number of each `pool_size` steps of a sequence, for each channel.

    pool_size: steps in a window. strides: steps from one window to the next; None: pool_size. padding: 'valid' (whole
    windows only) or 'same' (output of ceil(steps / strides), windows may reach beyond the ends). data_format:
    'channels_last' or 'channels_first'.
    Shapes: (batch, steps, channels) -> (batch, new steps, channels)
    Raises: ShapeError for a window longer than the sequence; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "MaxPooling1D".
    """

    pool = staticmethod(ops.max_pool)


class MaxPooling2D(_Pooling2D):
    """The largest pixel below each window of an image, for each channel; the first of equals takes the gradient.

    pool_size: (rows, columns) of the window, or one number for both; so for strides, from one window to the next; None:
    pool_size. padding: 'valid' (whole windows only) or 'same' (output of ceil(size / strides), windows may reach beyond
    the image). data_format: 'channels_first' or 'channels_last'; None: see `ImageLayer`.
    Shapes: (batch, rows, columns, channels) -> (batch, new rows, new columns, channels), or with channels first
    Raises: ShapeError for a window larger than the image; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "MaxPooling2D".
    """

    pool = staticmethod(ops.max_pool)


class MaxPooling3D(_Pooling3D):
    """The largest voxel below each window of a volume, for each channel.

    Arguments as in `MaxPooling2D`, with three numbers for the three spatial axes.
    Shapes: (batch, dim1, dim2, dim3, channels) -> (batch, new dim1, new dim2, new dim3, channels), or channels first
    Raises: ShapeError for a window larger than the volume; ArgumentError for numbers that are no sizes.
    Reference: Keras 2.2.5, "MaxPooling3D".
    """

    pool = staticmethod(ops.max_pool)


class AveragePooling1D(_Pooling1D):
    """The mean of each `pool_size` steps of a sequence, for each channel; steps beyond the ends do not count.

    Arguments, shapes and errors as in `MaxPooling1D`.
    Reference: Keras 2.2.5, "AveragePooling1D".
    """

    pool = staticmethod(ops.average_pool)


class AveragePooling2D(_Pooling2D):
    """The mean of the pixels below each window of an image, for each channel; those beyond its borders do not count.

    Arguments, shapes and errors as in `MaxPooling2D`.
    Reference: Keras 2.2.5, "AveragePooling2D".
    """

    pool = staticmethod(ops.average_pool)


class AveragePooling3D(_Pooling3D):
    """The mean of the voxels below each window of a volume, for each channel; those beyond its borders do not count.

    Arguments, shapes and errors as in `MaxPooling3D`.
    Reference: Keras 2.2.5, "AveragePooling3D".
    """

    pool = staticmethod(ops.average_pool)


class _GlobalPooling(ImageLayer):
    """Base: `reduce`, an op, over all spatial axes."""

    reduce: Any = None

    def __init__(self, data_format: str | None, keepdims: bool, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.keepdims = flag(keepdims, "keepdims")
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        reduced = self.reduce(channels_last(inputs, self.data_format), axis=tuple(range(1, inputs.ndim - 1)),
                              keepdims=self.keepdims)
        return as_format(reduced, self.data_format) if self.keepdims else reduced

    def get_config(self) -> Config:
        return super().get_config() | ({"keepdims": True} if self.keepdims else {})      # Keras 2.2.5 knows no word


class _GlobalPooling1D(_GlobalPooling):
    rank = 1

    @keras1(LAYER)
    def __init__(self, data_format: str | None = "channels_last", keepdims: bool = False,
                 **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(data_format, keepdims, **kwargs)


class _GlobalPooling2D(_GlobalPooling):
    rank = 2

    @keras1(LAYER | IMAGES)
    def __init__(self, data_format: str | None = None, keepdims: bool = False,
                 **kwargs: Unpack[ImageOptions]) -> None:
        super().__init__(data_format, keepdims, **kwargs)


class _GlobalPooling3D(_GlobalPooling):
    rank = 3

    @keras1(LAYER | IMAGES)
    def __init__(self, data_format: str | None = None, keepdims: bool = False,
                 **kwargs: Unpack[ImageOptions]) -> None:
        super().__init__(data_format, keepdims, **kwargs)


class GlobalMaxPooling1D(_GlobalPooling1D):
    """The largest number of all steps, for each channel.

    data_format: 'channels_last' or 'channels_first'. keepdims: keep the reduced axis, with size 1.
    Shapes: (batch, steps, channels) -> (batch, channels)
    Reference: Keras 2.2.5, "GlobalMaxPooling1D".
    """

    reduce = staticmethod(ops.max)


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The largest pixel of an image, for each channel.

    data_format: 'channels_first' or 'channels_last'; None: see `ImageLayer`. keepdims: keep the reduced
    axes, with size 1.
    Shapes: (batch, rows, columns, channels), or with channels first -> (batch, channels)
    Reference: Keras 2.2.5, "GlobalMaxPooling2D".
    """

    reduce = staticmethod(ops.max)


class GlobalMaxPooling3D(_GlobalPooling3D):
    """The largest voxel of a volume, for each channel.

    data_format: 'channels_first' or 'channels_last'; None: see `ImageLayer`. keepdims: keep the reduced
    axes, with size 1.
    Shapes: (batch, dim1, dim2, dim3, channels), or with channels first -> (batch, channels)
    Reference: Keras 2.2.5, "GlobalMaxPooling3D".
    """

    reduce = staticmethod(ops.max)


class GlobalAveragePooling1D(_GlobalPooling1D):
    """The mean of all steps, for each channel; with a mask, of the steps it lets through.

    data_format: 'channels_last' or 'channels_first'. keepdims: keep the reduced axis, with size 1.
    Shapes: (batch, steps, channels) -> (batch, channels)
    Reference: Keras 2.2.5, "GlobalAveragePooling1D".
    """

    supports_masking = True
    reduce = staticmethod(ops.mean)

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        inputs = channels_last(inputs, self.data_format)
        counted = ops.expand_dims(ops.cast(mask, dtype=inputs.dtype), axis=2)
        mean = ops.divide(ops.sum(ops.multiply(inputs, counted), axis=1, keepdims=self.keepdims),
                          ops.sum(counted, axis=1, keepdims=self.keepdims))
        return as_format(mean, self.data_format) if self.keepdims else mean

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean of all pixels of an image, for each channel.

    data_format: 'channels_first' or 'channels_last'; None: see `ImageLayer`. keepdims: keep the reduced
    axes, with size 1.
    Shapes: (batch, rows, columns, channels), or with channels first -> (batch, channels)
    Reference: Lin, Chen & Yan 2013, "Network In Network", §3.2; Keras 2.2.5, "GlobalAveragePooling2D".
    """

    reduce = staticmethod(ops.mean)


class GlobalAveragePooling3D(_GlobalPooling3D):
    """The mean of all voxels of a volume, for each channel.

    data_format: 'channels_first' or 'channels_last'; None: see `ImageLayer`. keepdims: keep the reduced
    axes, with size 1.
    Shapes: (batch, dim1, dim2, dim3, channels), or with channels first -> (batch, channels)
    Reference: Keras 2.2.5, "GlobalAveragePooling3D".
    """

    reduce = staticmethod(ops.mean)


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D)
