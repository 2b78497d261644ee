"""Expressions of weights made outside of a layer's call: they see each step's weights and take gradients."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers.autograd.tape import Tape
from numba_layers.errors import GraphError
from numba_layers.layers import Add, Dense, Input, Lambda, Layer, Reshape, TimeDistributed
from numba_layers.models import Model, Sequential
from numba_layers.optimizers import SGD

X, ZEROS, TARGET = np.ones((1, 2)), np.zeros((1, 2)), np.zeros((1, 1))


class Penalised(Dense):
    """Adds its penalty in `build`, or at each call."""

    def __init__(self, *arguments, when="build", **options):
        super().__init__(*arguments, **options)
        self.when = when

    def build(self, input_shape):
        super().build(input_shape)
        if self.when == "build":
            self.add_loss(penalty(self.kernel))

    def call(self, inputs):
        if self.when == "call":
            self.add_loss(penalty(self.kernel))
        return super().call(inputs)


def penalty(weight):
    return 0.5 * K.sum(K.square(weight))


def dense(kind=Dense, **options):
    return kind(1, use_bias=False, kernel_initializer="ones", input_shape=(2,), **options)


def by_layer():
    model = Sequential([dense()])
    model.layers[0].add_loss(penalty(model.layers[0].kernel))
    return model


def by_model():
    layer, x = dense(), Input(shape=(2,))
    model = Model(x, layer(x))
    model.add_loss(penalty(layer.kernel))
    return model


def after_compile():
    model = Sequential([dense()])
    model.compile(SGD(0.1), "mse")
    model.add_loss(penalty(model.layers[0].kernel))
    return model


def by_loss_alone():
    model = Sequential([dense()])
    value = penalty(model.layers[0].kernel)
    model.compile(SGD(0.1), lambda target, output: value)
    return model


def by_loss():
    model = Sequential([dense()])
    value = penalty(model.layers[0].kernel)
    model.compile(SGD(0.1), lambda target, output: K.mean(K.square(target - output), axis=-1) + value)
    return model


def in_an_inner_model():
    inner, x = by_model(), Input(shape=(2,))
    return Model(x, inner(x))


def in_a_wrapper():
    return Sequential([Reshape((1, 2), input_shape=(2,)), TimeDistributed(dense(Penalised)), Reshape((1,))])


PENALISED = [by_layer, by_model, after_compile, by_loss, by_loss_alone, in_an_inner_model, in_a_wrapper,
             lambda: Sequential([dense(Penalised)]), lambda: Sequential([dense(Penalised, when="call")])]


@pytest.mark.parametrize("make", PENALISED)
def test_a_penalty_counts_and_trains(make):
    model = make()
    if model.optimizer is None:
        model.compile(SGD(0.1), "mse")
    assert model.train_on_batch(ZEROS, TARGET) == pytest.approx(1)
    np.testing.assert_allclose(model.get_weights()[0], [[0.9], [0.9]], rtol=1e-6)
    assert model.test_on_batch(ZEROS, TARGET) == pytest.approx(0.81)


def test_what_a_shared_layer_adds_in_build_counts_once_and_what_depends_on_inputs_at_each_use():
    layer, x = dense(Penalised), Input(shape=(2,))
    inner = Model(x, layer(x))
    inner.add_loss(K.mean(inner.output))                  # 2 for X, at each of its calls
    a, b = Input(shape=(2,)), Input(shape=(2,))
    outer = Model([a, b], [inner(a), inner(b)])
    outer.compile("sgd", "mse")
    assert outer.test_on_batch([X, X], [TARGET, TARGET])[0] == pytest.approx(4 + 4 + 1 + 2 + 2)
    inner.compile("sgd", "mse")
    assert inner.test_on_batch(X, TARGET) == pytest.approx(4 + 1 + 2)


def test_constants_and_outputs_of_a_layer_as_losses():
    layer, x = dense(), Input(shape=(2,))
    model = Model(x, layer(x))
    layer.add_loss(K.mean(layer.output))
    layer.add_loss(K.constant(3.0))
    model.add_loss(0.5)
    model.compile("sgd", "mse")
    assert model.test_on_batch(X, TARGET) == pytest.approx(4 + 2 + 3 + 0.5)


def test_a_loss_of_a_foreign_input_is_refused():
    model = Sequential([dense()])
    model.add_loss(K.mean(Input(shape=(3,), name="elsewhere")))
    model.compile("sgd", "mse")
    with pytest.raises(GraphError, match="elsewhere.*which is no input of model"):
        model.train_on_batch(X, TARGET)


class Tied(Layer):
    """x Wᵀ with the kernel W of another layer."""

    def __init__(self, to):
        super().__init__()
        self.to = to

    def build(self, input_shape):
        self.kernel = K.transpose(self.to.kernel)
        super().build(input_shape)

    def call(self, inputs):
        return K.dot(inputs, self.kernel)


def by_closure(encoder):
    transposed = K.transpose(encoder.kernel)
    return Lambda(lambda x: K.dot(x, transposed))


@pytest.mark.parametrize("decoder", [Tied, by_closure])
def test_tied_weights(decoder):
    """Loss (x W Wᵀ - x)² / 2 by W: xᵀ r W + rᵀ x W with r = x W Wᵀ - x."""
    encoder = Dense(2, use_bias=False, input_shape=(2,))
    model = Sequential([encoder])
    model.add(decoder(encoder))
    model.compile(SGD(0.01), "mse")
    x, w = np.array([[1.0, 2.0]]), np.array([[0.5, -0.2], [0.3, 0.4]])
    encoder.set_weights([w])
    np.testing.assert_allclose(model.predict(x), x @ w @ w.T, rtol=1e-5)
    np.testing.assert_allclose(model.layers[1](x).numpy(), x @ w.T, rtol=1e-5)     # alone, on an array
    model.train_on_batch(x, x)
    r = x @ w @ w.T - x
    w = w - 0.01 * (x.T @ r @ w + r.T @ x @ w)
    np.testing.assert_allclose(encoder.get_weights()[0], w, rtol=1e-5)
    np.testing.assert_allclose(model.predict(x), x @ w @ w.T, rtol=1e-5)


def test_functions_and_gradients_see_the_weights_of_their_time():
    model = Sequential([dense(kernel_regularizer="l2")])
    kernel = model.layers[0].kernel
    slope, = K.gradients(penalty(kernel), [kernel])
    x = Input(shape=(2,))
    scaled = Model(x, Lambda(lambda pair: K.dot(*pair))([x, K.square(kernel)]))     # as an input of a layer
    function = K.function([model.input], [penalty(kernel), slope, K.dot(model.output, K.transpose(kernel)),
                                          *model.losses])
    constant = Model(x, Lambda(lambda x: K.transpose(kernel))(x))
    for value in ([[1.0], [1.0]], [[3.0], [0.0]]):
        w = np.array(value)
        model.set_weights([w])
        for got, want in zip(function([X]), (0.5 * (w ** 2).sum(), w, X @ w @ w.T, 0.01 * (w ** 2).sum())):
            np.testing.assert_allclose(got, want, rtol=1e-5)
        np.testing.assert_allclose(scaled.predict(X), X @ w ** 2)
        np.testing.assert_allclose(constant.predict(X), w.T)


def test_updates_added_outside_of_call_run_after_each_training_step():
    model = Sequential([dense()])
    layer, average = model.layers[0], K.variable(np.zeros((2, 1)))
    layer.add_update([K.moving_average_update(average, layer.kernel, 0.5)])
    model.compile(SGD(0.0), "mse")
    model.train_on_batch(X, TARGET)
    model.test_on_batch(X, TARGET)
    np.testing.assert_allclose(K.get_value(average), 0.5)
    model.train_on_batch(X, TARGET)
    np.testing.assert_allclose(K.get_value(average), 0.75)
    assert len(model.updates) == 1


def test_a_tape_computes_expressions_made_before_it():
    kernel = Sequential([dense()]).layers[0].kernel
    transposed = K.transpose(kernel)
    with Tape() as tape:
        loss = penalty(transposed)
    for gradient in tape.gradient(loss, [kernel, transposed]):
        np.testing.assert_allclose(gradient.numpy().ravel(), 1)


def test_a_weight_is_an_array_for_numpy_and_its_expressions_are_not():
    kernel = Sequential([dense()]).layers[0].kernel
    assert np.asarray(kernel).tolist() == K.get_value(kernel).tolist() == [[1], [1]]
    assert float(penalty(kernel)) == 1
    with pytest.raises(GraphError, match="K.eval"):
        np.sqrt(penalty(kernel))


class Told(Layer):
    """Adds a loss at each call; the shape of its output is told, not seen."""

    def call(self, inputs):
        self.add_loss(K.mean(K.square(inputs)), inputs=inputs)
        return 2 * inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def told(**options):
    return Sequential([Told(input_shape=(2,)), dense(kernel_regularizer="l2", activity_regularizer="l1", **options)])


def nested():
    inner, a, b = told(), Input(shape=(2,)), Input(shape=(2,))
    return Model([a, b], Add()([inner(a), inner(b)]))


def wrapped():
    return Sequential([Reshape((1, 2), input_shape=(2,)), TimeDistributed(told().layers[1]), Reshape((1,))])


@pytest.mark.parametrize("make, count", [(told, 3), (nested, 5), (wrapped, 2)])
def test_losses_of_a_model_are_those_that_training_adds(make, count):
    """As many as Keras 2.2.5 lists."""
    model = make()
    model.compile("sgd", "mse")
    inputs = [X + number for number in range(len(model.inputs))]
    losses = K.function(model.inputs, model.losses)(inputs)
    error = float((model.predict(inputs) ** 2).mean())
    assert len(losses) == count
    assert model.test_on_batch(inputs, TARGET) == pytest.approx(error + sum(losses), rel=1e-5)
