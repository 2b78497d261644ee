"""How tensors of different shapes meet element by element: the shape of the result and how kernels walk the operands."""

import functools

from ..errors import ShapeError

RANK = 6   # axes a kernel walks, after axes that all operands cross the same way are merged


def broadcast(name, *tensors):
    """Shape of the result, then what the kernel takes: the walked sizes, and the strides of each tensor.

    With an unknown axis (None) the walk is None: nothing is launched.
    Raises: ShapeError, in the name of op `name`.
    """
    shapes = tuple(tuple(tensor.shape) for tensor in tensors)
    return _plan(name, shapes)


def broadcast_shape(name, *shapes):
    """The common shape by NumPy's rule: aligned at the last axis, a size of 1 repeats. None stays where it must.

    Raises: ShapeError naming the first axis on which two sizes differ and neither is 1.
    """
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    result = []
    for axis, sizes in enumerate(zip(*padded)):
        wide = {size for size in sizes if size != 1}
        known = wide - {None}
        if len(known) > 1:
            raise ShapeError(f"{name}: shapes {' and '.join(map(str, shapes))} do not broadcast: axis {axis - rank} "
                             f"has sizes {', '.join(map(str, sizes))}. Sizes must be equal, or 1.")
        result.append(known.pop() if known else (None if wide else 1))
    return tuple(result)


@functools.lru_cache(4096)
def _plan(name, shapes):
    shape = broadcast_shape(name, *shapes)
    if any(None in given for given in shapes):
        return (shape,) + (None,) * (1 + len(shapes))
    axes = _merged([_axis for _axis in zip(shape, *(_strides(given, shape) for given in shapes)) if _axis[0] != 1])
    if len(axes) > RANK:
        raise ShapeError(f"{name}: shapes {' and '.join(map(str, shapes))} repeat along {len(axes)} separate axes; "
                         f"at most {RANK} are possible. Bring axes that repeat together next to each other.")
    padding = [(1,) + (0,) * len(shapes)] * (RANK - len(axes))
    return (shape, *zip(*padding, *axes))


def _strides(given, shape):
    """Strides, in elements, with which a contiguous array of shape `given` is walked as one of `shape`; 0 repeats."""
    strides, step = [], 1
    for size in reversed(given):
        strides.append(0 if size == 1 else step)
        step *= size
    return [0] * (len(shape) - len(given)) + strides[::-1]


def _merged(axes):
    """Axes (size, stride, stride, ...) with neighbours joined where every operand steps evenly through both."""
    merged = []
    for size, *strides in axes:
        if merged and all(outer == size * inner for outer, inner in zip(merged[-1][1:], strides)):
            size *= merged.pop()[0]
        merged.append((size, *strides))
    return merged
