"""The layers, under both generations' names."""

from .activation import Activation, ActivityRegularization
from .base import InputSpec, Layer
from .dense import Dense
from .dropout import Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from .input import Input, InputLayer
from .lambda_layer import Lambda
from .masking import Masking
from .merge import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Merge,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    merge,
    minimum,
    multiply,
    subtract,
)
from .serialization import deserialize, serialize
from .shape import Flatten, Permute, RepeatVector, Reshape
from .wrappers import TimeDistributed

__all__ = [
    "Activation", "ActivityRegularization", "Add", "Average", "Concatenate", "Dense", "Dot", "Dropout", "Flatten",
    "Input", "InputLayer", "InputSpec", "Lambda", "Layer", "Masking", "Maximum", "Merge", "Minimum", "Multiply",
    "Permute", "RepeatVector", "Reshape", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Subtract",
    "TimeDistributed", "add", "average", "concatenate", "deserialize", "dot", "maximum", "merge", "minimum",
    "multiply", "serialize", "subtract",
]
