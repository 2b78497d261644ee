"""The separable convolution in Keras 1's words; see `conv_keras1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._legacy import SIDES
from .conv_keras1 import NAMES, Keras1Conv
from .depthwise import SeparableConv2D

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import ArrayLike, Identifier, PerAxis


class SeparableConvolution2D(Keras1Conv, SeparableConv2D):
    """Separable convolution over images, in Keras 1's words; see `SeparableConv2D`.

    depth_multiplier: how many windows each channel gets. depthwise_..., pointwise_...: of the weights of the two steps.
    atrous_rate, by keyword: rows and columns from one tap of a window to the next. Others as in `Convolution2D`.

    Shapes: as in `Convolution2D`; weights for 'th' (depth_multiplier, channels, nb_row, nb_col) and
            (nb_filter, depth_multiplier * channels, 1, 1), for 'tf' (nb_row, nb_col, channels, depth_multiplier) and
            (1, 1, depth_multiplier * channels, nb_filter); b (nb_filter,)
    Raises: ShapeError for a window larger than the image; ArgumentError for numbers that are no sizes.
    Reference: convolutional-layers document, "SeparableConvolution2D".
    """

    keras2 = SeparableConv2D
    sides = SIDES[2]
    paddings = ("valid", "same")
    names = {old: new for old, new in NAMES.items() if old not in ("W_regularizer", "W_constraint")} | {
        "init": "depthwise_initializer", "atrous_rate": "dilation_rate"}

    def __init__(self, nb_filter: int, nb_row: int, nb_col: int, init: Identifier = "glorot_uniform",
                 activation: Identifier = "linear", weights: Sequence[ArrayLike] | None = None,
                 border_mode: str = "valid", subsample: PerAxis = (1, 1), depth_multiplier: int = 1,
                 dim_ordering: str = "default", depthwise_regularizer: Identifier = None,
                 pointwise_regularizer: Identifier = None, b_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, depthwise_constraint: Identifier = None,
                 pointwise_constraint: Identifier = None, b_constraint: Identifier = None, bias: bool = True,
                 **kwargs: Any) -> None:
        super().__init__(nb_filter, (nb_row, nb_col), subsample, border_mode, dim_ordering,
                         kwargs.pop("atrous_rate", 1), depth_multiplier, activation, bias, init, init, None,
                         depthwise_regularizer, pointwise_regularizer, b_regularizer, activity_regularizer,
                         depthwise_constraint, pointwise_constraint, b_constraint, weights=weights, **kwargs)
