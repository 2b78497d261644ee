"""Weights of convolutions from files: other orders of axes, flipped windows, layers spelled in the other vocabulary."""

import h5py
import numpy as np
import pytest

from numba_layers import config
from numba_layers.errors import ShapeError
from numba_layers.layers import (
    AtrousConvolution1D,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Deconvolution2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Input,
    SeparableConv2D,
    SeparableConvolution2D,
    TimeDistributed,
)
from numba_layers.models import Model, Sequential, load_model
from tests.reference.recorded import FIGURES

pytestmark = pytest.mark.usefixtures("device")   # each test runs on each device

IMAGE = (6, 7, 2)


def images(*more):
    return np.random.RandomState(2).standard_normal((3, *more)).astype("float32")


def filled(model, scale=1.0):
    random = np.random.RandomState(4)
    model.set_weights([scale * random.standard_normal(weight.shape) for weight in model.get_weights()])
    return model


def keras2():
    """A model of all kinds of windows, in Keras 2's words, with random weights."""
    return filled(Sequential([
        Conv2D(4, (2, 3), input_shape=IMAGE), Conv2DTranspose(3, (2, 3)), SeparableConv2D(3, 2), DepthwiseConv2D(2),
        Sequential([Conv2D(2, 2, input_shape=(4, 5, 3))]), Flatten(), Dense(3)]), scale=0.3)


def keras1(ordering):
    """What Keras 1 can say of it: (model, the same in Keras 2's words)."""
    first = ordering == "th"
    shape = (2, 6, 7) if first else IMAGE
    data_format = "channels_first" if first else "channels_last"
    spelled1 = Sequential([
        Convolution2D(4, 2, 3, dim_ordering=ordering, input_shape=shape),
        Deconvolution2D(3, 2, 3, (None, 3, 6, 7) if first else (None, 6, 7, 3), dim_ordering=ordering),
        SeparableConvolution2D(2, 3, 2, depth_multiplier=2), Flatten(), Dense(3)])
    spelled2 = Sequential([
        Conv2D(4, (2, 3), data_format=data_format, input_shape=shape), Conv2DTranspose(3, (2, 3)),
        SeparableConv2D(2, (3, 2), depth_multiplier=2), Flatten(), Dense(3)])
    return filled(spelled1, 0.3), spelled2


def as_file_of_keras1(path, suffix=""):
    """Make our file of weights look like Keras 1's: no backend, no version, no order, its names."""
    with h5py.File(path, "r+") as file:
        group = file.get("model_weights", file)
        for name in ("backend", "keras_version"):
            del group.attrs[name]
        for layer in group.values():
            names = [name.decode() for name in layer.attrs["weight_names"]]
            for name in names:
                layer.move(name, name.replace(":0", suffix))
                layer[name.replace(":0", suffix)].attrs.pop("order", None)
            layer.attrs["weight_names"] = [name.replace(":0", suffix).encode() for name in names]


def as_file_of_theano(path):
    """Make our file say that the Theano backend of Keras 2 wrote it."""
    with h5py.File(path, "r+") as file:
        file.get("model_weights", file).attrs["backend"] = np.bytes_("theano")


