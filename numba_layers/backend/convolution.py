"""Convolutions, in the words of both generations; a kernel's axes are in the order of the generation that is spoken.

Keras 2: kernels are (*window, channels, filters) for either data format. Keras 1 (`border_mode=`, `dim_ordering=`,
`filter_dilation=` and the like; every call where `config.set_keras_version` says 1.x, unless a word is Keras 2's
alone): with 'th' kernels are (filters, channels, *window), with 'tf' (*window, channels, filters), and 'default' means
`image_dim_ordering()`. What Theano wanted to know beforehand, `image_shape`, `volume_shape` and `filter_shape`, is
taken and not needed. Windows are not flipped, as with TensorFlow; Theano flipped them.

Reference: Keras 2.2.5 and 1.2.2, `keras.backend`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from .. import config, ops
from .._legacy import keywords, refuse_unknown
from ..autograd.graph import SymbolicTensor, defer
from ..autograd.tensor import as_tensor
from ..config import DIM_ORDERINGS, standardize_data_format
from ..errors import ArgumentError, ShapeError, unknown
from ._sizes import ints, is_open, known

if TYPE_CHECKING:
    from typing import Any

    from ..autograd.tensor import Tensor
    from ..typing import PerAxis, TensorLike


def _or(keras1):
    """Decorator: calls in Keras 1's words go to the function `keras1`, others to the decorated one."""
    def decorate(keras2):
        new, old = keywords(keras2), keywords(keras1)

        @functools.wraps(keras2)
        def call(*args, **kwargs):
            refuse_unknown(kwargs, new + [name for name in old if name not in new], keras2.__name__)
            of_new = [name for name in kwargs if name not in old]
            of_old = [name for name in kwargs if name not in new]
            if of_new and of_old:
                raise ArgumentError(f"{keras2.__name__}: {of_old[0]} is a word of Keras 1, {of_new[0]} one of Keras 2, "
                                    f"and the two order a kernel's axes differently. Write {', '.join(new)}.")
            ordering = any(isinstance(value, str) and value in (*DIM_ORDERINGS, "default") for value in args)
            if of_old or ordering or (config.keras1() and not of_new):
                return keras1(*args, **kwargs)
            return keras2(*args, **kwargs)

        return call

    return decorate


def _from_keras1(dim_ordering, *kernels):
    """The data format that Keras 1's word means, and kernels as Keras 2 orders them."""
    ordering = config.image_dim_ordering() if dim_ordering == "default" else dim_ordering
    if ordering not in DIM_ORDERINGS:
        raise unknown("dim_ordering", ordering, [*DIM_ORDERINGS, "default"])
    kernels = map(as_tensor, kernels)
    if ordering == "th":
        kernels = (ops.transpose(kernel, axes=(*range(2, kernel.ndim), 1, 0)) for kernel in kernels)
    return DIM_ORDERINGS[ordering], *kernels


def _conv(op, who, rank, x, *kernels, strides, padding, data_format, dilation):
    x = _checked(who, rank, x)
    return op(x, *kernels, strides=strides, padding=padding, dilation=dilation,
              data_format=standardize_data_format(data_format))


def _checked(who, rank, x):
    x = as_tensor(x)
    if x.ndim != rank + 2:
        axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
        raise ShapeError(f"{who}: x has {x.ndim} axes {x.shape}, expected {rank + 2}: the batch, {axes} and the "
                         "channels.")
    return x


# ---- convolution

def _conv1d_keras1(x, kernel, stride=1, border_mode="valid", image_shape=None, filter_shape=None):
    return _conv(ops.conv, "conv1d", 1, x, kernel, strides=stride, padding=border_mode, data_format="channels_last",
                 dilation=1)


@_or(_conv1d_keras1)
def conv1d(x: TensorLike, kernel: TensorLike, strides: PerAxis = 1, padding: str = "valid",
           data_format: str | None = None, dilation_rate: PerAxis = 1) -> Tensor:
    """Convolution over sequences; padding 'valid', 'same' or 'causal'.

    Shapes: x (batch, steps, channels) or (batch, channels, steps), kernel (window, channels, filters)
    Keras 1's words: `stride`, `border_mode`.
    """
    return _conv(ops.conv, "conv1d", 1, x, kernel, strides=strides, padding=padding, data_format=data_format,
                 dilation=dilation_rate)


def _conv2d_keras1(x, kernel, strides=(1, 1), border_mode="valid", dim_ordering="default", image_shape=None,
                   filter_shape=None, filter_dilation=(1, 1)):
    data_format, kernel = _from_keras1(dim_ordering, kernel)
    return _conv(ops.conv, "conv2d", 2, x, kernel, strides=strides, padding=border_mode, data_format=data_format,
                 dilation=filter_dilation)


