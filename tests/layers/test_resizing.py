"""UpSampling, ZeroPadding and Cropping: the document's signatures, Keras 2's words, forms of padding, data formats."""


import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, layers
from numba_layers.errors import ArgumentError, ShapeError, UnknownArgumentError, UnknownNameError
from numba_layers.layers import (
    Conv2D,
    Convolution2D,
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
from numba_layers.models import Sequential
from tests.signatures import without_hints

SIGNATURES = {
    "UpSampling1D": "(length=2)",
    "UpSampling2D": "(size=(2, 2), dim_ordering='default')",
    "UpSampling3D": "(size=(2, 2, 2), dim_ordering='default')",
    "ZeroPadding1D": "(padding=1)",
    "ZeroPadding2D": "(padding=(1, 1), dim_ordering='default')",
    "ZeroPadding3D": "(padding=(1, 1, 1), dim_ordering='default')",
}
IMAGE = (5, 6, 7)       # a sample that could be of either format


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    """Choices made in a test end with it."""
    monkeypatch.setattr(config, "_settings", config._Settings())


def output_shape(layer, *shape):
    layer.batch_input_shape = (None, *shape)
    return Sequential([layer]).output_shape[1:]


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_those_of_the_document(name):
    assert without_hints(getattr(layers, name), options=False) == SIGNATURES[name]


@pytest.mark.parametrize("layer, shape, wanted", [
    (UpSampling1D(), (4, 3), (8, 3)), (UpSampling1D(3), (4, 3), (12, 3)), (UpSampling1D(length=3), (4, 3), (12, 3)),
    (UpSampling1D(size=3), (4, 3), (12, 3)),
    (UpSampling2D(), IMAGE, (10, 12, 7)), (UpSampling2D((1, 3), "tf"), IMAGE, (5, 18, 7)),
    (UpSampling2D(size=(1, 3), dim_ordering="th"), IMAGE, (5, 6, 21)),
    (UpSampling2D(size=3, data_format="channels_first"), IMAGE, (5, 18, 21)),
    (UpSampling3D(), (2, 3, 4, 5), (4, 6, 8, 5)),
    (UpSampling3D((1, 2, 3), dim_ordering="tf"), (2, 3, 4, 5), (2, 6, 12, 5)),
    (ZeroPadding1D(), (4, 3), (6, 3)), (ZeroPadding1D(padding=2), (4, 3), (8, 3)),
    (ZeroPadding1D((0, 3)), (4, 3), (7, 3)),
    (ZeroPadding2D(), IMAGE, (7, 8, 7)), (ZeroPadding2D((1, 2), "tf"), IMAGE, (7, 10, 7)),
    (ZeroPadding2D(padding=(1, 2), dim_ordering="th"), IMAGE, (5, 8, 11)),
    (ZeroPadding3D(), (2, 3, 4, 5), (4, 5, 6, 5)),
    (ZeroPadding3D((0, 1, 2), dim_ordering="tf"), (2, 3, 4, 5), (2, 5, 8, 5)),
    (Cropping1D(), (4, 3), (2, 3)), (Cropping1D((0, 3)), (4, 3), (1, 3)), (Cropping1D(cropping=1), (4, 3), (2, 3)),
    (Cropping2D(), IMAGE, IMAGE), (Cropping2D(((1, 2), (0, 3)), dim_ordering="th"), IMAGE, (5, 3, 4)),
    (Cropping2D((1, 2), data_format="channels_last"), IMAGE, (3, 2, 7)), (Cropping2D(1), IMAGE, (3, 4, 7)),
    (Cropping3D(), (5, 4, 5, 6), (3, 2, 3, 6)), (Cropping3D((0, 1, 2), "channels_first"), (3, 4, 5, 6), (3, 4, 3, 2)),
])
def test_call_forms(layer, shape, wanted):
    assert output_shape(layer, *shape) == wanted


@pytest.mark.parametrize("make, padding, wanted", [
    (ZeroPadding1D, 2, ((2, 2),)), (ZeroPadding1D, (1, 3), ((1, 3),)), (ZeroPadding1D, {"left_pad": 1}, ((1, 0),)),
    (ZeroPadding2D, 2, ((2, 2), (2, 2))), (ZeroPadding2D, [1, 3], ((1, 1), (3, 3))),
    (ZeroPadding2D, ((1, 2), (3, 4)), ((1, 2), (3, 4))), (ZeroPadding2D, (1, (3, 4)), ((1, 1), (3, 4))),
    (ZeroPadding2D, (1, 2, 3, 4), ((1, 2), (3, 4))),
    (ZeroPadding2D, {"top_pad": 1, "right_pad": np.int64(2)}, ((1, 0), (0, 2))), (ZeroPadding2D, {}, ((0, 0), (0, 0))),
    (ZeroPadding3D, 1, ((1, 1),) * 3), (ZeroPadding3D, (1, 2, 3), ((1, 1), (2, 2), (3, 3))),
    (ZeroPadding3D, ((1, 2), (3, 4), (5, 6)), ((1, 2), (3, 4), (5, 6))),
])
def test_forms_of_padding(make, padding, wanted):
    layer = make(padding)
    assert layer.padding == wanted
    assert layers.deserialize(layers.serialize(layer)).padding == wanted


@pytest.mark.parametrize("padding", [-1, (1, 2, 3), ((1, 2, 3), 1), 1.5, "same", None, {"top": 1}, (1, -1), ((), 1)])
def test_padding_of_no_form(padding):
    with pytest.raises(ArgumentError, match=r"ZeroPadding2D.*: padding must be a whole number, 2 of them, or 2 pairs"):
        ZeroPadding2D(padding)
    with pytest.raises(ArgumentError, match=r"Cropping2D.*: cropping must be a whole number, 2 of them, or 2 pairs"):
        Cropping2D(padding)


OPEN = [UpSampling2D(), UpSampling2D(dim_ordering="default"), UpSampling3D(), ZeroPadding2D(),
        ZeroPadding2D((1, 1, 0, 0)), ZeroPadding2D({"top_pad": 1}), ZeroPadding3D((1, 2, 3)), UpSampling2D(2),
        UpSampling2D(data_format=None), UpSampling2D(interpolation="bilinear"), ZeroPadding2D(1, data_format=None),
        Cropping2D(), Cropping3D(0)]


def settled(layer, shape=IMAGE):
    """The data format of `layer` as a model's first, whose input has a shape like `shape`."""
    output_shape(layer, *(9,) * (layer.input_spec.ndim - 4), *shape)
    return layer.data_format


@pytest.mark.parametrize("version, wanted", [("2.2.5", "channels_last"), ("1.2.2", "channels_first")])
@pytest.mark.parametrize("layer", OPEN, ids=repr)
def test_both_spellings_take_what_the_generation_in_force_says(layer, version, wanted):
    config.set_keras_version(version)
    one, again = (layers.deserialize(layers.serialize(layer)) for _ in range(2))
    assert one.data_format is None
    assert settled(one) == wanted
    config.set_image_data_format("channels_last")
    assert layers.deserialize(layers.serialize(one)).data_format == wanted
    assert settled(again) == "channels_last"


def test_the_setting_of_the_process_holds():
    K.set_image_data_format("channels_last")
    assert settled(UpSampling2D()) == settled(ZeroPadding2D()) == "channels_last"
    K.set_image_data_format("channels_first")
    assert settled(UpSampling2D(2)) == settled(Cropping2D()) == "channels_first"
    assert output_shape(UpSampling1D(), 4, 3) == (8, 3)


def test_the_format_of_the_input_holds():
    model = Sequential([Conv2D(4, 3, data_format="channels_last", input_shape=(8, 8, 2)), ZeroPadding2D(),
                        UpSampling2D()])
    assert model.output_shape == (None, 16, 16, 4)
    model = Sequential([Convolution2D(4, 3, 3, input_shape=(2, 8, 8)), ZeroPadding2D(1), UpSampling2D(2),
                        Cropping2D(1)])
    assert model.output_shape == (None, 4, 14, 14)


def test_a_photograph_is_no_stack_of_224_channels():
    """What ResNet begins with in both generations: both spellings coincide, the shape tells."""
    for version, odd in (("2.2.5", "channels_first"), ("1.2.2", "channels_last")):
        config.set_keras_version(version)
        with pytest.warns(UserWarning, match=f"read as {odd}") as caught:
            assert output_shape(ZeroPadding2D((3, 3)), 224, 224, 3) == (230, 230, 3)
            assert output_shape(ZeroPadding2D((3, 3)), 3, 224, 224) == (3, 230, 230)
        assert len(caught) == 1


def test_configuration_in_keras2s_words():
    assert UpSampling1D(3, name="mine").get_config() == {
        "name": "mine", "trainable": True, "dtype": "float32", "size": 3}
    assert ZeroPadding1D(2).get_config()["padding"] == (2, 2)
    assert Cropping1D(2).get_config()["cropping"] == (2, 2)
    description = UpSampling2D(3, data_format="channels_first", interpolation="bilinear").get_config()
    assert (description["size"], description["data_format"], description["interpolation"]) == (
        (3, 3), "channels_first", "bilinear")
    assert UpSampling1D(3).length == 3 and UpSampling1D(3).size == (3,)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_values(ordering, random):
    x = random.standard_normal((2, 3, 4, 5)).astype("float32")
    rows, columns = (2, 3) if ordering == "th" else (1, 2)
    borders = [(0, 0)] * 4
    borders[rows], borders[columns] = (1, 0), (0, 2)
    model = Sequential([ZeroPadding2D(((1, 0), (0, 2)), ordering, input_shape=(3, 4, 5))])
    np.testing.assert_array_equal(model.predict(x), np.pad(x, borders))
    model.add(UpSampling2D((2, 3)))
    np.testing.assert_array_equal(model.predict(x), np.pad(x, borders).repeat(2, rows).repeat(3, columns))
    model.add(Cropping2D(((2, 0), (0, 6))))
    np.testing.assert_array_equal(model.predict(x), x.repeat(2, rows).repeat(3, columns))


def test_bilinear(random):
    x = random.standard_normal((2, 5, 4, 2)).astype("float32")
    model = Sequential([UpSampling2D((1, 2), interpolation="bilinear", input_shape=(5, 4, 2))])
    y = model.predict(x)
    np.testing.assert_array_equal(y[:, :, ::2], x)
    np.testing.assert_allclose(y[:, :, 1:-1:2], (x[:, :, 1:] + x[:, :, :-1]) / 2, atol=1e-6)


@pytest.mark.parametrize("make, error, message", [
    (lambda: UpSampling2D(dim_ordering="th", data_format="channels_last"), UnknownArgumentError,
     r"UpSampling2D: dim_ordering \(Keras 1\) and data_format \(Keras 2\) are one argument, .* Keep data_format"),
    (lambda: UpSampling1D(3, size=3), UnknownArgumentError, r"length \(Keras 1\) and size \(Keras 2\) are one"),
    (lambda: UpSampling1D(0), ArgumentError, "size 0: expected 1 whole number"),
    (lambda: UpSampling2D((2, 2, 2)), ArgumentError, r"size \(2, 2, 2\): expected 2 whole numbers"),
    (lambda: UpSampling2D(interpolation="bilinaer"), UnknownNameError, "Did you mean 'bilinear'"),
    (lambda: UpSampling3D(interpolation="bilinear"), UnknownArgumentError, "unknown argument 'interpolation'"),
    (lambda: UpSampling2D(siez=2), UnknownArgumentError, "unknown argument 'siez'. Did you mean 'size'"),
    (lambda: ZeroPadding2D(dim_ordering="channel_first"), UnknownNameError, "Did you mean 'channels_first'"),
    (lambda: Cropping2D(3, input_shape=IMAGE), ShapeError, r"3 \+ 3 of the 5 rows are cut off, which leaves -1"),
    (lambda: Cropping1D(input_shape=(2, 3)), ShapeError, r"1 \+ 1 of the 2 steps are cut off, which leaves 0"),
    (lambda: ZeroPadding2D(input_shape=(5, 6)), ShapeError, r"\(None, 5, 6\)"),
])
def test_mistakes(make, error, message):
    with pytest.raises(error, match=message):
        Sequential([make()])
