"""Rehearsals: a script does all that it does, but each training and the like is cut to a few batches.

So `python -m numba_layers warm script.py` meets every kernel that the script needs, in little time. Two batches make a
step's program, the last one may be smaller and have another. Models are saved to a folder that goes with the rehearsal,
and read from there: what a real run saved stays.
"""

import tempfile
from contextlib import contextmanager
from pathlib import Path

BATCHES = 2     # at the beginning; and the last one

_under_way = []     # folders of models, of rehearsals


@contextmanager
def rehearsing():
    """Inside, all threads rehearse."""
    with tempfile.TemporaryDirectory() as folder:
        _under_way.append(Path(folder))
        try:
            yield
        finally:
            _under_way.pop()


def last_epoch(initial_epoch, epochs):
    """Where a training from `initial_epoch` to before `epochs` ends."""
    return min(epochs, initial_epoch + 1) if _under_way else epochs


def some(batches):
    """Those of a list of batches that are worked on."""
    return batches[:BATCHES] + batches[BATCHES:][-1:] if _under_way else batches


def number(batches):
    """How many of so many batches that come one after the other are worked on."""
    return min(batches, BATCHES) if _under_way else batches


def to_write(path):
    """Where a model's file is written that is to be at `path`."""
    return _stand_in(path) if _under_way and isinstance(path, str | Path) else path


def to_read(path):
    """Where a model's file is read that should be at `path`: where this rehearsal wrote it, if it did."""
    if _under_way and isinstance(path, str | Path) and _stand_in(path).exists():
        return _stand_in(path)
    return path


def _stand_in(path):
    return _under_way[-1] / Path(path).resolve().as_posix().replace("/", "_").replace(":", "_")