@_or(_conv2d_keras1)
def conv2d(x: TensorLike, kernel: TensorLike, strides: PerAxis = (1, 1), padding: str = "valid",
           data_format: str | None = None, dilation_rate: PerAxis = (1, 1)) -> Tensor:
    """Convolution of images; padding 'valid' or 'same'.

    Shapes: x (batch, rows, columns, channels) or (batch, channels, rows, columns),
            kernel (rows, columns, channels, filters)
    Keras 1's words: `border_mode`, `dim_ordering`, `filter_dilation`; its 'th' kernels are (filters, channels, rows,
    columns).
    """
    return _conv(ops.conv, "conv2d", 2, x, kernel, strides=strides, padding=padding, data_format=data_format,
                 dilation=dilation_rate)


def _conv3d_keras1(x, kernel, strides=(1, 1, 1), border_mode="valid", dim_ordering="default", volume_shape=None,
                   filter_shape=None, filter_dilation=(1, 1, 1)):
    data_format, kernel = _from_keras1(dim_ordering, kernel)
    return _conv(ops.conv, "conv3d", 3, x, kernel, strides=strides, padding=border_mode, data_format=data_format,
                 dilation=filter_dilation)


@_or(_conv3d_keras1)
def conv3d(x: TensorLike, kernel: TensorLike, strides: PerAxis = (1, 1, 1), padding: str = "valid",
           data_format: str | None = None, dilation_rate: PerAxis = (1, 1, 1)) -> Tensor:
    """Convolution of volumes; padding 'valid' or 'same'.

    Shapes: x (batch, dim1, dim2, dim3, channels) or (batch, channels, dim1, dim2, dim3),
            kernel (dim1, dim2, dim3, channels, filters)
    Keras 1's words: `border_mode`, `dim_ordering`, `filter_dilation`; its 'th' kernels are (filters, channels, dim1,
    dim2, dim3).
    """
    return _conv(ops.conv, "conv3d", 3, x, kernel, strides=strides, padding=padding, data_format=data_format,
                 dilation=dilation_rate)


def atrous_conv2d(x: TensorLike, kernel: TensorLike, rate: PerAxis = 1, border_mode: str = "valid",
                  dim_ordering: str = "default", image_shape: Any = None, filter_shape: Any = None) -> Tensor:
    """Keras 1's `conv2d` with taps `rate` pixels apart."""
    return _conv2d_keras1(x, kernel, border_mode=border_mode, dim_ordering=dim_ordering, filter_dilation=rate)


# ---- a window for each channel

def depthwise_conv2d(x: TensorLike, depthwise_kernel: TensorLike, strides: PerAxis = (1, 1), padding: str = "valid",
                     data_format: str | None = None, dilation_rate: PerAxis = (1, 1)) -> Tensor:
    """Convolution of each channel by windows of its own: output channel c * multiplier + m is made of channel c.

    Shapes: x (batch, rows, columns, channels) or (batch, channels, rows, columns),
            depthwise_kernel (rows, columns, channels, multiplier)
    """
    return _conv(ops.depthwise_conv, "depthwise_conv2d", 2, x, depthwise_kernel, strides=strides, padding=padding,
                 data_format=data_format, dilation=dilation_rate)


def separable_conv1d(x: TensorLike, depthwise_kernel: TensorLike, pointwise_kernel: TensorLike, strides: PerAxis = 1,
                     padding: str = "valid", data_format: str | None = None, dilation_rate: PerAxis = 1) -> Tensor:
    """Convolution of each channel of a sequence, then a product that mixes the channels of each step.

    Shapes: x (batch, steps, channels) or (batch, channels, steps), depthwise_kernel (window, channels, multiplier),
            pointwise_kernel (1, channels * multiplier, filters)
    """
    return _conv(ops.separable_conv, "separable_conv1d", 1, x, depthwise_kernel, pointwise_kernel, strides=strides,
                 padding=padding, data_format=data_format, dilation=dilation_rate)


def _separable_conv2d_keras1(x, depthwise_kernel, pointwise_kernel, strides=(1, 1), border_mode="valid",
                             dim_ordering="default"):
    data_format, *kernels = _from_keras1(dim_ordering, depthwise_kernel, pointwise_kernel)
    return _conv(ops.separable_conv, "separable_conv2d", 2, x, *kernels, strides=strides, padding=border_mode,
                 data_format=data_format, dilation=1)


@_or(_separable_conv2d_keras1)
def separable_conv2d(x: TensorLike, depthwise_kernel: TensorLike, pointwise_kernel: TensorLike,
                     strides: PerAxis = (1, 1), padding: str = "valid", data_format: str | None = None,
                     dilation_rate: PerAxis = (1, 1)) -> Tensor:
    """Convolution of each channel of an image, then a product that mixes the channels of each pixel.

    Shapes: x (batch, rows, columns, channels) or (batch, channels, rows, columns),
            depthwise_kernel (rows, columns, channels, multiplier),
            pointwise_kernel (1, 1, channels * multiplier, filters)
    Keras 1's words: `border_mode`, `dim_ordering`; its 'th' kernels are (multiplier, channels, rows, columns) and
    (filters, channels * multiplier, 1, 1).
    """
    return _conv(ops.separable_conv, "separable_conv2d", 2, x, depthwise_kernel, pointwise_kernel, strides=strides,
                 padding=padding, data_format=data_format, dilation=dilation_rate)


# ---- transposed convolution

