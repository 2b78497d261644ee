"""Normalisation by moments: of each channel over a batch, or of each sample over its features.

Kernels see rows and channels. Channels that lie on another axis than the last are brought there: a view where memory
has them there already, as that of channels-first images has.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..autograd.graph import is_symbolic
from ..autograd.tape import First, Tape
from ..autograd.tensor import as_tensor
from ..errors import ShapeError
from . import elementwise, reduction, shape
from ._op import composite, op, op_of_parts, permuted, reshaped, viewed
from ._op import run as launched
from ._plain import vjps_of
from .reduction import COLUMN_CHUNK, axes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..autograd.tensor import Tensor
    from ..typing import TensorLike

FOLD = 64       # channels; of fewer, rows are folded into one while they are


@composite
def batch_normalize(x: TensorLike, gamma: TensorLike | None = None, beta: TensorLike | None = None, *,
                    axis: int | Sequence[int] = -1, epsilon: float = 1e-3) -> tuple[Tensor, Tensor, Tensor]:
    """(y, mean, variance): y = gamma (x - mean) / sqrt(variance + epsilon) + beta, each channel by its own moments.

    axis: of the channels, or several; the moments are over all others. gamma and beta None: 1 and 0.
    Shapes: x any -> y the same, mean and variance of the sizes of `axis`, and so gamma and beta
    Raises: ShapeError for a batch without numbers, which has no mean, and for gamma or beta of another shape.
    Reference: Ioffe & Szegedy 2015, "Batch Normalization", §3.
    """
    x = elementwise.as_float(as_tensor(x))
    kept = axes_of("batch_normalize", x, axis)
    order, sizes = _channels_last(x, kept)
    if 0 in [size for place, size in enumerate(x.shape) if place not in kept]:
        raise ShapeError(f"batch_normalize: x of shape {x.shape} holds no sample, and nothing has no mean. Leave the "
                         "empty batch out.")
    rows = _arranged(x, axes=order, to_rows=True)
    gamma, beta = (_vector(vector, name, default, x, sizes)
                   for vector, name, default in ((gamma, "gamma", 1), (beta, "beta", 0)))
    mean, variance = _moments(rows, channels=len(kept))
    y = _normalized(rows, gamma, beta, moments=(mean, variance), channels=len(kept), epsilon=float(epsilon))
    return _arranged(y, axes=_inverse(order), to_rows=False), mean, variance


@composite
def normalize(x: TensorLike, mean: TensorLike, variance: TensorLike, gamma: TensorLike | None = None,
              beta: TensorLike | None = None, *, axis: int | Sequence[int] = -1, epsilon: float = 1e-3) -> Tensor:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, each channel by the moments given for it.

    axis: of the channels, or several. gamma and beta None: 1 and 0.
    Shapes: x any -> the same; mean, variance, gamma and beta of the sizes of `axis`
    Raises: ShapeError for vectors of another shape.
    """
    x = elementwise.as_float(as_tensor(x))
    kept = axes_of("normalize", x, axis)
    order, sizes = _channels_last(x, kept)
    vectors = [_vector(vector, name, default, x, sizes) for vector, name, default in (
        (mean, "mean", 0), (variance, "variance", 1), (gamma, "gamma", 1), (beta, "beta", 0))]
    y = _normalized_by(_arranged(x, axes=order, to_rows=True), *vectors, epsilon=float(epsilon))
    return _arranged(y, axes=_inverse(order), to_rows=False)


