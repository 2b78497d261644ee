"""Layers as tf.keras describes them: that of TensorFlow 1.15 as recorded, 2.15 with what it writes besides; a file."""

import json

import numpy as np
import pytest

from numba_layers import layers
from numba_layers.autograd import Tensor
from numba_layers.errors import ArgumentError, UnknownNameError
from numba_layers.layers import deserialize
from numba_layers.models import load_model
from tests.reference.recorded import FIGURES
from tests.tolerances import assert_close

with np.load(FIGURES / "keras2" / "tf_keras.npz") as _file:
    RECORDED = {name: _file[name] for name in _file.files if name != "index"}
    CONFIGS = {name: facts["config"] for name, facts in json.loads(str(_file["index"])).items() if "config" in facts}

# What tf.keras 2.15 writes besides; Conv1DTranspose and others that it added are not meant.
IN_GROUPS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "SeparableConv1D", "SeparableConv2D",
             "DepthwiseConv2D")
NEWER = {**dict.fromkeys(IN_GROUPS, {"groups": 1}),
         **{name: {"keepdims": False} for name in CONFIGS if name.startswith("Global")},
         **dict.fromkeys(("GaussianNoise", "GaussianDropout", "AlphaDropout"), {"seed": None})}
POLICY = {"class_name": "Policy", "config": {"name": "float32"}}


def of_initializer(description):
    arguments = {name: value for name, value in description["config"].items() if name != "dtype"}
    return description | {"module": "keras.initializers", "registered_name": None, "config": arguments}


def newer(name, config):
    """The configuration as 2.15 writes it."""
    described = {key: of_initializer(value) if key.endswith("_initializer") else value for key, value in config.items()}
    return described | ({} if name == "InputLayer" else {"dtype": POLICY}) | NEWER.get(name, {})


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("version", ["1.15", "2.15"])
def test_each_layer_is_made(name, version, recwarn):
    config = CONFIGS[name] if version == "1.15" else newer(name, CONFIGS[name])
    layer = deserialize({"class_name": name, "config": config})
    assert type(layer) is getattr(layers, name) and layer.name == "mine"
    ours = layer.get_config()
    for key, value in CONFIGS[name].items():
        if isinstance(value, int | float | str | list) and key in ours:
            assert plain(ours[key]) == pytest.approx(value) if isinstance(value, float) else plain(ours[key]) == value
    assert not [warning for warning in recwarn if "numba_layers" in str(warning.filename)]


def plain(value):
    """Tuples as lists, at any depth."""
    return [plain(entry) for entry in value] if isinstance(value, tuple | list) else value


def test_a_file():
    model = load_model(FIGURES / "keras2" / "tf_keras_model.h5", compile=False)
    assert_close(model.predict(RECORDED["model/in/x"]), RECORDED["model/float32/predicted"], 10)


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_keepdims(kind, rank, data_format, random):
    x = random.standard_normal((2, 3, 4, 5, 6)[:rank + 2]).astype("float32")
    layer = getattr(layers, f"Global{kind}Pooling{rank}D")(data_format, keepdims=True)
    axes = tuple(range(1, rank + 1)) if data_format == "channels_last" else tuple(range(2, rank + 2))
    y = layer(Tensor(x))
    assert_close(y, (np.max if kind == "Max" else np.mean)(x, axis=axes, keepdims=True))
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *y.shape[1:])
    again = deserialize(layers.serialize(layer))
    assert again.keepdims is True and layers.serialize(again) == layers.serialize(layer)


def test_keepdims_of_a_masked_mean():
    x = np.array([[[1.0, 2], [3, 4], [0, 0]]], "float32")
    masked = layers.Masking()(Tensor(x))
    np.testing.assert_allclose(layers.GlobalAveragePooling1D(keepdims=True)(masked), [[[2, 3]]])


@pytest.mark.parametrize("make, error, message", [
    (lambda: layers.Conv2D(4, 3, groups=2, name="mine"), ArgumentError, 'Conv2D "mine": groups must be 1: .*Depthwise'),
    (lambda: layers.InputLayer((4,), ragged=True), ArgumentError, "ragged inputs are not read. Pad the samples"),
    (lambda: layers.Dense(3, dtype=POLICY | {"config": {"name": "mixed_float16"}}), UnknownNameError,
     "dtype 'mixed_float16'.*Legal: .*float32"),
])
def test_what_there_is_not_is_said(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_sequences_are_images_of_one_row(padding, random):
    """Conv1DTranspose and DepthwiseConv1D give what the layers of images give for them."""
    x = random.standard_normal((2, 7, 3)).astype("float32")
    options = {"padding": padding, "activation": "relu"}
    for of_steps, of_images in (
            (layers.Conv1DTranspose(4, 3, strides=2, groups=1, **options),
             layers.Conv2DTranspose(4, (1, 3), strides=(1, 2), **options)),
            (layers.DepthwiseConv1D(3, depth_multiplier=2, groups=1, **options),
             layers.DepthwiseConv2D((1, 3), depth_multiplier=2, **options))):
        y = of_steps(Tensor(x))
        of_images.build((None, 1, 7, 3))
        of_images.set_weights([weight[None] if weight.ndim > 1 else weight for weight in of_steps.get_weights()])
        assert_close(y, of_images(Tensor(x[:, None])).numpy()[:, 0], 5)
        again = deserialize(layers.serialize(of_steps))
        assert again.get_config() == of_steps.get_config()


def test_words_of_keras_3():
    assert layers.InputLayer(batch_shape=(None, 4)).batch_input_shape == (None, 4)
    assert layers.LeakyReLU(negative_slope=0.5).alpha == 0.5
