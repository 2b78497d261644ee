"""The core-layers document, argument by argument, in both spellings; examples are in test_documents.py."""


import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, layers, regularizers
from numba_layers.autograd import Tensor
from numba_layers.layers import (
    Activation,
    ActivityRegularization,
    Dense,
    Dropout,
    Flatten,
    Input,
    Lambda,
    Masking,
    Permute,
    RepeatVector,
    Reshape,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from numba_layers.models import Model, Sequential
from tests.signatures import without_hints
from tests.threads import on_one_and_all
from tests.tolerances import assert_close

SIGNATURES = {
    "Dense": "(units, activation=None, use_bias=True, kernel_initializer='glorot_uniform', bias_initializer='zeros', "
             "kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, "
             "bias_constraint=None)",
    "Activation": "(activation)",
    "Dropout": "(rate, noise_shape=None, seed=None)",
    "Flatten": "(data_format=None)",
    "Input": "(shape=None, batch_shape=None, name=None, dtype=None, sparse=False, tensor=None)",
    "Reshape": "(target_shape)",
    "Permute": "(dims)",
    "RepeatVector": "(n)",
    "Lambda": "(function, output_shape=None, mask=None, arguments=None)",
    "ActivityRegularization": "(l1=0.0, l2=0.0)",
    "Masking": "(mask_value=0.0)",
    "SpatialDropout1D": "(rate)",
    "SpatialDropout2D": "(rate, data_format=None)",
    "SpatialDropout3D": "(rate, data_format=None)",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_those_of_the_document(name):
    assert without_hints(getattr(layers, name), options=False) == SIGNATURES[name]


@pytest.fixture
def settings():
    """Puts Keras's version and the layout back."""
    before = config.keras_version(), config.chosen_data_format()
    yield config
    config.set_keras_version(before[0])
    config._settings.image_data_format = before[1]


def training(layer, x):
    return layer(Tensor(np.asarray(x, "float32")), training=True).data


# -- Dense ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5)])
def test_dense_acts_on_the_last_axis(shape, random):
    model = Sequential([Dense(4, input_shape=shape)])
    x = random.standard_normal((2, *shape)).astype("float32")
    kernel, bias = model.get_weights()
    assert kernel.shape == (5, 4) and not bias.any()
    assert model.output_shape == (None, *shape[:-1], 4)
    assert_close(model.predict(x), x @ kernel + bias, factor=5)


def test_dense_takes_open_axes(random):
    model = Sequential([Dense(4, input_shape=(None, 5))])
    for steps in (1, 3):
        assert model.predict(random.standard_normal((2, steps, 5))).shape == (2, steps, 4)


def test_dense_without_bias(random):
    model = Sequential([Dense(4, use_bias=False, input_dim=5)])
    x = random.standard_normal((2, 5)).astype("float32")
    [kernel] = model.get_weights()
    assert_close(model.predict(x), x @ kernel, factor=5)


@pytest.mark.parametrize("spelling", [{"input_shape": (3,)}, {"input_dim": 3}, {"batch_input_shape": (None, 3)}])
def test_dense_starts_from_given_weights(spelling, random):
    weights = [random.standard_normal((3, 2)).astype("float32"), np.array([1, 2], "float32")]
    model = Sequential([Dense(2, weights=weights, **spelling)])
    for given, has in zip(weights, model.get_weights()):
        np.testing.assert_array_equal(given, has)


def test_input_length_comes_before_input_dim():
    assert Sequential([Dense(2, input_dim=3, input_length=7)]).input_shape == (None, 7, 3)
    assert Sequential([Dense(2, input_shape=(3,), batch_size=4)]).input_shape == (4, 3)
    assert Sequential([Dense(2, input_dim=(3,))]).input_shape == (None, 3)
    assert Sequential([Dense(2, input_dim=[3], input_length=7)]).input_shape == (None, 7, 3)


KERAS1 = {"output_dim": 4, "init": "one", "activation": "tanh", "W_regularizer": "l1", "b_regularizer": "l2",
          "activity_regularizer": "activity_l1", "W_constraint": "nonneg", "b_constraint": "maxnorm", "bias": True,
          "input_dim": 3}
KERAS2 = {"units": 4, "kernel_initializer": "ones", "activation": "tanh", "kernel_regularizer": "l1",
          "bias_regularizer": "l2", "activity_regularizer": "l1", "kernel_constraint": "non_neg",
          "bias_constraint": "max_norm", "use_bias": True, "input_dim": 3}


def test_dense_in_both_spellings():
    old, new = (Dense(name="same", **spelling) for spelling in (KERAS1, KERAS2))
    assert old.get_config() | {"kernel_initializer": None} == new.get_config() | {"kernel_initializer": None}
    for layer in (old, new):
        np.testing.assert_array_equal(Sequential([layer]).get_weights()[0], np.ones((3, 4)))


@pytest.mark.parametrize("old, new", [
    (lambda: Dropout(p=0.3), lambda: Dropout(0.3)),
    (lambda: SpatialDropout1D(p=0.3), lambda: SpatialDropout1D(0.3)),
    (lambda: SpatialDropout2D(p=0.3, dim_ordering="th"), lambda: SpatialDropout2D(0.3, data_format="channels_first")),
    (lambda: SpatialDropout3D(p=0.3, dim_ordering="tf"), lambda: SpatialDropout3D(0.3, data_format="channels_last")),
    (lambda: SpatialDropout2D(p=0.3, dim_ordering="default"), lambda: SpatialDropout2D(0.3)),
    (lambda: Activation("relu", input_dtype="float64"), lambda: Activation("relu", dtype="float64")),
])
def test_the_others_in_both_spellings(old, new):
    def plain(layer):
        return {key: value for key, value in layer.get_config().items() if key != "name"}
    assert plain(old()) == plain(new())


# -- Dropout -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(rate):
    x = np.ones((300, 400))
    y = training(Dropout(rate, seed=1), x)
    assert_close(np.unique(y), [0, 1 / (1 - rate)])
    assert np.mean(y == 0) == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / x.size))


