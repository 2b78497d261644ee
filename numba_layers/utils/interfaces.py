"""`keras.legacy.interfaces`: the decorators by which layers written for Keras 2 take Keras 1's arguments too."""

from .. import _legacy
from .._legacy import keras1

_TABLES = {
    "legacy_dense_support": _legacy.LAYER | _legacy.DENSE,
    "legacy_dropout_support": _legacy.LAYER | _legacy.DROPOUT,
    "legacy_spatialdropoutNd_support": _legacy.LAYER | _legacy.SPATIAL_DROPOUT,
    "legacy_spatialdropout1d_support": _legacy.LAYER | _legacy.DROPOUT,
    "legacy_pooling1d_support": _legacy.LAYER | _legacy.POOLING1D,
    "legacy_pooling2d_support": _legacy.LAYER | _legacy.POOLING,
    "legacy_pooling3d_support": _legacy.LAYER | _legacy.POOLING,
    "legacy_global_pooling_support": _legacy.LAYER | _legacy.IMAGES,
    "legacy_upsampling2d_support": _legacy.LAYER | _legacy.IMAGES,
    "legacy_conv1d_support": _legacy.LAYER | _legacy.CONV1D,
    "legacy_conv2d_support": _legacy.LAYER | _legacy.CONV,
    "legacy_conv3d_support": _legacy.LAYER | _legacy.CONV,
    "legacy_separable_conv2d_support": _legacy.LAYER | _legacy.SEPARABLE_CONV,
    "legacy_model_constructor_support": _legacy.MODEL,
}
_SIDES = {"legacy_conv2d_support": _legacy.SIDES[2], "legacy_separable_conv2d_support": _legacy.SIDES[2],
          "legacy_conv3d_support": _legacy.SIDES[3]}


def __getattr__(name):
    """The decorator of that name; those that Keras has for its own layers only pass the function on."""
    if name in _TABLES:
        return keras1(_TABLES[name], sides=_SIDES.get(name, ()))
    if name.startswith("legacy_") or name.endswith("_support"):
        return lambda function: function
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
