"""Updates: pairs (variable, new value) that `K.function` carries out after its outputs are computed."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

from .. import devices
from ..ops._op import copied

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..autograd.tensor import Tensor, Variable
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


def carry_out(variables: Sequence[Variable], values: Sequence[Tensor]) -> None:
    """Give each variable its new value; all were computed from the old ones, and some may be another's own memory."""
    memories = {devices.memory(variable.data) for variable in variables}
    values = [copied(value) if devices.memory(value.data) in memories else value for value in values]
    for variable, value in zip(variables, values):
        variable.assign(value)