def test_dropout_is_the_identity_when_it_does_not_train(random):
    x = random.standard_normal((4, 5)).astype("float32")
    layer = Dropout(0.5)
    np.testing.assert_array_equal(layer(x).data, x)
    np.testing.assert_array_equal(training(Dropout(0.0), x), x)
    np.testing.assert_array_equal(Sequential([Dropout(0.5, input_shape=(5,))]).predict(x), x)


@pytest.mark.parametrize("kind, shape", [
    (Dropout, (4, 5)), (SpatialDropout1D, (2, 3, 4)), (SpatialDropout2D, (2, 5, 4, 5)),
    (SpatialDropout3D, (1, 2, 2, 2, 2))])
def test_a_rate_of_1_drops_nothing_as_in_keras(kind, shape):
    x = np.ones(shape, "float32")
    for layer in (kind(1.0), kind(p=1)):
        np.testing.assert_array_equal(training(layer, x), x)
        assert kind.from_config(layer.get_config()).rate == 1


@pytest.mark.parametrize("noise_shape", [
    (None, 1, None), (None, 1, 6), (20, 1, 6), (None, 1, 1), (1, None, 6), (1, 1, 1)])
def test_noise_shape_repeats_the_mask(noise_shape):
    x = np.ones((20, 5, 6))
    mask = training(Dropout(0.5, noise_shape=noise_shape, seed=2), x) != 0
    shape = tuple(have if want is None else want for have, want in zip(x.shape, noise_shape))
    smaller = mask[tuple(slice(size) for size in shape)]
    np.testing.assert_array_equal(mask, np.broadcast_to(smaller, x.shape))
    assert shape == (1, 1, 1) or 0 < smaller.mean() < 1


def test_same_seed_same_masks():
    x = np.ones((50, 60))
    first, second = Dropout(0.5, seed=3), Dropout(0.5, seed=3)
    masks = [training(first, x) for _ in range(2)]
    assert (masks[0] != masks[1]).any()         # each step a new one
    for mask in masks:
        np.testing.assert_array_equal(mask, training(second, x))
    assert (masks[0] != training(Dropout(0.5, seed=4), x)).any()


