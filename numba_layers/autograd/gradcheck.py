"""Are an op's gradients right? Finite differences along random directions say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import NumbaLayersError
from .tape import Tape
from .tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..typing import ArrayLike


class GradientError(NumbaLayersError, AssertionError):
    """A gradient disagrees with finite differences."""


def gradcheck(function: Callable[..., Any], inputs: Sequence[ArrayLike], step: float = 1e-6, tolerance: float = 1e-6,
              directions: int = 2, seed: int = 0) -> bool:
    """Compare `function`'s gradients with central differences: g·d against (f(x + hd) - f(x - hd)) / 2h.

    function: takes Tensors, returns one Tensor or several. inputs: float64 arrays, away from kinks.
    step: h, for directions d of length 1. tolerance: of the difference, relative to the larger of 1 and either side.
    Raises: GradientError naming the input, both numbers and their difference. Returns True otherwise.
    Reference: Griewank & Walther 2008, §1 (directional derivatives).
    """
    random = np.random.RandomState(seed)
    points = [np.array(array, dtype=np.float64) for array in inputs]

    def weighted(arrays, weights=None):
        with Tape() as tape:
            tensors = [Tensor(array) for array in arrays]
            outputs = function(*tensors)
            outputs = list(outputs) if isinstance(outputs, tuple | list) else [outputs]
            if weights is None:
                return [random.standard_normal(output.shape) for output in outputs]
            value = sum(float(np.sum(weight * output.numpy())) for weight, output in zip(weights, outputs))
        return value, tape, tensors, outputs

    weights = weighted(points)
    _, tape, tensors, outputs = weighted(points, weights)
    gradients = [np.zeros_like(array) for array in points]
    for output, weight in zip(outputs, weights):
        for position, grad in enumerate(tape.gradient(output, tensors, output_gradient=weight)):
            if grad is None:
                continue
            if grad.shape != points[position].shape:
                raise GradientError(f"input {position}: the gradient has shape {grad.shape}, "
                                    f"the input {points[position].shape}.")
            gradients[position] += grad.numpy()
    for position, gradient in enumerate(gradients):
        for _ in range(directions):
            direction = random.standard_normal(points[position].shape)
            direction /= max(float(np.linalg.norm(direction)), 1e-30)
            sides = []
            for sign in (1, -1):
                moved = list(points)
                moved[position] = points[position] + sign * step * direction
                sides.append(weighted(moved, weights)[0])
            numeric = (sides[0] - sides[1]) / (2 * step)
            claimed = float(np.sum(gradient * direction))
            difference = abs(numeric - claimed)
            if not difference <= tolerance * max(1, abs(numeric), abs(claimed)):
                raise GradientError(f"input {position}: the gradient says {claimed:.10g} along a random direction, "
                                    f"finite differences {numeric:.10g}: they differ by {difference:.3g}.")
    return True
