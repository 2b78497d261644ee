"""The layers, under both generations' names."""

from .activation import Activation, ActivityRegularization
from .base import InputSpec, Layer
from .conv import Conv1D, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose
from .conv_keras1 import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Deconvolution2D,
)
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

# other names of Keras for the same layers
AtrousConv1D, AtrousConv2D = AtrousConvolution1D, AtrousConvolution2D
Convolution2DTranspose, Deconv2D, Deconv3D, Deconvolution3D = (
    Conv2DTranspose, Deconvolution2D, Conv3DTranspose, Conv3DTranspose)

__all__ = [
    "Activation", "ActivityRegularization", "Add", "AtrousConv1D", "AtrousConv2D", "AtrousConvolution1D",
    "AtrousConvolution2D", "Average", "Concatenate", "Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D",
    "Conv3DTranspose", "Convolution1D", "Convolution2D", "Convolution2DTranspose", "Convolution3D", "Deconv2D",
    "Deconv3D", "Deconvolution2D", "Deconvolution3D", "Dense", "Dot", "Dropout", "Flatten",
    "Input", "InputLayer", "InputSpec", "Lambda", "Layer", "Masking", "Maximum", "Merge", "Minimum", "Multiply",
    "Permute", "RepeatVector", "Reshape", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Subtract",
    "TimeDistributed", "add", "average", "concatenate", "deserialize", "dot", "maximum", "merge", "minimum",
    "multiply", "serialize", "subtract",
]
