"""Where Keras's users look for layers of images: `from keras.layers.convolutional import Convolution2D`."""
# ruff: noqa: F401

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
from .depthwise import DepthwiseConv2D, SeparableConv1D, SeparableConv2D, SeparableConvolution1D
from .depthwise_keras1 import SeparableConvolution2D
from .pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
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