@pytest.mark.parametrize("ordering", ["th", "tf"])
class TestBothSpellings:
    def test_files_of_keras1_into_layers_of_keras2(self, ordering, tmp_path):
        """As TensorFlow's Keras 1 wrote them: its names end in ':0', nothing is flipped."""
        one, other = keras1(ordering)
        one.save_weights(tmp_path / "weights.h5")
        as_file_of_keras1(tmp_path / "weights.h5", ":0")
        other.load_weights(tmp_path / "weights.h5")
        x = images(*one.input_shape[1:])
        np.testing.assert_array_equal(other.predict(x), one.predict(x))

    def test_files_of_ours_into_layers_of_the_other_spelling(self, ordering, tmp_path):
        one, other = keras1(ordering)
        x = images(*one.input_shape[1:])
        expected = one.predict(x)
        one.save_weights(tmp_path / "weights.h5")
        other.load_weights(tmp_path / "weights.h5")
        np.testing.assert_array_equal(other.predict(x), expected)
        other.save_weights(tmp_path / "again.h5")
        filled(one, 0.1).load_weights(tmp_path / "again.h5")
        np.testing.assert_array_equal(one.predict(x), expected)

    def test_files_hold_keras1s_layouts(self, ordering, tmp_path):
        one, _ = keras1(ordering)
        one.save_weights(tmp_path / "weights.h5")
        with h5py.File(tmp_path / "weights.h5") as file:
            stored = [file[layer.name][name][()] for layer in one.layers
                      for name in file[layer.name].attrs["weight_names"]]
        for array, weight in zip(stored, one.get_weights(), strict=True):
            np.testing.assert_array_equal(array, weight)

    def test_theanos_keras1(self, ordering, tmp_path):
        """No ':0' behind the names: Theano's, whose windows are flipped; those of separable convolutions are not."""
        one, other = keras1(ordering)
        one.save_weights(tmp_path / "weights.h5")
        as_file_of_keras1(tmp_path / "weights.h5")
        other.load_weights(tmp_path / "weights.h5")
        turned = Sequential.from_config(one.get_config())
        window = (Ellipsis, slice(None, None, -1), slice(None, None, -1)) if ordering == "th" else (
            slice(None, None, -1), slice(None, None, -1))
        turned.set_weights([weight[window] if number in (0, 2) else weight
                            for number, weight in enumerate(one.get_weights())])
        x = images(*one.input_shape[1:])
        np.testing.assert_allclose(other.predict(x), turned.predict(x), rtol=1e-5, atol=1e-5)


def flipped(model):
    """The weights of `keras2()` with Theano's windows."""
    return [weight[::-1, ::-1] if number in (0, 2, 9) else weight for number, weight in enumerate(model.get_weights())]


def test_theanos_keras2(tmp_path):
    model = keras2()
    model.save_weights(tmp_path / "weights.h5")
    expected = flipped(model)
    as_file_of_theano(tmp_path / "weights.h5")
    model.load_weights(tmp_path / "weights.h5")
    for weight, wanted in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, wanted)


def test_theanos_optimizer_slots(tmp_path):
    model = keras2()
    model.compile("adam", "mse")
    model.train_on_batch(images(*IMAGE), images(3))
    model.save(tmp_path / "model.h5")
    slots = model.optimizer.get_weights()
    as_file_of_theano(tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5")
    turned = again.optimizer.get_weights()
    assert len(slots) == len(turned)
    for number, (before, after) in enumerate(zip(slots[1:], turned[1:])):
        place = number % len(model.trainable_weights)
        flips = place in (0, 2, 9) and before.ndim == 4
        np.testing.assert_array_equal(after, before[::-1, ::-1] if flips else before)


@pytest.mark.parametrize("make, shape", [
    (lambda: Conv1D(3, 3, input_shape=(8, 2)), (8, 2)), (lambda: Conv3D(3, (1, 2, 3), input_shape=(2, 4, 5, 2)), None),
    (lambda: Conv3DTranspose(3, (1, 2, 3), input_shape=(2, 4, 5, 2)), None)])
def test_windows_of_one_and_three_axes(make, shape, tmp_path):
    model = filled(Sequential([make()]))
    model.save_weights(tmp_path / "weights.h5")
    kernel = model.get_weights()[0]
    as_file_of_theano(tmp_path / "weights.h5")
    model.load_weights(tmp_path / "weights.h5")
    np.testing.assert_array_equal(model.get_weights()[0], np.flip(kernel, range(kernel.ndim - 2)))


def test_inside_of_wrappers_and_models(tmp_path):
    a = Input(shape=(2, *IMAGE))
    inner = Sequential([Convolution2D(2, 3, 3, dim_ordering="tf", input_shape=IMAGE), Flatten(), Dense(2)])
    model = filled(Model(a, TimeDistributed(inner)(a)))
    model.save_weights(tmp_path / "weights.h5")
    before = model.get_weights()
    as_file_of_keras1(tmp_path / "weights.h5")
    model.load_weights(tmp_path / "weights.h5")
    np.testing.assert_array_equal(model.get_weights()[0], before[0][::-1, ::-1])
    for one, other in zip(model.get_weights()[1:], before[1:]):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make", [
    lambda: Conv1D(3, 4, input_shape=(9, 2)), lambda: Convolution1D(3, 4, input_shape=(9, 2)),
    lambda: AtrousConvolution1D(3, 4, atrous_rate=2, input_shape=(9, 2))])
