"""Keras 1's initializers: functions `f(shape, name=None, dim_ordering='th', dtype=None)` giving variables.

After `np.random.seed` they hold Keras 1's numbers exactly. Normal distributions are not cut off, `orthogonal`
is scaled by 1.1, and fans are counted as Keras 1 counts them; in all else `initializers` does the same.

dim_ordering: the order of a convolution's axes in `shape`: 'th' (out, in, rows, columns) or 'tf' (rows,
columns, in, out). name: of the variable.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

from . import config, initializers
from ._identify import Catalogue
from .autograd.tensor import Variable
from .errors import ShapeError, unknown
from .initializers import flat_orthogonal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .typing import DtypeLike, Identifier


def get_fans(shape: Sequence[int], dim_ordering: str = "th") -> tuple[Any, Any]:
    """(fan in, fan out) by Keras 1's count, which for 'tf' takes the first two axes alone as the window."""
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) in (4, 5):
        if dim_ordering == "th":
            window = math.prod(shape[2:])
            return shape[1] * window, shape[0] * window
        if dim_ordering == "tf":
            window = math.prod(shape[:2])
            return shape[-2] * window, shape[-1] * window
        raise unknown("dim_ordering", dim_ordering, ("th", "tf"))
    return math.sqrt(math.prod(shape)), math.sqrt(math.prod(shape))


def _variable(values: Any, name: str | None, dtype: DtypeLike | None) -> Variable:
    return Variable(np.array(values, dtype or config.floatx()), name=name)


def uniform(shape: Sequence[int], scale: float = 0.05, name: str | None = None, dim_ordering: str = "th",
            dtype: DtypeLike | None = None) -> Variable:
    """Uniform in ±scale."""
    return _variable(np.random.uniform(-scale, scale, shape), name, dtype)


def normal(shape: Sequence[int], scale: float = 0.05, name: str | None = None, dim_ordering: str = "th",
           dtype: DtypeLike | None = None) -> Variable:
    """Normal of standard deviation `scale`."""
    return _variable(np.random.normal(0.0, scale, shape), name, dtype)


def lecun_uniform(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th",
                  dtype: DtypeLike | None = None) -> Variable:
    """Uniform in ±√(3 / fan_in). Reference: LeCun et al. 1998, "Efficient BackProp", §4.6."""
    fan_in, _ = get_fans(shape, dim_ordering)
    return uniform(shape, math.sqrt(3 / fan_in), name=name, dtype=dtype)


def glorot_normal(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th",
                  dtype: DtypeLike | None = None) -> Variable:
    """Normal of variance 2 / (fan_in + fan_out). Reference: Glorot & Bengio 2010, eq. 12."""
    return normal(shape, math.sqrt(2 / sum(get_fans(shape, dim_ordering))), name=name, dtype=dtype)


def glorot_uniform(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th",
                   dtype: DtypeLike | None = None) -> Variable:
    """Uniform in ±√(6 / (fan_in + fan_out)). Reference: Glorot & Bengio 2010, eq. 16."""
    return uniform(shape, math.sqrt(6 / sum(get_fans(shape, dim_ordering))), name=name, dtype=dtype)


def he_normal(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th",
              dtype: DtypeLike | None = None) -> Variable:
    """Normal of variance 2 / fan_in. Reference: He et al. 2015, "Delving Deep into Rectifiers", eq. 10."""
    fan_in, _ = get_fans(shape, dim_ordering)
    return normal(shape, math.sqrt(2 / fan_in), name=name, dtype=dtype)


def he_uniform(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th",
               dtype: DtypeLike | None = None) -> Variable:
    """Uniform in ±√(6 / fan_in). Reference: He et al. 2015, "Delving Deep into Rectifiers", §2.2."""
    fan_in, _ = get_fans(shape, dim_ordering)
    return uniform(shape, math.sqrt(6 / fan_in), name=name, dtype=dtype)


def orthogonal(shape: Sequence[int], scale: float = 1.1, name: str | None = None, dim_ordering: str = "th",
               dtype: DtypeLike | None = None) -> Variable:
    """`scale` times an orthogonal matrix; all axes but the first count as columns."""
    if len(shape) < 2:
        raise ShapeError(f"orthogonal: expected a shape of two axes or more, got {tuple(shape)}.")
    flat = flat_orthogonal(np.random, shape[0], math.prod(shape[1:]))
    return _variable(scale * flat.reshape(shape), name, dtype)


def identity(shape: Sequence[int], scale: float = 1.0, name: str | None = None, dim_ordering: str = "th",
             dtype: DtypeLike | None = None) -> Variable:
    """`scale` times the identity matrix, for square weights."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(f"identity: expected a square (n, n), got {tuple(shape)}.")
    return _variable(scale * np.eye(shape[0]), name, dtype)


def zero(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th",
         dtype: DtypeLike | None = None) -> Variable:
    """0"""
    return _variable(np.zeros(shape), name, dtype)


def one(shape: Sequence[int], name: str | None = None, dim_ordering: str = "th",
        dtype: DtypeLike | None = None) -> Variable:
    """1"""
    return _variable(np.ones(shape), name, dtype)


_FUNCTIONS = (uniform, normal, lecun_uniform, glorot_normal, glorot_uniform, he_normal, he_uniform,
              orthogonal, identity, zero, one)
_catalogue = Catalogue("initialization", {function.__name__: function for function in _FUNCTIONS})


def get(identifier: Identifier, **kwargs: Any) -> Callable[..., Any]:
    """Keras 1's function of that name, else what `initializers.get` finds; `kwargs`: fixed arguments of it.

    Raises: UnknownNameError with the nearest name.
    """
    known = isinstance(identifier, str) and identifier in _catalogue.things
    function = _catalogue.get(identifier) if known else initializers.get(identifier)
    return functools.wraps(function)(functools.partial(function, **kwargs)) if known and kwargs else function
