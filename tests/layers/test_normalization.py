"""Batch normalisation: moments and moving averages, training and testing, modes, frozen layers, both vocabularies."""

import json

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from numba_layers.autograd import Tape, Tensor
from numba_layers.autograd.context import evaluation
from numba_layers.errors import ArgumentError, DataError, ShapeError
from numba_layers.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Input,
    LayerNormalization,
    Normalization,
    Rescaling,
    deserialize,
)
from numba_layers.models import Model, Sequential, load_model
from tests.reference import normalization as reference
from tests.reference.recorded import FIGURES, FLOAT_TYPES, Case, series
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")   # each test runs on each device

with np.load(FIGURES / "keras2" / "layer_normalization.npz") as _file:     # of tf.keras; Keras had none
    _arrays = {name: _file[name] for name in _file.files if name != "index"}
    RECORDED = [Case(key, 2, facts, _arrays) for key, facts in json.loads(str(_file["index"])).items()]


@pytest.fixture
def version(request):
    """Sets the version of Keras; the old one is back afterwards."""
    before = config.keras_version()
    yield config.set_keras_version
    config.set_keras_version(before)


def trained(layer, batches):
    """A model of this layer alone, trained without moving its weights; its moving mean and variance."""
    model = Sequential([layer])
    model.compile("sgd", "mse")
    model.optimizer.lr = 0.0
    for x in batches:
        model.train_on_batch(x, x)
    return model, layer.moving_mean.numpy(), layer.moving_variance.numpy()


def batches(random, shape=(10, 3), count=3):
    return [(2 + random.standard_normal(shape)).astype("float32") for _ in range(count)]


def test_training_and_testing(random):
    layer = BatchNormalization(input_shape=(3,), epsilon=0.01)
    model = Sequential([layer])
    x = batches(random)[0]
    vectors = [random.uniform(0.5, 1.5, 3).astype("float32") for _ in range(4)]
    model.set_weights(vectors)      # gamma, beta, mean, variance
    gamma, beta, mean, variance = vectors
    assert_close(model.predict(x), reference.normalized(x, mean, variance, gamma, beta, 0.01), 10)
    own = reference.normalized(x, *reference.moments(x.astype("float64")), gamma, beta, 0.01)
    assert_close(layer(Tensor(x), training=True).numpy(), own, 20)
    assert_close(K.function([model.input, K.learning_phase()], [model.output])([x, 1])[0], own, 20)
    np.testing.assert_array_equal(layer.get_weights(), vectors)     # nobody trained


def test_averages_of_keras_2(random):
    """The first batch's moments become the averages; the variance is that of the population."""
    given = batches(random)
    number = 10 / (10 - 1 - 0.001)
    _, mean, variance = trained(BatchNormalization(input_shape=(3,), momentum=0.75), given[:1])
    assert_close(mean, given[0].mean(0), 20)
    assert_close(variance, given[0].var(0) * number, 20)
    model, mean, variance = trained(BatchNormalization(input_shape=(3,), momentum=0.75), given)
    weights = np.array([0.75**2, 0.75, 1])[:, None]
    assert_close(mean, (weights * [x.mean(0) for x in given]).sum(0) / weights.sum(), 20)
    assert_close(variance, (weights * [x.var(0) * number for x in given]).sum(0) / weights.sum(), 20)


def test_averages_of_images_with_channels_last(random):
    """TensorFlow's fused form has corrected the variance once already."""
    x = batches(random, (2, 3, 2, 4), 1)
    _, _, variance = trained(BatchNormalization(input_shape=(3, 2, 4)), x)
    assert_close(variance, x[0].var((0, 1, 2)) * 12 / 11 * 12 / (12 - 1.001), 20)
    _, _, variance = trained(BatchNormalization(axis=1, input_shape=(3, 2, 4)), x)
    assert_close(variance, x[0].var((0, 2, 3)) * 16 / (16 - 1.001), 20)


def test_averages_of_later_versions_begin_with_what_was_there(random, version):
    version("2.3.1")
    given = batches(random, count=1)
    _, mean, _ = trained(BatchNormalization(input_shape=(3,), momentum=0.75), given)
    assert_close(mean, 0.25 * given[0].mean(0), 20)


