"""One optimizer in several models: each has slots of its own, all share its rates and count of steps, as in Keras."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import compat, config, optimizers
from numba_layers.layers import Dense
from numba_layers.models import Sequential, load_model
from tests.test_optimizers import Written

X = {"a": np.float32([[1, 2], [0.5, -1]]), "b": np.float32([[3, -1], [1, 0.25]])}
Y = {"a": np.float32([[1], [0]]), "b": np.float32([[-1], [2]])}

# Kernel and bias of models a and b after the steps "aabab", by Keras 1.2.2 on Theano with one optimizer for both.
# (Keras 2.2.5 on TensorFlow gives the same where it reads `iterations` before it counts the step.)
EXPECTED = {
    "SGD": ({"lr": 0.1, "momentum": 0.5, "decay": 0.25, "clipnorm": 1.0},
            [0.57543236, 0.09201621, 0.12764449], [0.36569855, -0.18819553, 0.07470406]),
    "RMSprop": ({"lr": 0.01, "decay": 0.25},
                [0.55664611, -0.1907464, 0.14903116], [0.46772903, -0.21761379, 0.06805234]),
    "Adagrad": ({"lr": 0.05, "decay": 0.25},
                [0.58298761, -0.15968037, 0.15944743], [0.44972807, -0.19942221, 0.05061117]),
    "Adadelta": ({"decay": 0.25}, [0.50106913, -0.24893007, 0.10106758], [0.49947548, -0.24947545, 0.09947556]),
    "Adam": ({"lr": 0.05, "decay": 0.25, "clipvalue": 0.5},
             [0.61368418, -0.13400885, 0.19456601], [0.46037996, -0.21037997, 0.06037997]),
    "Adamax": ({"lr": 0.05, "decay": 0.25},
               [0.59770048, -0.14405504, 0.18121138], [0.47626668, -0.22619570, 0.07645471]),
    "Nadam": ({"lr": 0.05}, [0.60979915, -0.12604095, 0.16164581], [0.3958208, -0.14441608, 0.00015259]),
}


def net(optimizer, name):
    model = Sequential([Dense(1, input_dim=2, name=name)])
    model.set_weights([np.float32([[0.5], [-0.25]]), np.float32([0.1])])
    model.compile(optimizer, "mse")
    return model


def trained(optimizer, order):
    models = {name: net(optimizer, name) for name in "ab"}
    for name in order:
        models[name].train_on_batch(X[name], Y[name])
    return models


def flat(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


@pytest.fixture
def keras1():
    compat.install(version="1.2.2")
    yield
    compat.uninstall()
    config.set_keras_version("2.2.5")


@pytest.mark.parametrize("name", EXPECTED)
def test_models_train_in_turn_as_in_keras(name, keras1):
    options, *expected = EXPECTED[name]
    optimizer = getattr(optimizers, name)(**options)
    models = trained(optimizer, "aabab")
    np.testing.assert_allclose([flat(models["a"]), flat(models["b"])], expected, rtol=2e-6, atol=2e-7)
    assert int(optimizer.iterations) == 5


@pytest.mark.parametrize("make", [optimizers.Adam, Written])
def test_files_keep_each_models_own_state(make, tmp_path):
    models = trained(make(), "aab")
    own = {"Written": Written}
    for name, model in models.items():
        model.save(tmp_path / name)
        again = load_model(tmp_path / name, own)
        for one in (model, again):
            one.train_on_batch(X[name], Y[name])
        np.testing.assert_array_equal(flat(again), flat(model))
        model.optimizer.iterations.assign(3)    # where the other model was saved


def test_clipping_is_that_of_the_time_when_a_model_began_to_train():
    """As in Keras, which builds it into the model's graph."""
    optimizer = optimizers.SGD(lr=1.0, clipvalue=0.25)
    models = {name: net(optimizer, name) for name in "ab"}
    models["a"].train_on_batch(X["a"], Y["a"])
    optimizer.clipvalue = 0.125
    for name in "ab":
        before = flat(models[name])
        models[name].train_on_batch(X[name], Y[name])
        assert np.abs(flat(models[name]) - before).max() == (0.25 if name == "a" else 0.125)


def test_the_last_model_is_what_the_optimizer_itself_shows():
    optimizer = optimizers.Adam()
    first, last = trained(optimizer, "").values()
    first._make_train_function()
    last._make_train_function()
    last.optimizer.set_weights([weight + 1 for weight in optimizer.get_weights()])
    assert {float(np.max(weight.data)) for weight in first._optimizer_weights()} == {0, 1}     # 1: iterations
    assert {float(np.min(weight.data)) for weight in last._optimizer_weights()} == {1}


def test_a_generator_and_a_critic_share_an_optimizer():
    """Two models that share a layer as well: what one trains the other sees."""
    optimizer = optimizers.SGD(lr=0.125)
    critic = net(optimizer, "critic")
    both = Sequential([Dense(2, use_bias=False, kernel_initializer="ones", input_dim=2), critic])
    both.compile(optimizer, "mse")
    (kernel, bias), first = critic.get_weights(), both.get_weights()[0]
    critic.train_on_batch(X["a"], Y["a"])
    error = X["a"] @ kernel + bias - Y["a"]
    kernel, bias = kernel - 0.125 * X["a"].T @ error, bias - 0.125 * error.sum(0)
    np.testing.assert_allclose(critic.get_weights()[0], kernel, rtol=1e-6)
    both.train_on_batch(X["b"], Y["b"])
    error = X["b"] @ first @ kernel + bias - Y["b"]
    np.testing.assert_allclose(both.get_weights()[0], first - 0.125 * X["b"].T @ error @ kernel.T, rtol=1e-5)
    np.testing.assert_allclose(critic.get_weights()[0], kernel - 0.125 * (X["b"] @ first).T @ error, rtol=1e-5)
    assert int(K.get_value(optimizer.iterations)) == 2
