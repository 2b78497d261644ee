"""Helpers around models: files, labels. Quick to import, NumPy only."""

from . import data_utils, np_utils
from .data_utils import get_file
from .generic_utils import CustomObjectScope, custom_object_scope, get_custom_objects
from .np_utils import normalize, to_categorical
from .sequence import Sequence

__all__ = ["CustomObjectScope", "Sequence", "custom_object_scope", "data_utils", "get_custom_objects", "get_file",
           "normalize", "np_utils", "to_categorical"]
