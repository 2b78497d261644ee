"""Random tensors and dropout: functions of a key, so equal keys give equal numbers, wherever they are drawn.

key: three uint64 numbers (seed, stream, step), as `random.Stream` hands out. The array must keep its value
until gradients are taken, because they draw the mask again instead of storing it.
"""

from __future__ import annotations

import math
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
    return (_kept(run, "dropout", x, rate, key, noise_shape, 1 / (1 - rate)),
            lambda grad: dropout(grad, rate=rate, key=key, noise_shape=noise_shape))


def _kept(run, name, x, rate, key, noise_shape, scale):
    """x with a fraction `rate` set to 0, the rest times `scale`."""
    shape = _mask_shape(name, x, noise_shape)
    if rate == 0:
        return reshaped(run, x, x.shape)
    if shape == x.shape:
        return _dropped(run, x, rate, key, scale)
    mask = _dropped(run, _filled(run, x, shape, 1.0), rate, key, scale)
    return _joined(run, "multiply", x, mask)


def _dropped(run, x, rate, key, scale):
    return run("dropout_forward", viewed(x, -1), _words(key), _threshold(rate), scale, out=x.shape, out_view=(-1,))


def _threshold(rate):
    """The number that a fraction `rate` of all words is below."""
    return np.uint64(rate * 2.0**32)


def _filled(run, x, shape, value):
    """A tensor of `shape`, in the type of x, each element `value`."""
    return run("fill", value, out=shape, dtype=x.dtype, out_view=(-1,))


def _joined(run, name, x, y):
    """`<name>_forward` of x and of y, which broadcasts to it."""
    _, *layout = broadcast(name, x, y)
    return run(f"{name}_forward", viewed(x, -1), viewed(y, -1), *layout, out=x.shape, out_view=(-1,))


@op
def alpha_dropout(run, x: TensorLike, *, rate: float, key: ArrayLike, noise_shape: ShapeLike | None = None):
    """a x + b with a fraction `rate` of x set to -1.7581, selu's limit far below 0, at random.

    a and b keep the mean and the variance of x where these are 0 and 1. rate: in [0, 1). key, noise_shape: as for
    `dropout`, whose mask it is.
    Raises: ArgumentError for another rate, ShapeError for a mask that does not fit x.
    Reference: Klambauer et al. 2017, "Self-Normalizing Neural Networks", §4 ("New Dropout Technique").
    """
    if not 0 <= rate < 1:
        raise ArgumentError(f"alpha_dropout: rate must be in [0, 1), got {rate}.")
    scale = ((1 - rate) * (1 + rate * _SATURATION**2)) ** -0.5
    shift = -scale * _SATURATION * rate
    numbers = _words(key), _threshold(rate), scale, shift, scale * _SATURATION + shift
    shape = _mask_shape("alpha_dropout", x, noise_shape)
    if rate == 0:
        y = reshaped(run, x, x.shape)
    elif shape == x.shape:
        y = run("alpha_dropout_forward", viewed(x, -1), *numbers, out=shape, out_view=(-1,))
    else:
        nothing = _filled(run, x, shape, 0.0)       # becomes what is added: b, or all that is left of an element
        added = run("alpha_dropout_forward", viewed(nothing, -1), *numbers, out=shape, out_view=(-1,))
        y = _joined(run, "add", _kept(run, "alpha_dropout", x, rate, key, noise_shape, scale), added)
    return y, lambda grad: _scaled_dropout(grad, rate=rate, key=key, noise_shape=noise_shape, scale=scale)


_SATURATION = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717   # of selu, far below 0


@op
def _scaled_dropout(run, x, *, rate, key, noise_shape, scale):
    return (_kept(run, "alpha_dropout", x, rate, key, noise_shape, scale),
            lambda grad: _scaled_dropout(grad, rate=rate, key=key, noise_shape=noise_shape, scale=scale))


@op
def gaussian_noise(run, x: TensorLike, *, stddev: float, key: ArrayLike):
    """x plus numbers drawn from the normal distribution of mean 0.

    stddev: at least 0. key: as for `dropout`.
    """
    return _joined(run, "add", x, _normal_like(run, x, key, 0.0, stddev)), lambda grad: grad


@op
def gaussian_dropout(run, x: TensorLike, *, rate: float, key: ArrayLike):
    """x times numbers drawn from the normal distribution of mean 1 and variance rate / (1 - rate), as dropout has.

    rate: in [0, 1). key: as for `dropout`.
    Raises: ArgumentError for another rate.
    Reference: Srivastava et al. 2014, "Dropout", §10.
    """
    if not 0 <= rate < 1:
        raise ArgumentError(f"gaussian_dropout: rate must be in [0, 1), got {rate}.")
    noise = _normal_like(run, x, key, 1.0, math.sqrt(rate / (1 - rate)))
    return _joined(run, "multiply", x, noise), lambda grad: gaussian_dropout(grad, rate=rate, key=key)


def _normal_like(run, x, key, mean, stddev):
    return run("random_normal", _words(key), float(mean), float(stddev), out=x.shape, out_view=(-1,), dtype=x.dtype)


def _mask_shape(name, x, noise_shape):
    """`noise_shape` with the sizes of x for None, compared with x."""
    noise_shape = x.shape if noise_shape is None else noise_shape
    if len(noise_shape) != x.ndim:
        raise ShapeError(f"{name}: noise_shape {tuple(noise_shape)} for x of shape {x.shape}, "
                         f"expected {x.ndim} sizes.")
    shape = tuple(have if size is None else int(size) for size, have in zip(noise_shape, x.shape))
    if any(size not in (1, have) and have is not None for size, have in zip(shape, x.shape)):
        raise ShapeError(f"{name}: noise_shape {tuple(noise_shape)} for x of shape {x.shape}, expected x's "
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
