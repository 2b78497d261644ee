"""The numbers of a step, such as rates and corrections: by one launch, from hyperparameters and the count of steps."""

from collections import namedtuple

import numpy as np

from .. import devices
from ..ops._op import fill_array, launch, local

# How a built-in optimizer gets its numbers: kernel `<optimizer>_rates` takes `arrays` (names of the hyperparameters
# that may change while training), `numbers` (names of the others), `memory` float64 numbers of its own that hold from
# step to step, the count of steps, and writes `rates` numbers.
Rule = namedtuple("Rule", "kernel arrays numbers rates memory", defaults=[0])


class Rates:
    """The `numbers` of the steps that an optimizer makes for one model, an array that the update's kernel reads.

    by_launch: whether one launch computes them. Where a user's own `update(step)` does, Python writes them.
    """

    def __init__(self, optimizer, dtype):
        self._optimizer = optimizer
        self.by_launch = optimizer.counts_by_launch
        count = optimizer.rule.rates if self.by_launch else len(optimizer.update(1)[1])
        self.numbers = zeros((count,), dtype)
        self._memory = memory_of(optimizer) if self.by_launch else []
        if self.by_launch:
            self._variables = [getattr(optimizer, name) for name in optimizer.rule.arrays]
            self._arrays = [None] * len(self._variables)    # of the variables, where they lay at the last step

    @property
    def arrays(self):
        """The arrays that hold from step to step."""
        return [self.numbers, *self._memory]

    def count(self, iterations):
        """Count a step in `iterations`, an int64 array (), write its numbers, and answer the kernel that takes them."""
        optimizer = self._optimizer
        if self.by_launch:
            moved = any(variable.data is not array for variable, array in zip(self._variables, self._arrays))
            if moved or devices.current().recording:    # they are not here yet, or it is to see them
                self._arrays = list(map(local, self._variables))
            launch_rates(optimizer, self._arrays, self._memory, iterations, self.numbers)
            return optimizer.kernel()
        if devices.current().recording:
            devices.current().refuse(f"{type(optimizer).__name__}.update(step), or rate(step), is Python that runs "
                                     "before each step")
        step = int(iterations) + 1
        kernel, self.numbers[...] = optimizer.update(step)
        iterations[...] = step
        return kernel


def memory_of(optimizer):
    """What the optimizer's kernel of rates keeps from step to step, as a list of arrays; at first it knows nothing."""
    return [zeros((optimizer.rule.memory,), np.float64)] if optimizer.rule.memory else []


def launch_rates(optimizer, arrays, memory, iterations, numbers):
    """Count a step in `iterations` and write its numbers to the array `numbers`; `arrays`: of the hyperparameters."""
    fixed = [float(getattr(optimizer, name)) for name in optimizer.rule.numbers]
    launch(optimizer.rule.kernel, *arrays, *fixed, *memory, iterations, numbers)


def zeros(shape, dtype):
    """An array of zeros on the current device."""
    array = devices.empty(shape, dtype)
    fill_array(array, 0)
    return array
