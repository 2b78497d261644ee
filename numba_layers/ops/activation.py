"""Activation functions. The gradient of each is an op of its own, so that gradients have gradients.

Most are differentiated from their output y: then the input need not be kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..autograd.tensor import as_tensor
from . import shape
from ._op import FLAT, flat, op, viewed
from .elementwise import (
    add,
    binary,
    cast,
    exp,
    in_floats,
    less,
    less_equal,
    minimum,
    multiply,
    negative,
    sign,
    square,
    subtract,
    unary,
)
from .reduction import axis_of, sum, unbroadcast

if TYPE_CHECKING:
    from ..autograd.tensor import Tensor
    from ..typing import TensorLike

__all__ = [
    "elu", "gelu", "hard_sigmoid", "log_softmax", "mish", "prelu", "relu", "selu", "sigmoid", "softmax", "softplus",
    "softsign", "swish", "tanh",
]


def _backward(run, name, y, grad, *options):
    return run(f"{name}_backward", flat(y), flat(grad), *options, out=y.shape, out_view=FLAT)


# Pieces and ramps

@op
def relu(run, x: TensorLike, *, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0):
    """x where x > threshold, but at most max_value (None: no limit); else alpha (x - threshold).

    The gradient is alpha at the threshold and 0 from max_value on.
    """
    options = {"alpha": float(alpha), "max_value": math.inf if max_value is None else float(max_value),
               "threshold": float(threshold)}
    return (unary(run, "relu", in_floats(run, x), *options.values()),
            lambda grad: relu_backward(x, grad, **options))


@op
def relu_backward(run, x, grad, **options):
    """grad times the slope of relu at its input x."""
    return (_backward(run, "relu", x, grad, *options.values()),
            None,
            lambda grad_out: relu_backward(x, grad_out, **options))


@op
def relu_backward_from_output(run, y, grad):
    """grad where the output y of a plain relu is positive, else 0: y > 0 just where its input is.

    For ops that apply relu where they store their result, and so never keep its input.
    """
    return (_backward(run, "relu", y, grad, 0.0, math.inf, 0.0),
            None,
            lambda grad_out: relu_backward_from_output(y, grad_out))


@op
def hard_sigmoid(run, x: TensorLike):
    """0.2 x + 0.5, limited to [0, 1]."""
    y = unary(run, "hard_sigmoid", in_floats(run, x))
    return y, lambda grad: hard_sigmoid_backward(y, grad)


@op
def hard_sigmoid_backward(run, y, grad):
    """0.2 grad where 0 < y < 1, else 0."""
    return (_backward(run, "hard_sigmoid", y, grad),
            None,
            lambda grad_out: hard_sigmoid_backward(y, grad_out))


@op
def prelu(run, x: TensorLike, alpha: TensorLike):
    """x where x > 0, else alpha x, alpha a tensor that broadcasts with x.

    Reference: He et al. 2015, "Delving Deep into Rectifiers", eq. 1.
    """
    return (binary(run, "prelu", in_floats(run, x), alpha),
            lambda grad: unbroadcast(multiply(grad, prelu_slope(x, alpha)), x),
            lambda grad: unbroadcast(multiply(grad, minimum(x, 0)), alpha))


@op
def prelu_slope(run, x, alpha):
    """1 where x > 0, alpha where x < 0, and 0 between."""
    return (binary(run, "prelu_slope", x, alpha),
            None,
            lambda grad: unbroadcast(multiply(grad, cast(less(x, 0), dtype=grad.dtype)), alpha))


# Exponential below zero

@op
def elu(run, x: TensorLike, *, alpha: float = 1.0):
    """x where positive, else alpha (e**x - 1), alpha >= 0. Reference: Clevert et al. 2016, eq. 16."""
    y = unary(run, "elu", in_floats(run, x), float(alpha))
    return y, lambda grad: elu_backward(y, grad, alpha=float(alpha))


@op
def elu_backward(run, y, grad, *, alpha):
    """grad where y > 0, else grad (y + alpha)."""
    return (_backward(run, "elu", y, grad, alpha),
            lambda grad_out: multiply(multiply(grad_out, grad), cast(less_equal(y, 0), dtype=y.dtype)),
            lambda grad_out: elu_backward(y, grad_out, alpha=alpha))


@op
def selu(run, x: TensorLike):
    """Scaled elu that keeps zero mean and unit variance. Reference: Klambauer et al. 2017, eq. 2."""
    y = unary(run, "selu", in_floats(run, x))
    return y, lambda grad: selu_backward(y, grad)


@op
def selu_backward(run, y, grad):
    """scale grad where y > 0, else grad (y + scale alpha)."""
    return (_backward(run, "selu", y, grad),
            lambda grad_out: multiply(multiply(grad_out, grad), cast(less_equal(y, 0), dtype=y.dtype)),
            lambda grad_out: selu_backward(y, grad_out))


# Smooth ones

@op
def softplus(run, x: TensorLike):
    """log(1 + e**x)"""
    y = unary(run, "softplus", in_floats(run, x))
    return y, lambda grad: softplus_backward(y, grad)


@op
def softplus_backward(run, y, grad):
    """grad (1 - e**-y)"""
    return (_backward(run, "softplus", y, grad),
            lambda grad_out: multiply(multiply(grad_out, grad), exp(negative(y))),
            lambda grad_out: softplus_backward(y, grad_out))


@op
def softsign(run, x: TensorLike):
    """x / (1 + |x|)"""
    y = unary(run, "softsign", in_floats(run, x))
    return y, lambda grad: softsign_backward(y, grad)


@op
def softsign_backward(run, y, grad):
    """grad (1 - |y|)²"""
    return (_backward(run, "softsign", y, grad),
            lambda grad_out: multiply(multiply(grad_out, grad), multiply(subtract(y, sign(y)), 2)),
            lambda grad_out: softsign_backward(y, grad_out))


@op
def sigmoid(run, x: TensorLike):
    """1 / (1 + e**-x)"""
    y = unary(run, "sigmoid", in_floats(run, x))
    return y, lambda grad: sigmoid_backward(y, grad)


@op
def sigmoid_backward(run, y, grad):
    """grad y (1 - y)"""
    return (_backward(run, "sigmoid", y, grad),
            lambda grad_out: multiply(multiply(grad_out, grad), subtract(1, multiply(y, 2))),
            lambda grad_out: sigmoid_backward(y, grad_out))


@op
def tanh(run, x: TensorLike):
    """Hyperbolic tangent."""
    y = unary(run, "tanh", in_floats(run, x))
    return y, lambda grad: tanh_backward(y, grad)


@op
def tanh_backward(run, y, grad):
    """grad (1 - y²)"""
    return (_backward(run, "tanh", y, grad),
            lambda grad_out: multiply(multiply(grad_out, grad), multiply(y, -2)),
            lambda grad_out: tanh_backward(y, grad_out))


# Smooth ones that are not monotonic, differentiated from their input

@op
def swish(run, x: TensorLike):
    """x / (1 + e**-x). Reference: Ramachandran et al. 2017, "Searching for Activation Functions"."""
    x = in_floats(run, x)
    return unary(run, "swish", x), lambda grad: swish_backward(x, grad)


@op
def swish_backward(run, x, grad):
    """grad s (1 + x (1 - s)) for s = sigmoid x."""

    def curvature():
        s = sigmoid(x)
        return multiply(multiply(s, subtract(1, s)), add(2, multiply(x, subtract(1, multiply(s, 2)))))

    return (_backward(run, "swish", x, grad),
            lambda grad_out: multiply(multiply(grad_out, grad), curvature()),
            lambda grad_out: swish_backward(x, grad_out))


@op
def gelu(run, x: TensorLike):
    """x P(X <= x) for a normal X. Reference: Hendrycks & Gimpel 2016, "Gaussian Error Linear Units"."""
    x = in_floats(run, x)
    return unary(run, "gelu", x), lambda grad: gelu_backward(x, grad)


@op
def gelu_backward(run, x, grad):
    """grad (P(X <= x) + x p(x)) for a normal X of density p."""

    def curvature():
        density = multiply(exp(multiply(square(x), -0.5)), 1 / math.sqrt(2 * math.pi))
        return multiply(density, subtract(2, square(x)))

    return (_backward(run, "gelu", x, grad),
            lambda grad_out: multiply(multiply(grad_out, grad), curvature()),
            lambda grad_out: gelu_backward(x, grad_out))


@op
def mish(run, x: TensorLike):
    """x tanh(softplus x). Reference: Misra 2019, "Mish: A Self Regularized Non-Monotonic Activation Function"."""
    x = in_floats(run, x)
    return unary(run, "mish", x), lambda grad: mish_backward(x, grad)


@op
def mish_backward(run, x, grad):
    """grad (t + x s (1 - t²)) for t = tanh(softplus x), s = sigmoid x."""

    def curvature():
        t, s = tanh(softplus(x)), sigmoid(x)
        bend = subtract(subtract(1, s), multiply(multiply(t, s), 2))
        return multiply(multiply(s, subtract(1, square(t))), add(2, multiply(x, bend)))

    return (_backward(run, "mish", x, grad),
            lambda grad_out: multiply(multiply(grad_out, grad), curvature()),
            lambda grad_out: mish_backward(x, grad_out))


# Over a whole axis

def softmax(x: TensorLike, *, axis: int = -1) -> Tensor:
    """e**x / Σ e**x, the sum over `axis`: positive numbers that add up to 1."""
    return _with_axis_last("softmax", _softmax, x, axis)


def log_softmax(x: TensorLike, *, axis: int = -1) -> Tensor:
    """x - log Σ e**x, the sum over `axis`: the logarithm of softmax, accurate where softmax is tiny."""
    return _with_axis_last("log_softmax", _log_softmax, x, axis)


def _with_axis_last(name, function, x, axis):
    x = as_tensor(x)
    order = list(range(x.ndim))
    axis = axis_of(name, x, axis)
    if axis == order[-1]:
        return function(x)
    order[axis], order[-1] = order[-1], axis
    return shape.transpose(function(shape.transpose(x, axes=order)), axes=order)


def _by_rows(run, kernel, *tensors):
    """Run a kernel that sees its tensors, all of one shape, as (rows, last axis)."""
    out = tensors[0].shape
    if None in out:
        return run(kernel, *tensors, out=out)
    rows = math.prod(out[:-1]), out[-1]
    return run(kernel, *[viewed(tensor, *rows) for tensor in tensors], out=out, out_view=rows)


def _row_sum(x):
    return sum(x, axis=-1, keepdims=True)


@op
def _softmax(run, x):
    y = _by_rows(run, "softmax_forward", in_floats(run, x))
    return y, lambda grad: softmax_backward(y, grad)


@op
def softmax_backward(run, y, grad):
    """y (grad - Σ y grad), the sum over the last axis."""

    def vjp_y(grad_out):
        in_y = multiply(grad_out, subtract(grad, _row_sum(multiply(y, grad))))
        return subtract(in_y, multiply(grad, _row_sum(multiply(grad_out, y))))

    return (_by_rows(run, "softmax_backward", y, grad),
            vjp_y,
            lambda grad_out: softmax_backward(y, grad_out))


@op
def _log_softmax(run, x):
    y = _by_rows(run, "log_softmax_forward", in_floats(run, x))
    return y, lambda grad: log_softmax_backward(y, grad)


@op
def log_softmax_backward(run, y, grad):
    """grad - e**y Σ grad, the sum over the last axis."""
    return (_by_rows(run, "log_softmax_backward", y, grad),
            lambda grad_out: multiply(multiply(grad_out, exp(y)), negative(_row_sum(grad))),
            lambda grad_out: subtract(grad_out, _row_sum(multiply(grad_out, exp(y)))))
