"""Which axis holds the channels: who decides, and how it travels from layer to layer."""

import json
import warnings

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, layers
from numba_layers.autograd import Tensor
from numba_layers.layers import (
    Activation,
    Add,
    Concatenate,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Deconvolution2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Lambda,
    Multiply,
    Permute,
    Reshape,
    SpatialDropout2D,
    SpatialDropout3D,
    TimeDistributed,
)
from numba_layers.models import Model, Sequential, load_model

FIRST, LAST = "channels_first", "channels_last"
IMAGE = (5, 6, 7)       # a sample that could be of either format


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    """Choices made in a test end with it."""
    monkeypatch.setattr(config, "_settings", config._Settings())


def settled(layer):
    """The data format in which `layer` works as a model's first."""
    Sequential([layer])
    return layer.data_format


KERAS1 = [Convolution2D(2, 2, 2, input_shape=IMAGE), Deconvolution2D(2, 2, 2, (None, 2, 7, 8), input_shape=IMAGE),
          Convolution3D(2, 2, 2, 2, input_shape=(5, *IMAGE)), layers.AtrousConvolution2D(2, 2, 2, input_shape=IMAGE)]
KERAS2 = [Conv2D(2, 2, input_shape=IMAGE), Conv2DTranspose(2, 2, input_shape=IMAGE),
          Conv3D(2, 2, input_shape=(5, *IMAGE)), SpatialDropout2D(0.5, input_shape=IMAGE),
          SpatialDropout3D(0.5, input_shape=(5, *IMAGE))]


def again(layer):
    return layers.deserialize(layers.serialize(layer))


class TestWhoDecides:
    @pytest.mark.parametrize("layer", KERAS1, ids=repr)
    def test_keras1_takes_th(self, layer):
        layer = again(layer)
        assert layer.dim_ordering == "default" and settled(layer) == FIRST and layer.dim_ordering == "th"

    @pytest.mark.parametrize("layer", KERAS2, ids=repr)
    def test_keras2_takes_channels_last(self, layer):
        assert settled(again(layer)) == LAST

    def test_sequences_have_their_channels_last(self):
        K.set_image_data_format(FIRST)
        assert settled(Conv1D(2, 2, input_shape=(5, 6))) == LAST
        assert settled(Convolution1D(2, 2, input_shape=(5, 6))) == LAST
        assert settled(Conv1D(2, 2, data_format=FIRST, input_shape=(5, 6))) == FIRST

    @pytest.mark.parametrize("layer", [*KERAS1[:1], *KERAS1[2:], *KERAS2], ids=repr)
    def test_the_process(self, layer):
        for choose in (lambda: K.set_image_data_format(LAST), lambda: K.set_image_dim_ordering("tf")):
            choose()
            assert settled(again(layer)) == LAST
        for choose in (lambda: K.set_image_data_format(FIRST), lambda: K.set_image_dim_ordering("th")):
            choose()
            assert settled(again(layer)) == FIRST

    def test_deconvolution_follows_the_process_too(self):
        """Its documented default is 'th', and its text says that keras.json decides."""
        K.set_image_dim_ordering("tf")
        assert settled(Deconvolution2D(2, 2, 2, (None, 6, 7, 2), input_shape=IMAGE)) == LAST
        assert settled(Deconvolution2D(2, 2, 2, (None, 2, 7, 8), dim_ordering="th", input_shape=IMAGE)) == FIRST

    @pytest.mark.parametrize("content", [{"image_data_format": FIRST}, {"image_dim_ordering": "th"}])
    def test_keras_json(self, content, tmp_path, monkeypatch):
        (tmp_path / "keras.json").write_text(json.dumps(content))
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        monkeypatch.setattr(config, "_settings", config._Settings())
        config._take_keras_json()
        assert settled(Conv2D(2, 2, input_shape=IMAGE)) == FIRST
        K.set_image_data_format(LAST)
        assert settled(Conv2D(2, 2, input_shape=IMAGE)) == LAST
        assert settled(Convolution2D(2, 2, 2, input_shape=IMAGE)) == LAST

    @pytest.mark.parametrize("word", [FIRST, "th"])
    def test_the_argument_counts_most(self, word):
        K.set_image_data_format(LAST)
        x = Conv2D(2, 2)(Input(shape=IMAGE))
        assert x.layout == LAST
        for layer in (Conv2D(2, 2, data_format=word), Convolution2D(2, 2, 2, dim_ordering=word),
                      SpatialDropout2D(0.5, data_format=word)):
            layer(x)
            assert layer.data_format == FIRST

    def test_the_layout_of_the_input_counts_before_the_default(self):
        x = Convolution2D(2, 2, 2)(Input(shape=IMAGE))
        assert Conv2D(3, 2)(x).shape == (None, 3, 4, 5)
        y = Conv2D(2, 2)(Input(shape=IMAGE))
        assert Convolution2D(3, 2, 2)(y).shape == (None, 3, 4, 3)

    def test_the_process_counts_before_the_layout(self):
        x = Convolution2D(2, 2, 2)(Input(shape=IMAGE))
        K.set_image_data_format(LAST)
        assert Conv2D(3, 2)(x).shape == (None, 1, 4, 3)


