"""Layers that set random parts of their input to zero while training."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from .. import ops
from .._legacy import DROPOUT, LAYER, SPATIAL_DROPOUT, keras1
from ..arguments import fraction, sizes, whole
from ..errors import ShapeError
from ..random import Stream
from .base import InputSpec, Layer, training_phase
from .data_format import ImageLayer
from .renamed import Renamed

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Config, ImageOptions, LayerOptions, ShapeLike


class Dropout(Layer):
    """While training, sets each element to 0 with probability `rate` and scales the others by 1 / (1 - rate).

    rate: in [0, 1]; 1 drops nothing, as in Keras. noise_shape: shape of the mask, 1 where it repeats, None where it
    takes the input's size; (batch, 1, features) drops the same features at all timesteps. seed: of the masks; the
    same seed gives the same masks for any number of threads.
    Shapes: any -> the same
    Raises: ArgumentError for a rate outside of [0, 1].
    Reference: Srivastava et al. 2014, "Dropout", §4; core-layers document, "Dropout".
    """

    supports_masking = True
    p = Renamed("rate")

    @overload
    def __init__(self, rate: float, noise_shape: ShapeLike | None = None, seed: int | None = None,
                 **kwargs: Unpack[LayerOptions]) -> None: ...
    @overload
    def __init__(self, *, p: float, noise_shape: ShapeLike | None = None, seed: int | None = None,
                 **kwargs: Unpack[LayerOptions]) -> None: ...
    @keras1(LAYER | DROPOUT)   # type: ignore[misc]
    def __init__(self, rate: float, noise_shape: ShapeLike | None = None, seed: int | None = None,
                 **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.rate = fraction(rate, "rate", closed=True)
        self.noise_shape = None if noise_shape is None else sizes(noise_shape, "noise_shape", "(None, 1, 8)", least=1)
        self.uses_learning_phase = self.rate > 0
        self.seed = None if seed is None else whole(seed, "seed")
        self.input_spec = InputSpec()
        self._stream = Stream(self.seed)

    def _noise_shape(self, shape: Any) -> Any:
        """Shape of the mask for inputs of `shape`."""
        if self.noise_shape is None:
            return None
        if len(self.noise_shape) != len(shape):
            raise ShapeError(f"noise_shape {self.noise_shape} must have an entry for each axis of the input, which has "
                             f"shape {shape}.")
        return tuple(have if want is None else want for have, want in zip(shape, self.noise_shape))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if self.rate in (0, 1) or not training_phase(training):
            return inputs
        return self._drop(inputs)

    def _drop(self, inputs: Any) -> Any:
        return ops.dropout(inputs, rate=self.rate, noise_shape=self._noise_shape(inputs.shape),
                           key=self._stream.next_key())

    def get_config(self) -> Config:
        return super().get_config() | {"rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}


class SpatialDropout1D(Dropout):
    """Dropout of whole 1D feature maps: all timesteps of a channel at once.

    rate: in [0, 1], as Dropout's.
    Shapes: (batch, timesteps, channels) -> the same
    Reference: Tompson et al. 2015, "Efficient Object Localization", §3.2; core-layers document, "SpatialDropout1D".
    """

    @overload
    def __init__(self, rate: float, **kwargs: Unpack[LayerOptions]) -> None: ...
    @overload
    def __init__(self, *, p: float, **kwargs: Unpack[LayerOptions]) -> None: ...
    @keras1(LAYER | DROPOUT)   # type: ignore[misc]
    def __init__(self, rate: float, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(rate, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def _noise_shape(self, shape: Any) -> Any:
        return shape[0], 1, shape[2]


class _SpatialDropout(ImageLayer, Dropout):
    """Drops whole feature maps: the mask has size 1 along all axes but the batch and the channels."""

    @overload
    def __init__(self, rate: float, data_format: str | None = None, **kwargs: Unpack[ImageOptions]) -> None: ...
    @overload
    def __init__(self, *, p: float, **kwargs: Unpack[ImageOptions]) -> None: ...
    @keras1(LAYER | SPATIAL_DROPOUT)   # type: ignore[misc]
    def __init__(self, rate: float, data_format: str | None = None, **kwargs: Unpack[ImageOptions]) -> None:
        super().__init__(data_format, rate=rate, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _noise_shape(self, shape: Any) -> Any:
        between = (1,) * (len(shape) - 2)
        if self.data_format == "channels_first":
            return (*shape[:2], *between)
        return (shape[0], *between, shape[-1])


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole 2D feature maps: all pixels of a channel at once.

    rate: in [0, 1], as Dropout's. data_format: 'channels_first' or 'channels_last'; None: see `ImageLayer`.
    Shapes: (batch, channels, rows, cols) or (batch, rows, cols, channels) -> the same
    Reference: Tompson et al. 2015, "Efficient Object Localization", §3.2; core-layers document, "SpatialDropout2D".
    """

    rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole 3D feature maps: all voxels of a channel at once.

    rate: in [0, 1], as Dropout's. data_format: 'channels_first' or 'channels_last'; None: see `ImageLayer`.
    Shapes: (batch, channels, dim1, dim2, dim3) or (batch, dim1, dim2, dim3, channels) -> the same
    Reference: Tompson et al. 2015, "Efficient Object Localization", §3.2; core-layers document, "SpatialDropout3D".
    """

    rank = 3
