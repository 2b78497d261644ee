"""Layers of users' own: one contract for all of `custom_layers`."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import callbacks, config, constraints, initializers, regularizers
from numba_layers.layers import RNN, Activation, Dense, Input, Masking
from numba_layers.models import Model, Sequential, load_model
from numba_layers.utils import CustomObjectScope, get_custom_objects
from tests.layers import custom_layers

# Name of a class -> (arguments, shapes of its inputs without the batch); * before a name: a mask arrives.
KERAS1 = {
    "SelfAttention1": ({"W_regularizer": "l2", "W_constraint": "nonneg"}, [(5, 4)]),
    "*SelfAttention1": ({"bias": False}, [(5, 4)]), "AttentionOfThree": ({}, [(5, 4)]),
    "Affine1": ({"output_dim": 3}, [(4,)]), "Scale1": ({}, [(4, 4, 3)]), "Normalize": ({"scale": 20}, [(4, 4, 3)]),
    "LRN2D": ({"n": 3}, [(4, 4, 6)]), "PoolHelper": ({}, [(4, 4, 3)]), "Bilinear": ({"output_dim": 2}, [(4,), (3,)]),
    "*ZeroMaskedEntries": ({}, [(5, 4)]), "*MeanOverTime": ({}, [(5, 4)]), "MeanOverTime": ({}, [(5, 4)]),
    "MaxoutLike": ({"output_dim": 3, "init": "he_normal"}, [(4,)]), "PReLULike": ({}, [(4,)]),
    "ScaledDense": ({"output_dim": 3, "activation": "relu", "W_regularizer": "l2"}, [(4,)]),
    "ScaledDense ": ({"output_dim": 3, "bias": False}, [(4,)]),
    "StandardisedConv": ({"nb_filter": 3, "nb_row": 3, "nb_col": 3, "border_mode": "same", "subsample": (2, 2),
                          "dim_ordering": "tf"}, [(6, 6, 2)]),
    "Antirectifier": ({}, [(4,)]), "Counting": ({}, [(4,)]),
}
KERAS2 = {
    "MyLayer": ({"output_dim": 3}, [(4,)]), "TwoOutputs": ({}, [(4,), (3,)]), "Linear": ({"units": 3}, [(4,)]),
    "LinearByHand": ({}, [(4,)]), "ActivityPenalty": ({"rate": 0.5}, [(4,)]), "Squash": ({}, [(5, 4)]),
    "Length": ({}, [(5, 4)]), "CapsuleMask": ({}, [(5, 4)]), "CapsuleMask 2": ({}, [(5, 4), (5,)]),
    "Capsules": ({}, [(5, 4)]), "WeightedSum": ({}, [(4,), (4,), (4,)]),
    "AttentionWithContext": ({}, [(5, 4)]), "*AttentionWithContext": ({"return_attention": True}, [(5, 4)]),
    "DotAttention": ({}, [(5, 4), (6, 4), (6, 4)]), "PositionEmbedding": ({}, [(5, 4)]), "LayerNorm": ({}, [(5, 4)]),
    "InstanceNorm": ({}, [(4, 4, 3)]), "Sampling": ({}, [(4,), (4,)]),
    "SpatialTransformer": ({"output_size": (3, 2)}, [(4, 4, 3), (6,)]), "GradientReversal": ({}, [(4,)]),
    "KMaxPooling": ({}, [(5, 4)]), "CoordinateConv": ({"filters": 2, "kernel_size": 3}, [(4, 4, 3)]),
    "Repeated": ({"layer": Dense(4)}, [(4,)]), "Unpool": ({}, [(4, 4, 3)]), "MadeOfLayers": ({}, [(4,)]),
}


@pytest.fixture(params=[("1.2.2", case) for case in KERAS1] + [("2.2.5", case) for case in KERAS2], ids="-".join)
def case(request):
    """(class, arguments, shapes, masked) of a layer, under its version of Keras."""
    version, case = request.param
    config.set_keras_version(version)
    arguments, shapes = (KERAS1 | KERAS2)[case]
    yield getattr(custom_layers, case.strip("*").split()[0]), arguments, shapes, case.startswith("*")
    config.set_keras_version("2.2.5")


def model_of(kind, arguments, shapes, masked):
    """A model around the layer, with a Dense before it so that gradients pass through, and the layer."""
    inputs = [Input(shape) for shape in shapes]
    tensors = [Masking()(one) if masked else Dense(shape[-1])(one) for one, shape in zip(inputs, shapes)]
    layer = kind(**arguments)
    outputs = layer(tensors if len(tensors) > 1 else tensors[0])
    outputs = [Activation("linear", name=f"out_{number}")(one) for number, one in enumerate(
        outputs if isinstance(outputs, list) else [outputs])]
    return Model(inputs, outputs), layer


def test_a_layer_of_ones_own(case, tmp_path, random):
    kind, arguments, shapes, masked = case
    model, layer = model_of(*case)
    data = [random.uniform(0.1, 1, (6, *shape)).astype("float32") for shape in shapes]
    if masked:
        data[0][:, 3:] = 0
    predicted = model.predict(data)
    predicted = predicted if isinstance(predicted, list) else [predicted]
    for found, output in zip(predicted, model.outputs):
        assert found.shape[1:] == output.shape[1:] and np.isfinite(found).all()
    given = [(None, *shape) for shape in shapes]
    told = [layer.compute_output_shape(given if len(given) > 1 else given[0]),
            layer.get_output_shape_for(given if len(given) > 1 else given[0])]
    for shapes_told in told:
        shapes_told = shapes_told if isinstance(shapes_told, list) else [shapes_told]
        assert [tuple(shape)[1:] for shape in shapes_told] == [one.shape[1:] for one in predicted]

    before = model.get_weights()
    model.compile("sgd", "mse")
    model.fit(data, [np.zeros_like(one) for one in predicted], batch_size=3, epochs=1, verbose=0, shuffle=False)
    after = model.get_weights()
    assert all(np.isfinite(one).all() for one in after)
    changed = any(not np.array_equal(one, other) for one, other in zip(before, after))
    assert changed == bool(before)

    file = tmp_path / "model.h5"
    model.save(file)
    loaded = load_model(file, custom_objects={kind.__name__: kind})
    trained, again = model.predict(data), loaded.predict(data)
    for one, other in zip(trained, again) if isinstance(trained, list) else [(trained, again)]:
        assert np.array_equal(one, other)
    loaded.fit(data, [np.zeros_like(one) for one in predicted], verbose=0)


# ---- other things of one's own ----------------------------------------------------------------------------


def swishlike(x):
    return K.sigmoid(x) * x


def scaled_tanh(x, scale=1.7159):
    return scale * K.tanh(2 * x / 3)


def init_of_keras1(shape, name=None):
    return K.variable(np.full(shape, 0.25), name=name)


def init_of_keras2(shape, dtype=None):
    return K.random_normal(shape, stddev=0.1, dtype=dtype)


class Triangular(initializers.Initializer):
    def __init__(self, scale=1.0):
        self.scale = scale

    def __call__(self, shape, dtype=None):
        return K.constant(self.scale * np.tri(*shape), dtype=dtype)

    def get_config(self):
        return {"scale": self.scale}


def orthogonal_reg(weight_matrix):
    products = K.dot(K.transpose(weight_matrix), weight_matrix)
    return 0.01 * K.sum(K.square(products - K.eye(K.int_shape(weight_matrix)[1])))


class Entropy(regularizers.Regularizer):
    def __init__(self, rate=0.1):
        self.rate = K.cast_to_floatx(rate)

    def __call__(self, x):
        return -self.rate * K.mean(x * K.log(K.abs(x) + K.epsilon()))

    def get_config(self):
        return {"rate": float(self.rate)}


class ZeroDiagonal(constraints.Constraint):
    def __call__(self, w):
        return w * (1 - K.eye(K.int_shape(w)[0]))


def between(w):
    return K.clip(w, -0.5, 0.5)


def weighted_crossentropy(weights):
    weights = K.variable(weights)

    def loss(y_true, y_pred):
        y_pred = y_pred / K.sum(y_pred, axis=-1, keepdims=True)
        y_pred = K.clip(y_pred, K.epsilon(), 1 - K.epsilon())
        return -K.sum(y_true * K.log(y_pred) * weights, -1)

    return loss


def dice_coef_loss(y_true, y_pred, smooth=1.0):
    y_true_f, y_pred_f = K.flatten(y_true), K.flatten(y_pred)
    return 1 - (2.0 * K.sum(y_true_f * y_pred_f) + smooth) / (K.sum(y_true_f) + K.sum(y_pred_f) + smooth)


def root_mean_squared(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1))


class Focal:
    """A loss as an object."""

    def __init__(self, gamma=2.0):
        self.gamma, self.__name__ = gamma, "focal"

    def __call__(self, y_true, y_pred):
        p = K.clip(y_pred, K.epsilon(), 1 - K.epsilon())
        return -K.mean(y_true * K.pow(1 - p, self.gamma) * K.log(p), axis=-1)


class Recorder(callbacks.Callback):
    def on_train_begin(self, logs={}):   # noqa: B006
        self.losses, self.ends = [], 0

    def on_batch_end(self, batch, logs={}):   # noqa: B006
        self.losses.append(logs.get("loss"))

    def on_epoch_end(self, epoch, logs=None):
        self.ends += 1
        self.model.optimizer.lr = 0.5 * K.get_value(self.model.optimizer.lr)


OWN = {
    "activation": {"activation": swishlike}, "with a default": {"activation": scaled_tanh},
    "initializer function": {"kernel_initializer": init_of_keras2},
    "initializer": {"kernel_initializer": Triangular(2.0), "bias_initializer": "ones"},
    "regularizer function": {"kernel_regularizer": orthogonal_reg}, "regularizer": {"kernel_regularizer": Entropy(0.2)},
    "activity": {"activity_regularizer": Entropy(0.2)}, "constraint": {"kernel_constraint": ZeroDiagonal()},
    "constraint function": {"kernel_constraint": between, "bias_constraint": between},
}
NAMES = {thing.__name__: thing for thing in (
    swishlike, scaled_tanh, init_of_keras1, init_of_keras2, Triangular, orthogonal_reg, Entropy, ZeroDiagonal, between,
    dice_coef_loss, root_mean_squared)}


@pytest.mark.parametrize("case", OWN)
@pytest.mark.parametrize("by", ["custom_objects", "scope", "registered"])
def test_things_of_ones_own_in_a_layer(case, by, tmp_path, random):
    model = Sequential([Dense(4, input_shape=(4,), **OWN[case])])
    model.compile("adam", "mse")
    x = random.uniform(-1, 1, (8, 4)).astype("float32")
    model.fit(x, x, batch_size=4, epochs=1, verbose=0)
    file = tmp_path / "model.h5"
    model.save(file)
    if by == "custom_objects":
        loaded = load_model(file, custom_objects=NAMES)
    elif by == "scope":
        with CustomObjectScope(NAMES):
            loaded = load_model(file)
    else:
        get_custom_objects().update(NAMES)
        try:
            loaded = load_model(file)
        finally:
            for name in NAMES:
                del get_custom_objects()[name]
    assert np.array_equal(model.predict(x), loaded.predict(x))
    assert loaded.get_config() == model.get_config()
    assert loaded.train_on_batch(x, x) == pytest.approx(model.train_on_batch(x, x))


def test_an_initializer_of_keras1(random):
    config.set_keras_version("1.2.2")
    try:
        layer = Dense(3, init=init_of_keras1, input_dim=4)
        Sequential([layer])
        assert (layer.get_weights()[0] == 0.25).all()
    finally:
        config.set_keras_version("2.2.5")


@pytest.mark.parametrize("loss", [weighted_crossentropy([1.0, 2.0, 0.5]), dice_coef_loss, root_mean_squared, Focal()],
                         ids=["closure", "dice", "rmse", "object"])
def test_losses_of_ones_own(loss, tmp_path, random):
    model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
    model.compile("adam", loss, metrics=["accuracy", root_mean_squared])
    x, y = random.uniform(-1, 1, (8, 4)).astype("float32"), np.eye(3, dtype="float32")[random.randint(0, 3, 8)]
    figures = [model.train_on_batch(x, y)[0] for _ in range(5)]
    assert figures[-1] < figures[0]
    model.save(tmp_path / "model.h5")
    loaded = load_model(tmp_path / "model.h5", custom_objects=NAMES | {loss.__name__: loss})
    assert np.allclose(loaded.train_on_batch(x, y), model.train_on_batch(x, y))


def test_a_callback(random):
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    recorder = Recorder()
    x, y = random.standard_normal((12, 2)), np.ones((12, 1))
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[recorder])
    assert len(recorder.losses) == 6 and recorder.ends == 2
    assert K.get_value(model.optimizer.lr) == pytest.approx(0.0025)


def test_a_decoder_with_the_weights_of_the_encoder(random):
    encoder = Dense(3, activation="tanh", input_shape=(5,))
    model = Sequential([encoder, custom_layers.TiedDense(5, master_layer=encoder)])
    model.compile("sgd", "mse")
    assert len(model.trainable_weights) == 3
    x = random.standard_normal((8, 5)).astype("float32")
    before = model.evaluate(x, x, verbose=0)
    for _ in range(5):
        model.train_on_batch(x, x)
    assert model.evaluate(x, x, verbose=0) < before


@pytest.mark.parametrize("cells", [lambda: custom_layers.MinimalCell(3), lambda: custom_layers.GatedCell(3),
                                   lambda: [custom_layers.MinimalCell(3), custom_layers.GatedCell(2)]],
                         ids=["K functions", "a formula", "stacked"])
def test_cells_of_ones_own(cells, tmp_path, random):
    model = Sequential([RNN(cells(), input_shape=(5, 4)), Dense(1)])
    model.compile("adam", "mse")
    x = random.uniform(-1, 1, (6, 5, 4)).astype("float32")
    losses = model.fit(x, x[:, 0, :1], epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.h5")
    own = {"MinimalCell": custom_layers.MinimalCell, "GatedCell": custom_layers.GatedCell}
    assert np.array_equal(load_model(tmp_path / "model.h5", custom_objects=own).predict(x), model.predict(x))


@pytest.mark.parametrize("bias", [True, False])
def test_a_class_of_keras1_asks_whether_there_is_a_bias(bias):
    config.set_keras_version("1.2.2")
    try:
        layer = custom_layers.ScaledDense(3, bias=bias, input_dim=4)
        Sequential([layer])
        assert len(layer.weights) == 1 + bias and bool(layer.bias) == bias
    finally:
        config.set_keras_version("2.2.5")


def test_asking_for_a_shape_adds_no_loss(random):
    layer = custom_layers.ActivityPenalty()
    model = Sequential([Dense(3, input_shape=(4,)), layer])
    assert layer.compute_output_shape((None, 3)) == (None, 3)
    assert len(model.losses) == 1


@pytest.mark.parametrize("given", [
    (("w", (2, 3)), {}), (((2, 3), "zero", "w"), {}), ((), {"name": "w", "shape": [2, 3], "aggregation": None}),
    (((2, 3),), {"initializer": "zero", "name": "w"}), (("w",), {"shape": (2, 3), "trainable": None})])
def test_every_order_of_add_weight(given):
    layer = Dense(3)
    weight = layer.add_weight(*given[0], **given[1])
    assert weight.shape == (2, 3) and weight.name.endswith("/w") and layer.trainable_weights == [weight]