# a layer of each kind, for images and volumes
IMAGES = [layers.UpSampling2D, layers.ZeroPadding2D, layers.Cropping2D, layers.MaxPooling2D, layers.AveragePooling2D,
          layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D, lambda: SpatialDropout2D(0.5), lambda: Conv2D(2, 3),
          lambda: Conv2DTranspose(2, 3), lambda: layers.SeparableConv2D(2, 3), lambda: layers.DepthwiseConv2D(3)]
VOLUMES = [layers.UpSampling3D, layers.ZeroPadding3D, layers.Cropping3D, layers.MaxPooling3D, layers.AveragePooling3D,
           layers.GlobalMaxPooling3D, layers.GlobalAveragePooling3D, lambda: SpatialDropout3D(0.5),
           lambda: Conv3D(2, 3), lambda: layers.Conv3DTranspose(2, 3)]
KERAS1_ONLY = [lambda: Convolution2D(2, 3, 3), lambda: layers.AtrousConvolution2D(2, 3, 3),
               lambda: layers.SeparableConvolution2D(2, 3, 3), lambda: Convolution3D(2, 3, 3, 3),
               lambda: Deconvolution2D(2, 3, 3, (None, 2, 12, 12))]
VERSIONS = [("2.2.5", LAST), ("1.2.2", FIRST)]


def behind_what_has_no_layout(shape):
    """Tensors of `shape` (without the batch) that come from elsewhere than a layer of images."""
    flat = Dense(int(np.prod(shape)))(Input(shape=(2,)))
    return [Input(shape=shape), Reshape(shape)(flat), Lambda(lambda x: K.reshape(x, (-1, *shape)))(flat)]


class TestDefaults:
    @pytest.mark.parametrize("version, wanted", VERSIONS)
    def test_of_the_vocabulary_in_force(self, version, wanted):
        config.set_keras_version(version)
        assert K.image_data_format() == wanted
        for makes, shape in ((IMAGES, (8, 9, 10)), (VOLUMES, (8, 9, 10, 11))):
            for make in makes:
                for x in behind_what_has_no_layout(shape):
                    layer = make()
                    layer(x)
                    assert layer.data_format == wanted, layer

    @pytest.mark.parametrize("version, installed, wanted", [
        ("2.2.5", False, FIRST), ("2.2.5", True, LAST), ("1.2.2", True, FIRST)])
    def test_of_names_that_only_keras1_has(self, version, installed, wanted):
        config.set_keras_version(version)
        config.set_installed(installed)
        for make in KERAS1_ONLY:
            layer = make()
            layer.settle_data_format((None, *(8,) * (layer.rank + 1)))
            assert layer.data_format == wanted, layer

    def test_one_setting_in_two_spellings(self):
        words = {LAST: "tf", FIRST: "th"}
        for version, wanted in VERSIONS:
            config.set_keras_version(version)
            assert (K.image_data_format(), K.image_dim_ordering()) == (wanted, words[wanted])
        for wanted in (LAST, FIRST):
            K.set_image_data_format(wanted)
            assert (K.image_data_format(), K.image_dim_ordering()) == (wanted, words[wanted])
        K.set_image_dim_ordering("tf")
        assert (K.image_data_format(), K.image_dim_ordering()) == (LAST, "tf")
        K.set_image_dim_ordering("th")
        assert (K.image_data_format(), K.image_dim_ordering()) == (FIRST, "th")

    @pytest.mark.parametrize("shape", [(4, 4, 8), (1, 1, 512), (3, 3, 384), (8, 4, 4), (3, 32, 3), (3, 3, 3, 4)])
    def test_shapes_that_can_be_read_both_ways(self, shape):
        """Few pixels and many channels, inside of a network."""
        for version, wanted in VERSIONS:
            config.set_keras_version(version)
            kind = layers.UpSampling2D if len(shape) == 3 else layers.UpSampling3D
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert settled(kind(input_shape=shape)) == wanted