def test_averages_of_keras_1(random):
    given = batches(random, count=2)
    layer = BatchNormalization(mode=0, momentum=0.75, epsilon=0.125, input_shape=(3,), trainable=False)
    _, mean, variance = trained(layer, given)
    assert_close(mean, 0.25 * (0.75 * given[0].mean(0) + given[1].mean(0)), 20)
    assert_close(variance, 0.75**2 + 0.25 * (0.75 * (given[0].var(0) + 0.125) + given[1].var(0) + 0.125), 20)
    assert [weight.name.rpartition("/")[2] for weight in layer.weights] == [
        "gamma", "beta", "running_mean", "running_std"]
    assert layer.running_std is layer.moving_variance


def test_frozen_layers_average_nothing(random):
    given = batches(random)
    layer = BatchNormalization(input_shape=(3,), trainable=False)
    _, mean, variance = trained(layer, given)
    np.testing.assert_array_equal(mean, np.zeros(3))
    np.testing.assert_array_equal(variance, np.ones(3))


def test_frozen_models_inside_of_others_average_nothing(random):
    inner = Sequential([BatchNormalization(input_shape=(3,), name="normal")], name="inner")
    inner.trainable = False
    x = Input((3,))
    model = Model(x, Dense(2)(inner(x)))
    model.compile("sgd", "mse")
    given = batches(random)[0]
    model.train_on_batch(given, np.ones((10, 2)))
    np.testing.assert_array_equal(inner.layers[0].moving_mean.numpy(), np.zeros(3))


@pytest.mark.parametrize("keras, averages", [("1.2.2", True), ("2.2.5", False)])
def test_whole_models_that_are_frozen(keras, averages, version, random):
    """Keras 2 makes no updates in a model that was frozen when it was compiled, whether or not its layers are."""
    version(keras)
    model = Sequential([BatchNormalization(input_shape=(3,))])
    model.trainable = False
    model.compile("sgd", "mse")
    model.train_on_batch(batches(random)[0], np.ones((10, 3)))
    assert model.layers[0].moving_mean.numpy().any() == averages
    model.trainable = True
    model.compile("sgd", "mse")
    model.train_on_batch(batches(random)[0], np.ones((10, 3)))
    assert model.layers[0].moving_mean.numpy().any()


@pytest.mark.parametrize("training", [False, 0])
def test_called_as_in_testing(training, random):
    """`training=False` holds while training too, and nothing is averaged."""
    layer = BatchNormalization()
    x = Input((3,))
    model = Model(x, layer(x, training=training))
    model.compile("sgd", "mse")
    given = batches(random)[0]
    np.testing.assert_allclose(model.train_on_batch(given, np.zeros((10, 3))), (given**2 / 1.001).mean(), rtol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))


def test_mode_1(random):
    layer = BatchNormalization(mode=1, epsilon=0.25, input_shape=(5,))
    model = Sequential([layer])
    x = batches(random, (4, 5))[0]
    gamma, beta = random.uniform(0.5, 1.5, (2, 5)).astype("float32")
    layer.set_weights([gamma, beta, *layer.get_weights()[2:]])
    spread = np.sqrt(x.var(1, keepdims=True) + 0.25) + 0.25
    assert_close(model.predict(x), (x - x.mean(1, keepdims=True)) / spread * gamma + beta, 20)


def test_mode_2(random):
    layer = BatchNormalization(mode=2, input_shape=(3,))
    model, mean, variance = trained(layer, batches(random))
    x = batches(random)[0]
    assert_close(model.predict(x), reference.normalized(x, *reference.moments(x.astype("float64")), 1, 0, 1e-3), 30)
    np.testing.assert_array_equal(mean, np.zeros(3))
    assert not layer.uses_learning_phase


@pytest.mark.parametrize("options", [
    {"mode": 2, "axis": 1, "epsilon": 0.25, "momentum": 0.5, "gamma_regularizer": "l2", "scale": False},
    {"axis": 2, "center": False, "beta_constraint": "max_norm", "moving_variance_initializer": "zeros"},
])
def test_configuration(options):
    layer = BatchNormalization(**options, input_shape=(4, 3))
    Sequential([layer])
    description = layer.get_config()
    assert ("mode" in description) == ("mode" in options)
    again = deserialize({"class_name": "BatchNormalization", "config": description})
    assert again.get_config() == description


