"""Pooling of images and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from .._legacy import POOLING, keras1
from ..autograd.tensor import as_tensor
from ..config import standardize_data_format
from ..errors import ShapeError, unknown

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..autograd.tensor import Tensor
    from ..typing import PerAxis, PoolingNames, TensorLike

MODES = {"max": ops.max_pool, "avg": ops.average_pool}


@keras1(POOLING)
def pool2d(x: TensorLike, pool_size: PerAxis, strides: PerAxis = (1, 1), padding: str = "valid",
           data_format: str | None = None, pool_mode: str = "max", **keras1_names: Unpack[PoolingNames]) -> Tensor:
    """The largest pixel below each window of an image, or the mean (pool_mode 'avg').

    Shapes: (batch, rows, columns, channels) or (batch, channels, rows, columns) -> fewer rows and columns
    """
    return _pool(x, 2, pool_size, strides, padding, data_format, pool_mode)


@keras1(POOLING)
def pool3d(x: TensorLike, pool_size: PerAxis, strides: PerAxis = (1, 1, 1), padding: str = "valid",
           data_format: str | None = None, pool_mode: str = "max", **keras1_names: Unpack[PoolingNames]) -> Tensor:
    """The largest voxel below each window of a volume, or the mean (pool_mode 'avg').

    Shapes: (batch, dim1, dim2, dim3, channels) or (batch, channels, dim1, dim2, dim3) -> smaller spatial axes
    """
    return _pool(x, 3, pool_size, strides, padding, data_format, pool_mode)


def _pool(x: TensorLike, rank: int, pool_size: PerAxis, strides: PerAxis, padding: str, data_format: str | None,
          pool_mode: str) -> Tensor:
    if pool_mode not in MODES:
        raise unknown("pool_mode", pool_mode, MODES)
    x = as_tensor(x)
    if x.ndim != rank + 2:
        raise ShapeError(f"pool{rank}d: x has {x.ndim} axes {x.shape}, expected {rank + 2}: the batch, {rank} "
                         "spatial axes and the channels.")
    return MODES[pool_mode](x, pool_size=pool_size, strides=strides, padding=padding,
                            data_format=standardize_data_format(data_format))
