"""Random tensors: drawn anew each time a graph runs; at once while one is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from .._legacy import BACKEND, keras1
from ..autograd.context import context, deferring
from ..autograd.graph import SymbolicTensor, any_symbolic, defer
from ..config import floatx
from ..random import Stream
from ._sizes import ints, known

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Unpack

    from ..autograd.tensor import Tensor
    from ..typing import DtypeLike, NormalNames, ShapeLike, TensorLike, UniformNames

_streams: dict[int, Any] = {}     # seed -> the stream of draws that happen at once


@keras1(BACKEND)
def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: DtypeLike | None = None,
                  seed: int | None = None, **keras1_names: Unpack[NormalNames]) -> Tensor:
    """Normal distribution with the given mean and standard deviation."""
    return _draw(ops.random_normal, shape, dtype, seed, mean=mean, stddev=stddev)


@keras1(BACKEND)
def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: DtypeLike | None = None,
                     seed: int | None = None, **keras1_names: Unpack[NormalNames]) -> Tensor:
    """Normal distribution without what lies more than 2 standard deviations from the mean."""
    return _draw(ops.random_truncated_normal, shape, dtype, seed, mean=mean, stddev=stddev)


@keras1(BACKEND)
def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: DtypeLike | None = None,
                   seed: int | None = None, **keras1_names: Unpack[UniformNames]) -> Tensor:
    """Uniform distribution on [minval, maxval)."""
    return _draw(ops.random_uniform, shape, dtype, seed, low=minval, high=maxval)


def random_binomial(shape: Any, p: float = 0.0, dtype: DtypeLike | None = None, seed: int | None = None) -> Tensor:
    """1 with probability p, else 0."""
    return _draw(ops.random_binomial, shape, dtype, seed, p=p)


def dropout(x: TensorLike, level: float, noise_shape: ShapeLike | None = None, seed: int | None = None) -> Tensor:
    """Each element 0 with probability `level`, else x / (1 - level).

    noise_shape: the shape of the mask, 1 where it repeats along an axis, None where it takes x's size.
    """
    stream = _stream(seed)

    def drop(x, noise_shape):
        if noise_shape is not None:
            noise_shape = ints([size if want is None else want for want, size in zip(noise_shape, x.shape)])
        return ops.dropout(x, rate=level, noise_shape=noise_shape, key=stream.next_key())

    if any_symbolic((x, noise_shape)):
        return defer(drop, (x, noise_shape), {}, SymbolicTensor(x.shape, x.dtype))
    return drop(x, noise_shape)


def _draw(op, shape, dtype, seed, **options):
    dtype = dtype or floatx()
    stream = _stream(seed)

    def draw(shape):
        return op(shape=ints(shape), key=stream.next_key(), dtype=dtype, **options)

    return defer(draw, (shape,), {}, SymbolicTensor(known(shape), dtype)) if deferring() else draw(shape)


def _stream(seed):
    """The numbers for one place in a graph, or in a layer's call: a stream of its own. Draws at once share one for each
    seed."""
    if seed is None and context.draws is not None:
        return context.draws.next()
    if deferring() or seed is None:
        return Stream(seed)
    return shared_stream(seed)


def shared_stream(seed):
    """The stream of the draws at once with `seed`."""
    return _streams.setdefault(seed, Stream(seed))


def shared_streams():
    """Seed -> stream, of all draws at once so far that had a seed."""
    return dict(_streams)


def forget_streams():
    """Begin all shared streams again."""
    _streams.clear()
