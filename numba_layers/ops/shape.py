"""Tensors in other shapes and orders: views where the memory stays as it is, else block copies by one kernel.

Shapes hold None (open) where a tensor is symbolic; what is computed from them then serves a shape only.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING

import numpy as np

from ..autograd.graph import SymbolicTensor
from ..autograd.tensor import Tensor, as_tensor
from ..errors import ArgumentError, OutOfRangeError, ShapeError, unknown
from . import elementwise, embedding, reduction
from ._op import composite, float_type, op, op_of_parts, open_size, reshaped, viewed
from ._walk import walk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import PerAxis, ShapeLike, TensorLike

# Views

@op
def reshape(run, x: TensorLike, *, shape: ShapeLike):
    """x, its elements in the same order, in another shape.

    shape: one entry may be -1 or None, for what is left; beside a -1, None stands for x's own size there.
    Raises: ShapeError when the sizes do not match.
    """
    return (reshaped(run, x, _filled(x.shape, tuple(shape))),
            lambda grad: reshape(grad, shape=x.shape))


def _filled(old, new):
    """`new`, its open entries computed from the shape `old`; None where they cannot be."""
    if None in old and None in new and -1 not in new:
        return new
    open_axes = [axis for axis, size in enumerate(new) if size in (None, -1)]
    same = [axis for axis in open_axes if new[axis] is None and axis < len(old)] if len(open_axes) > 1 else []
    open_axes = [axis for axis in open_axes if axis not in same]
    filled = [old[axis] if axis in same else size for axis, size in enumerate(new)]
    have = [size for axis, size in enumerate(old) if axis not in same]
    want = [-1 if axis in open_axes else size for axis, size in enumerate(filled) if axis not in same]
    if None in have or None in want:
        return tuple(None if size == -1 else size for size in filled)
    size = open_size(have, want) if len(open_axes) == 1 else None
    if size is None and (open_axes or math.prod(have) != math.prod(want)):
        raise ShapeError(f"reshape: x of shape {old} does not fit shape {new}: the sizes differ.")
    return tuple(size if axis in open_axes else entry for axis, entry in enumerate(filled))


@composite
def flatten(x: TensorLike) -> Tensor:
    """x with all axes but the first in one: (batch, ...) -> (batch, features)."""
    rest = x.shape[1:]
    return reshape(x, shape=(x.shape[0], None if None in rest else math.prod(rest)))


@op
def expand_dims(run, x: TensorLike, *, axis: int):
    """x with a new axis of size 1 at place `axis` of the result.

    Shapes: x (..., *rest) -> (..., 1, *rest)
    Raises: ShapeError for an axis that the result does not have.
    """
    axis = _new_axis("expand_dims", x, axis)
    return (reshaped(run, x, x.shape[:axis] + (1,) + x.shape[axis:]),
            lambda grad: reshape(grad, shape=x.shape))


@op
def squeeze(run, x: TensorLike, *, axis: PerAxis):
    """x without `axis` (an int or several), which must be of size 1.

    Raises: ShapeError for an axis of another size, or that x does not have.
    """
    axes = reduction.axes_of("squeeze", x, axis)
    wide = [entry for entry in axes if x.shape[entry] not in (1, None)]
    if wide:
        raise ShapeError(f"squeeze: axis {wide[0]} of x (shape {x.shape}) is not of size 1.")
    return (reshaped(run, x, reduction.reduced_shape(x, axes, keepdims=False)),
            lambda grad: reshape(grad, shape=x.shape))


def _new_axis(name, x, axis):
    """Place of a new axis, counted from the front."""
    if not -x.ndim - 1 <= axis <= x.ndim:
        raise ShapeError(f"{name}: axis {axis} is out of range for tensors of shape {x.shape}. "
                         f"Legal: {-x.ndim - 1} to {x.ndim}.")
    return axis % (x.ndim + 1)


# Copies of blocks

def strides_of(shape):
    """How many elements apart neighbours lie, for each axis of a contiguous array."""
    strides = [1]
    for size in reversed(shape[1:]):
        strides.append(strides[-1] * (size or 1))
    return tuple(reversed(strides))[-len(shape):] if shape else ()


def copy_of_block(run, x, block, x_strides, out, x_start=0, y_start=0, y_strides=None, dtype=None, into=None):
    """Inside an op: copy a block of x to a block of `out` (a shape: new memory, or a Tensor).

    block: sizes of the block. Starts and strides count elements; y_strides of a contiguous block by default.
    """
    if None in block:
        return run("copy_block", x, out=out, dtype=dtype)
    sizes, x_strides, y_strides = walk(tuple(block), tuple(x_strides), tuple(y_strides or strides_of(block)))
    return run("copy_block", viewed(x, -1), sizes, x_start, x_strides, y_start, y_strides,
               out=out, out_view=(-1,), dtype=dtype, into=into)


@op
def transpose(run, x: TensorLike, *, axes: Sequence[int] | None = None):
    """x with its axes in the order `axes`; reversed by default: y[i, j] = x[j, i].

    Raises: ShapeError unless `axes` names each axis of x once.
    """
    axes = range(x.ndim)[::-1] if axes is None else axes
    axes = tuple(axis + x.ndim if axis < 0 else axis for axis in map(operator.index, axes))
    if sorted(axes) != list(range(x.ndim)):
        raise ShapeError(f"transpose: axes {axes} do not name each axis of x (shape {x.shape}) once.")
    out = tuple(x.shape[axis] for axis in axes)
    strides = strides_of(x.shape)
    return (copy_of_block(run, x, out, [strides[axis] for axis in axes], out),
            lambda grad: transpose(grad, axes=tuple(np.argsort(axes).tolist())))


@op
def broadcast_to(run, x: TensorLike, *, shape: ShapeLike):
    """x, repeated along axes of size 1 and new axes in front, in `shape`; None stands for x's own size.

    Raises: ShapeError where another size of x would have to change.
    """
    new = len(shape) - x.ndim
    own = (1,) * new + tuple(x.shape)
    out = tuple(have if want is None else want for want, have in zip(shape, own)) if new >= 0 else ()
    if new < 0 or any(have not in (1, None, want) for want, have in zip(out, own)):
        raise ShapeError(f"broadcast_to: x of shape {x.shape} does not broadcast to {tuple(shape)}.")
    strides = [0 if have == 1 else stride for have, stride in zip(own, (0,) * new + strides_of(x.shape))]
    return (copy_of_block(run, x, out, strides, out),
            lambda grad: reduction.unbroadcast(grad, x))


@op
def tile(run, x: TensorLike, *, repeats: PerAxis):
    """x laid side by side, `repeats` times along each axis (an int: along the last).

    Shapes: x (a, b, ...), repeats (i, j, ...) -> (a i, b j, ...)
    Raises: ShapeError unless there is a number for each axis.
    """
    repeats = (1,) * (x.ndim - 1) + (repeats,) if isinstance(repeats, int | np.integer) else tuple(repeats)
    if len(repeats) != x.ndim:
        raise ShapeError(f"tile: repeats {repeats} for x of shape {x.shape}, expected {x.ndim} numbers.")
    return _repeated(run, x, repeats, place=0)


@op
def repeat(run, x: TensorLike, *, repeats: int, axis: int):
    """Each slice of x along `axis`, `repeats` times in a row.

    Shapes: x (..., n, *rest) -> (..., repeats n, *rest), n the size of `axis`
    Raises: ShapeError for an axis that x does not have.
    """
    axis = reduction.axis_of("repeat", x, axis)
    return _repeated(run, x, [repeats if entry == axis else 1 for entry in range(x.ndim)], place=1)


def _repeated(run, x, counts, place):
    """Output and VJP of `tile` (an axis of copies before each axis: place 0), `repeat` (behind it: 1)."""
    block, strides = [], []
    for count, size, stride in zip(counts, x.shape, strides_of(x.shape)):
        block += [size, count] if place else [count, size]
        strides += [stride, 0] if place else [0, stride]
    out = tuple(None if size is None else count * size for count, size in zip(counts, x.shape))
    return (copy_of_block(run, x, block, strides, out),
            lambda grad: reduction.sum(reshape(grad, shape=block), axis=tuple(range(place, 2 * x.ndim, 2))))


@op
def concatenate(run, *tensors: TensorLike, axis: int = -1):
    """The tensors one after the other along `axis`; each is written straight to its place.

    Raises: ShapeError when other sizes than that along `axis` differ; DtypeError for float32 with float64.
    """
    if not tensors:
        raise ArgumentError("concatenate: no tensors, expected one or more.")
    axis = reduction.axis_of("concatenate", tensors[0], axis)
    out = _joined([tensor.shape for tensor in tensors], axis)
    ends = np.cumsum([tensor.shape[axis] or 0 for tensor in tensors]).tolist()
    slices = [slice(end - (tensor.shape[axis] or 0), end) for tensor, end in zip(tensors, ends)]
    strides, dtype = strides_of(out), _common_dtype(tensors)
    y = out
    for tensor, part in zip(tensors, slices):
        y = copy_of_block(run, tensor, tensor.shape, strides_of(tensor.shape), y,
                  y_start=part.start * strides[axis], y_strides=strides, dtype=dtype)
    before = (slice(None),) * axis
    return y, *(lambda grad, part=part: block_of(grad, index=(*before, part)) for part in slices)


def _joined(shapes, axis):
    """Shape of the tensors of `shapes` one after the other along `axis`."""
    out = list(shapes[0])
    for shape in shapes[1:]:
        fits = len(shape) == len(out) and all(
            have == want or have is None or want is None or place == axis
            for place, (have, want) in enumerate(zip(shape, out)))
        if not fits:
            raise ShapeError(f"concatenate: shapes {shapes[0]} and {shape} differ beside axis {axis}.")
        out = [want if have is None else have for have, want in zip(shape, out)]
    sizes = [shape[axis] for shape in shapes]
    out[axis] = None if None in sizes else sum(sizes)
    return tuple(out)


def _common_dtype(tensors):
    dtypes = [tensor.dtype for tensor in tensors]
    return float_type(dtypes) if any(dtype.kind == "f" for dtype in dtypes) else np.result_type(*dtypes)


def stack(*tensors: TensorLike, axis: int = 0) -> Tensor:
    """The tensors, of one shape, one after the other along a new axis.

    Shapes: n tensors (..., *rest) -> (..., n, *rest), n at place `axis` of the result
    Raises: ShapeError when their shapes differ.
    """
    tensors = [as_tensor(tensor) for tensor in tensors]
    return concatenate(*[expand_dims(tensor, axis=axis) for tensor in tensors],
                       axis=_new_axis("stack", tensors[0], axis) if tensors else axis)


@op_of_parts
def split(run, x: TensorLike, *, parts: PerAxis, axis: int = -1):
    """Tuple of the parts of x along `axis`: `parts` equal ones, or parts of the sizes in the list `parts`.

    Raises: ShapeError when the parts do not add up to the axis, or when its size is not known.
    """
    axis = reduction.axis_of("split", x, axis)
    size = x.shape[axis]
    if size is None:
        raise ShapeError(f"split: the size of axis {axis} of x (shape {x.shape}) must be known.")
    sizes = list(parts) if isinstance(parts, list | tuple) else [size // max(1, parts)] * parts
    if sum(sizes) != size or min(sizes, default=0) < 0:
        raise ShapeError(f"split: axis {axis} of x (shape {x.shape}) cannot be cut into {parts} parts.")
    strides = strides_of(x.shape)
    starts = np.cumsum([0, *sizes])[:-1].tolist()
    outs = [x.shape[:axis] + (one,) + x.shape[axis + 1:] for one in sizes]
    return (tuple(copy_of_block(run, x, out, strides, out, x_start=start * strides[axis])
                  for start, out in zip(starts, outs)),
            lambda *grads: concatenate(*grads, axis=axis))


def unstack(x: TensorLike, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Tuple of the slices of x along `axis`, without that axis.

    Shapes: x (..., n, *rest) -> n tensors (..., *rest), n the size of `axis`, which must be known
    """
    x = as_tensor(x)
    axis = reduction.axis_of("unstack", x, axis)
    return tuple(squeeze(part, axis=axis) for part in split(x, parts=x.shape[axis], axis=axis))