def test_same_masks_for_any_number_of_threads():
    one, all_ = on_one_and_all(lambda: training(Dropout(0.5, seed=3), np.ones((300, 1000))))
    np.testing.assert_array_equal(one, all_)


@pytest.mark.parametrize("layer, shape, whole", [
    (lambda: SpatialDropout1D(0.5), (20, 5, 8), (1,)),
    (lambda: SpatialDropout2D(0.5), (20, 5, 5, 8), (1, 2)),
    (lambda: SpatialDropout2D(0.5, data_format="channels_first"), (20, 8, 4, 5), (2, 3)),
    (lambda: SpatialDropout2D(p=0.5, dim_ordering="th"), (20, 8, 4, 5), (2, 3)),
    (lambda: SpatialDropout3D(0.5), (20, 2, 3, 4, 8), (1, 2, 3)),
    (lambda: SpatialDropout3D(0.5, data_format="channels_first"), (20, 8, 2, 3, 4), (2, 3, 4)),
])
def test_spatial_dropout_drops_whole_maps(layer, shape, whole):
    y = training(layer(), np.ones(shape))
    np.testing.assert_array_equal(y, np.broadcast_to(y.max(axis=whole, keepdims=True), shape))
    assert 0.3 < np.mean(y == 0) < 0.7
    assert set(np.unique(y)) == {0, 2}


def test_spatial_dropout_follows_the_process(settings):
    settings.set_image_data_format("channels_first")
    assert SpatialDropout2D(0.5).data_format == SpatialDropout3D(0.5).data_format == "channels_first"


# -- Flatten -------------------------------------------------------------------------------------------------------

def order(layer, x):
    return layer(Tensor(x)).data


def test_flatten_channels_first_gives_the_order_of_channels_last(random, settings):
    x = random.standard_normal((2, 3, 4, 5)).astype("float32")
    moved = np.moveaxis(x, 1, -1).reshape(2, -1)
    np.testing.assert_array_equal(order(Flatten(), x), x.reshape(2, -1))
    np.testing.assert_array_equal(order(Flatten(data_format="channels_last"), x), x.reshape(2, -1))
    np.testing.assert_array_equal(order(Flatten(data_format="channels_first"), x), moved)
    settings.set_image_data_format("channels_first")
    np.testing.assert_array_equal(order(Flatten(), x), moved)
    np.testing.assert_array_equal(order(Flatten(data_format="channels_last"), x), x.reshape(2, -1))


def test_flatten_of_keras_1_never_permutes(random, settings):
    settings.set_keras_version("1.2.2")
    settings.set_image_dim_ordering("th")
    x = random.standard_normal((2, 3, 4, 5)).astype("float32")
    np.testing.assert_array_equal(order(Flatten(), x), x.reshape(2, -1))
    np.testing.assert_array_equal(order(layers.deserialize(layers.serialize(Flatten())), x), x.reshape(2, -1))


def test_flatten_of_one_axis_and_of_open_ones(random):
    x = random.standard_normal((2, 3)).astype("float32")
    np.testing.assert_array_equal(order(Flatten(data_format="channels_first"), x), x)
    model = Sequential([Flatten(input_shape=(None, 4))])
    assert model.output_shape == (None, None)
    assert model.predict(np.ones((2, 5, 4))).shape == (2, 20)


# -- Reshape, Permute, RepeatVector --------------------------------------------------------------------------------

def test_reshape_permute_repeat(random):
    x = random.standard_normal((2, 3, 4)).astype("float32")
    np.testing.assert_array_equal(order(Reshape((2, -1)), x), x.reshape(2, 2, 6))
    np.testing.assert_array_equal(order(Reshape(12), x), x.reshape(2, 12))
    np.testing.assert_array_equal(order(Reshape([6, 2]), x), x.reshape(2, 6, 2))
    np.testing.assert_array_equal(order(Permute((2, 1)), x), x.transpose(0, 2, 1))
    np.testing.assert_array_equal(order(Permute([1, 2]), x), x)
    np.testing.assert_array_equal(order(RepeatVector(3), x[0]), np.repeat(x[0][:, None], 3, axis=1))
    model = Sequential([Reshape((-1, 2), input_shape=(None, 4))])
    assert model.output_shape == (None, None, 2)
    assert model.predict(x).shape == (2, 6, 2)


