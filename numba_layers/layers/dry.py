"""Models read from files are built dry: their weights are counted against the file and hold zeros until it fills them.

Zeros of a fresh array take no memory before they are written to, nothing is drawn from the random generators, and a
description of 10^9 units ends before anything was allocated for it.
"""

import math
from contextvars import ContextVar

import numpy as np

from ..errors import DataError

FEW = 1 << 18       # weights that a layer of the user's own may have beside those in the file
_under_way = ContextVar("dry build under way", default=None)


class DryBuild:
    """Inside, weights that layers make are zeros; `draw_others` then fills those that the file did not.

    numbers: how many the file `shown` holds in all; layers may ask for as many, and a few.
    """

    def __init__(self, numbers, shown):
        self._left = numbers + FEW
        self._numbers, self._shown = numbers, shown
        self._drawn_later = []

    def __enter__(self):
        self._token = _under_way.set(self)
        return self

    def __exit__(self, *exception):
        _under_way.reset(self._token)

    def zeros(self, name, shape, dtype):
        """What stands in for the weight `name`. Raises: DataError where the file holds no numbers for it."""
        self._left -= math.prod(shape)
        if self._left < 0:
            raise DataError(f"its architecture has a weight {name!r} of shape {tuple(shape)}, but {self._shown} holds "
                            f"no more than {self._numbers:,} numbers in all. It is damaged, or made to take memory.")
        return np.zeros(shape, dtype)

    def later(self, weight, draw):
        """`draw` gives the first value of `weight` should the file have none."""
        self._drawn_later.append((weight, draw))

    def draw_others(self, filled):
        """Draw the weights that are not among those `filled`."""
        known = set(map(id, filled))
        for weight, draw in self._drawn_later:
            if id(weight) not in known:
                weight.data[...] = draw()


def dry_build():
    """The DryBuild under way, or None."""
    return _under_way.get()
