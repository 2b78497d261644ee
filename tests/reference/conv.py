"""Convolutions tap by tap in float64: channels-last arrays (batch, *spatial, channels), any number of spatial axes.

`strides` and `dilation`: a number or one for each axis. `padding`: 'valid', 'same' (TensorFlow's rule), 'full',
'causal' or pairs (zeros before, zeros after), one for each axis.
"""

import numpy as np


def each_axis(value, count):
    return (value,) * count if np.ndim(value) == 0 else tuple(value)


def borders(sizes, window, strides, padding, dilation):
    """(zeros before, zeros after) of each axis."""
    if not isinstance(padding, str):
        return tuple(padding)
    found = []
    for size, k, s, d in zip(sizes, window, strides, dilation):
        reach = d * (k - 1) + 1
        total = max((-(-size // s) - 1) * s + reach - size, 0)
        found.append({"valid": (0, 0), "same": (total // 2, total - total // 2), "full": (reach - 1, reach - 1),
                      "causal": (reach - 1, 0)}[padding])
    return tuple(found)


def output_sizes(sizes, window, strides, padding, dilation):
    return tuple((before + size + after - d * (k - 1) - 1) // s + 1 for size, (before, after), k, s, d in
                 zip(sizes, borders(sizes, window, strides, padding, dilation), window, strides, dilation))


class Taps:
    """Which pixels each tap of the window meets: a slice of the padded image per tap, one pixel per output pixel."""

    def __init__(self, sizes, window, strides, padding, dilation):
        strides, dilation = each_axis(strides, len(window)), each_axis(dilation, len(window))
        self.sizes, self.window, self.strides, self.dilation = sizes, window, strides, dilation
        self.borders = borders(sizes, window, strides, padding, dilation)
        self.out = output_sizes(sizes, window, strides, padding, dilation)

    def padded(self, x):
        return np.pad(np.asarray(x, "float64"), [(0, 0), *self.borders, (0, 0)], "constant")

    def cropped(self, x):
        return x[(slice(None), *(slice(before, before + size) for size, (before, _) in zip(self.sizes, self.borders)))]

    def __iter__(self):
        for tap in np.ndindex(*self.window):
            yield tap, (slice(None), *(slice(d * p, d * p + s * (o - 1) + 1, s) for p, o, s, d in
                                       zip(tap, self.out, self.strides, self.dilation)))


def conv(x, weight, bias=None, *, strides=1, padding="valid", dilation=1):
    """y[n, i, f] = sum over taps p and channels c of x[n, s*i + d*p, c] * weight[p, c, f], + bias[f]."""
    taps = Taps(x.shape[1:-1], weight.shape[:-2], strides, padding, dilation)
    padded = taps.padded(x)
    y = np.zeros((len(x), *taps.out, weight.shape[-1]))
    for tap, pixels in taps:
        y += padded[pixels] @ weight[tap].astype("float64")
    return y if bias is None else y + bias


def conv_backward_input(grad_y, weight, sizes, *, strides=1, padding="valid", dilation=1):
    """The gradient to an x of those spatial `sizes`."""
    taps = Taps(tuple(sizes), weight.shape[:-2], strides, padding, dilation)
    grad = taps.padded(np.zeros((len(grad_y), *sizes, weight.shape[-2])))
    for tap, pixels in taps:
        grad[pixels] += grad_y @ weight[tap].astype("float64").T
    return taps.cropped(grad)


def conv_backward_weight(x, grad_y, window, *, strides=1, padding="valid", dilation=1):
    """The gradient to a weight of that `window`."""
    taps = Taps(x.shape[1:-1], tuple(window), strides, padding, dilation)
    padded = taps.padded(x)
    grad = np.zeros((*window, x.shape[-1], grad_y.shape[-1]))
    axes = tuple(range(x.ndim - 1))
    for tap, pixels in taps:
        grad[tap] = np.tensordot(padded[pixels], grad_y.astype("float64"), (axes, axes))
    return grad


def backward_bias(grad_y):
    return grad_y.astype("float64").sum(tuple(range(grad_y.ndim - 1)))


def transposed_sizes(sizes, window, strides, padding, dilation=1):
    """The output sizes of Keras 2's transposed convolution: s*i, for 'valid' + max(k - s, 0)."""
    strides, dilation = each_axis(strides, len(window)), each_axis(dilation, len(window))
    return tuple(s * i + (max(d * (k - 1) + 1 - s, 0) if padding == "valid" else 0)
                 for i, k, s, d in zip(sizes, window, strides, dilation))


def conv_transpose(x, weight, bias=None, *, output_size=None, strides=1, padding="valid", dilation=1):
    """The input gradient of `conv`: weight (*window, filters, channels), x in the place of grad_y."""
    output_size = output_size or transposed_sizes(x.shape[1:-1], weight.shape[:-2], strides, padding, dilation)
    y = conv_backward_input(x, weight, output_size, strides=strides, padding=padding, dilation=dilation)
    return y if bias is None else y + bias


def conv_transpose_backward_input(grad_y, weight, **geometry):
    return conv(grad_y, weight, **geometry)


def conv_transpose_backward_weight(x, grad_y, window, **geometry):
    return conv_backward_weight(grad_y, x, window, **geometry)


def depthwise_as_conv(weight):
    """The full weight of the same map: each channel c reaches only the outputs c * multiplier + m."""
    *window, channels, multiplier = weight.shape
    full = np.zeros((*window, channels, channels * multiplier))
    for c in range(channels):
        full[..., c, c * multiplier:(c + 1) * multiplier] = weight[..., c, :]
    return full


def depthwise_conv(x, weight, bias=None, **geometry):
    """y[..., c * multiplier + m]: channel c alone, by weight[..., c, m]; weight (*window, channels, multiplier)."""
    return conv(x, depthwise_as_conv(weight), bias, **geometry)


def depthwise_conv_backward_input(grad_y, weight, sizes, **geometry):
    return conv_backward_input(grad_y, depthwise_as_conv(weight), sizes, **geometry)


def depthwise_conv_backward_weight(x, grad_y, window, **geometry):
    full = conv_backward_weight(x, grad_y, window, **geometry)
    channels = x.shape[-1]
    multiplier = grad_y.shape[-1] // channels
    return np.stack([full[..., c, c * multiplier:(c + 1) * multiplier] for c in range(channels)], -2)