class TestShapesThatSaySo:
    @pytest.mark.parametrize("make", [*IMAGES, *VOLUMES, *KERAS1_ONLY[:-1]])
    @pytest.mark.parametrize("version, _", VERSIONS)
    def test_are_read_with_a_warning_where_they_are_not_the_default(self, make, version, _):
        config.set_keras_version(version)
        for reading, channels, size in ((FIRST, 3, 12), (LAST, 1, None), (FIRST, 4, 6), (LAST, 3, 8)):
            layer = make()
            sizes = (size,) * (layer.input_spec.ndim - 2)
            shape = (channels, *sizes) if reading == FIRST else (*sizes, channels)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                layer(Input(shape=shape))
            assert layer.data_format == reading
            if reading == config.default_data_format(layer.keras1_name):
                assert not caught
            else:
                (warning,) = caught
                for part in (f'{type(layer).__name__} "{layer.name}"', f"read as {reading}", "data_format="):
                    assert part in str(warning.message)

    def test_once_a_model(self):
        for _ in range(2):
            with pytest.warns(UserWarning, match="MaxPooling2D") as caught:
                x = layers.MaxPooling2D()(Input(shape=(3, 32, 32)))
                x = Reshape((1, 32, 24))(Dense(768)(Flatten()(x)))
                assert [Conv2D(2, 3)(x).layout, layers.UpSampling2D()(x).layout] == [FIRST, FIRST]
            assert len(caught) == 1

    def test_at_each_timestep(self):
        with pytest.warns(UserWarning, match="read as channels_first: 12 x 12 pixels of 3 channels") as caught:
            x = TimeDistributed(Conv2D(2, 3))(Input(shape=(5, 3, 12, 12)))
            TimeDistributed(layers.MaxPooling2D())(Reshape((5, 1, 10, 20))(x))
        assert x.shape == (None, 5, 2, 10, 10) and len(caught) == 1

    @pytest.mark.parametrize("layer", [
        Conv2D(2, 3, input_shape=(32, 32, 3)), Conv2D(2, 3, input_shape=(3, 32, 3)), Conv2D(2, 3, input_shape=IMAGE),
        Conv2D(2, 3, input_shape=(3, 9, 9), data_format=LAST), Conv2D(2, 3, input_shape=(3, 9, 9), data_format=FIRST),
        Convolution2D(2, 3, 3, input_shape=(3, 32, 32))], ids=repr)
    def test_silence_elsewhere(self, layer):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Sequential([layer])

    def test_a_choice_counts_more(self):
        K.set_image_data_format(LAST)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert settled(Conv2D(2, 3, input_shape=(3, 32, 32))) == LAST

    def test_not_behind_a_layer_of_images(self):
        x = Conv2D(3, 2, data_format=LAST)(Input(shape=(4, 4, 5)))
        assert Conv2D(2, 2)(Conv2D(8, 2, padding="same")(x)).shape == (None, 2, 2, 2)


def th(*more):
    """What comes out of a 'th' convolution and the layers after it."""
    x = Convolution2D(2, 2, 2)(Input(shape=IMAGE))
    for layer in more:
        x = layer(x)
    return x