# Indexing

def getitem(x: TensorLike, *, index: Any) -> Tensor:
    """x[index] as NumPy has it: ints, slices, None, `...`; an array of ints or truth values in front.

    Raises: OutOfRangeError for an index outside of its axis and for more indices than axes.
    """
    x = as_tensor(x)
    index = index if isinstance(index, tuple) else (index,)
    if index and isinstance(index[0], list | np.ndarray | Tensor):
        picked = as_tensor(index[0])
        x = _picked(x, picked if isinstance(index[0], Tensor) else _from_the_front(picked, x.shape[:1]))
        index = (slice(None),) * (1 if picked.dtype.kind == "b" else picked.ndim) + index[1:]
    return block_of(x, index=index)


def _from_the_front(rows, sizes):
    """Row numbers that are known now, negative ones counted from the front where the number of rows is known.

    Raises: OutOfRangeError, on every device.
    """
    if rows.dtype.kind == "b" or sizes in ((), (None,)):
        return rows
    numbers = rows.numpy()
    counted = Tensor(np.where(numbers < 0, numbers + sizes[0], numbers))
    embedding.check_range(counted, sizes[0], "index", "rows of x")
    return counted


@composite
def _picked(x, rows):
    """The slices of x along its first axis that `rows` numbers, from the end if negative, or holds true."""
    if rows.dtype.kind == "b":
        if isinstance(rows, SymbolicTensor):
            raise ArgumentError("x[mask]: the result's shape depends on the mask, which has no value yet. "
                                "Use K.switch or multiply by the mask.")
        if rows.ndim > x.ndim or any(have not in (None, want) for have, want in zip(x.shape, rows.shape)):
            raise ShapeError(f"x[mask]: the mask has shape {rows.shape}, x {x.shape}.")
        x, rows = reshape(x, shape=(-1, *x.shape[rows.ndim:])), Tensor(np.flatnonzero(rows.numpy()))
    elif x.ndim and x.shape[0] is not None:
        rows = elementwise.where(elementwise.less(rows, 0), elementwise.add(rows, x.shape[0]), rows)
    return embedding.gather(x, rows)


