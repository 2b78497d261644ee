"""Models written as a class with `call`: built from data, trained, saved by weights, used as layers."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers.errors import ArgumentError, ModelError
from numba_layers.layers import Dense, Dropout, Input
from numba_layers.models import Model, Sequential


class Net(Model):
    """The example of Keras 2.2's documentation, with K functions in it and layers in a list."""

    def __init__(self, drop=0.5):
        super().__init__(name="mlp")
        self.first = Dense(4, activation="relu")
        self.drop = Dropout(drop) if drop else None
        self.blocks = [Dense(4), Dense(4)]
        self.last = Dense(2)

    def call(self, inputs):
        x = self.first(inputs)
        if self.drop is not None:
            x = self.drop(x)
        for block in self.blocks:
            x = x + K.tanh(block(x))
        return self.last(x)


class Two(Model):
    def __init__(self):
        super().__init__()
        self.left, self.right = Dense(2, use_bias=False), Dense(2, use_bias=False)

    def call(self, inputs, training=None):
        left, right = self.left(inputs[0]), self.right(inputs[1])
        return [left, 2 * right if training else right]


X, Y = np.random.RandomState(0).rand(12, 3), np.random.RandomState(1).rand(12, 2)


def answer(model, x):
    weights = model.get_weights()
    x = np.maximum(x @ weights[0] + weights[1], 0)
    for kernel, bias in (weights[2:4], weights[4:6]):
        x = x + np.tanh(x @ kernel + bias)
    return x @ weights[6] + weights[7]


def test_built_from_the_first_data(tmp_path):
    model = Net()
    assert model.name == "mlp" and len(model.layers) == 5
    model.compile("sgd", "mse", metrics=["mae"])
    before = model.evaluate(X, Y, verbose=0)
    history = model.fit(X, Y, epochs=20, verbose=0, validation_data=(X, Y)).history
    assert history["val_loss"][-1] < before[0] and set(history) == {"loss", "val_loss", "mean_absolute_error",
                                                                    "val_mean_absolute_error"}
    np.testing.assert_allclose(model.predict(X), answer(model, X), atol=1e-5)
    assert [layer.name for layer in model.layers] == [layer.name for layer in [
        model.first, model.drop, *model.blocks, model.last]]
    model.save_weights(tmp_path / "weights.h5")
    other = Net()
    other.build((None, 3))
    other.load_weights(tmp_path / "weights.h5")
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    for describe in (model.get_config, model.to_json, lambda: model.save(tmp_path / "model.h5")):
        with pytest.raises(ModelError, match="written as a class.*save_weights"):
            describe()


def test_several_inputs_and_outputs_and_the_phase():
    model = Two()
    model.compile("sgd", "mse")
    data = [np.ones((4, 3)), np.ones((4, 2))]
    left, right = model.predict(data)
    zeros = [0 * left, 0 * right]
    np.testing.assert_allclose(model.test_on_batch(data, zeros)[1:], [np.mean(left**2), np.mean(right**2)], rtol=1e-5)
    figures = model.train_on_batch(data, zeros)
    np.testing.assert_allclose(figures[1:], [np.mean(left**2), 4 * np.mean(right**2)], rtol=1e-5)
    assert model.metrics_names == ["loss", "output_1_loss", "output_2_loss"]


def test_as_a_layer():
    inner = Net(drop=0)
    x = Input((3,))
    model = Model(x, Dense(2)(inner(x)))
    model.compile("sgd", "mse")
    before = inner.get_weights()
    model.fit(X, Y, epochs=1, verbose=0)
    assert Net().layers and not inner.uses_learning_phase and Net(drop=0.5)(x)._uses_learning_phase
    assert len(model.get_weights()) == 10 and all((a != b).any() for a, b in zip(before, inner.get_weights()))
    kernel, bias = model.layers[-1].get_weights()
    np.testing.assert_allclose(model.predict(X), answer(inner, X) @ kernel + bias, atol=1e-5)


def test_other_constructors():
    class Functional(Model):
        def __init__(self):
            x = Input((3,))
            super().__init__(inputs=x, outputs=Dense(2)(x))

    class Stack(Sequential):
        def __init__(self):
            super().__init__(name="stack")
            self.add(Dense(2, input_dim=3))

    assert Functional().predict(X).shape == Stack().predict(X).shape == (12, 2)
    bare = type("Bare", (Model,), {"__init__": lambda self: Model.__init__(self, name="bare")})
    for make in (bare, Model, lambda: Model(Input((3,)))):
        with pytest.raises(ArgumentError, match="needs inputs and outputs.*call"):
            make()
    with pytest.raises(ModelError, match=r"no input shape yet. Call model.build"):
        Net().predict_generator(iter([X]), steps=1)
