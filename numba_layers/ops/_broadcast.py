"""How tensors of different shapes meet element by element: the result's shape and the kernels' way there."""

import functools

from ..errors import ShapeError

RANK = 5   # axes a kernel walks, once neighbours that all operands cross evenly are merged
PANEL = 16384   # elements, about, of a panel (the last two axes), which one thread computes


def broadcast(name, *tensors):
    """Shape of the result, then what the kernel takes: the sizes it walks and the strides of each tensor.

    Sizes and strides are tuples of RANK numbers, strides in elements, 0 where a tensor repeats. They are None
    where a size is unknown: nothing is launched.
    Raises: ShapeError, in the name of op `name`.
    """
    return _plan(name, tuple(tuple(tensor.shape) for tensor in tensors))


def broadcast_shape(name, *shapes):
    """The common shape by NumPy's rule: aligned at the last axis, size 1 repeats. None stays where it must.

    Raises: ShapeError naming the first axis on which two sizes differ and neither is 1.
    """
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    result = []
    for axis, sizes in enumerate(zip(*padded)):
        wide = set(sizes) - {1}
        known = wide - {None}
        if len(known) > 1:
            raise ShapeError(f"{name}: shapes {_listed(shapes)} do not broadcast: axis {axis - rank} has "
                             f"sizes {_listed(sizes)}, expected equal ones, or 1.")
        result.append(known.pop() if known else None if wide else 1)
    return tuple(result)


@functools.lru_cache(4096)
def _plan(name, shapes):
    shape = broadcast_shape(name, *shapes)
    if any(None in given for given in shapes):
        return shape, None, *(None for _ in shapes)
    axes = _merged(zip(shape, *(_strides(given, len(shape)) for given in shapes)))
    if len(axes) > RANK:
        raise ShapeError(f"{name}: shapes {_listed(shapes)} repeat along {len(axes)} separate axes, at most "
                         f"{RANK} are possible. Bring axes that repeat together next to each other.")
    if len(axes) == 1:
        axes = _cut(PANEL, *axes[0])
    if len(axes) == 2:
        axes[:1] = _cut(max(1, PANEL // max(1, axes[1][0])), *axes[0])
    padding = [(1,) + (0,) * len(shapes)] * (RANK - len(axes))
    return shape, *zip(*padding, *axes)


def _strides(given, rank):
    """Strides, in elements, of a contiguous array of shape `given` seen with `rank` axes; 0: it repeats."""
    strides, step = [], 1
    for size in reversed(given):
        strides.append(0 if size == 1 else step)
        step *= size
    return [0] * (rank - len(given)) + strides[::-1]


def _merged(axes):
    """Axes (size, stride, stride, ...) without those of size 1; neighbours joined where strides allow it."""
    merged = []
    for size, *strides in axes:
        if size == 1:
            continue
        if merged and all(outer == size * inner for outer, inner in zip(merged[-1][1:], strides)):
            size *= merged.pop()[0]
        merged.append((size, *strides))
    return merged


def _cut(length, size, *strides):
    """The first axis as two, the last of them of `length`: a kernel stops at the end of its output."""
    length = min(size, length)
    parts = -(-size // length) if length else 0
    return [(parts, *(length * stride for stride in strides)), (length, *strides)]


def _listed(items):
    return " and ".join(map(str, items))
