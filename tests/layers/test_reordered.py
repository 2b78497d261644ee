"""Weights of Keras 1's convolutions: every way to look at them shows the axes of Keras 1, gradients too."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import layers
from numba_layers.autograd.tape import Tape
from numba_layers.models import Sequential
from numba_layers.optimizers import SGD, Optimizer

ROWS, COLUMNS, CHANNELS, FILTERS = 5, 6, 2, 3
IMAGE = {"th": (CHANNELS, ROWS, COLUMNS), "tf": (ROWS, COLUMNS, CHANNELS)}
KERNEL = {"th": (FILTERS, CHANNELS, 2, 3), "tf": (2, 3, CHANNELS, FILTERS)}


def images(kind, ordering, *arguments, **options):
    options |= {"dim_ordering": ordering, "input_shape": IMAGE[ordering]}
    return getattr(layers, kind)(FILTERS, 2, 3, *arguments, **options), KERNEL[ordering]


def volumes(ordering):
    image = {"th": (CHANNELS, 3, ROWS, COLUMNS), "tf": (3, ROWS, COLUMNS, CHANNELS)}[ordering]
    kernel = {"th": (FILTERS, CHANNELS, 2, 2, 3), "tf": (2, 2, 3, CHANNELS, FILTERS)}[ordering]
    return layers.Convolution3D(FILTERS, 2, 2, 3, dim_ordering=ordering, input_shape=image), kernel


def sequences(kind):
    return getattr(layers, kind)(FILTERS, 2, input_shape=(ROWS, CHANNELS)), (2, 1, CHANNELS, FILTERS)


def transposed(ordering):
    size = {"th": (None, FILTERS, ROWS + 1, COLUMNS + 2), "tf": (None, ROWS + 1, COLUMNS + 2, FILTERS)}[ordering]
    return images("Deconvolution2D", ordering, size)


def separable(ordering):
    return images("SeparableConvolution2D", ordering)[0], {
        "th": (1, CHANNELS, 2, 3), "tf": (2, 3, CHANNELS, 1)}[ordering]


KINDS = {f"{name} {ordering}": lambda make=make, ordering=ordering: make(ordering)
         for name, make in {"Convolution2D": lambda ordering: images("Convolution2D", ordering),
                            "AtrousConvolution2D": lambda ordering: images("AtrousConvolution2D", ordering),
                            "Convolution3D": volumes, "Deconvolution2D": transposed,
                            "SeparableConvolution2D": separable}.items() for ordering in IMAGE}
KINDS |= {kind: lambda kind=kind: sequences(kind) for kind in ("Convolution1D", "AtrousConvolution1D")}


@pytest.fixture(params=KINDS)
def model_and_weight(request):
    np.random.seed(0)
    layer, shape = KINDS[request.param]()
    model = Sequential([layer])
    weight = layer.weights[0]
    assert weight.shape == shape
    return model, weight


def test_every_view_of_a_weight_agrees(model_and_weight):
    model, weight = model_and_weight
    value = model.get_weights()[0]
    scaled = K.function([], [2 * weight, weight])
    for _ in range(2):
        for seen in (K.eval(weight), K.get_value(weight), np.asarray(weight), weight.numpy(), weight.value,
                     model.layers[0].weights[0].value, K.eval(weight + 0), scaled([])[1], scaled([])[0] / 2):
            np.testing.assert_array_equal(seen, value)
        assert K.int_shape(weight) == K.int_shape(2 * weight) == value.shape and K.ndim(weight) == value.ndim
        value = value + 1
        K.set_value(weight, value)
    np.testing.assert_array_equal(model.get_weights()[0], value)
    K.function([], [], updates=[K.update_add(weight, K.ones(value.shape))])([])
    np.testing.assert_array_equal(model.get_weights()[0], value + 1)


def test_gradients_have_the_weight_s_axes(model_and_weight):
    """Of Σ cotangent · output + Σ c W, by differences in every entry: the layer's part is linear in W."""
    model, weight = model_and_weight
    rng = np.random.RandomState(1)
    x = rng.rand(2, *model.input_shape[1:])
    cotangent = rng.rand(2, *model.output_shape[1:])
    slope = rng.rand(*weight.shape)
    loss = K.sum(model.output * K.constant(cotangent)) + K.sum(weight * K.constant(slope))
    gradient, = K.function([model.input], K.gradients(loss, [weight]))([x])
    value = K.get_value(weight)
    for place in ((0,) * value.ndim, tuple(size - 1 for size in value.shape), (-1,) + (0,) * (value.ndim - 1)):
        entry = np.zeros_like(value)
        entry[place] = 0.5
        above, below = (_loss(model, weight, value + sign * entry, x, cotangent, slope) for sign in (1, -1))
        np.testing.assert_allclose(gradient[place], above - below, rtol=1e-3)


