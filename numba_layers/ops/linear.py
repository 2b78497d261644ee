"""Products of matrices, and what is made of them: dense layers, dot products, batched and sparse forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..autograd.tape import First
from ..autograd.tensor import SparseTensor, as_tensor
from ..errors import ArgumentError, DtypeError, ShapeError, unknown
from . import activation as activations
from . import elementwise, reduction
from ._broadcast import broadcast_shape
from ._op import composite, op, viewed
from .shape import broadcast_to, expand_dims, reshape, squeeze, transpose

if TYPE_CHECKING:
    from ..autograd.tensor import Tensor
    from ..typing import PerAxis, TensorLike

# For y = a @ b, a @ b.T and a.T @ b: the form and the operands of the gradients of a and of b (g: that of y).
GRADIENTS = {
    "nn": (lambda g, a, b: ("nt", g, b), lambda g, a, b: ("tn", a, g)),
    "nt": (lambda g, a, b: ("nn", g, b), lambda g, a, b: ("tn", g, a)),
    "tn": (lambda g, a, b: ("nt", b, g), lambda g, a, b: ("nn", a, g)),
}


@op
def _product(run, a, b, *, form, into=None):
    """a @ b ('nn'), a @ b.T ('nt') or a.T @ b ('tn'), where the axes before the last count as rows.

    Shapes: nn: a (..., k), b (k, n) -> (..., n);   nt: a (..., k), b (n, k) -> (..., n);
            tn: a (..., k), b (..., n) -> (k, n)
    """
    units = b.shape[0] if form == "nt" else b.shape[-1]
    out = (a.shape[-1], units) if form == "tn" else (*a.shape[:-1], units)
    y = run(f"matmul_{form}", viewed(a, -1, a.shape[-1]), viewed(b, -1, b.shape[-1]),
            out=out, out_view=(-1, units), into=into)
    return y, *_product_vjps(_product, a, b, form)


@op
def _batch_product(run, a, b, *, form, into=None):
    """The same for each matrix of a batch: a[n] @ b[n], a[n] @ b[n].T or a[n].T @ b[n]."""
    out = (a.shape[0], a.shape[2 if form == "tn" else 1], b.shape[1 if form == "nt" else 2])
    return run(f"batch_matmul_{form}", a, b, out=out, into=into), *_product_vjps(_batch_product, a, b, form)


def _product_vjps(product, a, b, form):
    def vjp(gradient):
        def call(grad, *, into=None):
            form, left, right = gradient(grad, a, b)
            return product(left, right, form=form, into=into)
        return call

    return [vjp(gradient) for gradient in GRADIENTS[form]]


@op
def _dense(run, x, weight, bias, *, relu):
    y = run("dense_forward", viewed(x, -1, x.shape[-1]), weight, bias, relu,
            out=(*x.shape[:-1], weight.shape[1]), out_view=(-1, weight.shape[1]))
    return (y, *before_relu(y, relu),
            lambda grad: _product(grad, weight, form="nt"),
            lambda grad, *, into=None: _product(x, grad, form="tn", into=into),
            lambda grad, *, into=None: reduction.sum(grad, axis=tuple(range(x.ndim - 1)), into=into))


def before_relu(y, relu):
    """What comes before VJPs: from the gradient of an op's output y to that of its sums, where relu cut them."""
    return [First(lambda grad: activations.relu_backward_from_output(y, grad))] if relu else []


@composite
def dense(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None, *,
          activation: str | None = "linear") -> Tensor:
    """Affine map of the last axis, then an activation: y = activation(x @ weight + bias).

    Shapes: x (..., features), weight (features, units), bias (units,) or None -> y (..., units)
    activation: 'linear' (or None) or an activation's name; relu is applied where the product is stored.
    A sparse x is multiplied as it is (`sparse_dense`).
    Raises: ShapeError when x and weight disagree on features, or weight and bias on units.
    """
    if isinstance(x, SparseTensor):
        return sparse_dense(x, weight, bias, activation=activation)
    x, weight, bias = _dense_operands(x, weight, bias)
    y = _dense(x, weight, bias, relu=activation == "relu")
    return y if activation == "relu" else activated(y, activation)


