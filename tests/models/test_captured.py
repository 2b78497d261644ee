"""Losses and layers that use tensors of the model around them, as the variational autoencoders of 2016 and 2017 do."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import metrics
from numba_layers.layers import Dense, Input, Lambda, Layer
from numba_layers.models import Model

pytestmark = pytest.mark.usefixtures("device")   # each test runs on each device

FEATURES, LATENT = 6, 2


def encoder(seed=5):
    np.random.seed(seed)
    x = Input(shape=(FEATURES,))
    h = Dense(8, activation="relu")(x)
    z_mean, z_log_var = Dense(LATENT)(h), Dense(LATENT)(h)

    def sampling(arguments):
        mean, log_var = arguments
        epsilon = K.random_normal(shape=(K.shape(mean)[0], LATENT), mean=0.0, stddev=0.0)
        return mean + K.exp(log_var / 2) * epsilon

    z = Lambda(sampling, output_shape=(LATENT,))([z_mean, z_log_var])
    return x, z_mean, z_log_var, Dense(FEATURES, activation="sigmoid")(z)


def divergence(z_mean, z_log_var):
    return -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)


def by_loss_function():
    """Keras 1's example: the compiled loss is a closure over z_mean and z_log_var."""
    x, z_mean, z_log_var, decoded = encoder()
    model = Model(x, decoded)

    def vae_loss(x, decoded):
        return FEATURES * metrics.binary_crossentropy(x, decoded) + divergence(z_mean, z_log_var)

    def mean_latent(x, decoded):
        return K.mean(z_mean)

    model.compile("rmsprop", loss=vae_loss, metrics=[mean_latent])
    return model, True


def by_layer():
    """Keras 2.0's example: a layer adds the loss, and the model is compiled without one."""
    x, z_mean, z_log_var, decoded = encoder()

    class CustomVariationalLayer(Layer):
        def call(self, inputs):
            x, decoded = inputs
            loss = K.mean(FEATURES * metrics.binary_crossentropy(x, decoded) + divergence(z_mean, z_log_var))
            self.add_loss(loss, inputs=inputs)
            return x

        def compute_output_shape(self, input_shape):
            return input_shape[0]

    model = Model(x, CustomVariationalLayer()([x, decoded]))
    model.compile("rmsprop", loss=None)
    return model, False


def by_model():
    """Keras 2.2's example: the loss is a tensor of the model, given to `add_loss`."""
    x, z_mean, z_log_var, decoded = encoder()
    model = Model(x, decoded)
    model.add_loss(K.mean(FEATURES * metrics.binary_crossentropy(x, decoded) + divergence(z_mean, z_log_var)))
    model.compile("rmsprop")
    return model, False


@pytest.fixture
def data(random):
    return random.uniform(size=(24, FEATURES)).astype("float32")


@pytest.mark.parametrize("make", [by_loss_function, by_layer, by_model])
def test_variational_autoencoder(make, data, epochs):
    model, takes_targets = make()
    target = (data,) if takes_targets else ()
    history = model.fit(data, *target, shuffle=False, batch_size=8, epochs=epochs(20, 5), verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    expected, takes_targets = by_loss_function()
    reference = expected.fit(data, data, shuffle=False, batch_size=8, epochs=epochs(20, 5), verbose=0).history
    np.testing.assert_allclose(history["loss"], reference["loss"], rtol=1e-5)
    assert np.isfinite(reference["mean_latent"]).all()
    loss, mean_latent = expected.evaluate(data, data, verbose=0)
    np.testing.assert_allclose(np.ravel(model.evaluate(data, *target, verbose=0))[0], loss, rtol=1e-5)
    encoded = K.function([expected.input], [expected.layers[2].output])([data])[0]
    np.testing.assert_allclose(mean_latent, encoded.mean(), rtol=1e-4, atol=1e-6)


def test_tensors_computed_outside_are_those_of_the_batch(data):
    x = Input((FEATURES,))
    y = Dense(3)(x)
    shifted = y * 2.0 + 1.0     # symbolic, made before any model
    model = Model(x, Lambda(lambda tensor: tensor + shifted)(y))
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict(data), 3 * (data @ kernel + bias) + 1, rtol=1e-4, atol=1e-5)


def test_without_any_loss_an_error_says_so(data):
    x = Input((FEATURES,))
    with pytest.raises(ValueError, match="compile needs a loss"):
        Model(x, Dense(1)(x)).compile("sgd")

    class Quiet(Layer):
        """Of the user's own, so that it might add a loss; it does not."""

    model = Model(x, Quiet()(Dense(1)(x)))
    model.compile("sgd")
    with pytest.raises(ValueError, match="nothing to minimise"):
        model.train_on_batch(data, None)
