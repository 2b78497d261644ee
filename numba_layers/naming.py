"""Names of layers and models that the user did not name: dense_1, dense_2, ..."""

from __future__ import annotations

import re
from collections import Counter

from . import config
from .locks import lock

_counts: Counter[str] = Counter()
_lock = lock()


def get_uid(prefix: str = "") -> int:
    """The next number for `prefix`, starting from 1."""
    with _lock:
        _counts[prefix] += 1
        return _counts[prefix]


def reset_uids() -> None:
    """Start all numbers from 1 again."""
    _counts.clear()


def snake_case(name: str) -> str:
    """'SpatialDropout1D' -> 'spatial_dropout1d'."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(class_name: str) -> str:
    """The name of the next layer of a class: max_pooling2d_1, under Keras 1 maxpooling2d_1."""
    prefix = class_name.lower() if config.keras1() else snake_case(class_name)
    return f"{prefix}_{get_uid(prefix)}"