class TestLayoutTravels:
    @pytest.mark.parametrize("layer", [
        Activation("relu"), Dropout(0.5), Lambda(lambda x: x * 2), layers.ActivityRegularization(l2=0.1),
        SpatialDropout2D(0.5), Dense(3), Conv2D(2, 2)], ids=repr)
    def test_through(self, layer):
        assert th(layer).layout == FIRST

    @pytest.mark.parametrize("layer", [Permute((1, 2, 3)), Permute((2, 3, 1)), Reshape((2, 5, 6)), Flatten(),
                                       Lambda(lambda x: x[:, 0]), Lambda(lambda x: x[:, :1])], ids=repr)
    def test_not_through(self, layer):
        assert th(layer).layout is None

    @pytest.mark.parametrize("merge", [Add(), Multiply(), Concatenate(axis=1)], ids=repr)
    def test_through_merging_layers(self, merge):
        x = Input(shape=(2, 5, 6))
        assert merge([th(), x]).layout == FIRST and merge([x, th()]).layout == FIRST
        assert merge([x, x]).layout is None
        other = Conv2D(6, 1, data_format=LAST)(x)
        assert Concatenate(axis=1)([th(), other]).layout is None

    def test_eager(self):
        x = Tensor(np.ones((1, *IMAGE), "float32"))
        y = Activation("relu")(Convolution2D(2, 2, 2)(x))
        assert y.layout == FIRST and x.layout is None
        assert Conv2D(3, 2)(y).shape == (1, 3, 4, 5)

    def test_eager_where_a_layer_answers_its_input(self):
        x = Tensor(np.ones((1, *IMAGE), "float32"))
        y = SpatialDropout2D(0.5, data_format=FIRST)(x)
        assert y.layout == FIRST and x.layout is None
        np.testing.assert_array_equal(y.data, x.data)

    def test_nested_models(self):
        inner = Sequential([Convolution2D(2, 2, 2, input_shape=IMAGE), Activation("relu")])
        assert inner(Input(shape=IMAGE)).layout == FIRST
        assert inner(Tensor(np.ones((1, *IMAGE), "float32"))).layout == FIRST
        a = Input(shape=IMAGE)
        outer = Model(a, [inner(a), Flatten()(inner(a))])
        assert [tensor.layout for tensor in outer(Input(shape=IMAGE))] == [FIRST, None]

    def test_a_model_without_input_shape_takes_the_layout_it_meets(self):
        x = th()
        assert Sequential([Conv2D(3, 2)])(x).shape == (None, 3, 4, 5)

    def test_files(self, tmp_path):
        model = Sequential([Convolution2D(2, 2, 2, input_shape=IMAGE), SpatialDropout2D(0.5), Conv2D(3, 2), Flatten()])
        model.save(tmp_path / "model.h5")
        K.set_image_data_format(LAST)
        again = load_model(tmp_path / "model.h5")
        assert [layer.output_shape for layer in again.layers] == [layer.output_shape for layer in model.layers]
        x = np.random.standard_normal((2, *IMAGE))
        np.testing.assert_array_equal(again.predict(x), model.predict(x))
        assert again.get_config() == model.get_config()

    def test_files_of_keras1_that_forget_it(self):
        """1.2.2 writes no dim_ordering for these layers: the tensor before them knows it, whatever the process says."""
        K.set_image_dim_ordering("tf")
        x = Convolution2D(2, 2, 2, dim_ordering="th")(Input(shape=IMAGE))
        for name, shape in (("UpSampling2D", (None, 2, 10, 12)), ("ZeroPadding2D", (None, 2, 7, 8))):
            layer = layers.deserialize({"class_name": name, "config": {"name": name}})
            assert layer(x).shape == shape
            alone = layers.deserialize({"class_name": name, "config": {"name": name}})
            alone(Input(shape=IMAGE))
            assert alone.data_format == LAST

    @pytest.mark.parametrize("ordering", ["th", "tf"])
    def test_files_that_forget_the_first_layers_format(self, ordering):
        """It is that of the model's other layers, whatever the process says: Keras 1 wrote none for most kinds."""
        def described(*layers):
            return [{"class_name": name, "config": options} for name, options in layers]

        convolution = "Convolution2D", {"nb_filter": 2, "nb_row": 2, "nb_col": 2, "dim_ordering": ordering}
        inner = described(("Cropping2D", {"batch_input_shape": (None, 7, 8, 9)}))
        outer = described(("ZeroPadding2D", {"batch_input_shape": (None, *IMAGE)}), convolution)
        for version, chosen in (("1.2.2", None), ("2.2.5", None), ("2.2.5", FIRST), ("2.2.5", LAST)):
            config.set_keras_version(version)
            config._settings.image_data_format = chosen
            model = Sequential.from_config(outer)
            assert {layer.dim_ordering for layer in model.layers} == {ordering}
            model = Sequential.from_config(described(("Sequential", inner), convolution))
            assert model.layers[0].layers[0].dim_ordering == ordering

    def test_time_distributed(self):
        x = TimeDistributed(Convolution2D(2, 2, 2))(Input(shape=(3, *IMAGE)))
        assert x.shape == (None, 3, 2, 5, 6)
        x = TimeDistributed(Conv2D(4, 2))(Activation("relu")(x))
        assert x.shape == (None, 3, 4, 4, 5)
        assert Conv3D(1, 1)(x).shape == (None, 3, 4, 4, 1)      # whose axis 1 are timesteps, no channels

    def test_training(self):
        """Layouts are there while a model runs, too."""
        seen = []

        def look(x):
            seen.append(x.layout)
            return x

        model = Sequential([Convolution2D(2, 2, 2, input_shape=IMAGE), Lambda(look), Flatten(), Dense(1)])
        model.compile("sgd", "mse")
        model.fit(np.ones((4, *IMAGE)), np.ones((4, 1)), epochs=1, verbose=0)
        assert set(seen) == {FIRST}


