"""Layers that move elements about and change none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import config, ops
from .._legacy import LAYER, keras1
from ..arguments import options_of, size, sizes
from ..errors import ArgumentError, ShapeError
from .base import InputSpec, Layer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from typing_extensions import Unpack

    from ..autograd.tensor import Tensor
    from ..typing import Config, LayerOptions, Shape


class Flatten(Layer):
    """All axes but the batch in one.

    data_format: 'channels_first' gives the order that the same model in channels_last would give, so that weights
    after it can be exchanged; 'channels_last' keeps the order. None: keep it, unless the process or keras.json says
    channels_first; under Keras 1's rules keep it always.
    Shapes: (batch, ...) -> (batch, product of the others)
    Reference: core-layers document, "Flatten".
    """

    @keras1(LAYER)
    def __init__(self, data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if data_format is None and config.keras1():     # Keras 1's Flatten knows no layouts
            data_format = "channels_last"
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=2)

    @classmethod
    def from_config(cls, description: Config) -> Any:
        """The layer that `get_config` described; Keras before 2.1.6 wrote no format and kept the order always."""
        return cls(**{"data_format": "channels_last"} | options_of(description, cls.__name__))

    def call(self, inputs: Any) -> Any:
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = ops.transpose(inputs, axes=(0, *range(2, inputs.ndim), 1))
        return ops.flatten(inputs)

    def get_config(self) -> Config:
        return super().get_config() | {"data_format": self.data_format}


class Reshape(Layer):
    """The same elements in another shape.

    target_shape: sizes without the batch axis; one of them may be -1 and follows from the others.
    Shapes: (batch, ...) -> (batch, *target_shape)
    Raises: ShapeError when the number of elements differs.
    Reference: core-layers document, "Reshape".
    """

    @keras1(LAYER)
    def __init__(self, target_shape: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.target_shape = sizes(target_shape, "target_shape", least=-1, open_sizes=False)
        self.input_spec = InputSpec()
        if self.target_shape.count(-1) > 1:
            raise ArgumentError(f"Reshape: target_shape may hold one -1, got {self.target_shape}.")

    def _sizes(self, shape: Any) -> Shape:
        """`target_shape` with its -1 resolved for inputs of `shape` (with batch axis)."""
        known = int(np.prod([size for size in self.target_shape if size != -1]))
        if None in shape[1:]:
            return tuple(None if size == -1 else size for size in self.target_shape)
        total = int(np.prod(shape[1:]))
        open_size = -1 in self.target_shape
        if (total % known if open_size and known else total != known) or (open_size and not known):
            raise ShapeError(f"cannot reshape {shape[1:]} ({total} elements) to {self.target_shape} "
                             f"({known}{' times a whole number' if open_size else ''}).")
        return tuple(total // known if size == -1 else size for size in self.target_shape)

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, shape=(inputs.shape[0], *self._sizes(inputs.shape)))

    def keeps_axes(self, tensor: Tensor, output: Tensor) -> bool:
        return False

    def get_config(self) -> Config:
        return super().get_config() | {"target_shape": self.target_shape}


class Permute(Layer):
    """The axes in another order.

    dims: the new order of the axes after the batch, counted from 1: (2, 1) exchanges the first two.
    Shapes: (batch, a, b, ...) -> (batch, ...) permuted
    Reference: core-layers document, "Permute".
    """

    @keras1(LAYER)
    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.dims = sizes(dims, "dims", example="(2, 1)", open_sizes=False)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(f"Permute: dims must hold each of 1..{len(self.dims)} once (axes count from 1, "
                                f"without the batch), got {self.dims}.")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, axes=(0, *self.dims))

    def keeps_axes(self, tensor: Tensor, output: Tensor) -> bool:
        return False

    def get_config(self) -> Config:
        return super().get_config() | {"dims": self.dims}


class RepeatVector(Layer):
    """The input n times along a new axis.

    n: whole number, at least 1.
    Shapes: (batch, features) -> (batch, n, features)
    Reference: core-layers document, "RepeatVector".
    """

    @keras1(LAYER)
    def __init__(self, n: int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.n = size(n, "n")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        batch, features = inputs.shape
        return ops.broadcast_to(ops.expand_dims(inputs, axis=1), shape=(batch, self.n, features))

    def get_config(self) -> Config:
        return super().get_config() | {"n": self.n}
