"""How the kernel `copy_block` walks a block of memory."""

import functools
import math

from ..errors import ShapeError

COPIED_AXES = 8   # that the kernel walks


@functools.lru_cache(4096)
def walk(block, x_strides, y_strides):
    """(sizes, strides of x, strides of y) of a block with as few axes as possible, in the order that suits the kernel.

    There are COPIED_AXES of each; strides count elements. y is walked in its memory's order, but the axis along which x
    is contiguous comes last or second to last: those two are walked in tiles.
    """
    axes = [axis for axis in zip(block, x_strides, y_strides) if axis[0] != 1]
    axes.sort(key=lambda axis: -abs(axis[2]))
    merged = axes[:1]
    for size, x_stride, y_stride in axes[1:]:
        outer_size, outer_x, outer_y = merged[-1]
        if outer_x == size * x_stride and outer_y == size * y_stride:
            merged[-1] = outer_size * size, x_stride, y_stride
        else:
            merged.append((size, x_stride, y_stride))
    if len(merged) > COPIED_AXES:
        raise ShapeError(f"{len(merged)} axes of shape {block} to rearrange, at most {COPIED_AXES} are possible.")
    nearest = min(range(len(merged)), key=lambda axis: abs(merged[axis][1]) or math.inf, default=0)
    if nearest < len(merged) - 2:
        merged.insert(-1, merged.pop(nearest))
    merged = [(1, 0, 0)] * (COPIED_AXES - len(merged)) + merged
    return tuple(zip(*merged))
