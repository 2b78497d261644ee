"""Are an op's gradients right? Finite differences along random directions say so."""

import numpy as np

from ..errors import NumbaLayersError
from .tape import Tape
from .tensor import Tensor


class GradientError(NumbaLayersError, AssertionError):
    """A gradient disagrees with finite differences."""


def gradcheck(function, inputs, step=1e-6, tolerance=1e-6, directions=2, seed=0):
    """Compare `function`'s gradients with central differences: g·d against (f(x + hd) - f(x - hd)) / 2h.

    function: takes Tensors, returns one Tensor or several. inputs: float64 arrays, away from kinks.
    step: h, for directions d of length 1. tolerance: of the difference, relative to the larger of 1 and either side.
    Raises: GradientError naming the input, both numbers and their difference. Returns True otherwise.
    Reference: Griewank & Walther 2008, §1 (directional derivatives).
    """
    random = np.random.RandomState(seed)
    inputs = [np.array(array, dtype=np.float64) for array in inputs]

    def weighted(arrays, weights=None):
        with Tape() as tape:
            tensors = [Tensor(array) for array in arrays]
            outputs = function(*tensors)
            outputs = list(outputs) if isinstance(outputs, tuple | list) else [outputs]
            if weights is None:
                return [random.standard_normal(output.shape) for output in outputs]
            value = sum(float(np.sum(weight * output.numpy())) for weight, output in zip(weights, outputs))
        return value, tape, tensors, outputs

    weights = weighted(inputs)
    _, tape, tensors, outputs = weighted(inputs, weights)
    gradients = [np.zeros_like(array) for array in inputs]
    for output, weight in zip(outputs, weights):
        for position, grad in enumerate(tape.gradient(output, tensors, output_gradient=weight)):
            if grad is None:
                continue
            if grad.shape != inputs[position].shape:
                raise GradientError(f"input {position}: the gradient has shape {grad.shape}, "
                                    f"the input {inputs[position].shape}.")
            gradients[position] += grad.numpy()
    for position, gradient in enumerate(gradients):
        for _ in range(directions):
            direction = random.standard_normal(inputs[position].shape)
            direction /= max(np.linalg.norm(direction), 1e-30)
            sides = []
            for sign in (1, -1):
                moved = list(inputs)
                moved[position] = inputs[position] + sign * step * direction
                sides.append(weighted(moved, weights)[0])
            numeric = (sides[0] - sides[1]) / (2 * step)
            claimed = float(np.sum(gradient * direction))
            difference = abs(numeric - claimed)
            if not difference <= tolerance * max(1, abs(numeric), abs(claimed)):
                raise GradientError(f"input {position}: the gradient says {claimed:.10g} along a random direction, "
                                    f"finite differences {numeric:.10g}: they differ by {difference:.3g}.")
    return True
