"""Helpers around models: files, labels, weights of convolutions. Quick to import, NumPy only."""

from ..absent import attribute_of
from . import conv_utils, data_utils, layer_utils, np_utils
from .data_utils import get_file
from .generic_utils import CustomObjectScope, custom_object_scope, get_custom_objects
from .layer_utils import convert_all_kernels_in_model
from .np_utils import normalize, to_categorical
from .sequence import Sequence

__getattr__ = attribute_of(__name__)
__all__ = ["CustomObjectScope", "Sequence", "conv_utils", "convert_all_kernels_in_model", "custom_object_scope",
           "data_utils", "get_custom_objects", "get_file", "layer_utils", "normalize", "np_utils", "to_categorical"]
