"""Pooling in both spellings and both data formats; masks; mistakes."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, layers
from numba_layers.errors import ArgumentError, MaskError, ShapeError, UnknownArgumentError, UnknownNameError
from numba_layers.layers import (
    AveragePooling1D,
    AveragePooling2D,
    Conv1D,
    Convolution2D,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling2D,
    Masking,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from numba_layers.models import Sequential
from tests.reference import pool as reference
from tests.tolerances import assert_close

SHAPES = {1: (7, 3), 2: (6, 5, 3), 3: (4, 3, 5, 3)}


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    """Choices made in a test end with it."""
    monkeypatch.setattr(config, "_settings", config._Settings())


def channels_first(x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def answer(layer, x):
    """What a model of `layer` says to x."""
    layer.batch_input_shape = (None, *x.shape[1:])
    return Sequential([layer]).predict(x)


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("kind, wanted", [("Max", reference.max_pool), ("Average", reference.average_pool)])
def test_values(kind, wanted, rank, random):
    pooling = getattr(layers, f"{kind}Pooling{rank}D")
    x = random.standard_normal((2, *SHAPES[rank])).astype("float32")
    assert_close(answer(pooling(), x), wanted(x, pool_size=2))
    arguments = {"pool_size": 3, "strides": 2, "padding": "same"}
    assert_close(answer(pooling(**arguments, data_format="channels_first"), channels_first(x)),
                 channels_first(wanted(x, **arguments)))


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("kind, wanted", [("Max", np.max), ("Average", np.mean)])
def test_global_values(kind, wanted, rank, random):
    pooling = getattr(layers, f"Global{kind}Pooling{rank}D")
    x = random.standard_normal((2, *SHAPES[rank])).astype("float32")
    pooled = wanted(x, axis=tuple(range(1, rank + 1)))
    assert_close(answer(pooling(), x), pooled)
    assert_close(answer(pooling(data_format="channels_first"), channels_first(x)), pooled)


@pytest.mark.parametrize("keras1, keras2", [
    (MaxPooling1D(pool_length=3, stride=2, border_mode="same"), MaxPooling1D(3, 2, "same")),
    (AveragePooling1D(4, None, "valid"), AveragePooling1D(pool_size=4, strides=4, padding="valid")),
    (MaxPooling2D((3, 2), (1, 2), "same", "th"),
     MaxPooling2D(pool_size=(3, 2), strides=(1, 2), padding="SAME", data_format="channels_first")),
    (AveragePooling2D(border_mode="same", dim_ordering="tf"),
     AveragePooling2D(2, padding="same", data_format="channels_last")),
    (MaxPooling3D(dim_ordering="default"), MaxPooling3D((2, 2, 2), data_format=None)),
    (GlobalMaxPooling2D("th"), GlobalMaxPooling2D(data_format="channels_first")),
    (GlobalMaxPooling2D(dim_ordering="tf"), GlobalMaxPooling2D(data_format="channels_last")),
])
def test_both_spellings(keras1, keras2):
    keras1.name = keras2.name
    assert keras1.get_config() == keras2.get_config()


def test_other_names():
    for rank in SHAPES:
        for short, long in (("MaxPool", "MaxPooling"), ("AvgPool", "AveragePooling"),
                            ("GlobalMaxPool", "GlobalMaxPooling"), ("GlobalAvgPool", "GlobalAveragePooling")):
            assert getattr(layers, f"{short}{rank}D") is getattr(layers, f"{long}{rank}D")


@pytest.mark.parametrize("ordering, size", [("th", (4, 3, 2)), ("tf", (3, 2, 4))])
def test_the_format_of_the_convolution_before_holds(ordering, size):
    shape = (2, 8, 7) if ordering == "th" else (8, 7, 2)
    model = Sequential([Convolution2D(4, 3, 3, dim_ordering=ordering, input_shape=shape), MaxPooling2D()])
    assert model.output_shape == (None, *size)
    model.add(GlobalMaxPooling2D())
    assert model.output_shape == (None, 4)


def test_channels_last_where_nothing_says_otherwise():
    assert Sequential([MaxPooling2D(input_shape=(6, 6, 8))]).output_shape == (None, 3, 3, 8)
    K.set_image_dim_ordering("th")
    assert Sequential([MaxPooling2D(input_shape=(6, 6, 8))]).output_shape == (None, 6, 3, 4)
    assert Sequential([MaxPooling1D(input_shape=(4, 6))]).output_shape == (None, 2, 6)


def test_flatten_sees_the_order_of_the_pooled_image(random):
    """A channels-first image lies channels last in memory; what flattens it must not notice."""
    x = random.standard_normal((2, 3, 4, 6)).astype("float32")
    model = Sequential([MaxPooling2D(dim_ordering="th", input_shape=(3, 4, 6)), Flatten()])
    pooled = channels_first(reference.max_pool(np.moveaxis(x, 1, -1), pool_size=2))
    np.testing.assert_array_equal(model.predict(x), pooled.reshape(2, -1))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_the_mean_of_all_steps_leaves_masked_ones_out(data_format, random):
    x = random.standard_normal((2, 4, 3)).astype("float32")
    x[0, 2:] = x[1, 0] = 0
    model = Sequential([Masking(input_shape=(4, 3))])
    if data_format == "channels_first":     # the mask stays one of steps
        model.add(layers.Lambda(lambda x: K.permute_dimensions(x, (0, 2, 1)), mask=lambda x, mask: mask))
    model.add(GlobalAveragePooling1D(data_format=data_format))
    assert_close(model.predict(x), [x[0, :2].mean(0), x[1, 1:].mean(0)])
    assert model.output_mask is None


def test_windows_take_no_mask():
    with pytest.raises(MaskError, match=r"MaxPooling1D .* cannot take one.*GlobalAveragePooling1D"):
        Sequential([Masking(input_shape=(4, 3)), MaxPooling1D()])


def test_sequences_of_open_length(random):
    model = Sequential([Conv1D(4, 2, input_shape=(None, 3)), MaxPooling1D(3, padding="same"),
                        GlobalAveragePooling1D()])
    assert model.layers[1].output_shape == (None, None, 4)
    for steps in (3, 8):
        assert model.predict(random.standard_normal((2, steps, 3))).shape == (2, 4)


@pytest.mark.parametrize("make, error, message", [
    (lambda: MaxPooling2D(3, input_shape=(2, 5, 4)), ShapeError,
     r'MaxPooling2D "mine": along the rows the window has 3, the input only 2: the output would have size 0.*same'),
    (lambda: MaxPooling2D(input_shape=(28, 28)), ShapeError, r'MaxPooling2D "mine": .*\(None, 28, 28\)'),
    (lambda: MaxPooling1D((2, 2)), ArgumentError, r"pool_size \(2, 2\): expected 1 whole number"),
    (lambda: AveragePooling2D(strides=(1, 0)), ArgumentError, r"strides \(1, 0\): expected 2 whole numbers"),
    (lambda: AveragePooling2D(2.5), ArgumentError, "pool_size 2.5"),
    (lambda: MaxPooling2D(border_mode="smae"), UnknownNameError, "unknown padding 'smae'. Did you mean 'same'"),
    (lambda: MaxPooling2D(dim_ordering="tg"), UnknownNameError, "'tg'"),
    (lambda: MaxPooling2D(pool_sise=2), UnknownArgumentError, "'pool_sise'. Did you mean 'pool_size'"),
    (lambda: MaxPooling1D(2, pool_length=2), UnknownArgumentError,
     r"MaxPooling1D: pool_length \(Keras 1\) and pool_size \(Keras 2\) are one argument"),
])
def test_mistakes(make, error, message):
    with pytest.raises(error, match=message):
        layer = make()
        layer.name = "mine"
        Sequential([layer])
