"""The same script on each device: every optimizer and loss trains to the CPU's figures, and models move."""

import inspect

import numpy as np
import pytest

from numba_layers import devices, losses
from numba_layers.autograd import Tape, Tensor
from numba_layers.layers import (
    AveragePooling2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    MaxPooling2D,
    UpSampling2D,
)
from numba_layers.models import Sequential, load_model
from numba_layers.optimizers import SGD

CLOSE = {"rtol": 2e-4, "atol": 2e-5}   # after some steps of float32 training: sums in another order
OPTIMIZERS = ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"]
LOSSES = ["mse", "mae", "mape", "msle", "hinge", "squared_hinge", "categorical_hinge", "logcosh",
          "categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy",
          "kullback_leibler_divergence", "poisson", "cosine_proximity"]


@pytest.fixture
def other(device):
    """A device to compare with the CPU."""
    if device == "cpu":
        pytest.skip("the CPU is what others are compared with")
    return device


def dense_network():
    return Sequential([Dense(7, activation="relu", input_shape=(5,)), Dropout(0.2, seed=3),
                       Dense(3, activation="softmax")])


def convolutional_network():
    return Sequential([
        Conv2D(4, 3, activation="relu", padding="same", input_shape=(8, 8, 2)), MaxPooling2D(),
        Conv2D(5, 3, strides=2, activation="tanh"), UpSampling2D(2), DepthwiseConv2D(2),
        Conv2DTranspose(3, 2, strides=2, kernel_regularizer="l2", kernel_constraint="max_norm"), AveragePooling2D(),
        Flatten(), Dense(3, activation="softmax")])


def trained(make, x, y, device, start=None, **settings):
    """(history, weights, predictions) of two epochs on a device."""
    with devices.device(device):
        model = make()
        if start is not None:
            model.set_weights(start)
        model.compile(**settings)
        history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_split=0.2).history
        return history, model.get_weights(), model.predict(x)


def assert_alike(make, x, y, device, **settings):
    start = make().get_weights()
    expected, found = (trained(make, x, y, name, start, **settings) for name in ("cpu", device))
    assert expected[0].keys() == found[0].keys()
    for name, figures in expected[0].items():
        np.testing.assert_allclose(found[0][name], figures, err_msg=name, **CLOSE)
    for one, other in zip([*expected[1], expected[2]], [*found[1], found[2]]):
        np.testing.assert_allclose(other, one, **CLOSE)


def samples(random, shape, count=10):
    x = random.standard_normal((count, *shape)).astype("float32")
    return x, np.eye(3, dtype="float32")[random.randint(0, 3, count)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers(optimizer, other, random):
    x, y = samples(random, (5,))
    assert_alike(dense_network, x, y, other, optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, other, random):
    x, y = samples(random, (5,))
    y = y.argmax(axis=1) if name.startswith("sparse") else y
    assert_alike(dense_network, x, y, other, optimizer="sgd", loss=name)


def test_every_loss_is_here():
    assert {losses.get(name) for name in LOSSES} == {
        value for name, value in vars(losses).items() if inspect.isfunction(value) and not name.startswith("_")
        and list(inspect.signature(value).parameters) == ["y_true", "y_pred"]}


def test_convolutional_network(other, random):
    x, y = samples(random, (8, 8, 2))
    assert_alike(convolutional_network, x, y, other, optimizer="adam", loss="categorical_crossentropy")


def test_clipped_gradients(other, random):
    x, y = samples(random, (5,))
    start = dense_network().get_weights()
    runs = [trained(dense_network, x, y, name, start, loss="mse",
                    optimizer=SGD(lr=0.5, momentum=0.9, nesterov=True, clipnorm=0.01, clipvalue=0.005))
            for name in ("cpu", other)]
    for one, two in zip(runs[0][1], runs[1][1]):
        np.testing.assert_allclose(two, one, **CLOSE)


def test_a_model_moves_and_keeps_its_training(other, random, tmp_path):
    """Steps on the CPU, on the device, on the CPU again are the steps of the CPU alone; files are the same."""
    x, y = samples(random, (5,))
    models = [Sequential([Dense(3, activation="softmax", input_shape=(5,))]) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile("adam", "categorical_crossentropy")
    for step, name in enumerate(("cpu", other, "cpu", other)):
        models[0].train_on_batch(x, y)
        with devices.device(name):
            models[1].train_on_batch(x, y)
            models[1].save(tmp_path / "model.h5")
        assert int(models[1].optimizer.iterations) == step + 1
    for one, two in zip(models[0].get_weights(), load_model(tmp_path / "model.h5").get_weights()):
        np.testing.assert_allclose(two, one, **CLOSE)
    np.testing.assert_allclose(models[1].predict(x), models[0].predict(x), **CLOSE)


def test_a_loop_of_ones_own(other, random):
    x, y = samples(random, (5,))
    model = Sequential([Dense(3, activation="softmax", input_shape=(5,))])
    before = model.predict(x)
    with devices.device(other):
        with Tape() as tape:
            loss = losses.categorical_crossentropy(Tensor(y), model(Tensor(x)))
        gradients = tape.gradient(loss, model.trainable_weights)
        assert all(isinstance(gradient.data, devices.DeviceArray) for gradient in gradients)
    expected = [x.T @ (before - y), (before - y).sum(axis=0)]
    for gradient, right in zip(gradients, expected):
        np.testing.assert_allclose(gradient, right, rtol=1e-4, atol=1e-4)