def _dense_operands(x, weight, bias):
    """Tensors of fitting shapes; zeros for a bias of None."""
    x, weight = as_tensor(x), as_tensor(weight)
    if weight.ndim != 2 or x.ndim < 1 or x.shape[-1] not in (None, weight.shape[0]):
        features = weight.shape[0] if weight.ndim else "features"
        raise ShapeError(f"dense: x has shape {x.shape}, expected (..., {features}) for weights of shape "
                         f"{weight.shape} (features, units).")
    units = weight.shape[1]
    bias = as_tensor(np.zeros(units, weight.dtype) if bias is None else bias)
    if bias.shape != (units,):
        raise ShapeError(f"dense: bias has shape {bias.shape}, expected ({units},) for weights of shape "
                         f"{weight.shape} (features, units).")
    return x, weight, bias


def activated(y, activation):
    """activation(y), by its name."""
    if activation in (None, "linear"):
        return y
    if activation not in activations.__all__:
        raise unknown("activation", activation, ["linear", *activations.__all__])
    return getattr(activations, activation)(y)


@op
def _sparse_product(run, x, weight):
    """x @ weight for a sparse x."""
    y = run("csr_matmul", *_stored(x, weight), weight, out=(x.shape[0], weight.shape[1]))
    return y, None, lambda grad, *, into=None: _sparse_product_tn(x, grad, into=into)


@op
def _sparse_product_tn(run, x, y, *, into=None):
    """x.T @ y for a sparse x."""
    product = run("csr_matmul_tn", *_stored(x, y), y, out=(x.shape[1], y.shape[1]), into=into)
    return product, None, lambda grad: _sparse_product(x, grad)


def _stored(x, other):
    """The arrays of a sparse tensor, its values in the type of `other`; a tensor without value has none."""
    if not isinstance(x, SparseTensor):
        return ()
    return x.indptr, x.indices, x.values.astype(other.dtype, copy=False)


@composite
def sparse_dense(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None, *,
                 activation: str | None = "linear") -> Tensor:
    """`dense` of a sparse x: a SparseTensor, or a SciPy matrix. Only the numbers stored in x are multiplied.

    Shapes: x (batch, features), weight (features, units), bias (units,) or None -> y (batch, units)
    There is no gradient with respect to x.
    """
    x, weight, bias = _dense_operands(x, weight, bias)
    return activated(elementwise.add(_sparse_product(x, weight), bias), activation)


@composite
def matmul(a: TensorLike, b: TensorLike) -> Tensor:
    """Matrix product of the last two axes, as `numpy.matmul`; the axes before them broadcast.

    Shapes: a (..., m, k), b (..., k, n) -> (..., m, n); an operand of one axis is a row (a) or a column (b).
    Of a sparse a, (m, k), only the numbers stored are multiplied.
    Raises: ShapeError when the two disagree on k.
    """
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim == 0 or b.ndim == 0 or _differ(a.shape[-1], b.shape[-2 if b.ndim > 1 else -1]):
        raise _unfit("matmul", a, b)
    if isinstance(b, SparseTensor):
        raise DtypeError("matmul: the second factor is sparse, which only the first may be. Convert it: K.to_dense(y).")
    if b.ndim == 1:
        return squeeze(matmul(a, expand_dims(b, axis=1)), axis=-1)
    if isinstance(a, SparseTensor) and b.ndim == 2:
        return _sparse_product(a, b)
    if b.ndim == 2:
        return _product(a, b, form="nn")
    if a.ndim == 1:
        return squeeze(matmul(expand_dims(a, axis=0), b), axis=-2)
    batch = broadcast_shape("matmul", a.shape[:-2], b.shape[:-2])
    a, b = [reshape(broadcast_to(x, shape=batch + x.shape[-2:]), shape=(-1, *x.shape[-2:])) for x in (a, b)]
    return reshape(_batch_product(a, b, form="nn"), shape=(*batch, a.shape[1], b.shape[2]))


def _differ(one, other):
    return one is not None and other is not None and one != other


