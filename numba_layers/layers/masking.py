"""Masks: which timesteps count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import ops
from .._legacy import LAYER, keras1
from ..arguments import real
from ..errors import ArgumentError
from .base import InputSpec, Layer

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Config, LayerOptions


class Masking(Layer):
    """Marks timesteps to skip: those whose features all equal `mask_value`; their values become 0.

    The mask, True where a timestep counts, travels with the output through all layers that support masking, to the
    loss, where masked timesteps do not count.

    mask_value: a number.
    Shapes: (batch, timesteps, features) -> the same; mask (batch, timesteps)
    Reference: core-layers document, "Masking".
    """

    supports_masking = True

    @keras1(LAYER)
    def __init__(self, mask_value: float = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if np.isnan(real(mask_value, "mask_value")):
            raise ArgumentError("NaN equals nothing, so no timestep would be skipped. Write a number over the NaNs of "
                                "the data, np.nan_to_num(x, nan=-1), and give that as mask_value.")
        self.mask_value = mask_value
        self.input_spec = InputSpec(min_ndim=2)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        counts = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.multiply(inputs, ops.cast(counts, dtype=inputs.dtype))

    def get_config(self) -> Config:
        return super().get_config() | {"mask_value": self.mask_value}
