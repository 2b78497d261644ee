"""The layers, under both generations' names."""

from ..absent import attribute_of
from .activation import Activation, ActivityRegularization
from .advanced_activations import ELU, LeakyReLU, ParametricSoftplus, PReLU, ReLU, Softmax, SReLU, ThresholdedReLU
from .base import InputSpec, Layer
from .bidirectional import Bidirectional
from .conv import (
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Convolution2DTranspose,
    Deconv3D,
    Deconvolution3D,
)
from .conv_keras1 import (
    AtrousConv1D,
    AtrousConv2D,
    AtrousConvolution1D,
    AtrousConvolution2D,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Deconv2D,
    Deconvolution2D,
)
from .conv_recurrent import ConvLSTM2D, ConvLSTM2DCell, ConvRecurrent2D, ConvRNN2D
from .conv_tf_keras import Conv1DTranspose, DepthwiseConv1D
from .dense import Dense
from .dense_keras1 import Highway, MaxoutDense, TimeDistributedDense
from .depthwise import DepthwiseConv2D, SeparableConv1D, SeparableConv2D, SeparableConvolution1D
from .depthwise_keras1 import SeparableConvolution2D
from .dropout import Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from .embedding import Embedding
from .input import Input, InputLayer
from .lambda_layer import Lambda
from .local import LocallyConnected1D, LocallyConnected2D
from .masking import Masking
from .merge import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from .merge_keras1 import Merge, merge
from .noise import AlphaDropout, GaussianDropout, GaussianNoise
from .normalization import BatchNormalization, LayerNormalization, Normalization, Rescaling
from .pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from .recurrent import GRU, LSTM, RNN, SimpleRNN
from .recurrent_cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from .recurrent_cudnn import CuDNNGRU, CuDNNLSTM
from .recurrent_keras1 import Recurrent
from .resizing import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from .serialization import deserialize, serialize
from .shape import Flatten, Permute, RepeatVector, Reshape
from .wrappers import TimeDistributed, Wrapper

__getattr__ = attribute_of(__name__)
__all__ = [
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "AtrousConv1D", "AtrousConv2D",
    "AtrousConvolution1D", "AtrousConvolution2D", "Average", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D",
    "AvgPool1D", "AvgPool2D", "AvgPool3D", "BatchNormalization", "Bidirectional", "Concatenate", "Conv1D",
    "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM2D", "ConvLSTM2DCell",
    "ConvRNN2D", "ConvRecurrent2D", "Convolution1D", "Convolution2D", "Convolution2DTranspose", "Convolution3D",
    "Cropping1D", "Cropping2D", "Cropping3D", "CuDNNGRU", "CuDNNLSTM", "Deconv2D", "Deconv3D", "Deconvolution2D",
    "Deconvolution3D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Dot", "Dropout", "ELU", "Embedding", "Flatten",
    "GRU", "GRUCell", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalAveragePooling3D", "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D",
    "GlobalMaxPool2D", "GlobalMaxPool3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "Highway",
    "Input", "InputLayer", "InputSpec", "LSTM", "LSTMCell", "Lambda", "Layer", "LayerNormalization", "LeakyReLU",
    "LocallyConnected1D", "LocallyConnected2D", "Masking", "MaxPool1D", "MaxPool2D", "MaxPool3D", "MaxPooling1D",
    "MaxPooling2D", "MaxPooling3D", "Maximum", "MaxoutDense", "Merge", "Minimum", "Multiply", "Normalization", "PReLU",
    "ParametricSoftplus", "Permute", "RNN", "ReLU", "Recurrent", "RepeatVector", "Rescaling", "Reshape", "SReLU",
    "SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D", "SimpleRNN",
    "SimpleRNNCell", "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "StackedRNNCells",
    "Subtract", "ThresholdedReLU", "TimeDistributed", "TimeDistributedDense", "UpSampling1D", "UpSampling2D",
    "UpSampling3D", "Wrapper", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "add", "average", "concatenate",
    "deserialize", "dot", "maximum", "merge", "minimum", "multiply", "serialize", "subtract",
]
