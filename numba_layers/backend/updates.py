"""Updates: pairs (variable, new value) that `K.function` carries out after its outputs are computed."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from ..autograd.tensor import Variable
    from ..typing import TensorLike

Update = namedtuple("Update", "variable value")


def update(x: Variable, new_x: TensorLike) -> Any:
    """x <- new_x"""
    return Update(x, new_x)


def update_add(x: Variable, increment: TensorLike) -> Any:
    """x <- x + increment"""
    return Update(x, x + increment)


def update_sub(x: Variable, decrement: TensorLike) -> Any:
    """x <- x - decrement"""
    return Update(x, x - decrement)


def moving_average_update(x: Variable, value: TensorLike, momentum: float) -> Any:
    """x <- momentum x + (1 - momentum) value"""
    return Update(x, x * momentum + value * (1.0 - momentum))