def test_words_of_keras_1(version):
    version("1.2.2")
    layer = BatchNormalization(beta_init="one", gamma_init="uniform", weights=[np.arange(3.0)] * 4, input_dim=3)
    Sequential([layer])
    np.testing.assert_array_equal(layer.get_weights(), [np.arange(3.0)] * 4)
    description = layer.get_config()
    assert description["beta_init"] == "one" and description["gamma_init"] == "uniform"
    assert deserialize({"class_name": "BatchNormalization", "config": description}).get_config() == description
    layer = BatchNormalization(1e-5, 2, 1, 0.5)
    assert (layer.epsilon, layer.mode, layer.axis, layer.momentum) == (1e-5, 2, 1, 0.5)


def test_arguments_of_tf_keras():
    layer = BatchNormalization(axis=[-1], fused=True, renorm=False, virtual_batch_size=None)
    assert layer.axis == -1 and "fused" not in layer.get_config()
    for options in ({"renorm": True}, {"virtual_batch_size": 4}, {"adjustment": np.abs}):
        with pytest.raises(ArgumentError, match=f"{next(iter(options))}=.*is another computation"):
            BatchNormalization(**options)


def residual():
    x = Input((6, 5, 2))
    y = BatchNormalization(name="normal")(Conv2D(4, 3, padding="same", use_bias=False)(x))
    y = BatchNormalization(axis=1, momentum=0.5)(Conv2D(1, 3)(y))
    model = Model(x, y)
    model.compile("adam", "mse")
    return model


