"""Changes to the weights of whole models.

Reference: Keras 2.2.5, `keras.utils.layer_utils`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import ShapeError, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def convert_all_kernels_in_model(model: Any) -> None:
    """Flip the windows of all convolutions in `model`, in place: for weights from Theano that were set by hand.

    `load_weights` does this by itself. Separable convolutions stay as they are, for Theano's do not flip.
    """
    for layer in model.layers:
        inner: Any
        for inner in (layer, getattr(layer, "layer", None)):
            if getattr(inner, "theano_flips", False) and inner.built:
                window = inner.kernel.data
                window[...] = np.flip(window, axis=tuple(range(window.ndim - 2))).copy()
        if hasattr(layer, "layers"):
            convert_all_kernels_in_model(layer)


def convert_dense_weights_data_format(dense: Any, previous_feature_map_shape: Sequence[int],
                                      target_data_format: str = "channels_first") -> None:
    """Reorder, in place, the rows of a Dense layer behind a Flatten when the images before it change their format.

    previous_feature_map_shape: of the images in the target format, without the batch: (channels, rows, columns) when
    the target is 'channels_first', else (rows, columns, channels).
    Raises: ShapeError when that is another number of features than the layer has.
    """
    shape = tuple(previous_feature_map_shape)
    kernel = dense.kernel.data
    if np.prod(shape) != len(kernel):
        raise ShapeError(f"previous_feature_map_shape {shape} has {np.prod(shape)} features, the layer "
                         f"\"{dense.name}\" takes {len(kernel)}.")
    if target_data_format == "channels_first":
        channels, *sizes = shape
        images = np.moveaxis(kernel.reshape(*sizes, channels, -1), -2, 0)
    elif target_data_format == "channels_last":
        *sizes, channels = shape
        images = np.moveaxis(kernel.reshape(channels, *sizes, -1), 0, -2)
    else:
        raise unknown("target_data_format", target_data_format, ("channels_first", "channels_last"))
    kernel[...] = images.reshape(kernel.shape)
