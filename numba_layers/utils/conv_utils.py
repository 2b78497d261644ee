"""Sizes and weights of convolutions, with NumPy alone.

Reference: Keras 2.2.5, `keras.utils.conv_utils`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..config import standardize_data_format
from ..errors import ShapeError, unknown

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from ..typing import ArrayLike

normalize_data_format = standardize_data_format
PADDINGS = ("valid", "same", "causal", "full")


def convert_kernel(kernel: ArrayLike) -> NDArray[Any]:
    """A convolution's weight with its window flipped: from Theano, which flips when it convolves, and back.

    Shapes: kernel (*window, in, out), 3 to 5 axes -> the same, a copy
    Raises: ShapeError for another number of axes.
    """
    kernel = np.asarray(kernel)
    if not 3 <= kernel.ndim <= 5:
        raise ShapeError(f"the kernel has shape {kernel.shape}, expected 3 to 5 axes (*window, in, out).")
    return np.flip(kernel, axis=tuple(range(kernel.ndim - 2))).copy()


def conv_output_length(input_length: int | None, filter_size: int, padding: str, stride: int,
                       dilation: int = 1) -> int | None:
    """Size of a convolution's output along one axis; None for an input_length of None."""
    if input_length is None:
        return None
    span = (filter_size - 1) * dilation + 1
    length = {"same": input_length, "causal": input_length, "valid": input_length - span + 1,
              "full": input_length + span - 1}[_checked(padding)]
    return (length + stride - 1) // stride


def conv_input_length(output_length: int | None, filter_size: int, padding: str, stride: int) -> int | None:
    """Size of the input along one axis from which a convolution makes `output_length`; None for None."""
    if output_length is None:
        return None
    before = {"same": filter_size // 2, "valid": 0, "full": filter_size - 1, "causal": filter_size - 1}
    both = before[_checked(padding)] * (1 if padding == "causal" else 2)
    return (output_length - 1) * stride - both + filter_size


def _checked(padding: str) -> str:
    if padding not in PADDINGS:
        raise unknown("padding", padding, PADDINGS)
    return padding