@op
def block_of(run, x, *, index):
    """x[index] for a tuple of ints, slices, None and one `...`."""
    block, start, strides, out = _parsed(x.shape, index)
    whole = block == tuple(x.shape) and strides == strides_of(x.shape)
    return (reshaped(run, x, out) if whole else copy_of_block(run, x, block, strides, out, x_start=start),
            lambda grad: placed(grad, shape=x.shape, index=index))


@op
def placed(run, x, *, shape, index, value=0.0):
    """An array y of `shape` with y[index] = x, and `value` everywhere else."""
    block, start, strides, _ = _parsed(shape, index)
    y = shape
    if block != shape:
        y = run("fill", x.dtype.type(value), out=shape, dtype=x.dtype, out_view=(-1,))
    return (copy_of_block(run, x, block, strides_of(block), y, y_start=start, y_strides=strides),
            lambda grad: block_of(grad, index=index))


def _parsed(shape, index):
    """The block of an array that `index` names: its sizes, first element, strides; and the result's shape."""
    given = sum(entry is not None and entry is not Ellipsis for entry in index)
    if given > len(shape):
        raise OutOfRangeError(f"{given} indices for a tensor of {len(shape)} axes (shape {shape}).")
    dots = [place for place, entry in enumerate(index) if entry is Ellipsis] or [len(index)]
    index = index[:dots[0]] + (slice(None),) * (len(shape) - given) + index[dots[0] + 1:]
    block, out, start, strides = [], [], 0, []
    axes = zip(shape, strides_of(shape))
    for entry in index:
        if entry is None:
            out.append(1)
            continue
        size, stride = next(axes)
        if isinstance(entry, slice):
            first, length, step = _sliced(entry, size)
            out.append(length)
        else:
            first, length, step = _at(entry, len(block), shape), 1, 1
        block.append(length)
        start += first * stride
        strides.append(step * stride)
    return tuple(block), start, tuple(strides), tuple(out)