def _loss(model, weight, value, x, cotangent, slope):
    before = K.get_value(weight)
    K.set_value(weight, value)
    loss = (model.predict(x).astype(float) * cotangent).sum() + (value * slope).sum()
    K.set_value(weight, before)
    return loss


@pytest.mark.parametrize("by", ["regularizer", "loss", "layer"])
def test_penalties_of_a_users_own_see_it_and_train(by):
    """With no gradient from the data, W - 0.1 ∂(½ Σ c W²) = (1 - 0.1 c) W, whoever adds the penalty."""
    factors = np.arange(np.prod(KERNEL["th"])).reshape(KERNEL["th"]) / 10

    def penalty(weight):
        return 0.5 * K.sum(K.constant(factors) * K.square(weight))

    layer, _ = images("Convolution2D", "th", W_regularizer=penalty if by == "regularizer" else None)
    model = Sequential([layer])
    value = penalty(layer.W)
    if by == "layer":
        layer.add_loss(value)
    model.compile(SGD(0.1), lambda target, output: K.mean(0 * output) + (value if by == "loss" else 0))
    before = model.get_weights()[0]
    model.train_on_batch(np.zeros((1, *model.input_shape[1:])), np.zeros((1, *model.output_shape[1:])))
    np.testing.assert_allclose(model.get_weights()[0], (1 - 0.1 * factors) * before, rtol=1e-5)


def test_a_layer_of_a_users_own_and_tapes():
    class Halved(layers.Convolution2D):
        def call(self, x):
            return K.conv2d(x, self.W / 2, dim_ordering=self.dim_ordering)

    np.random.seed(0)
    whole, half = (Sequential([kind(FILTERS, 2, 3, dim_ordering="th", bias=False, input_shape=IMAGE["th"])])
                   for kind in (layers.Convolution2D, Halved))
    half.set_weights([2 * whole.get_weights()[0]])
    x = np.random.rand(2, *IMAGE["th"])
    np.testing.assert_allclose(half.predict(x), whole.predict(x), rtol=1e-5, atol=1e-6)
    weight = whole.layers[0].W
    with Tape() as tape:
        loss = K.sum(whole(x.astype("float32"))) + K.sum(K.square(weight))
    gradient = tape.gradient(loss, weight).numpy()
    alone = K.function([whole.input], K.gradients(K.sum(whole.output), [weight]))([x])[0]
    np.testing.assert_allclose(gradient, alone + 2 * K.get_value(weight), rtol=1e-4)


class Scaled(Optimizer):
    """W <- W - factors · gradient, with the gradient of `get_gradients` or of K.gradients."""

    def __init__(self, factors, by):
        super().__init__()
        self.factors, self.by = factors, by

    def get_updates(self, params, constraints, loss):
        grads = self.get_gradients(loss, params) if self.by == "optimizer" else K.gradients(loss, params)
        return [K.update_sub(param, K.constant(self.factors) * grad) for param, grad in zip(params, grads)]


@pytest.mark.parametrize("by", ["optimizer", "K"])
def test_updates_of_a_users_own_optimizer_see_it(by):
    np.random.seed(0)
    layer, shape = images("Convolution2D", "th", bias=False)
    factors = np.random.rand(*shape).astype("float32")
    model = Sequential([layer])
    x, y = np.random.rand(2, *IMAGE["th"]), np.random.rand(2, *model.output_shape[1:])
    before, = model.get_weights()
    model.compile(Scaled(factors, by), "mse")
    loss = K.mean(K.square(model.output - K.constant(y)))
    gradient, = K.function([model.input], K.gradients(loss, [layer.W]))([x])
    model.train_on_batch(x, y)
    np.testing.assert_allclose(model.get_weights()[0], before - factors * gradient, rtol=1e-4, atol=1e-6)