def test_programs_give_the_same_bits(random):
    x, y = random.standard_normal((12, 6, 5, 2)), random.standard_normal((12, 4, 3, 1))
    start = residual().get_weights()

    def after(programs):
        before = config.programs()
        config.set_programs(programs)
        try:
            model = residual()
            model.set_weights(start)
            model.fit(x, y, batch_size=5, epochs=4, verbose=0, shuffle=False)
            return [*model.get_weights(), model.predict(x)]
        finally:
            config.set_programs(before)

    for one, other in zip(after(True), after(False), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_training_goes_on_where_it_was_saved(random, tmp_path):
    """How often the averages were moved is kept in our files: without it they would begin anew."""
    x, y = random.standard_normal((12, 6, 5, 2)), random.standard_normal((12, 4, 3, 1))
    model = residual()
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5")
    for one in (model, again):
        one.train_on_batch(x, y)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make, error, message", [
    (lambda: BatchNormalization(1e-5), ArgumentError, "axis must be a whole number, got 1e-05. Name the arguments"),
    (lambda: BatchNormalization(axis=(1, 2)), ArgumentError, "axis must be one axis"),
    (lambda: BatchNormalization(mode=3), ArgumentError, "mode must be 0, 1 or 2, got 3"),
    (lambda: BatchNormalization(epsilon=-1), ArgumentError, "epsilon must be at least 0"),
    (lambda: BatchNormalization(momentum="high"), ArgumentError, "momentum must be a number"),
    (lambda: BatchNormalization(axs=1), ArgumentError, "unknown argument 'axs'"),
    (lambda: BatchNormalization(axis=3)(Input((4, 2))), ShapeError, "axis 3 is out of range for an input of shape"),
    (lambda: BatchNormalization(axis=0)(Input((4,))), ShapeError, "axis 0 .* is that of the samples"),
    (lambda: BatchNormalization(name="n")(Input((None,))), ShapeError, 'BatchNormalization "n": axis -1 of the input'),
])
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_batch_without_samples():
    layer = BatchNormalization(name="normal", input_shape=(3,))
    model = Sequential([layer])
    assert model.predict_on_batch(np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(ShapeError, match='BatchNormalization "normal": .*holds no sample, and nothing has no mean'):
        layer(np.zeros((0, 3)), training=True)


# ---- of samples, and by moments of data --------------------------------------------------------------------------


@pytest.mark.parametrize("floatx", FLOAT_TYPES)
@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_layer_normalization_as_tf_keras(case, floatx):
    before = config.floatx()
    config.set_floatx(floatx)
    try:
        layer = LayerNormalization.from_config(case.facts["config"] | {"dtype": floatx})
        x = Tensor(case.given("x", floatx))
        layer(x)
        layer.set_weights([weight.astype(floatx) for weight in series(case, "in/weight")])
        with evaluation(learning_phase=1), Tape() as tape:
            y = layer(x)
        grads = tape.gradient(y, [x, *layer.weights], case.given("cotangent", floatx))
        assert_close(y.numpy(), case.answer("output", floatx), 20)
        for ours, theirs in zip(grads, [case.answer("grad_x", floatx), *series(case, f"{floatx}/grad_weight")],
                                strict=True):
            assert_close(ours.numpy(), theirs, 100)
    finally:
        config.set_floatx(before)


def test_layer_normalization_of_a_batch_of_one_is_the_same(random):
    layer = LayerNormalization()
    x = random.standard_normal((4, 3, 5)).astype("float32")
    np.testing.assert_array_equal(layer(x[2:3]).numpy(), layer(x).numpy()[2:3])


def test_rescaling(random):
    pixels = random.randint(0, 256, (2, 3, 3)).astype("uint8")
    assert_close(Rescaling(1 / 255, offset=-0.5)(Tensor(pixels)).numpy(), (pixels / 255 - 0.5).astype("float32"), 10)
    each = Rescaling([1.0, 2.0, 3.0], offset=[0.0, 1.0, 2.0])
    np.testing.assert_allclose(each(pixels).numpy(), pixels * [1.0, 2, 3] + [0, 1, 2], rtol=1e-6)
    assert each.get_config()["scale"] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("axis, others", [(-1, (0, 1)), (1, (0, 2)), ([1, 2], (0,)), (None, (0, 1, 2))])
def test_normalization_adapts(axis, others, random):
    data = (5 + 3 * random.standard_normal((40, 2, 3))).astype("float32")
    layer = Normalization(axis=axis, input_shape=(2, 3))
    model = Sequential([layer])
    before = model.predict(data)
    layer.adapt(data)
    expected = (data - data.mean(others, keepdims=True)) / data.std(others, keepdims=True)
    np.testing.assert_allclose(model.predict(data), expected, rtol=1e-4, atol=1e-5)
    assert np.abs(before - data).max() == 0 and int(layer.count.numpy()) * layer.mean.size == data.size
    again = Normalization(axis=axis, mean=data.mean(others), variance=data.var(others), invert=True)
    np.testing.assert_allclose(again(model.predict(data)).numpy(), data, rtol=1e-4)
    assert deserialize({"class_name": "Normalization", "config": again.get_config()}).get_config() == again.get_config()


def test_normalization_is_kept_in_files(random, tmp_path):
    data = random.standard_normal((20, 3)) * 4 + 1
    layer = Normalization(input_shape=(3,))
    layer.adapt(data)
    model = Sequential([layer, Dense(1)])
    model.save(tmp_path / "model.h5")
    np.testing.assert_array_equal(load_model(tmp_path / "model.h5").predict(data), model.predict(data))


@pytest.mark.parametrize("make, error, message", [
    (lambda: LayerNormalization(axis="last"), ArgumentError, "axis must be a whole number"),
    (lambda: LayerNormalization(name="n")(Input((None,))), ShapeError, 'LayerNormalization "n": axis -1 of the input'),
    (lambda: LayerNormalization(axis=[1, -1])(Input((4,))), ShapeError, r"axis \[1, -1\] names an axis twice"),
    (lambda: LayerNormalization(axis=0)(Input((4,))), ShapeError, "is that of the samples"),
    (lambda: Rescaling("half"), ArgumentError, "scale must be a number or an array of numbers"),
    (lambda: Normalization(mean=1.0), ArgumentError, "mean and variance go together"),
    (lambda: Normalization(mean=[1.0, 2], variance=1.0)(Input((3,))), ShapeError, r"mean has shape \(2,\), expected"),
    (lambda: Normalization().adapt(np.zeros((0, 3))), DataError, "hold no samples"),
    (lambda: Normalization(mean=1.0, variance=1.0).adapt(np.ones((4, 3))), ArgumentError, "nothing to adapt"),
    (lambda: Sequential([Normalization(input_shape=(3,))]).layers[0].adapt(np.ones((4, 2))), ShapeError,
     "must have size 3, got 2"),
])
def test_errors_of_samples_and_data(make, error, message):
    with pytest.raises(error, match=message):
        make()
