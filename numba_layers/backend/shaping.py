"""Shapes: joining, cutting, repeating, padding and turning tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import ops
from .._legacy import BACKEND, keras1
from ..autograd.graph import SymbolicTensor, any_symbolic, defer
from ..autograd.tensor import Tensor
from ..config import standardize_data_format
from ..errors import ArgumentError
from ._sizes import ints, is_open, known, sized

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import AxisNames, DtypeLike, ImageNames, PerAxis, TensorLike


def concatenate(tensors: Sequence[TensorLike], axis: int = -1) -> Tensor:
    """The tensors one after the other along `axis`."""
    return ops.concatenate(*tensors, axis=axis)


def stack(x: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis."""
    return ops.stack(*x, axis=axis)


def reshape(x: TensorLike, shape: Any) -> Tensor:
    """The same elements in another shape; one entry may be -1, entries may be tensors."""
    template = tuple(None if size == -1 else size for size in known(shape))
    return sized(lambda x, shape: ops.reshape(x, shape=shape), x, shape, template)


def flatten(x: TensorLike) -> Tensor:
    """All elements on one axis."""
    return ops.reshape(x, shape=(-1,))


def batch_flatten(x: TensorLike) -> Tensor:
    """The axes after the first made one: (batch, ...) -> (batch, features)."""
    return ops.flatten(x)


def permute_dimensions(x: TensorLike, pattern: Sequence[int]) -> Tensor:
    """The axes in the order `pattern`."""
    return ops.transpose(x, axes=tuple(pattern))


@keras1(BACKEND)
def expand_dims(x: TensorLike, axis: int = -1, **keras1_names: Unpack[AxisNames]) -> Tensor:
    """A new axis of size 1 at `axis`."""
    return ops.expand_dims(x, axis=axis)


def squeeze(x: TensorLike, axis: int) -> Tensor:
    """Without axis `axis`, whose size is 1."""
    return ops.squeeze(x, axis=axis)


def repeat_elements(x: TensorLike, rep: int, axis: int) -> Tensor:
    """Each slice along `axis` repeated `rep` times, as `np.repeat` does."""
    return ops.repeat(x, repeats=rep, axis=axis)


def repeat(x: TensorLike, n: int) -> Tensor:
    """Each row n times: (batch, features) -> (batch, n, features)."""
    return ops.repeat(ops.expand_dims(x, axis=1), repeats=n, axis=1)


def tile(x: TensorLike, n: Any) -> Tensor:
    """x laid side by side n[axis] times along each axis; n may be an int for a vector."""
    sizes = known(n)
    template = tuple(None if size is None or times is None else size * times
                     for size, times in zip(x.shape[-len(sizes):], sizes))
    return sized(lambda x, n: ops.tile(x, repeats=n), x, n, x.shape[:-len(sizes)] + template)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: DtypeLike = "int32") -> Tensor:
    """start, start + step, ... below `stop`; with one argument from 0 up to it."""
    start, stop = (0, start) if stop is None else (start, stop)
    if any_symbolic((start, stop, step)):
        return defer(_arange, (start, stop, step, dtype), {}, SymbolicTensor((None,), dtype))
    return _arange(start, stop, step, dtype)


def _arange(start: Any, stop: Any, step: Any, dtype: DtypeLike) -> Tensor:
    numbers: list[Any] = [np.asarray(number)[()] for number in (start, stop, step)]
    return Tensor(np.arange(*numbers, dtype=dtype))


@keras1(BACKEND)
def one_hot(indices: TensorLike, num_classes: int) -> Tensor:
    """Rows with a 1 at each index: (...) -> (..., num_classes)."""
    return ops.one_hot(indices, depth=num_classes)


def reverse(x: TensorLike, axes: PerAxis) -> Tensor:
    """The order of elements turned around along `axes`, an int or several."""
    return ops.flip(x, axes=(axes,) if isinstance(axes, int) else tuple(axes))


