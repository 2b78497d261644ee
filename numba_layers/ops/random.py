"""Random tensors and dropout: functions of a key, which bring the same numbers whenever and wherever they are drawn.

key: a uint64 array (seed, stream, step), or a `random.Stream`, which gives the next one. An array must keep its
value until gradients are taken: they draw the mask again instead of storing it.
"""

import numpy as np

from .. import config
from ..autograd.graph import any_symbolic, defer
from ..autograd.tensor import as_tensor
from ..errors import ArgumentError, ShapeError
from ..random import Stream
from . import elementwise
from ._op import op, viewed


def dropout(x, *, rate, key, noise_shape=None):
    """x with a share `rate` of its elements set to 0 at random, the others divided by 1 - rate.

    rate: in [0, 1); 0 returns x itself. noise_shape: shape of the mask, which broadcasts to x; None entries are x's.
    Raises: ArgumentError for another rate, ShapeError for a mask that does not fit x.
    Reference: Srivastava et al. 2014, "Dropout", §10 (scaling while training).
    """
    if not 0 <= rate < 1:
        raise ArgumentError(f"dropout: rate must be in [0, 1), got {rate}.")
    x = as_tensor(x)
    if any_symbolic([x]):   # as a whole: each evaluation asks the stream for its own key
        return defer(dropout, (x,), {"rate": rate, "key": key, "noise_shape": noise_shape}, x)
    if rate == 0:
        return x
    shape = _mask_shape(x, noise_shape)
    if shape == x.shape:
        return _dropout(x, rate=rate, key=_array(key))
    ones = elementwise.ones_like(as_tensor(np.empty(shape, x.dtype)))
    return elementwise.multiply(x, _dropout(ones, rate=rate, key=_array(key)))


def _mask_shape(x, noise_shape):
    """`noise_shape` with the sizes of x for None, compared with x."""
    if noise_shape is None:
        return x.shape
    if len(noise_shape) != x.ndim:
        raise ShapeError(f"dropout: noise_shape {tuple(noise_shape)} for x of shape {x.shape}, expected {x.ndim} sizes.")
    shape = tuple(have if size is None else int(size) for size, have in zip(noise_shape, x.shape))
    if any(size not in (1, have) for size, have in zip(shape, x.shape)):
        raise ShapeError(f"dropout: noise_shape {tuple(noise_shape)} does not broadcast to x of shape {x.shape}: each "
                         "size must be that of x, 1 or None.")
    return shape


@op("dropout_forward")
def _dropout(run, x, *, rate, key):
    y = run("dropout_forward", viewed(x, -1), key, np.uint64(rate * 2.0**32), 1 / (1 - rate),
            out=x.shape, out_view=(-1,))
    return y, lambda grad: _dropout(grad, rate=rate, key=key)


def random_uniform(*, shape, key, low=0.0, high=1.0, dtype=None):
    """Numbers drawn evenly from [low, high)."""
    return _distribution(kernel="random_uniform", location=low, width=high - low, shape=shape, key=key, dtype=dtype)


def random_normal(*, shape, key, mean=0.0, stddev=1.0, dtype=None):
    """Numbers drawn from the normal distribution."""
    return _distribution(kernel="random_normal", location=mean, width=stddev, shape=shape, key=key, dtype=dtype)


def random_truncated_normal(*, shape, key, mean=0.0, stddev=1.0, dtype=None):
    """Numbers drawn from the normal distribution, without those beyond two standard deviations from the mean."""
    return _distribution(kernel="random_truncated_normal", location=mean, width=stddev, shape=shape, key=key,
                         dtype=dtype)


def random_binomial(*, shape, key, p=0.5, dtype=None):
    """1 with probability p, else 0."""
    dtype = dtype or config.floatx()
    return elementwise.cast(elementwise.less(random_uniform(shape=shape, key=key, dtype="float64"), p), dtype=dtype)


@op("random_uniform", "random_normal", "random_truncated_normal")
def _distribution(run, *, kernel, location, width, shape, key, dtype):
    shape = tuple(int(size) for size in shape)
    return run(kernel, _array(key), float(location), float(width), out=shape, out_view=(-1,),
               dtype=np.dtype(dtype or config.floatx())),


def _array(key):
    """The three words of a key."""
    return key.next_key() if isinstance(key, Stream) else np.asarray(key, np.uint64)