class TestWhatDependsOnIt:
    @pytest.mark.parametrize("axes, make", [((2, 3), lambda: SpatialDropout2D(0.5)),
                                            ((2, 3, 4), lambda: SpatialDropout3D(0.5))])
    def test_spatial_dropout_after_th_drops_channels(self, axes, make):
        images = len(axes) == 2
        shape = IMAGE if images else (5, *IMAGE)
        first = (Convolution2D(8, 2, 2, init="one", input_shape=shape) if images
                 else Convolution3D(8, 2, 2, 2, init="one", input_shape=shape))
        model = Sequential([first, make()])
        drop = K.function([model.input, K.learning_phase()], [model.output])
        y = drop([np.ones((6, *shape)), 1])[0]
        whole = (y == 0).all(axis=axes) | (y != 0).all(axis=axes)
        assert whole.all() and 0 < (y == 0).mean() < 1

    def test_flatten_keeps_the_order_unless_channels_first_was_chosen(self):
        x = np.arange(2 * 3 * 4, dtype="float32").reshape(1, 2, 3, 4)
        same = Sequential([Convolution2D(2, 1, 1, weights=[np.eye(2).reshape(2, 2, 1, 1), np.zeros(2)],
                                         dim_ordering="th", input_shape=(2, 3, 4)), Flatten()])
        np.testing.assert_array_equal(same.predict(x), x.reshape(1, -1))
        K.set_image_data_format(FIRST)
        moved = Sequential([Flatten(input_shape=(2, 3, 4))])
        np.testing.assert_array_equal(moved.predict(x), x.transpose(0, 2, 3, 1).reshape(1, -1))

    def test_the_example_of_the_core_document(self):
        model = Sequential()
        with pytest.warns(UserWarning, match="channels_first"):
            model.add(Conv2D(64, (3, 3), input_shape=(3, 32, 32), padding="same"))
        assert model.output_shape == (None, 64, 32, 32)
        model.add(Flatten())
        assert model.output_shape == (None, 65536)


def test_unbuilt_layers_tell_output_shapes_and_stay_open():
    for layer in (Conv2D(4, 3), Convolution2D(4, 3, 3)):
        state = np.random.get_state()[1].copy()
        layer.compute_output_shape((None, 8, 9, 10))
        assert layer.data_format is None and not layer.built and layer.weights == []
        np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert Conv2D(4, 3).compute_output_shape((None, 8, 9, 10)) == (None, 6, 7, 4)
    assert Convolution2D(4, 3, 3).compute_output_shape((None, 8, 9, 10)) == (None, 4, 7, 8)
