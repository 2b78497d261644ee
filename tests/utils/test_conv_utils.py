"""Weights of convolutions flipped and reordered; sizes of outputs."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from numba_layers.errors import ShapeError, UnknownNameError
from numba_layers.layers import Conv2D, Convolution2D, Dense, Flatten, SeparableConv2D, TimeDistributed
from numba_layers.models import Sequential
from numba_layers.utils import convert_all_kernels_in_model
from numba_layers.utils.conv_utils import conv_input_length, conv_output_length, convert_kernel
from numba_layers.utils.layer_utils import convert_dense_weights_data_format
from numba_layers.utils.np_utils import convert_kernel as convert_keras1_kernel


@pytest.mark.parametrize("window", [(3,), (3, 2), (2, 3, 4)])
def test_convert_kernel(window):
    kernel = np.random.standard_normal((*window, 5, 6))
    flipped = convert_kernel(kernel)
    np.testing.assert_array_equal(flipped, kernel[(slice(None, None, -1),) * len(window)])
    np.testing.assert_array_equal(convert_kernel(flipped), kernel)
    assert flipped.base is None


def test_convert_kernel_of_keras1(monkeypatch):
    monkeypatch.setattr(config, "_settings", config._Settings())
    kernel = np.random.standard_normal((4, 3, 2, 5))
    np.testing.assert_array_equal(convert_keras1_kernel(kernel), kernel[::-1, ::-1])
    np.testing.assert_array_equal(convert_keras1_kernel(kernel, "th"), kernel[:, :, ::-1, ::-1])
    np.testing.assert_array_equal(convert_keras1_kernel(kernel, "tf"), kernel[::-1, ::-1])
    K.set_image_dim_ordering("th")
    np.testing.assert_array_equal(convert_keras1_kernel(kernel), kernel[:, :, ::-1, ::-1])


@pytest.mark.parametrize("convert, shape", [(convert_kernel, (3, 3)), (convert_kernel, (1,) * 6),
                                            (convert_keras1_kernel, (3, 3, 3))])
def test_number_of_axes(convert, shape):
    with pytest.raises(ShapeError, match="axes"):
        convert(np.ones(shape))


def test_unknown_dim_ordering():
    with pytest.raises(UnknownNameError, match="dim_ordering 'theano'"):
        convert_keras1_kernel(np.ones((1, 1, 1, 1)), "theano")


def test_convert_all_kernels_in_model():
    inner = Sequential([Conv2D(2, 2, input_shape=(6, 5, 2))])
    model = Sequential([Conv2D(2, 3, data_format="channels_last", input_shape=(8, 7, 2)), inner,
                        SeparableConv2D(2, 2), Convolution2D(3, 2, 1), Flatten(), Dense(2)])
    before = model.get_weights()
    convert_all_kernels_in_model(model)
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        flips = old.ndim == 4 and "separable" not in weight.name
        np.testing.assert_array_equal(new, old[::-1, ::-1] if flips else old)
    convert_all_kernels_in_model(model)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)


def test_convert_all_kernels_inside_of_wrappers():
    model = Sequential([TimeDistributed(Convolution2D(2, 2, 2), input_shape=(2, 3, 4, 4))])
    before = model.get_weights()[0]
    convert_all_kernels_in_model(model)
    np.testing.assert_array_equal(model.get_weights()[0], before[:, :, ::-1, ::-1])


@pytest.mark.parametrize("target", ["channels_first", "channels_last"])
def test_convert_dense_weights_data_format(target):
    """A Dense layer behind a Flatten gives the same for the same images in the other format."""
    x = np.random.standard_normal((3, 2, 4, 5)).astype("float32")       # channels first
    formats = {"channels_first": x, "channels_last": np.moveaxis(x, 1, -1)}
    source = formats.pop("channels_last" if target == "channels_first" else "channels_first")
    moved = formats[target]
    one = Sequential([Flatten(input_shape=source.shape[1:]), Dense(3)])
    other = Sequential([Flatten(input_shape=moved.shape[1:]), Dense(3)])
    other.set_weights(one.get_weights())
    convert_dense_weights_data_format(other.layers[1], moved.shape[1:], target)
    np.testing.assert_allclose(other.predict(moved), one.predict(source), rtol=1e-5, atol=1e-6)
    with pytest.raises(ShapeError, match="41 features.*takes 40"):
        convert_dense_weights_data_format(other.layers[1], (41,), target)
    with pytest.raises(UnknownNameError, match="target_data_format"):
        convert_dense_weights_data_format(other.layers[1], (2, 4, 5), "th")


@pytest.mark.parametrize("padding", ["valid", "same", "causal", "full"])
def test_conv_output_length(padding):
    for size in range(5, 12):
        for stride in (1, 2, 3):
            for dilation in (1, 2):
                zeros = {"valid": 0, "same": 2 * dilation, "causal": 2 * dilation, "full": 4 * dilation}[padding]
                starts = range(0, size + zeros - 2 * dilation, stride)
                assert conv_output_length(size, 3, padding, stride, dilation) == len(starts)
    assert conv_output_length(None, 3, padding, 1) is None


@pytest.mark.parametrize("padding", ["valid", "same", "causal", "full"])
def test_conv_input_length(padding):
    for length in range(1, 6):
        for stride in (1, 2, 3):
            size = conv_input_length(length, 3, padding, stride)
            assert conv_output_length(size, 3, padding, stride) == length
    assert conv_input_length(None, 3, padding, 1) is None
    with pytest.raises(UnknownNameError, match="padding 'smae'"):
        conv_input_length(5, 3, "smae", 1)