def _unfit(name, a, b):
    return ShapeError(f"{name}: shapes {a.shape} and {b.shape} do not fit: the last axis of the first must "
                      "be as long as the last but one of the second.")


@composite
def dot(a: TensorLike, b: TensorLike) -> Tensor:
    """Sum over the last axis of a and the last but one of b: `matmul` for two axes, all pairs of rows beyond.

    Shapes: a (..., k), b (*outer, k, n) -> (..., *outer, n)
    """
    a, b = as_tensor(a), as_tensor(b)
    if b.ndim <= 2:
        return matmul(a, b)
    if a.ndim == 0 or _differ(a.shape[-1], b.shape[-2]):
        raise _unfit("dot", a, b)
    outer = b.ndim - 2
    right = reshape(transpose(b, axes=(outer, *range(outer), outer + 1)), shape=(b.shape[-2], -1))
    return reshape(_product(a, right, form="nn"), shape=a.shape[:-1] + b.shape[:-2] + b.shape[-1:])


@composite
def batch_dot(a: TensorLike, b: TensorLike, *, axes: PerAxis | None = None) -> Tensor:
    """For each sample n the sum over one axis of a[n] and one of b[n]; one number keeps an axis of size 1.

    Shapes: a (batch, *left), b (batch, *right) -> (batch, *left, *right), both without the axis summed over
    axes: of a and b, the batch axis being 0 (an int for both); by default a's last and b's last but one.
    Raises: ArgumentError for axes that are no such pair; ShapeError when sizes differ.
    Reference: Keras 2.2.5, K.batch_dot.
    """
    a, b = as_tensor(a), as_tensor(b)
    left, right = _batch_axes(a, b, axes)
    if a.ndim == b.ndim == 2:
        return reduction.sum(elementwise.multiply(a, b), axis=1, keepdims=True)
    out = [size for x, summed in ((a, left), (b, right))
           for axis, size in enumerate(x.shape) if axis not in (0, summed)]
    a, a_first = _matrices(a, left)
    b, b_first = _matrices(b, right)
    if a_first and not b_first:
        a, a_first = transpose(a, axes=(0, 2, 1)), False
    form = ("tn" if a_first else "nn") if b_first else "nt"
    return reshape(_batch_product(a, b, form=form), shape=(a.shape[0], *out))


def _batch_axes(a, b, axes):
    """The axes that `batch_dot` sums over, counted from the front."""
    if a.ndim < 2 or b.ndim < 2:
        raise ShapeError(f"batch_dot: shapes {a.shape} and {b.shape}, expected a batch and other axes.")
    if axes is None:
        axes = (a.ndim - 1, 1 if b.ndim == 2 else b.ndim - 2)
    elif isinstance(axes, int | np.integer):
        axes = (axes, axes)
    if len(axes) != 2 or not all(isinstance(axis, int | np.integer) for axis in axes):
        raise ArgumentError(f"batch_dot: axes {axes!r}: expected None, an int or a pair of ints.")
    left, right = reduction.axis_of("batch_dot", a, axes[0]), reduction.axis_of("batch_dot", b, axes[1])
    if 0 in (left, right):
        raise ArgumentError("batch_dot: axis 0 is the batch and cannot be summed over. Without a batch, "
                            "add one with K.expand_dims(x, 0), or use K.dot.")
    if _differ(a.shape[0], b.shape[0]) or _differ(a.shape[left], b.shape[right]):
        raise ShapeError(f"batch_dot: shapes {a.shape} and {b.shape} must have the same size along axis 0, "
                         f"and along axes {left} and {right}.")
    return left, right


def _matrices(x, axis):
    """x as (batch, rest, k) and False, or as (batch, k, rest) and True if it lies so; k is `axis`."""
    batch, k = x.shape[0], x.shape[axis]
    if axis == 1 and x.ndim > 2:
        return reshape(x, shape=(batch, k, -1)), True
    if axis != x.ndim - 1:
        x = transpose(x, axes=(*(entry for entry in range(x.ndim) if entry != axis), axis))
    return reshape(x, shape=(batch, -1, k)), False
