"""Layers that disturb their input at random while training."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from .. import ops
from .._legacy import DROPOUT, GAUSSIAN_NOISE, LAYER, keras1
from ..arguments import fraction, real, whole
from ..random import Stream
from .base import InputSpec, Layer, training_phase
from .dropout import Dropout
from .renamed import Renamed

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Config, LayerOptions, ShapeLike


class _Gaussian(Layer):
    """Base: normal numbers, for each element one, of a stream of the layer's own."""

    supports_masking = True

    def __init__(self, seed, **kwargs):
        super().__init__(**kwargs)
        self.seed = None if seed is None else whole(seed, "seed")
        self.input_spec = InputSpec()
        self._stream = Stream(self.seed)

    def get_config(self) -> Config:
        return super().get_config() | ({} if self.seed is None else {"seed": self.seed})     # Keras 2.2.5 knows none


class GaussianNoise(_Gaussian):
    """While training, adds normal numbers of mean 0 to its input.

    stddev: their standard deviation, at least 0. seed: of the numbers; the same seed gives the same for any number of
    threads.
    Shapes: any -> the same
    Raises: ArgumentError for a negative stddev.
    Reference: Keras 2.2.5, "GaussianNoise".
    """

    sigma = Renamed("stddev")

    @overload
    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None: ...
    @overload
    def __init__(self, *, sigma: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None: ...
    @keras1(LAYER | GAUSSIAN_NOISE)   # type: ignore[misc]
    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = real(stddev, "stddev", least=0, finite=True)
        self.uses_learning_phase = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training_phase(training):
            return inputs
        return ops.gaussian_noise(inputs, stddev=self.stddev, key=self._stream.next_key())

    def get_config(self) -> Config:
        return super().get_config() | {"stddev": self.stddev}


class GaussianDropout(_Gaussian):
    """While training, multiplies its input by normal numbers of mean 1 and variance rate / (1 - rate).

    rate: in [0, 1], for the variance that `Dropout` of that rate gives; 1 changes nothing, as in Keras. seed: of the
    numbers; the same seed gives the same for any number of threads.
    Shapes: any -> the same
    Raises: ArgumentError for a rate outside of [0, 1].
    Reference: Srivastava et al. 2014, "Dropout", §10; Keras 2.2.5, "GaussianDropout".
    """

    p = Renamed("rate")

    @overload
    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None: ...
    @overload
    def __init__(self, *, p: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None: ...
    @keras1(LAYER | DROPOUT)   # type: ignore[misc]
    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(seed, **kwargs)
        self.rate = fraction(rate, "rate", closed=True)
        self.uses_learning_phase = 0 < self.rate < 1

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if self.rate in (0, 1) or not training_phase(training):
            return inputs
        return ops.gaussian_dropout(inputs, rate=self.rate, key=self._stream.next_key())

    def get_config(self) -> Config:
        return super().get_config() | {"rate": self.rate}


class AlphaDropout(Dropout):
    """While training, sets elements to selu's limit far below 0 at random, and keeps mean and variance.

    rate: in [0, 1], of the elements; 1 drops nothing, as in Keras. noise_shape, seed: as Dropout's.
    Shapes: any -> the same
    Raises: ArgumentError for a rate outside of [0, 1].
    Reference: Klambauer et al. 2017, "Self-Normalizing Neural Networks", §4; Keras 2.2.5, "AlphaDropout".
    """

    @keras1(LAYER | DROPOUT)
    def __init__(self, rate: float, noise_shape: ShapeLike | None = None, seed: int | None = None,
                 **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(rate, noise_shape, seed, **kwargs)

    def _drop(self, inputs):
        return ops.alpha_dropout(inputs, rate=self.rate, noise_shape=self._noise_shape(inputs.shape),
                                 key=self._stream.next_key())

    def get_config(self) -> Config:
        description = super().get_config()
        unsaid = [name for name in ("noise_shape", "seed") if description[name] is None]     # Keras 2.2.5 knows neither
        return {name: value for name, value in description.items() if name not in unsaid}
