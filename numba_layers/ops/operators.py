"""Python's operators on tensors: `Tensor` receives them here, once. `==` stays identity, as in Keras.

There are no in-place operators: `x -= y` is `x = x - y`, so a tensor's value never changes under a tape.
"""

from ..autograd.tensor import Tensor
from . import elementwise


def _reflected(op):
    """The method for `other op tensor`."""
    return lambda self, other: op(other, self)


_ARITHMETIC = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.divide,
}

for _name, _op in _ARITHMETIC.items():
    setattr(Tensor, f"__{_name}__", _op)
    setattr(Tensor, f"__r{_name}__", _reflected(_op))

Tensor.__neg__ = elementwise.negative