def _sliced(entry, size):
    """First index, number of indices and step of a slice; an open size gives an open number."""
    first, stop, step = entry.indices(size or 0)
    length = len(range(first, stop, step))
    return (first if length else 0), (None if size is None else length), step


def _at(entry, axis, shape):
    """One index, counted from the front."""
    try:
        position = operator.index(entry)
    except TypeError:
        raise ArgumentError(f"index {entry!r} of axis {axis}: expected an int, a slice, None or `...` "
                            "(an array of indices may stand in the first place only).") from None
    size = shape[axis]
    if size is None:
        return 0
    if not -size <= position < size:
        raise OutOfRangeError(f"index {position} is out of range for axis {axis} of shape {tuple(shape)}.")
    return position % size


def flip(x: TensorLike, *, axes: PerAxis) -> Tensor:
    """x backwards along `axes` (an int or several)."""
    x = as_tensor(x)
    axes = reduction.axes_of("flip", x, axes)
    return block_of(x, index=tuple(slice(None, None, -1 if axis in axes else 1) for axis in range(x.ndim)))


@composite
def pad(x: TensorLike, *, padding: Sequence[Sequence[int]], value: float = 0.0, mode: str = "constant") -> Tensor:
    """x with `value` around it; padding: (before, after) for each axis.

    Shapes: x (n, ...), padding ((before, after), ...) -> (before + n + after, ...)
    Raises: ShapeError unless there is a pair for each axis, of numbers that are not negative.
    """
    if mode != "constant":
        raise unknown("padding mode", mode, ["constant"])
    padding = [tuple(pair) for pair in padding]
    if len(padding) != x.ndim or any(len(pair) != 2 or min(pair) < 0 for pair in padding):
        raise ShapeError(f"pad: padding {padding} for x of shape {x.shape}, expected {x.ndim} pairs "
                         "(before, after) of numbers that are not negative.")
    shape = tuple(None if size is None else before + size + after
                  for size, (before, after) in zip(x.shape, padding))
    index = tuple(slice(before, -after or None) for before, after in padding)
    return placed(x, shape=shape, index=index, value=value)
