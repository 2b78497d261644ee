"""Settings of the process as K functions, and the phase, training or testing, that a graph runs in."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from .. import config
from ..autograd.context import deferring
from ..autograd.graph import LEARNING_PHASE
from ..autograd.tensor import Tensor
from ..config import floatx
from ..naming import reset_uids
from ..phase import learning
from .random import forget_streams

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from ..typing import TensorLike


def backend() -> str:
    """'numba'."""
    return "numba"


def cast_to_floatx(x: TensorLike) -> NDArray[Any]:
    """`x` (an array or tensor) as an array of type `floatx()`."""
    return np.asarray(x.data if isinstance(x, Tensor) else x, dtype=floatx())


def normalize_data_format(value: Any) -> str:
    """`value` checked, with None replaced by `image_data_format()`; 'th' and 'tf' are understood."""
    return config.standardize_data_format(value)


def learning_phase() -> Any:
    """The phase as a tensor to feed, 0 testing or 1 training; an int where the phase is known already.

    It is known while a graph is evaluated, and after `set_learning_phase`.
    """
    fixed = config.learning_phase()
    if fixed is not None:
        return fixed
    return LEARNING_PHASE if deferring() else learning.phase or 0


def set_learning_phase(value: Any) -> None:
    """Fix the phase of everything that runs from now on: 0 testing, 1 training."""
    config.set_learning_phase(value)


def clear_session() -> None:
    """Start afresh: names count from 1, no phase is fixed, streams of random numbers begin again."""
    reset_uids()
    config.set_learning_phase(None)
    forget_streams()


def manual_variable_initialization(value: Any) -> None:
    """Nothing: variables always have their initial value here. Kept for scripts that call it."""


def name_scope(name: str | None) -> Any:
    """A context that changes nothing: names of variables are their own here. Kept for optimizers of one's own."""
    return nullcontext()