def conv2d_transpose(x: TensorLike, kernel: TensorLike, output_shape: Any, strides: PerAxis = (1, 1),
                     padding: str = "valid", data_format: str | None = None, dilation_rate: PerAxis = (1, 1)) -> Tensor:
    """What the gradient of `conv2d` makes of an image x: each pixel spreads over a window of the output.

    Shapes: x (batch, rows, columns, channels) or (batch, channels, rows, columns),
            kernel (rows, columns, filters, channels)
    output_shape: of all axes, ordered as x; ints or tensors such as `K.shape(y)[1]`, the batch may be None.
    Raises: ShapeError for an output from which no convolution makes x, with the sizes that do.
    """
    return _transposed("conv2d_transpose", 2, x, kernel, output_shape, strides, padding, data_format, dilation_rate)


def conv3d_transpose(x: TensorLike, kernel: TensorLike, output_shape: Any, strides: PerAxis = (1, 1, 1),
                     padding: str = "valid", data_format: str | None = None) -> Tensor:
    """What the gradient of `conv3d` makes of a volume x: each voxel spreads over a window of the output.

    Shapes: x (batch, dim1, dim2, dim3, channels) or (batch, channels, dim1, dim2, dim3),
            kernel (dim1, dim2, dim3, filters, channels)
    output_shape: as for `conv2d_transpose`.
    Raises: ShapeError for an output from which no convolution makes x, with the sizes that do.
    """
    return _transposed("conv3d_transpose", 3, x, kernel, output_shape, strides, padding, data_format, 1)


def local_conv1d(inputs: TensorLike, kernel: TensorLike, kernel_size: PerAxis, strides: PerAxis,
                 data_format: str | None = None) -> Tensor:
    """Convolution over sequences with a kernel of its own for each window.

    Shapes: inputs (batch, steps, channels), kernel (windows, window * channels, filters) -> (batch, windows, filters)
    data_format: is taken and without effect, as in Keras: channels are last.
    """
    return ops.local_conv(_checked("local_conv1d", 1, inputs), kernel, window=kernel_size, strides=strides)


def local_conv2d(inputs: TensorLike, kernel: TensorLike, kernel_size: PerAxis, strides: PerAxis,
                 output_shape: Any = None, data_format: str | None = None) -> Tensor:
    """Convolution of images with a kernel of its own for each window.

    Shapes: inputs (batch, rows, columns, channels) or (batch, channels, rows, columns), kernel (windows, features,
            filters), features being the window's rows * columns * channels in the order of the inputs' axes
    output_shape: new rows and columns, which follow from the rest.
    Raises: ShapeError where they do not.
    """
    y = ops.local_conv(_checked("local_conv2d", 2, inputs), kernel, window=kernel_size, strides=strides,
                       data_format=standardize_data_format(data_format))
    made = y.shape[2:] if standardize_data_format(data_format) == "channels_first" else y.shape[1:3]
    if output_shape is not None and tuple(output_shape) != tuple(made):
        raise ShapeError(f"local_conv2d: output_shape {tuple(output_shape)} was said, the windows give {tuple(made)}.")
    return y


def deconv2d(x: TensorLike, kernel: TensorLike, output_shape: Any, strides: PerAxis = (1, 1),
             border_mode: str = "valid", dim_ordering: str = "default", image_shape: Any = None,
             filter_shape: Any = None) -> Tensor:
    """Keras 1's `conv2d_transpose`, with kernels (filters, channels, rows, columns) for 'th', (rows, columns,
    channels, filters) for 'tf'.
    """
    data_format, kernel = _from_keras1(dim_ordering, kernel)
    kernel = ops.transpose(kernel, axes=(0, 1, 3, 2))
    return _transposed("deconv2d", 2, x, kernel, output_shape, strides, border_mode, data_format, 1)


def _transposed(who, rank, x, kernel, output_shape, strides, padding, data_format, dilation):
    x, kernel = _checked(who, rank, x), as_tensor(kernel)
    data_format = standardize_data_format(data_format)
    whole = known(output_shape)
    if len(whole) != rank + 2:
        raise ShapeError(f"{who}: output_shape {whole} has {len(whole)} entries, expected {rank + 2}, one for each "
                         f"axis of x {x.shape}.")
    first = data_format == "channels_first"
    filters = whole[1 if first else -1]
    if filters not in (None, kernel.shape[-2]):
        raise ShapeError(f"{who}: output_shape {whole} has {filters} channels ({data_format}), the kernel of shape "
                         f"{kernel.shape} makes {kernel.shape[-2]}.")
    spatial = [output_shape[axis] for axis in (range(2, rank + 2) if first else range(1, rank + 1))]

    def transposed(x, kernel, sizes):
        return ops.conv_transpose(x, kernel, output_size=ints(sizes), strides=strides, padding=padding,
                                  dilation=dilation, data_format=data_format)

    if not is_open(spatial):
        return transposed(x, kernel, spatial)
    channels = (kernel.shape[-2],)
    sizes = (*channels, *known(spatial)) if first else (*known(spatial), *channels)
    return defer(transposed, (x, kernel, spatial), {}, SymbolicTensor((x.shape[0], *sizes), x.dtype))