@pytest.mark.parametrize("channels", [1, 2])
def test_sequences_of_keras_before_1_2(make, channels, tmp_path):
    """Their weights were (filters, in, steps, 1)."""
    description = make().get_config() | {"batch_input_shape": (None, 9, channels)}
    model = filled(Sequential([type(make()).from_config(description)]))
    kernel, bias = model.get_weights()
    kernel = kernel.reshape(4, channels, 3)
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = [b"any"]
        group = file.create_group("any")
        group.attrs["weight_names"] = [b"any_W:0", b"any_b:0"]
        group["any_W:0"], group["any_b:0"] = kernel.transpose(2, 1, 0)[..., None], bias
    expected = model.get_weights()
    filled(model, 2.0).load_weights(tmp_path / "old.h5")
    for actual, wanted in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(actual, wanted)


def test_files_of_keras_before_1_0(tmp_path):
    """They number layers and weights, those without weights too; Theano made them."""
    model = filled(Sequential([Convolution2D(3, 2, 2, dim_ordering="th", input_shape=(2, 4, 4)), Flatten(), Dense(2)]))
    arrays = model.get_weights()
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["nb_layers"] = 3
        for number, weights in enumerate([arrays[:2], [], arrays[2:]]):
            group = file.create_group(f"layer_{number}")
            group.attrs["nb_params"] = len(weights)
            for place, array in enumerate(weights):
                group[f"param_{place}"] = array
    filled(model, 2.0).load_weights(tmp_path / "old.h5")
    np.testing.assert_array_equal(model.get_weights()[0], arrays[0][:, :, ::-1, ::-1])
    for actual, wanted in zip(model.get_weights()[1:], arrays[1:], strict=True):
        np.testing.assert_array_equal(actual, wanted)


def test_weights_that_do_not_fit_set_nothing(tmp_path):
    one = filled(Sequential([Convolution3D(2, 1, 2, 3, input_shape=(2, 4, 4, 4), name="mine")]))
    one.save_weights(tmp_path / "weights.h5")
    other = filled(Sequential([Convolution3D(2, 3, 2, 1, input_shape=(2, 4, 4, 4), name="mine")]))
    before = other.get_weights()
    with pytest.raises(ShapeError, match=r'"mine": weight mine/kernel has shape \(2, 2, 3, 2, 1\), the file\'s '
                                         r"\(2, 2, 1, 2, 3\)"):
        other.load_weights(tmp_path / "weights.h5")
    for actual, wanted in zip(other.get_weights(), before):
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_a_file_of_the_real_keras1_into_layers_of_keras2(ordering):
    """Recorded with Keras 1.2.2 on Theano: its orders of axes and its flipped windows at once."""
    recorded = load_model(FIGURES / "keras1" / f"images_{ordering}_model.h5")
    spelled = Sequential()
    for number, layer in enumerate(recorded.layers):
        entry = {"batch_input_shape": recorded.input_shape} if number == 0 else {}
        if isinstance(layer, Convolution2D):
            layer = Conv2D(layer.filters, layer.kernel_size, layer.strides, layer.padding, layer.data_format,
                           activation=layer.activation, use_bias=layer.use_bias, **entry)
        else:
            layer = type(layer).from_config(layer.get_config())
        spelled.add(layer)
    assert any(isinstance(layer, Conv2D) and not isinstance(layer, Convolution2D) for layer in spelled.layers)
    spelled.load_weights(FIGURES / "keras1" / f"images_{ordering}_weights.h5")
    x = images(*recorded.input_shape[1:])
    np.testing.assert_array_equal(spelled.predict(x), recorded.predict(x))


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("name", ["images_th", "images_tf", "mixed_2d"])
def test_files_of_keras1_whatever_the_process_chose(name, data_format, monkeypatch):
    """Their Flatten keeps the order of the elements, and their layers know their dim_ordering."""
    monkeypatch.setattr(config, "_settings", config._Settings())
    expected = load_model(FIGURES / "keras1" / f"{name}_model.h5")
    config.set_image_data_format(data_format)
    model = load_model(FIGURES / "keras1" / f"{name}_model.h5")
    x = images(*model.input_shape[1:])
    np.testing.assert_array_equal(model.predict(x), expected.predict(x))
