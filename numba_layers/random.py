"""Where random numbers come from: streams of keys, each of which stands for a whole array of random bits."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

from . import devices
from .ops import random as ops

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Stream:
    """Hands out keys (seed, stream, step), of a new step each time: the same masks and noise for a seed.

    seed: an int; None draws one from NumPy's global state, so `np.random.seed(1)` in a script repeats it.
    stream: tells apart those who share a seed.
    """

    def __init__(self, seed: int | None = None, stream: int = 0) -> None:
        if seed is None:
            seed = int(np.random.randint(2**63 - 1, dtype=np.int64))
        seed = operator.index(seed)
        self.data = np.array([seed % 2**64, stream % 2**64, 0], np.uint64)

    def next_key(self) -> Any:
        """The key of this step, an array of the current device, by one launch; the step after it is the next.

        Shapes: (3,), uint64
        """
        device = devices.current()
        if not isinstance(self.data, device.array):
            self.data = device.put(self.data)
        if device.recording:
            device.seen(self)
        return ops.next_key(self.data)

    @property
    def state(self) -> tuple[int, ...]:
        """(seed, stream, step) as ints; set it to go on from there."""
        return tuple(np.asarray(self.data).tolist())

    @state.setter
    def state(self, state: Sequence[int]) -> None:
        self.data[:] = state

    def __repr__(self) -> str:
        return "Stream(seed={}, stream={}, step={})".format(*self.state)
