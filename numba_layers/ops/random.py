"""Random tensors and dropout: functions of a key, so equal keys give equal numbers, wherever they are drawn.

key: three uint64 numbers (seed, stream, step), as `random.Stream` hands out. The array must keep its value
until gradients are taken, because they draw the mask again instead of storing it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import config, devices
from ..errors import ArgumentError, ShapeError
from . import elementwise
from ._broadcast import broadcast
from ._op import launch, op, reshaped, run, viewed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..autograd.tensor import Tensor
    from ..typing import ArrayLike, DtypeLike, ShapeLike, TensorLike


@op
def dropout(run, x: TensorLike, *, rate: float, key: ArrayLike, noise_shape: ShapeLike | None = None):
    """x with a fraction `rate` of its elements set to 0 at random, the others divided by 1 - rate.

    rate: in [0, 1). noise_shape: shape of the mask, which broadcasts to x; None entries are x's sizes.
    Raises: ArgumentError for another rate, ShapeError for a mask that does not fit x.
    Reference: Srivastava et al. 2014, "Dropout", §10 (scaling while training).
    """
    if not 0 <= rate < 1:
        raise ArgumentError(f"dropout: rate must be in [0, 1), got {rate}.")
    shape = _mask_shape(x, noise_shape)
    if rate == 0:
        y = reshaped(run, x, x.shape)
    elif shape == x.shape:
        y = _dropped(run, x, rate, key)
    else:
        mask = _dropped(run, run("fill", 1.0, out=shape, dtype=x.dtype, out_view=(-1,)), rate, key)
        _, *layout = broadcast("dropout", x, mask)
        y = run("multiply_forward", viewed(x, -1), viewed(mask, -1), *layout, out=x.shape, out_view=(-1,))
    return y, lambda grad: dropout(grad, rate=rate, key=key, noise_shape=noise_shape)


def _dropped(run, x, rate, key):
    return run("dropout_forward", viewed(x, -1), _words(key), np.uint64(rate * 2.0**32), 1 / (1 - rate),
               out=x.shape, out_view=(-1,))


def _mask_shape(x, noise_shape):
    """`noise_shape` with the sizes of x for None, compared with x."""
    noise_shape = x.shape if noise_shape is None else noise_shape
    if len(noise_shape) != x.ndim:
        raise ShapeError(f"dropout: noise_shape {tuple(noise_shape)} for x of shape {x.shape}, "
                         f"expected {x.ndim} sizes.")
    shape = tuple(have if size is None else int(size) for size, have in zip(noise_shape, x.shape))
    if any(size not in (1, have) and have is not None for size, have in zip(shape, x.shape)):
        raise ShapeError(f"dropout: noise_shape {tuple(noise_shape)} for x of shape {x.shape}, expected x's "
                         "size, 1 or None for each axis.")
    return shape


def _words(key):
    here = isinstance(key, devices.DeviceArray) and isinstance(key, devices.current().array)
    return key if here else np.asarray(key, np.uint64)


def next_key(stream):
    """The key of this step, (seed, stream, step), by which `stream`, an array of these three, then counts on."""
    key = devices.empty(stream.shape, stream.dtype)
    launch("next_key", stream, key, outputs=2)
    return key


def random_uniform(*, shape: Sequence[int], key: ArrayLike, low: float = 0.0, high: float = 1.0,
                   dtype: DtypeLike | None = None) -> Tensor:
    """Numbers drawn evenly from [low, high).

    shape: sizes. key: of a `random.Stream`, `Stream(seed).next_key()`. dtype: floatx by default.
    """
    return _drawn("random_uniform", low, high - low, shape, key, dtype)


def random_normal(*, shape: Sequence[int], key: ArrayLike, mean: float = 0.0, stddev: float = 1.0,
                  dtype: DtypeLike | None = None) -> Tensor:
    """Numbers drawn from the normal distribution.

    shape, key, dtype: as for `random_uniform`. stddev: at least 0.
    """
    return _drawn("random_normal", mean, stddev, shape, key, dtype)


def random_truncated_normal(*, shape: Sequence[int], key: ArrayLike, mean: float = 0.0, stddev: float = 1.0,
                            dtype: DtypeLike | None = None) -> Tensor:
    """Numbers drawn from the normal distribution without what lies beyond two standard deviations.

    shape, key, dtype: as for `random_uniform`. stddev: at least 0, before the ends are cut off.
    """
    return _drawn("random_truncated_normal", mean, stddev, shape, key, dtype)


def random_binomial(*, shape: Sequence[int], key: ArrayLike, p: float = 0.5, dtype: DtypeLike | None = None) -> Tensor:
    """1 with probability p, else 0.

    shape, key, dtype: as for `random_uniform`. p: in [0, 1].
    """
    chosen = elementwise.less(random_uniform(shape=shape, key=key, dtype="float64"), p)
    return elementwise.cast(chosen, dtype=dtype or config.floatx())


def _drawn(kernel, location, width, shape, key, dtype):
    """Tensor of location + width * (the numbers that `kernel` draws)."""
    return run(kernel, _words(key), float(location), float(width), out=tuple(int(size) for size in shape),
               out_view=(-1,), dtype=np.dtype(dtype or config.floatx()))