@composite
def layer_normalize(x: TensorLike, gamma: TensorLike | None = None, beta: TensorLike | None = None, *,
                    axis: int | Sequence[int] = -1, epsilon: float = 1e-3) -> Tensor:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, the moments those of each sample's numbers along `axis`.

    axis: of the features, or several. gamma and beta None: 1 and 0.
    Shapes: x any -> the same; gamma and beta of the sizes of `axis`
    Raises: ShapeError for features without numbers, and for gamma or beta of another shape.
    Reference: Ba, Kiros & Hinton 2016, "Layer Normalization", §3.
    """
    x = elementwise.as_float(as_tensor(x))
    kept = axes_of("layer_normalize", x, axis)
    order, sizes = _channels_last(x, kept)
    if 0 in sizes:
        raise ShapeError(f"layer_normalize: x of shape {x.shape} has no feature along axis {kept}, and nothing has no "
                         "mean.")
    gamma, beta = (_vector(vector, name, default, x, sizes)
                   for vector, name, default in ((gamma, "gamma", 1), (beta, "beta", 0)))
    y = _layer_normalized(_arranged(x, axes=order, to_rows=True), gamma, beta, features=len(kept),
                          epsilon=float(epsilon))
    return _arranged(y, axes=_inverse(order), to_rows=False)


def moving_average(average: TensorLike, value: TensorLike, count: TensorLike, *, momentum: float,
                   factor: float = 1.0, debiased: bool = False) -> Tensor:
    """average + rate (factor value - average), where rate = 1 - momentum.

    debiased: the rate is divided by 1 - momentum**(count + 1), so that what the average was before the first update
    counts for nothing. There is no gradient.
    Shapes: average and value of one shape, count (1,) of int64: updates so far -> average's
    """
    return _moving_average(average, value, count, momentum=float(momentum), factor=float(factor),
                           debiased=bool(debiased))


@op
def _moving_average(run, average, value, count, *, momentum, factor, debiased):
    return run("moving_average", viewed(average, -1), viewed(value, -1), count, momentum, factor, debiased,
               out=average.shape, out_view=(-1,), dtype=average.dtype), None, None, None


# ---- axes ------------------------------------------------------------------------------------------------------


def _channels_last(x, kept):
    """(order of axes with those of the channels last, their sizes)."""
    order = (*(axis for axis in range(x.ndim) if axis not in kept), *kept)
    return order, tuple(x.shape[axis] for axis in kept)


def _inverse(order):
    return tuple(np.argsort(order).tolist())


def _arranged(x, *, axes, to_rows):
    """x with its axes in another order: a view, or a copy where kernels are to see rows that no view has."""
    if axes == tuple(range(x.ndim)):
        return x
    if to_rows and not is_symbolic(x) and not x.data.transpose(axes).flags.c_contiguous:
        return shape.transpose(x, axes=axes)
    return _view(x, axes=axes, to_rows=to_rows)


@op
def _view(run, x, *, axes, to_rows):
    return permuted(run, x, axes), lambda grad: _arranged(grad, axes=_inverse(axes), to_rows=not to_rows)


def _vector(vector, name, default, x, sizes):
    """A vector of the channels as a tensor; where it is None, of `default` alone."""
    if vector is None:
        if None in sizes:
            raise ShapeError(f"the channels of x, of shape {x.shape}, must be known.")
        return as_tensor(np.full(sizes, default, x.dtype))
    vector = as_tensor(vector)
    if len(vector.shape) != len(sizes) or any(None not in pair and pair[0] != pair[1]
                                              for pair in zip(vector.shape, sizes)):
        raise ShapeError(f"{name} has shape {vector.shape}, expected {sizes} for x of shape {x.shape}.")
    return vector


def _reduced(x, channels):
    """The axes in front of the channels."""
    return tuple(range(x.ndim - channels))


def _plan(sizes, channels):
    """(rows, channels, rows folded into one, chunks) of x as kernels see it."""
    count, width = math.prod(sizes[:len(sizes) - channels]), math.prod(sizes[len(sizes) - channels:])
    fold = math.gcd(count, max(1, FOLD // max(1, width)))
    return count, width, fold, max(1, -(-count // (fold * COLUMN_CHUNK)))


# ---- moments of channels -----------------------------------------------------------------------------------------


@op_of_parts
def _moments(run, x, *, channels):
    """(mean, variance) of each channel; the last `channels` axes of x are those of channels."""
    sizes = x.shape[x.ndim - channels:]
    if None in x.shape:
        outputs = run("combine_moments", x, 1, out=[sizes, sizes])
    else:
        count, width, fold, chunks = _plan(x.shape, channels)
        partial = run("column_moments", viewed(x, count // fold, fold * width), out=(chunks, 2, fold, width),
                      out_view=(chunks, 2, fold * width))
        outputs = run("combine_moments", partial, count, out=[sizes, sizes], out_view=[(width,), (width,)])

    def vjp(grad_mean, grad_variance):
        number = math.prod(x.shape[axis] for axis in _reduced(x, channels))
        distance = elementwise.subtract(x, outputs[0])
        by_variance = elementwise.multiply(distance, elementwise.multiply(grad_variance, 2 / number))
        return elementwise.add(by_variance, elementwise.multiply(grad_mean, 1 / number))

    return outputs, vjp


def _coefficients(run, mean, variance, gamma, beta, epsilon, fold):
    """Mean, scale and beta of each channel, as often as rows are folded into one: (3, fold * channels)."""
    width = mean.size
    return run("normalization_coefficients", *(viewed(vector, -1) for vector in (mean, variance, gamma, beta)), epsilon,
               out=(3, fold * width), out_view=(3, fold, width), dtype=mean.dtype)


def _applied(run, x, coefficients, rows):
    return run("batch_normalize_forward", viewed(x, *rows), coefficients, out=x.shape, out_view=rows)


@op
def _normalized(run, x, gamma, beta, *, moments, channels, epsilon):
    """x normalised by its own `moments`, which were computed before; gradients go through them."""
    if None in x.shape:
        return run("batch_normalize_forward", x, gamma, out=x.shape), None, None, None
    count, width, fold, chunks = _plan(x.shape, channels)
    rows = count // fold, fold * width
    coefficients = _coefficients(run, *moments, gamma, beta, epsilon, fold)

    def sums(grad):
        """The gradient by y with what its sums over the channels give."""
        partial = launched("batch_normalize_sums", viewed(x, *rows), viewed(grad, *rows), coefficients,
                           out=(chunks, 2, fold, width), out_view=(chunks, 2, fold * width))
        slopes, by_gamma, by_beta = launched(
            "normalize_slopes", partial, *(viewed(one, -1) for one in (*moments, gamma)), epsilon, count,
            out=[(4, fold * width), gamma.shape, beta.shape], out_view=[(4, fold, width), (width,), (width,)])
        return grad, slopes, by_gamma, by_beta

    options = {"channels": channels, "epsilon": epsilon}
    return (_applied(run, x, coefficients, rows), First(sums),
            lambda found: _gradient_by_x(x, gamma, found[0], slopes=found[1], rows=rows, **options),
            lambda found: _gradient_by_gamma(x, found[0], sums=found[2], **options),
            lambda found: _gradient_by_beta(found[0], sums=found[3]))


@op
def _gradient_by_x(run, x, gamma, grad, *, slopes, rows, channels, epsilon):
    """Of `_normalized`, from the slopes that its sums gave."""
    def plain(x, gamma, grad):
        with Tape() as tape:
            y = elementwise.multiply(_unit(x, _reduced(x, channels), epsilon), gamma)
            return tape.gradient(y, x, grad)

    return (run("batch_normalize_backward_x", viewed(x, *rows), viewed(grad, *rows), slopes, out=x.shape,
                out_view=rows), *vjps_of(plain, x, gamma, grad))


@op
def _gradient_by_gamma(run, x, grad, *, sums, channels, epsilon):
    def plain(x, grad):
        axes = _reduced(x, channels)
        return reduction.sum(elementwise.multiply(grad, _unit(x, axes, epsilon)), axis=axes)

    return sums, *vjps_of(plain, x, grad)


@op
def _gradient_by_beta(run, grad, *, sums):
    return sums, lambda grad_out: shape.broadcast_to(grad_out, shape=grad.shape)


def _unit(x, axes, epsilon):
    """x normalised by its moments over `axes`, made of ops that have gradients of their own."""
    distance = elementwise.subtract(x, reduction.mean(x, axis=axes, keepdims=True))
    variance = reduction.mean(elementwise.square(distance), axis=axes, keepdims=True)
    return elementwise.divide(distance, elementwise.sqrt(elementwise.add(variance, epsilon)))


# ---- moments that are given --------------------------------------------------------------------------------------


@op
def _normalized_by(run, x, mean, variance, gamma, beta, *, epsilon):
    channels = mean.ndim
    if None in x.shape:
        return run("batch_normalize_forward", x, mean, out=x.shape), *[None] * 5
    count, width, fold, _ = _plan(x.shape, channels)
    y = _applied(run, x, _coefficients(run, mean, variance, gamma, beta, epsilon, fold), (count // fold, fold * width))
    axes = _reduced(x, channels)

    def inverse():
        return elementwise.divide(1, elementwise.sqrt(elementwise.add(variance, epsilon)))

    def by_scale(grad):
        """Gradient by gamma / sqrt(variance + epsilon)."""
        return reduction.sum(elementwise.multiply(grad, elementwise.subtract(x, mean)), axis=axes)

    def by_variance(grad):
        slope = elementwise.divide(elementwise.multiply(gamma, inverse()), elementwise.add(variance, epsilon))
        return elementwise.multiply(by_scale(grad), elementwise.multiply(slope, -0.5))

    return (y,
            lambda grad: elementwise.multiply(grad, elementwise.multiply(gamma, inverse())),
            lambda grad: elementwise.negative(elementwise.multiply(
                reduction.sum(grad, axis=axes), elementwise.multiply(gamma, inverse()))),
            by_variance,
            lambda grad: elementwise.multiply(by_scale(grad), inverse()),
            lambda grad: reduction.sum(grad, axis=axes))


# ---- moments of samples ------------------------------------------------------------------------------------------


@op
def _layer_normalized(run, x, gamma, beta, *, features, epsilon):
    """Each row of x, its last `features` axes, normalised by its own moments."""
    if None in x.shape:
        return run("layer_normalize_forward", x, gamma, beta, out=x.shape), None, None, None
    width = math.prod(x.shape[x.ndim - features:])
    rows = math.prod(x.shape[:x.ndim - features]), width
    mean, inverse, y = run("layer_normalize_forward", viewed(x, *rows), viewed(gamma, -1), viewed(beta, -1), epsilon,
                           out=[rows[:1], rows[:1], x.shape], out_view=[None, None, rows])
    moments = mean, inverse
    options = {"rows": rows, "features": features, "moments": moments, "epsilon": epsilon}
    return (y,
            lambda grad: _layer_gradient_by_x(x, gamma, grad, **options),
            lambda grad: _layer_gradient_by_gamma(x, grad, **options),
            lambda grad: reduction.sum(grad, axis=_reduced(x, features)))


def _plain_rows(x, features, epsilon):
    return _unit(x, tuple(range(x.ndim - features, x.ndim)), epsilon)


@op
def _layer_gradient_by_x(run, x, gamma, grad, *, rows, features, moments, epsilon):
    def plain(x, gamma, grad):
        with Tape() as tape:
            y = elementwise.multiply(_plain_rows(x, features, epsilon), gamma)
            return tape.gradient(y, x, grad)

    return (run("layer_normalize_backward_x", viewed(x, *rows), viewed(grad, *rows), viewed(gamma, -1), *moments,
                out=x.shape, out_view=rows), *vjps_of(plain, x, gamma, grad))


@op
def _layer_gradient_by_gamma(run, x, grad, *, rows, features, moments, epsilon):
    def plain(x, grad):
        unit = _plain_rows(x, features, epsilon)
        return reduction.sum(elementwise.multiply(grad, unit), axis=_reduced(x, features))

    chunks = max(1, -(-rows[0] // COLUMN_CHUNK))
    partial = run("layer_normalize_backward_gamma", viewed(x, *rows), viewed(grad, *rows), *moments,
                  out=(chunks, rows[1]))
    total = reduction.reduced(run, "sum", partial, (0,))
    return reshaped(run, total, x.shape[x.ndim - features:]), *vjps_of(plain, x, grad)
