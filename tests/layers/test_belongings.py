"""Layers that users wrote for Keras 1: what they assign, before or after super().__init__, and change in place."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, initializations
from numba_layers.constraints import maxnorm, nonneg
from numba_layers.errors import ArgumentError, UnknownArgumentError
from numba_layers.layers import Dense, Layer
from numba_layers.models import Sequential
from numba_layers.optimizers import SGD
from numba_layers.regularizers import l2

W, B = np.array([[1.5, -0.2], [0.4, 0.3], [-0.01, 2.0]]), np.array([0.7, -0.1])
X, Y = np.random.RandomState(0).rand(4, 3), np.random.RandomState(1).rand(4, 2)


@pytest.fixture(autouse=True)
def keras1():
    config.set_keras_version("1.2.2")
    yield
    config.set_keras_version("2.2.5")


class Affine(Layer):
    """As the documentation of Keras 1 has it; `penalty` added in one of several ways."""

    def __init__(self, output_dim, weights=None, penalty=None, **options):
        self.init = initializations.get("glorot_uniform")
        self.output_dim, self.penalty = output_dim, penalty
        self.initial_weights = weights
        self.constraints = {}
        self.regularizers = []
        super().__init__(**options)

    def build(self, input_shape):
        self.W = self.init((input_shape[1], self.output_dim), name=f"{self.name}_W")
        self.b = K.zeros((self.output_dim,))
        self.trainable_weights = [self.W]
        self.trainable_weights.append(self.b)
        self.constraints = {self.W: nonneg()}
        self.constraints[self.b] = maxnorm(0.5)
        if self.penalty == "add_loss":
            self.add_loss(l2(0.1)(self.W))
        elif self.penalty == "losses":
            self.losses = [l2(0.1)(self.W)]
        elif self.penalty == "append":
            self.losses.append(l2(0.1)(self.W))
        if self.initial_weights is not None:
            self.set_weights(self.initial_weights)
            del self.initial_weights
        self.built = True

    def call(self, x, mask=None):
        return K.dot(x, self.W) + self.b

    def get_output_shape_for(self, shape):
        return shape[0], self.output_dim


class OfDense(Dense):
    """Makes Dense's weights itself, and constrains one by a function."""

    def build(self, input_shape):
        self.W = self.init((input_shape[1], self.output_dim), name="W")
        self.b = self.add_weight((self.output_dim,), initializer="zero", name="b", constraint=maxnorm(0.5))
        self.trainable_weights = [self.W, self.b]
        self.constraints[self.W] = lambda w: K.maximum(w, 0.0)
        if self.initial_weights is not None:
            self.set_weights(self.initial_weights)
            del self.initial_weights
        self.built = True


MADE = [(lambda penalty=penalty: Affine(2, [W, B], penalty, input_shape=(3,)), penalty)
        for penalty in (None, "add_loss", "losses", "append")]
MADE.append((lambda: OfDense(2, weights=[W, B], input_dim=3), None))


@pytest.mark.parametrize("make, penalty", MADE)
def test_weights_constraints_and_losses(make, penalty):
    """One step of SGD on mse (and 0.1 Σ W²), then W at least 0 and ‖b‖ at most 0.5."""
    model = Sequential([make()])
    model.compile(SGD(0.1), "mse")
    residual, rate = X @ W + B - Y, 0.1 if penalty else 0
    assert model.train_on_batch(X, Y) == pytest.approx((residual ** 2).mean() + rate * (W ** 2).sum(), rel=1e-5)
    slope = 2 * residual / residual.size
    w = np.maximum(W - 0.1 * (X.T @ slope + 2 * rate * W), 0)
    b = B - 0.1 * slope.sum(0)
    for got, want in zip(model.get_weights(), (w, b * min(1, 0.5 / np.sqrt((b ** 2).sum())))):
        np.testing.assert_allclose(got, want, rtol=1e-5)
    layer = model.layers[0]
    assert len(layer.constraints) == 2 and list(model.constraints) == layer.trainable_weights
    layer.constraints = {}
    assert not layer.constraints and all(weight.constraint is None for weight in layer.weights)


def test_other_weights_and_updates():
    class Counting(Layer):
        def build(self, input_shape):
            self.W, self.count = K.ones(input_shape[1:]), K.variable(0.0)
            self.trainable_weights, self.non_trainable_weights = [self.W], [self.count]
            self.updates = [(self.count, self.count + 1)]

        def call(self, x, mask=None):
            return x * self.W

    model = Sequential([Counting(input_shape=(3,))])
    model.compile("sgd", "mse")
    for _ in range(2):
        model.train_on_batch(X, X)
    model.predict(X)
    assert model.get_weights()[1] == 2
    assert len({weight.name for weight in model.weights}) == 2
    model.layers[0].trainable = False
    assert not model.trainable_weights and len(model.non_trainable_weights) == 2


@pytest.mark.parametrize("name", ["uniform", "normal", "lecun_uniform", "glorot_normal", "glorot_uniform", "he_normal",
                                  "he_uniform", "orthogonal", "identity", "zero", "one"])
def test_init_gives_a_variable(name):
    variable = initializations.get(name)((3, 3), name="W")
    product = K.dot(variable, variable)
    K.set_value(variable, np.eye(3))
    assert variable.name == "W" and K.is_tensor(product) and K.eval(product).tolist() == np.eye(3).tolist()


def test_what_has_no_effect_or_no_sense_says_so():
    layer = Affine(2)
    for change in (lambda: setattr(layer, "regularizers", [l2(0.1)]), lambda: layer.regularizers.append(l2(0.1))):
        with pytest.warns(UserWarning, match=r"Affine: `regularizers` has no effect.*add_loss"):
            change()
    with pytest.raises(ArgumentError, match="trainable_weights must be variables.*entry 1"):
        layer.trainable_weights = [K.ones((2,)), K.ones((2,)) * 2]
    with pytest.raises(ArgumentError, match="constraints are for variables"):
        layer.constraints[K.ones((2,)) * 2] = nonneg()
    with pytest.raises(UnknownArgumentError, match="add_weight: unknown argument 'initialiser'.*initializer"):
        layer.add_weight((2,), initialiser="one")
    with pytest.raises(ArgumentError, match="add_weight: 3 arguments without names are .shape, initializer, name."):
        layer.add_weight((2,), "one", "W", name="W")
