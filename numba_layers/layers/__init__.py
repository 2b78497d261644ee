"""The layers, under both generations' names."""

from .activation import Activation, ActivityRegularization
from .base import InputSpec, Layer
from .dense import Dense
from .dropout import Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from .input import Input, InputLayer
from .lambda_layer import Lambda
from .masking import Masking
from .serialization import deserialize, serialize
from .shape import Flatten, Permute, RepeatVector, Reshape

__all__ = [
    "Activation", "ActivityRegularization", "Dense", "Dropout", "Flatten", "Input", "InputLayer", "InputSpec",
    "Lambda", "Layer", "Masking", "Permute", "RepeatVector", "Reshape", "SpatialDropout1D", "SpatialDropout2D",
    "SpatialDropout3D", "deserialize", "serialize",
]
