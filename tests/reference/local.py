"""Locally connected layers by loops over their windows."""

import itertools

import numpy as np


def local_conv(x, weight, bias=None, *, window, strides, data_format="channels_last"):
    """x (batch, *spatial, channels) or with channels first; weight (windows, features, filters)."""
    first = data_format == "channels_first"
    spatial = x.shape[2:] if first else x.shape[1:-1]
    sizes = [(size - taps) // step + 1 for size, taps, step in zip(spatial, window, strides)]
    y = np.zeros((len(x), *sizes, weight.shape[-1]), np.result_type(x, weight))
    for number, place in enumerate(itertools.product(*map(range, sizes))):
        cut = tuple(slice(a * step, a * step + taps) for a, step, taps in zip(place, strides, window))
        inside = x[(slice(None), slice(None), *cut)] if first else x[(slice(None), *cut)]
        y[(slice(None), *place)] = inside.reshape(len(x), -1) @ weight[number]
    y = y if bias is None else y + bias
    return np.moveaxis(y, -1, 1) if first else y