# -- Input ---------------------------------------------------------------------------------------------------------

def test_input():
    x = Input(shape=(3, None), name="mine", dtype="int32")
    assert x.shape == x._keras_shape == (None, 3, None)
    assert x.dtype == "int32"
    layer, node, index = x._keras_history
    assert (layer.name, node, index) == ("mine", 0, 0)
    assert Input(batch_shape=(10, 32)).shape == (10, 32)
    assert Input(shape=(32,)).dtype == config.floatx()
    assert Input(7).shape == (None, 7)
    assert Input(shape=(32,), batch_shape=(10, 32)).shape == (10, 32)
    with pytest.warns(UserWarning, match="disagree; batch_shape counts"):
        assert Input(shape=(10, 32), batch_shape=(10, 32)).shape == (10, 32)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_input_of_each_type(dtype):
    x = Input((3,), dtype=dtype)
    model = Model(x, Lambda(lambda x: K.cast(x, "float32") * 2)(x))
    np.testing.assert_array_equal(model.predict(np.eye(3)), 2 * np.eye(3))


def test_input_of_a_tensor(random):
    values = random.standard_normal((4, 3)).astype("float32")
    fixed, fed = Input(tensor=K.constant(values)), Input((3,))
    model = Model([fixed, fed], Lambda(lambda pair: pair[0] + pair[1])([fixed, fed]))
    np.testing.assert_array_equal(model.predict(np.ones((4, 3), "float32")), values + 1)


# -- Lambda --------------------------------------------------------------------------------------------------------

def test_lambda_with_arguments(random):
    x = random.standard_normal((2, 3)).astype("float32")
    layer = Lambda(lambda x, factor, shift=0.0: x * factor + shift, arguments={"factor": 2.0, "shift": 1.0})
    assert_close(order(layer, x), x * 2 + 1)


def test_lambda_in_place_operators_leave_the_input(random):
    def centered(x):
        x -= K.mean(x, axis=1, keepdims=True)
        x *= 2
        return x

    x = random.standard_normal((2, 3)).astype("float32")
    before = x.copy()
    assert_close(order(Lambda(centered), x), 2 * (x - x.mean(axis=1, keepdims=True)))
    np.testing.assert_array_equal(x, before)


def test_lambda_of_several_inputs_to_several_outputs(random):
    a, b = Input((3,)), Input((3,))
    total, product = Lambda(lambda pair: [pair[0] + pair[1], K.sum(pair[0] * pair[1], axis=-1, keepdims=True)])([a, b])
    assert total.shape == (None, 3) and product.shape == (None, 1)
    x, y = random.standard_normal((2, 4, 3)).astype("float32")
    first, second = Model([a, b], [total, product]).predict([x, y])
    assert_close(first, x + y)
    assert_close(second, (x * y).sum(axis=-1, keepdims=True), factor=5)


@pytest.mark.parametrize("output_shape", [None, (6,), 6, lambda shape: (shape[0], 6), lambda shape: [shape[0], 6]])
def test_lambda_output_shape(output_shape):
    layer = Lambda(lambda x: K.concatenate([x, -x], axis=1), output_shape=output_shape)
    assert layer(Input((3,))).shape == (None, 6)


def test_lambda_output_shape_fills_in_open_sizes():
    x = Input((None,))
    assert Lambda(lambda x: x[:, :4])(x).shape == (None, None)
    filled = Lambda(lambda x: x[:, :4], output_shape=(4,))(x)
    assert filled.shape == (None, 4)
    assert Model(x, Dense(2)(filled)).predict(np.ones((3, 9))).shape == (3, 2)


def test_lambda_shows_the_sizes_that_come(random):
    """A wrong `output_shape` cannot lie: the function itself is asked."""
    assert Lambda(lambda x: x * 2, output_shape=(5,))(Input((3,))).shape == (None, 3)