def slice(x: TensorLike, start: Any, size: Any) -> Tensor:
    """x[start[0]:start[0] + size[0], ...]: `size[axis]` elements from `start[axis]` on, or all for -1.

    Raises: ArgumentError unless start and size have one entry for each axis.
    """
    if not len(known(start)) == len(known(size)) == len(x.shape):
        raise ArgumentError(f"slice: x has {len(x.shape)} axes, start {len(known(start))} entries and size "
                            f"{len(known(size))}; expected one for each axis.")
    if not is_open(start) and not is_open(size):
        return _slice(x, start, size)
    template = tuple(None if count == -1 else count for count in known(size))
    return defer(_slice, (x, start, size), {}, SymbolicTensor(template, x.dtype))


def _slice(x: Any, start: Any, size: Any) -> Tensor:
    window = tuple(np.s_[first:(None if count == -1 else first + count)]
                   for first, count in zip(ints(start), ints(size)))
    return ops.getitem(x, index=window)


def temporal_padding(x: TensorLike, padding: Sequence[Any] = (1, 1)) -> Tensor:
    """Zeros before and after the timesteps, axis 1 of 3; `padding` is (before, after) or an int for both."""
    return ops.zero_pad(x, padding=(_both_sides(padding),))


def asymmetric_temporal_padding(x: TensorLike, left_pad: int = 1, right_pad: int = 1) -> Tensor:
    """`temporal_padding` with the two numbers apart, as in Keras 1."""
    return temporal_padding(x, (left_pad, right_pad))


@keras1(BACKEND)
def spatial_2d_padding(x: TensorLike, padding: Sequence[Any] = ((1, 1), (1, 1)),
                       data_format: str | None = None, **keras1_names: Unpack[ImageNames]) -> Tensor:
    """Zeros around images; `padding` is ((top, bottom), (left, right)) or (rows, columns)."""
    return _pad_spatial(x, padding, data_format)


@keras1(BACKEND)
def asymmetric_spatial_2d_padding(x: TensorLike, top_pad: int = 1, bottom_pad: int = 1, left_pad: int = 1,
                                  right_pad: int = 1, data_format: str | None = None,
                                  **keras1_names: Unpack[ImageNames]) -> Tensor:
    """`spatial_2d_padding` with the four numbers apart, as in Keras 1."""
    return _pad_spatial(x, ((top_pad, bottom_pad), (left_pad, right_pad)), data_format)


@keras1(BACKEND)
def spatial_3d_padding(x: TensorLike, padding: Sequence[Any] = ((1, 1), (1, 1), (1, 1)),
                       data_format: str | None = None, **keras1_names: Unpack[ImageNames]) -> Tensor:
    """Zeros around volumes; `padding` has a pair (before, after) or an int for each of the three axes."""
    return _pad_spatial(x, padding, data_format)


def _pad_spatial(x: TensorLike, padding: Any, data_format: str | None) -> Tensor:
    return ops.zero_pad(x, padding=[_both_sides(sides) for sides in padding],
                        data_format=standardize_data_format(data_format))


def _both_sides(padding: Any) -> Any:
    return (padding, padding) if isinstance(padding, int) else tuple(padding)


@keras1(BACKEND)
def resize_images(x: TensorLike, height_factor: int, width_factor: int, data_format: str | None = None,
                  interpolation: str = "nearest", **keras1_names: Unpack[ImageNames]) -> Tensor:
    """Images enlarged by whole factors; 'nearest' repeats pixels, 'bilinear' interpolates (towards top left).

    Shapes: (batch, rows, columns, channels) or (batch, channels, rows, columns) -> more rows and columns
    """
    return ops.upsample(x, size=(height_factor, width_factor), data_format=standardize_data_format(data_format),
                        interpolation=interpolation)


@keras1(BACKEND)
def resize_volumes(x: TensorLike, depth_factor: int, height_factor: int, width_factor: int,
                   data_format: str | None = None, **keras1_names: Unpack[ImageNames]) -> Tensor:
    """Volumes enlarged by whole factors, each element repeated."""
    return ops.upsample(x, size=(depth_factor, height_factor, width_factor),
                        data_format=standardize_data_format(data_format))
