"""How large weights may be: what is larger than the memory there is ends in an error before anything is allocated."""

import math
import os
from contextlib import contextmanager

from ..errors import ArgumentError, ShapeError, WeightMemoryError

_SMALL = 1 << 30        # bytes; below, nobody asks how much memory there is
_NUMBER = 4             # bytes of a float32
_DRAWN = 8              # bytes of a number while it is drawn


@contextmanager
def fitting(name, shape):
    """Around what makes the weight `name` of `shape`.

    Raises: ArgumentError for a size that is open, WeightMemoryError for more numbers than the memory holds.
    """
    if None in shape:
        raise ArgumentError(f"weight {name!r} of shape {shape} has an axis whose size is not known.")
    needed = math.prod(shape) * _DRAWN
    if needed > _SMALL and needed > _memory():
        raise WeightMemoryError(f"weight {name!r} of shape {shape} takes {needed / 2**30:,.0f} GiB, there are "
                                f"{_memory() / 2**30:,.0f}.")
    try:
        yield
    except MemoryError as error:
        if needed <= _SMALL:
            raise
        raise WeightMemoryError(f"weight {name!r} of shape {shape} takes {needed / 2**30:,.0f} GiB, more than this "
                                f"process may have ({error}).") from error


def check_sample(shape):
    """Raises: ShapeError for an output of which a single sample is larger than the memory there is."""
    needed = math.prod(size for size in shape[1:] if size is not None) * _NUMBER
    if needed > _SMALL and needed > _memory():
        raise ShapeError(f"each sample of its output, of shape {tuple(shape[1:])}, takes {needed / 2**30:,.0f} GiB, "
                         f"there are {_memory() / 2**30:,.0f}.")


def _memory():
    """Bytes of this machine's memory, or infinity where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return math.inf
