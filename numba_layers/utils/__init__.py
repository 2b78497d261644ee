"""Helpers around models: files, labels. Quick to import, NumPy only."""

from . import data_utils, np_utils
from .data_utils import get_file
from .np_utils import normalize, to_categorical

__all__ = ["data_utils", "get_file", "normalize", "np_utils", "to_categorical"]
