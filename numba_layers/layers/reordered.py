"""Weights whose axes users see in another order than kernels do: Keras 1's convolutions."""

from .. import ops
from ..autograd.graph import Step, SymbolicTensor
from ..autograd.tensor import Variable, in_order
from ..ops._op import copy_into


class ReorderedVariable(SymbolicTensor, Variable):
    """The weight `stored` with its axes in `order`, None in it for a new axis of size 1.

    It is an expression of `stored`, so that ops, K functions and gradients see it in that order. `data` is the memory
    of `stored` as kernels see it, `value` the same memory as users do.
    """

    data = property(lambda self: self.stored.data, lambda self, data: setattr(self.stored, "data", data))
    value = property(lambda self: in_order(self.stored.data, self.order))

    def __init__(self, stored, order):
        self.mask, self.name = None, stored.name
        self.constraint, self.trainable = stored.constraint, stored.trainable
        self.stored, self.order = stored, order
        self._shape, self._dtype = self.value.shape, stored.dtype
        self.step = Step(self.as_seen, (stored,), {}, [self])

    def as_seen(self, tensor):
        """`tensor`, with the axes of `stored`, in users' order."""
        return reordered(tensor, self.order)

    def like(self, variable):
        return ReorderedVariable(variable, self.order)

    def assign(self, value):
        copy_into(self.value, value)

    def numpy(self):
        """The array as users see it, so that writing to it changes the weight; of another device's memory a copy."""
        return in_order(self.stored.numpy(), self.order)

    def __array__(self, dtype=None, copy=None):
        return self.numpy().astype(dtype or self.dtype, copy=bool(copy))

    __repr__ = Variable.__repr__


def reordered(tensor, order):
    """`tensor` with its axes in `order`, None in it for a new axis of size 1."""
    moved = ops.transpose(tensor, axes=[axis for axis in order if axis is not None])
    if None not in order:
        return moved
    return ops.reshape(moved, shape=[1 if axis is None else tensor.shape[axis] for axis in order])
