"""Python's operators on tensors: `Tensor` receives them here, once. `==` stays identity, as in Keras.

There are no in-place operators: Python reads `x -= y` as `x = x - y`, so no value changes under a tape.
"""

from ..autograd.tensor import Tensor, Variable
from . import elementwise, linear, shape
from ._op import copy_into, fill_array, local

BINARY = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.divide,
    "floordiv": elementwise.floor_divide,
    "mod": elementwise.mod,
    "pow": elementwise.power,
    "matmul": linear.matmul,
}
COMPARISON = {
    "lt": elementwise.less,
    "le": elementwise.less_equal,
    "gt": elementwise.greater,
    "ge": elementwise.greater_equal,
}
UNARY = {
    "neg": elementwise.negative,
    "abs": elementwise.abs,
}


def _method(op):
    return lambda self, *other: op(self, *other)


def _reflected(op):
    return lambda self, other: op(other, self)


def _getitem(self, index):
    return shape.getitem(self, index=index)


def _iter(self):
    if not self.shape or self.shape[0] is None:
        raise TypeError(f"{self!r} has no known length to loop over. Take parts of it by index, as in x[:, 0].")
    return (self[i] for i in range(self.shape[0]))


def _receive(self, other):
    """Copy the value of another tensor into the memory of this one, by a launch; a variable follows to the device."""
    copy_into(local(self) if isinstance(self, Variable) else self.data, other)


def _fill(self, value):
    """Write a number to each element of the memory, by a launch."""
    fill_array(self.data, value)


for _name, _op in (BINARY | COMPARISON | UNARY).items():
    setattr(Tensor, f"__{_name}__", _method(_op))
for _name, _op in BINARY.items():
    setattr(Tensor, f"__r{_name}__", _reflected(_op))
Tensor.__pos__ = lambda self: self
Tensor.__getitem__ = _getitem
Tensor.__iter__ = _iter
Tensor._receive, Tensor._fill = _receive, _fill
Tensor.T = property(shape.transpose)
