"""Losses that have kernels of their own: one number a sample, the last axis reduced.

`target` is what should come out, `output` what came out. Each loss also stands here spelled out in plain ops:
that form gives the derivatives that are seldom asked for (by the target, and of second order).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import config
from ..autograd.tape import Tape
from ..errors import ShapeError
from . import elementwise, embedding, reduction, shape
from ._op import op, viewed
from ._plain import vjps_of

if TYPE_CHECKING:
    from ..typing import TensorLike


@op
def mean_squared_error(run, target: TensorLike, output: TensorLike):
    """Mean of (output - target)² over the last axis.

    Shapes: both (..., n) -> (...)
    Raises: ShapeError when their shapes differ.
    """
    _check_same("mean_squared_error", target, output)
    return _fused(run, "mean_squared_error", _plain_squared, target, output)


@op
def mean_absolute_error(run, target: TensorLike, output: TensorLike):
    """Mean of |output - target| over the last axis; the slope at 0 is 0.

    Shapes: both (..., n) -> (...)
    Raises: ShapeError when their shapes differ.
    """
    _check_same("mean_absolute_error", target, output)
    return _fused(run, "mean_absolute_error", _plain_absolute, target, output)


@op
def categorical_crossentropy(run, target: TensorLike, output: TensorLike):
    """-Σ target log q over the last axis, with q = output / Σ output limited to [epsilon, 1 - epsilon].

    Shapes: both (..., n), the classes last -> (...)
    Raises: ShapeError when their shapes differ.
    """
    _check_same("categorical_crossentropy", target, output)
    return _fused(run, "categorical_crossentropy", _plain_categorical, target, output, config.epsilon())


@op
def sparse_categorical_crossentropy(run, target: TensorLike, output: TensorLike):
    """log Σ p - log p[label] over the last axis, with p = output limited to [epsilon, 1 - epsilon].

    Shapes: target, whole numbers 0 .. n-1 of any type, (..., 1) or (...), output (..., n) -> (...)
    The loss of a label outside of that range is NaN.
    """
    rows = output.shape[:-1]
    if output.ndim == 0 or not any(_fits(target.shape, wanted) for wanted in (rows, (*rows, 1))):
        raise ShapeError(f"sparse_categorical_crossentropy: y_true has shape {target.shape}, expected "
                         f"{(*rows, 1)}: one label for each row of y_pred {output.shape}.")
    return _fused(run, "sparse_categorical_crossentropy", _plain_sparse, target, output, config.epsilon())


@op
def binary_crossentropy(run, target: TensorLike, output: TensorLike):
    """Mean of -target log p - (1 - target) log(1 - p) over the last axis, p = output in [epsilon, 1 - epsilon].

    Shapes: both (..., n) -> (...)
    Raises: ShapeError when their shapes differ.
    """
    _check_same("binary_crossentropy", target, output)
    return _fused(run, "binary_crossentropy", _plain_binary, target, output, config.epsilon())


def _fits(shape, wanted):
    return len(shape) == len(wanted) and all(
        have is None or want is None or have == want for have, want in zip(shape, wanted))


def _check_same(name, target, output):
    if output.ndim == 0 or not _fits(target.shape, output.shape):
        raise ShapeError(f"{name}: y_true has shape {target.shape} and y_pred {output.shape}: expected the "
                         "same shape, of at least one axis.")


def _rows(target, output):
    """Both as kernels see them: (rows, n), or (rows, 1) for labels."""
    n = output.shape[-1]
    return viewed(target, -1, n if target.shape == output.shape else 1), viewed(output, -1, n)


def _fused(run, name, plain, target, output, *options):
    """Run `<name>_forward`; the gradient by output is `<name>_backward`, that by target that of `plain`."""
    loss = run(f"{name}_forward", *_rows(target, output), *options, out=output.shape[:-1], out_view=(-1,))
    return (loss,
            vjps_of(plain, target, output)[0],
            lambda grad: _backward(target, output, grad, name=name, plain=plain, options=options))


@op
def _backward(run, target, output, grad, *, name, plain, options):
    """Gradient of a fused loss by its output."""
    grad_output = run(f"{name}_backward", *_rows(target, output), viewed(grad, -1), *options,
                      out=output.shape, out_view=(-1, output.shape[-1]))
    return grad_output, *vjps_of(_gradient_by_output(plain), target, output, grad)


def _gradient_by_output(plain):
    def gradient(target, output, grad):
        with Tape() as tape:
            loss = plain(target, output)
            return tape.gradient(loss, output, grad)

    return gradient


def _limited(p):
    return elementwise.clip(p, low=config.epsilon(), high=1 - config.epsilon())


def _plain_squared(target, output):
    return reduction.mean(elementwise.square(elementwise.subtract(output, target)), axis=-1)


def _plain_absolute(target, output):
    return reduction.mean(elementwise.abs(elementwise.subtract(output, target)), axis=-1)


def _plain_categorical(target, output):
    q = _limited(elementwise.divide(output, reduction.sum(output, axis=-1, keepdims=True)))
    return elementwise.negative(reduction.sum(elementwise.multiply(target, elementwise.log(q)), axis=-1))


def _plain_sparse(target, output):
    p = _limited(output)
    labels = embedding.one_hot(shape.reshape(target, shape=output.shape[:-1]), depth=output.shape[-1],
                               dtype=output.dtype)
    chosen = reduction.sum(elementwise.multiply(labels, elementwise.log(p)), axis=-1)
    return elementwise.subtract(elementwise.log(reduction.sum(p, axis=-1)), chosen)


def _plain_binary(target, output):
    p = _limited(output)
    yes = elementwise.multiply(target, elementwise.log(p))
    rest = elementwise.log(elementwise.subtract(1.0, p))
    no = elementwise.multiply(elementwise.subtract(1.0, target), rest)
    return elementwise.negative(reduction.mean(elementwise.add(yes, no), axis=-1))