def mask_of(layer, x):
    model = Sequential([Masking(input_shape=x.shape[1:]), layer])
    mask = layer.output_mask
    return None if mask is None else K.function([model.input], [mask])([x])[0]


def test_lambda_masks(random):
    x = random.standard_normal((2, 4, 3)).astype("float32")
    x[:, 2] = 0
    counts = np.array([[True, True, False, True]] * 2)
    assert mask_of(Lambda(lambda x: x * 2), x) is None
    np.testing.assert_array_equal(mask_of(Lambda(lambda x: x * 2, mask=lambda inputs, mask: mask), x), counts)
    shares = Lambda(lambda x, mask: x * K.mean(K.cast(mask, "float32")))
    model = Sequential([Masking(input_shape=(4, 3)), shares])
    assert_close(model.predict(x), x * 0.75)


# -- Masking, ActivityRegularization, Activation -------------------------------------------------------------------

@pytest.mark.parametrize("mask_value", [0.0, -1.0, 2])
def test_masking(mask_value, random):
    x = random.standard_normal((3, 5, 2)).astype("float32")
    x[0, 1] = x[2, 3:] = mask_value
    x[1, 0, 0] = mask_value                     # one feature alone masks nothing
    layer = Masking(mask_value=mask_value, input_shape=(5, 2))
    model = Sequential([layer])
    counts = (x != mask_value).any(axis=-1)
    assert counts.sum() == 12
    np.testing.assert_array_equal(model.predict(x), np.where(counts[..., None], x, 0))
    np.testing.assert_array_equal(K.function([model.input], [layer.output_mask])([x])[0], counts)
    np.testing.assert_array_equal(layer(Tensor(x)).mask.data, counts)


def test_a_mask_travels_through_layers_that_support_it(random):
    x = random.standard_normal((2, 4, 3)).astype("float32")
    x[:, 1] = 0
    for layer in (Dense(2), Dropout(0.5), SpatialDropout1D(0.5), Activation("relu"), ActivityRegularization(0.1)):
        np.testing.assert_array_equal(mask_of(layer, x), [[True, False, True, True]] * 2)


@pytest.mark.parametrize("layer", [Flatten(), Reshape((12,)), Permute((2, 1))], ids=lambda layer: type(layer).__name__)
def test_a_mask_stops_at_layers_that_do_not(layer):
    with pytest.raises(TypeError, match=f'{type(layer).__name__} "{layer.name}": a mask arrived'):
        Sequential([Masking(input_shape=(4, 3)), layer])


@pytest.mark.parametrize("layers_", [
    lambda: [ActivityRegularization(l1=0.01, l2=0.1, input_shape=(3,))],
    lambda: [Dense(3, activity_regularizer=regularizers.l1_l2(0.01, 0.1), use_bias=False, weights=[np.eye(3)],
                   input_shape=(3,))],
])
def test_activity_regularization_adds_to_the_loss(layers_, random):
    x = random.standard_normal((4, 3)).astype("float32")
    model = Sequential(layers_())
    model.compile("sgd", "mse")
    penalty = 0.01 * np.abs(x).sum() + 0.1 * (x**2).sum()
    assert model.evaluate(x, x, verbose=0) == pytest.approx(penalty, rel=1e-5)
    np.testing.assert_array_equal(model.predict(x), x)


def test_activations_are_names_and_functions(random):
    x = random.standard_normal((2, 3)).astype("float32")
    for activation, expected in (("tanh", np.tanh(x)), (K.tanh, np.tanh(x)), (lambda x: x * 2, x * 2), (None, x),
                                 ("linear", x), ("relu", np.maximum(x, 0))):
        assert_close(order(Activation(activation), x), expected)
        dense = Dense(3, activation=activation, weights=[np.eye(3), np.zeros(3)])
        assert_close(order(dense, x), expected)


def test_what_keras_dropped_of_highway_is_told():
    with pytest.warns(UserWarning, match="transform_bias is without effect, as in Keras.*weights="):
        layer = layers.Highway(transform_bias=-2, input_dim=3)
    assert Sequential([layer]).get_weights()[3].tolist() == [1, 1, 1]
