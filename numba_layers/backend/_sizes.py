"""Shapes given by the user, some of whose sizes may be tensors that only have a value when a graph runs."""

import numpy as np

from ..autograd.graph import Step, SymbolicTensor, defer, is_symbolic
from ..autograd.tensor import Tensor
from ..errors import ArgumentError
from ..ops import getitem


class ShapeTensor(SymbolicTensor):
    """The shape of a symbolic tensor, an integer tensor: sizes that are known answer at once, as numbers."""

    def __init__(self, sizes, step):
        super().__init__((len(sizes),), "int64", step)
        self.sizes = sizes
        step.outputs.append(self)

    def __getitem__(self, index):
        part = self.sizes[index]
        if isinstance(part, int):
            return part
        if isinstance(part, tuple):
            return shape_tensor(part, getitem, (self,), index=index)
        return getitem(self, index=index)


def shape_tensor(sizes, function, arguments, **options):
    """`sizes` (None where open) as a tensor; `function(*arguments, **options)` will know them all."""
    if None not in sizes:
        return Tensor(np.array(sizes, np.int64))
    return ShapeTensor(sizes, Step(function, arguments, options, []))


def known(shape):
    """`shape` as a tuple of ints, with None where a size is not known yet.

    shape: a tuple or list of ints and tensors, or a tensor such as `K.shape(x)`.
    """
    if isinstance(shape, ShapeTensor):
        return shape.sizes
    if isinstance(shape, SymbolicTensor):
        return (None,) * shape.shape[0]
    return tuple(None if size is None or is_symbolic(size) else int(size) for size in _entries(shape))


def is_open(shape):
    """True when a graph must run before all of `shape` is known."""
    return is_symbolic(shape) or any(is_symbolic(size) for size in _entries(shape))


def ints(shape):
    """`shape`, whose tensors all have values, as a tuple of ints.

    Raises: ArgumentError for None, which names no size.
    """
    if any(size is None for size in _entries(shape)):
        raise ArgumentError(f"shape {tuple(shape)} has an open size. Write K.shape(x)[axis] for a size that "
                            "is known when the graph runs.")
    return tuple(int(size) for size in _entries(shape))


def _entries(shape):
    if isinstance(shape, Tensor):
        return np.asarray(shape).ravel()
    return [shape] if isinstance(shape, int | np.integer) else shape


def sized(function, x, shape, template):
    """`function(x, shape)`, called at once where `shape` is known, else when the graph runs.

    The result, as far as it is known, looks like the shape `template`.
    """
    if not is_open(shape):
        return function(x, ints(shape))
    return defer(lambda x, shape: function(x, ints(shape)), (x, shape), {}, SymbolicTensor(template, x.dtype))
