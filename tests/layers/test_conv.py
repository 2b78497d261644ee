"""Convolutions in both vocabularies: arguments, first weights, layouts of weights, values, what they say when wrong."""


import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, constraints, initializations, initializers, layers
from numba_layers.autograd import Tensor
from numba_layers.errors import ArgumentError, ShapeError, UnknownArgumentError, UnknownNameError
from numba_layers.layers import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Deconvolution2D,
    DepthwiseConv2D,
    Flatten,
    Input,
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution2D,
    TimeDistributed,
)
from numba_layers.models import Model, Sequential
from numba_layers.utils import CustomObjectScope
from tests.reference import conv as reference
from tests.signatures import without_hints
from tests.tolerances import assert_close

CLOSE = 20      # times the usual tolerance: sums of a hundred products


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    monkeypatch.setattr(config, "_settings", config._Settings())


def numbers(*shape):
    return np.random.RandomState(3).standard_normal(shape).astype("float32")


def fill(layer, scale=1.0):
    """Other weights than the first ones, zeros among them."""
    random = np.random.RandomState(5)
    layer.set_weights([scale * random.standard_normal(weight.shape) for weight in layer.get_weights()])


def alone(layer):
    """A model of `layer` with random weights."""
    model = Sequential([layer])
    fill(layer)
    return model


# -- Keras 2's words -----------------------------------------------------------------------------------------------

TAIL = ("activation=None, use_bias=True, kernel_initializer='glorot_uniform', bias_initializer='zeros', "
        "kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, "
        "bias_constraint=None, **kwargs)")
SEPARABLE_TAIL = (
    "depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer='glorot_uniform', "
    "pointwise_initializer='glorot_uniform', bias_initializer='zeros', depthwise_regularizer=None, "
    "pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None, "
    "pointwise_constraint=None, bias_constraint=None, **kwargs)")
SIGNATURES = {
    Conv1D: f"(filters, kernel_size, strides=1, padding='valid', data_format='channels_last', dilation_rate=1, {TAIL}",
    Conv2D: f"(filters, kernel_size, strides=(1, 1), padding='valid', data_format=None, dilation_rate=(1, 1), {TAIL}",
    Conv3D: "(filters, kernel_size, strides=(1, 1, 1), padding='valid', data_format=None, dilation_rate=(1, 1, 1), "
            f"{TAIL}",
    Conv2DTranspose: "(filters, kernel_size, strides=(1, 1), padding='valid', output_padding=None, data_format=None, "
                     f"dilation_rate=(1, 1), {TAIL}",
    Conv3DTranspose: "(filters, kernel_size, strides=(1, 1, 1), padding='valid', output_padding=None, "
                     f"data_format=None, {TAIL}",
    SeparableConv1D: "(filters, kernel_size, strides=1, padding='valid', data_format='channels_last', "
                     f"dilation_rate=1, {SEPARABLE_TAIL}",
    SeparableConv2D: "(filters, kernel_size, strides=(1, 1), padding='valid', data_format=None, "
                     f"dilation_rate=(1, 1), {SEPARABLE_TAIL}",
    DepthwiseConv2D: "(kernel_size, strides=(1, 1), padding='valid', depth_multiplier=1, data_format=None, "
                     "dilation_rate=(1, 1), activation=None, use_bias=True, depthwise_initializer='glorot_uniform', "
                     "bias_initializer='zeros', depthwise_regularizer=None, bias_regularizer=None, "
                     "activity_regularizer=None, depthwise_constraint=None, bias_constraint=None, **kwargs)",
}


@pytest.mark.parametrize("kind", SIGNATURES, ids=lambda kind: kind.__name__)
def test_signatures_are_those_of_keras_2_2_5(kind):
    assert without_hints(kind) == SIGNATURES[kind]


def same(one, other):
    """Two layers of one kind that are described alike, but for their names."""
    assert type(one) is type(other)
    one, other = one.get_config(), other.get_config()
    assert {name: value for name, value in one.items() if name != "name"} == {
        name: value for name, value in other.items() if name != "name"}


@pytest.mark.parametrize("written, meant", [
    (lambda: Conv2D(32, 3, 5), lambda: Conv2D(32, (3, 5))),
    (lambda: Conv2D(32, 3, nb_col=5), lambda: Conv2D(32, (3, 5))),
    (lambda: Conv2D(nb_filter=32, nb_row=3, nb_col=5), lambda: Conv2D(32, (3, 5))),
    (lambda: Conv2D(32, nb_row=3, nb_col=5), lambda: Conv2D(32, (3, 5))),
    (lambda: Conv2D(32, np.int64(3), np.int64(5)), lambda: Conv2D(32, (3, 5))),
    (lambda: Conv2D(32, 3, 5, subsample=(2, 1), border_mode="same", dim_ordering="th", bias=False),
     lambda: Conv2D(32, (3, 5), (2, 1), "same", "channels_first", use_bias=False)),
    (lambda: Conv2D(32, 3, 5, W_regularizer="l2", b_regularizer="l1", W_constraint="maxnorm", b_constraint="nonneg"),
     lambda: Conv2D(32, (3, 5), kernel_regularizer="l2", bias_regularizer="l1", kernel_constraint="max_norm",
                    bias_constraint="non_neg")),
    (lambda: Conv3D(8, 1, 2, 3), lambda: Conv3D(8, (1, 2, 3))),
    (lambda: Conv3D(8, 1, kernel_dim2=2, kernel_dim3=3), lambda: Conv3D(8, (1, 2, 3))),
    (lambda: Conv1D(nb_filter=8, filter_length=3, subsample_length=2, atrous_rate=1),
     lambda: Conv1D(8, 3, strides=2)),
    (lambda: Conv1D(8, 3, input_dim=5), lambda: Conv1D(8, 3, input_shape=(None, 5))),
    (lambda: Conv1D(8, 3, input_dim=5, input_length=9), lambda: Conv1D(8, 3, input_shape=(9, 5))),
    (lambda: Conv2DTranspose(8, 3, 2, border_mode="same"), lambda: Conv2DTranspose(8, (3, 2), padding="same")),
    (lambda: SeparableConv2D(8, 3, 2, dim_ordering="tf"),
     lambda: SeparableConv2D(8, (3, 2), data_format="channels_last")),
    (lambda: Conv2D(8, 3, 3, strides=1), None), (lambda: Conv2D(8, 3, 3, padding="same"), None),
    (lambda: Conv3D(8, 3, 3, 3, data_format="channels_first"), None),
])
def test_keras1_names(written, meant):
    if meant is None:
        with pytest.raises(ArgumentError, match=r"Keras 1's way .*Write kernel_size=\(3, 3"):
            written()
    else:
        same(written(), meant())


def test_init_means_keras1s_formula():
    """On (rows, columns, in, out), which Keras 1 calls 'tf'."""
    np.random.seed(11)
    layer = Conv2D(4, 3, 3, init="glorot_normal", input_shape=(8, 8, 2))
    weight = alone_weights(layer)[0]
    np.random.seed(11)
    np.testing.assert_array_equal(weight, initializations.glorot_normal((3, 3, 2, 4), dim_ordering="tf"))
    np.random.seed(11)
    layer = SeparableConv2D(4, 3, 3, init="he_uniform", input_shape=(8, 8, 2))
    weights = alone_weights(layer)
    np.random.seed(11)
    np.testing.assert_array_equal(weights[0], initializations.he_uniform((3, 3, 2, 1), dim_ordering="tf"))
    np.testing.assert_array_equal(weights[1], initializations.he_uniform((1, 1, 2, 4), dim_ordering="tf"))


def alone_weights(layer):
    Sequential([layer])
    return layer.get_weights()


GEOMETRIES = [
    (Conv1D, dict(kernel_size=3, strides=2, padding="causal"), (9, 2)),
    (Conv1D, dict(kernel_size=2, dilation_rate=3), (8, 3)),
    (Conv2D, dict(kernel_size=(2, 3), strides=(2, 1), padding="same"), (5, 6, 3)),
    (Conv2D, dict(kernel_size=3, dilation_rate=(1, 2)), (5, 6, 2)),
    (Conv3D, dict(kernel_size=(1, 2, 3), strides=(2, 1, 2), padding="same"), (5, 2, 6, 2)),
]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind, arguments, shape", GEOMETRIES)
def test_values(kind, arguments, shape, data_format):
    first = data_format == "channels_first"
    shown = (shape[-1], *shape[:-1]) if first else shape
    layer = kind(4, **arguments, data_format=data_format, activation="relu", input_shape=shown)
    model = alone(layer)
    x = numbers(3, *shape)
    weight, bias = layer.get_weights()
    assert weight.shape == (*layer.kernel_size, shape[-1], 4)
    expected = np.maximum(reference.conv(x, weight, bias, strides=layer.strides, padding=layer.padding,
                                         dilation=layer.dilation_rate), 0)
    actual = model.predict(np.moveaxis(x, -1, 1) if first else x)
    assert_close(np.moveaxis(actual, 1, -1) if first else actual, expected, CLOSE)


@pytest.mark.parametrize("padding, extra, sizes", [("valid", None, (11, 6)), ("same", None, (10, 6)),
                                                   ("valid", (1, 0), (12, 5)), ("valid", (0, 1), (11, 6)),
                                                   ("same", (1, 1), (10, 6)), ("same", (0, 0), (9, 5))])
def test_transposed_sizes(padding, extra, sizes):
    layer = Conv2DTranspose(2, (3, 1), strides=2, padding=padding, output_padding=extra, input_shape=(5, 3, 2))
    model = alone(layer)
    kernel, bias = layer.get_weights()
    assert kernel.shape == (3, 1, 2, 2) and model.output_shape == (None, *sizes, 2)
    x = numbers(2, 5, 3, 2)
    expected = reference.conv_transpose(x, kernel, bias, output_size=sizes, strides=2, padding=padding)
    assert_close(model.predict(x), expected, CLOSE)


def test_open_sizes():
    """Images of any size, as fully convolutional networks take them."""
    model = Sequential([Conv2D(2, 3, strides=2, padding="same", input_shape=(None, None, 3)),
                        Conv2DTranspose(3, 4, strides=2, padding="same"), SeparableConv2D(2, 3)])
    assert model.output_shape == (None, None, None, 2)
    for size in (8, 14):
        assert model.predict(numbers(2, size, size + 2, 3)).shape == (2, size - 2, size, 2)


def test_depthwise_and_separable_values():
    x = numbers(2, 6, 5, 3)
    depthwise = DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2, input_shape=(6, 5, 3))
    model = alone(depthwise)
    assert_close(model.predict(x), reference.depthwise_conv(
        x, *depthwise.get_weights(), strides=2, padding="same"), CLOSE)
    separable = SeparableConv2D(4, (2, 3), depth_multiplier=2, dilation_rate=2, activation="tanh",
                                input_shape=(6, 5, 3))
    model = alone(separable)
    first, second, bias = separable.get_weights()
    assert [second.shape, bias.shape] == [(1, 1, 6, 4), (4,)]
    with pytest.raises(ShapeError, match="window spans 5"):
        SeparableConv2D(4, (2, 3), dilation_rate=2, input_shape=(6, 4, 3)).compute_output_shape((2, 6, 4, 3))
    between = reference.depthwise_conv(x, first, dilation=2)
    assert_close(model.predict(x), np.tanh(between @ second[0, 0].astype("float64") + bias), CLOSE)


def test_causal_sees_no_later_step():
    model = alone(Conv1D(2, 3, padding="causal", dilation_rate=2, input_shape=(9, 2)))
    x = numbers(1, 9, 2)
    before = model.predict(x)
    x[:, 5] += 1
    after = model.predict(x)
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert (before[:, 5] != after[:, 5]).all()


def test_weights_of_all_kinds_have_penalties_and_constraints():
    layer = SeparableConv2D(2, 2, depthwise_regularizer="l2", pointwise_regularizer="l1", bias_regularizer="l2",
                            depthwise_constraint="non_neg", pointwise_constraint="unit_norm", input_shape=(5, 5, 2))
    model = alone(layer)
    depthwise, pointwise, bias = layer.get_weights()
    expected = 0.01 * (np.square(depthwise).sum() + np.abs(pointwise).sum() + np.square(bias).sum())
    model.compile("sgd", lambda y_true, y_pred: 0.0 * y_pred)
    x = numbers(2, 5, 5, 2)
    np.testing.assert_allclose(model.test_on_batch(x, numbers(2, 4, 4, 2)), expected, rtol=1e-5)
    model.train_on_batch(x, numbers(2, 4, 4, 2))
    depthwise, pointwise, _ = layer.get_weights()
    assert depthwise.min() == 0
    np.testing.assert_allclose(np.sqrt(np.square(pointwise).sum(axis=0)), 1, rtol=1e-5)


def test_time_distributed():
    inner = Conv2D(2, 2, activation="relu")
    model = Sequential([TimeDistributed(inner, input_shape=(3, 5, 4, 2))])
    fill(inner)
    x = numbers(2, 3, 5, 4, 2)
    assert model.output_shape == (None, 3, 4, 3, 2)
    expected = np.stack([inner(Tensor(x[:, step])).data for step in range(3)], axis=1)
    np.testing.assert_array_equal(model.predict(x), expected)


def test_one_layer_in_two_places():
    layer = Conv2D(2, 3, padding="same")
    a, b = Input(shape=(6, 5, 2)), Input(shape=(7, 6, 2))
    model = Model([a, b], [layer(a), layer(b)])
    assert model.count_params() == 38 and [shape[1:3] for shape in model.output_shape] == [(6, 5), (7, 6)]


# -- Keras 1's words -----------------------------------------------------------------------------------------------

def test_keras2s_use_of_the_old_names():
    for written, meant in [
        (Convolution2D(64, (3, 3), padding="same"), Conv2D(64, (3, 3), padding="same")),
        (Convolution2D(64, [3, 2]), Conv2D(64, (3, 2))), (Convolution2D(64, 3), Conv2D(64, 3)),
        (Convolution2D(64, 3, activation="relu"), Conv2D(64, 3, activation="relu")),
        (Convolution2D(filters=64, kernel_size=3), Conv2D(64, 3)),
        (Convolution2D(64, (3, 3), (2, 2)), Conv2D(64, (3, 3), 2)),
        (Convolution2D(64, (3, 3), border_mode="same"), Conv2D(64, 3, padding="same")),
        (Convolution2D(64, 3, 3, use_bias=False), Conv2D(64, 3, use_bias=False)),
        (Convolution2D(64, 3, 3, kernel_initializer="zeros"), Conv2D(64, 3, kernel_initializer="zeros")),
        (Convolution1D(64, 3, padding="causal"), Conv1D(64, 3, padding="causal")),
        (Convolution1D(64, 3, 2), Conv1D(64, 3, 2)),
        (Convolution1D(64, (3,)), Conv1D(64, 3)), (Convolution3D(64, (3, 3, 2)), Conv3D(64, (3, 3, 2))),
        (Convolution3D(64, 3), Conv3D(64, 3)), (SeparableConvolution2D(64, (3, 3)), SeparableConv2D(64, 3)),
        (Deconvolution2D(64, (3, 3), strides=2), Conv2DTranspose(64, 3, strides=2)),
        (AtrousConvolution2D(64, (3, 3), dilation_rate=2), Conv2D(64, 3, dilation_rate=2)),
        (AtrousConvolution1D(64, 3, dilation_rate=2), Conv1D(64, 3, dilation_rate=2)),
    ]:
        same(written, meant)


@pytest.mark.parametrize("make", [
    lambda: Convolution2D(4, 3, 3), lambda: Convolution2D(4, 3, nb_col=3), lambda: Convolution2D(4, nb_row=3, nb_col=3),
    lambda: Convolution2D(nb_filter=4, nb_row=3, nb_col=3), lambda: Convolution2D(4, 3, 3, "zero", "relu"),
    lambda: Convolution1D(4, 3), lambda: Convolution1D(4, 3, "zero"), lambda: Convolution1D(4, filter_length=3),
    lambda: Convolution3D(4, 3, 3, 3), lambda: Deconvolution2D(4, 3, 3, (None, 4, 9, 9)),
    lambda: AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2)), lambda: SeparableConvolution2D(4, 3, 3)])
def test_keras1s_use(make):
    layer = make()
    assert isinstance(layer, layers.conv_keras1.Keras1Conv)
    assert layer.nb_filter == 4 and getattr(layer, type(layer).sides[0]) == 3


class Mine(Convolution2D):
    """A layer as users derive them, with arguments of its own."""

    def __init__(self, width, strides=(1, 1), **kwargs):
        super().__init__(2 * width, 3, 3, subsample=strides, **kwargs)


def test_classes_of_users():
    layer = Mine(4, strides=(2, 2), input_shape=(3, 9, 9))
    assert type(layer) is Mine and Sequential([layer]).output_shape == (None, 8, 4, 4)


def to_keras1(weight, ordering, transposed=False):
    """(*window, in, out) as Keras 1 has it; of a transposed convolution (*window, out, in)."""
    if transposed:
        weight = np.swapaxes(weight, -1, -2)
    return weight if ordering == "tf" else np.moveaxis(weight, (-1, -2), (0, 1))


PAIRS = [
    (Convolution2D(4, 3, 2, border_mode="same", subsample=(2, 1)), Conv2D(4, (3, 2), (2, 1), "same"), (2, 6, 5)),
    (AtrousConvolution2D(4, 2, 2, atrous_rate=(1, 2)), Conv2D(4, 2, dilation_rate=(1, 2)), (2, 6, 5)),
    (SeparableConvolution2D(4, 2, 2, depth_multiplier=3, atrous_rate=(2, 1)),
     SeparableConv2D(4, 2, depth_multiplier=3, dilation_rate=(2, 1)), (2, 6, 5)),
    (Convolution3D(4, 1, 2, 3, subsample=(2, 1, 1)), Conv3D(4, (1, 2, 3), (2, 1, 1)), (2, 4, 3, 5)),
]


def again(layer, **arguments):
    description = layer.get_config()
    return type(layer).from_config({**description, **arguments})


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize("one, other, shape", PAIRS, ids=lambda value: type(value).__name__)
def test_both_vocabularies_spell_one_layer(one, other, shape, ordering):
    shape = shape if ordering == "th" else (*shape[1:], shape[0])
    one = again(one, dim_ordering=ordering, batch_input_shape=(None, *shape))
    other = again(other, data_format=config.DIM_ORDERINGS[ordering], batch_input_shape=(None, *shape))
    first, second = Sequential([one]), Sequential([other])
    fill(other)
    weights = [to_keras1(weight, ordering) if weight.ndim > 1 else weight for weight in other.get_weights()]
    one.set_weights(weights)
    for shown, given in zip(one.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(shown, given)
    x = numbers(3, *shape)
    assert first.output_shape == second.output_shape
    np.testing.assert_array_equal(first.predict(x), second.predict(x))
    started = Sequential([again(one, weights=weights, name="started")])
    np.testing.assert_array_equal(started.predict(x), second.predict(x))


@pytest.mark.parametrize("one, other", [(Convolution1D(4, 3, border_mode="same"), Conv1D(4, 3, padding="same")),
                                        (AtrousConvolution1D(4, 3, atrous_rate=2), Conv1D(4, 3, dilation_rate=2))])
def test_sequences_in_both_vocabularies(one, other):
    one, other = (again(layer, batch_input_shape=(None, 7, 2)) for layer in (one, other))
    first, second = alone(one), Sequential([other])
    kernel, bias = one.get_weights()
    assert kernel.shape == (3, 1, 2, 4)
    other.set_weights([kernel[:, 0], bias])
    np.testing.assert_array_equal(first.predict(numbers(2, 7, 2)), second.predict(numbers(2, 7, 2)))


@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize("border_mode, subsample, size", [
    ("valid", (1, 1), (7, 8)), ("valid", (2, 2), (11, 13)), ("valid", (2, 3), (12, 20)),
    ("same", (1, 1), (5, 6)), ("same", (2, 3), (9, 17)), ("same", (2, 3), (10, 16))])
def test_deconvolution(ordering, border_mode, subsample, size):
    first = ordering == "th"
    layer = Deconvolution2D(4, 3, 3, (None, 4, *size) if first else (None, *size, 4), border_mode=border_mode,
                            subsample=subsample, dim_ordering=ordering, input_shape=(2, 5, 6) if first else (5, 6, 2))
    model = alone(layer)
    assert model.output_shape == layer.output_shape == ((None, 4, *size) if first else (None, *size, 4))
    kernel, bias = layer.get_weights()
    assert kernel.shape == ((4, 2, 3, 3) if first else (3, 3, 2, 4))
    kernel = np.moveaxis(kernel, (0, 1), (-2, -1)) if first else np.swapaxes(kernel, -1, -2)
    x = numbers(2, 5, 6, 2)
    expected = reference.conv_transpose(x, kernel, bias, output_size=size, strides=subsample, padding=border_mode)
    actual = model.predict(np.moveaxis(x, -1, 1) if first else x)
    assert_close(np.moveaxis(actual, 1, -1) if first else actual, expected, CLOSE)


def test_deconvolution_with_a_batch_in_its_shape():
    """As Keras 1 on Theano wanted it; other batches go through as well."""
    model = alone(Deconvolution2D(2, 3, 3, output_shape=(4, 2, 14, 14), input_shape=(3, 12, 12)))
    assert model.output_shape == (None, 2, 14, 14) and model.predict(numbers(5, 3, 12, 12)).shape == (5, 2, 14, 14)


def test_subsampled_volumes_are_slices_of_all():
    whole = Convolution3D(2, 2, 3, 2, border_mode="valid", input_shape=(3, 6, 7, 5))
    some = Convolution3D(2, 2, 3, 2, border_mode="valid", subsample=(2, 3, 1), input_shape=(3, 6, 7, 5))
    first, second = alone(whole), Sequential([some])
    some.set_weights(whole.get_weights())
    x = numbers(2, 3, 6, 7, 5)
    assert_close(second.predict(x), first.predict(x)[:, :, ::2, ::3], CLOSE)


def test_theanos_full_border():
    layer = Convolution2D(2, 3, 2, border_mode="full", input_shape=(2, 4, 5))
    model = alone(layer)
    kernel, bias = layer.get_weights()
    expected = reference.conv(np.moveaxis(numbers(1, 2, 4, 5), 1, -1), np.moveaxis(kernel, (0, 1), (-1, -2)), bias,
                              padding="full")
    assert model.output_shape == (None, 2, 6, 6)
    assert_close(np.moveaxis(model.predict(numbers(1, 2, 4, 5)), 1, -1), expected, CLOSE)


FIRST_WEIGHTS = [
    (Convolution1D(3, 4, input_shape=(9, 2)), "uniform", [(4, 1, 2, 3)], "th"),
    (Convolution1D(3, 4, init="he_normal", input_shape=(9, 2)), "he_normal", [(4, 1, 2, 3)], "th"),
    (AtrousConvolution1D(3, 4, input_shape=(9, 2)), "glorot_uniform", [(4, 1, 2, 3)], "th"),
    (Convolution2D(3, 4, 5, input_shape=(2, 9, 9)), "glorot_uniform", [(3, 2, 4, 5)], "th"),
    (Convolution2D(3, 4, 5, "orthogonal", input_shape=(2, 9, 9)), "orthogonal", [(3, 2, 4, 5)], "th"),
    (Convolution2D(3, 4, 5, "lecun_uniform", dim_ordering="tf", input_shape=(9, 9, 2)), "lecun_uniform",
     [(4, 5, 2, 3)], "tf"),
    (SeparableConvolution2D(3, 4, 5, "he_uniform", depth_multiplier=2, input_shape=(2, 9, 9)), "he_uniform",
     [(2, 2, 4, 5), (3, 4, 1, 1)], "th"),
    (Deconvolution2D(3, 4, 5, (None, 3, 7, 8), "glorot_normal", input_shape=(2, 4, 4)), "glorot_normal",
     [(3, 2, 4, 5)], "th"),
    (Convolution3D(3, 1, 2, 4, "he_normal", dim_ordering="tf", input_shape=(4, 4, 4, 2)), "he_normal",
     [(1, 2, 4, 2, 3)], "tf"),
    (Convolution3D(3, 1, 2, 4, input_shape=(2, 4, 4, 4)), "glorot_uniform", [(3, 2, 1, 2, 4)], "th"),
]


@pytest.mark.parametrize("layer, init, shapes, ordering", FIRST_WEIGHTS, ids=lambda value: str(value)[:24])
def test_first_weights_are_keras1s(layer, init, shapes, ordering):
    """After np.random.seed the very arrays of Keras 1, for its layout and its count of fans."""
    layer = again(layer, name="mine")
    np.random.seed(1337)
    weights = alone_weights(layer)
    np.random.seed(1337)
    for weight, shape in zip(weights, shapes):
        np.testing.assert_array_equal(weight, getattr(initializations, init)(shape, dim_ordering=ordering))
    np.testing.assert_array_equal(weights[-1], 0)


def test_init_of_the_users_own():
    def counted(shape, name=None):
        return np.arange(np.prod(shape)).reshape(shape)

    def told(shape, name=None, dim_ordering="?"):
        return K.variable(np.full(shape, {"th": 1, "tf": 2}[dim_ordering]))

    first = alone_weights(Convolution2D(3, 2, 2, init=counted, input_shape=(2, 4, 4)))[0]
    np.testing.assert_array_equal(first, np.arange(24).reshape(3, 2, 2, 2))
    assert (alone_weights(Convolution2D(3, 2, 2, init=told, input_shape=(2, 4, 4)))[0] == 1).all()
    assert (alone_weights(Convolution2D(3, 2, 2, init=told, dim_ordering="tf", input_shape=(4, 4, 2)))[0] == 2).all()
    with CustomObjectScope({"counted": counted}):
        layer = Convolution2D.from_config(Convolution2D(3, 2, 2, init=counted, input_shape=(2, 4, 4)).get_config())
        np.testing.assert_array_equal(alone_weights(layer)[0], first)
    with pytest.raises(ShapeError, match=r"init gave an array of shape \(1,\), expected \(3, 2, 2, 2\)"):
        alone_weights(Convolution2D(3, 2, 2, init=lambda shape: np.ones(1), input_shape=(2, 4, 4)))


def test_init_of_keras2_counts_its_own_fans():
    layer = Convolution2D(3, 2, 2, init=initializers.VarianceScaling(seed=1), input_shape=(2, 4, 4))
    expected = initializers.VarianceScaling(seed=1)((2, 2, 2, 3))
    np.testing.assert_array_equal(alone_weights(layer)[0], np.moveaxis(expected, (-1, -2), (0, 1)))


@pytest.mark.parametrize("ordering, axes", [("th", (0, 1)), ("tf", (0, 1)), ("th", (1, 2, 3)), ("tf", (0, 1, 2))])
def test_constraints_see_keras1s_layout(ordering, axes):
    shape = (2, 5, 5) if ordering == "th" else (5, 5, 2)
    layer = Convolution2D(3, 2, 2, W_constraint=constraints.UnitNorm(axis=list(axes)), dim_ordering=ordering,
                          input_shape=shape)
    model = Sequential([layer, Flatten()])
    model.compile("sgd", "mse")
    model.train_on_batch(numbers(2, *shape), numbers(2, 48))
    np.testing.assert_allclose(np.square(layer.get_weights()[0]).sum(axis=axes), 1, rtol=1e-5)


def test_regularizers_see_keras1s_layout():
    seen = []

    def weigh_the_first_filter(weight):
        seen.append(weight.shape)
        return K.sum(K.square(weight[0]))

    layer = Convolution2D(3, 2, 2, W_regularizer=weigh_the_first_filter, input_shape=(2, 4, 5))
    model = alone(layer)
    before = layer.get_weights()[0]
    model.compile("sgd", lambda y_true, y_pred: 0.0 * y_pred)
    x = numbers(2, 2, 4, 5)
    np.testing.assert_allclose(model.train_on_batch(x, model.predict(x)), np.square(before[0]).sum(), rtol=1e-5)
    after = layer.get_weights()[0]
    np.testing.assert_allclose(after[0], before[0] * (1 - 2 * 0.01), rtol=1e-5)
    np.testing.assert_array_equal(after[1:], before[1:])
    assert set(seen) == {(3, 2, 2, 2)}


def test_names_of_keras1_as_attributes():
    layer = Convolution2D(3, 2, 4, subsample=(2, 1), W_regularizer="l2", input_shape=(2, 4, 5))
    Sequential([layer])
    assert (layer.nb_filter, layer.nb_row, layer.nb_col, layer.subsample) == (3, 2, 4, (2, 1))
    assert layer.border_mode == "valid" and layer.W_regularizer is layer.kernel_regularizer
    np.testing.assert_array_equal(K.get_value(layer.W), layer.get_weights()[0])
    K.set_value(layer.W, np.ones((3, 2, 2, 4)))
    assert (layer.get_weights()[0] == 1).all()
    np.testing.assert_array_equal(K.get_value(layer.b), layer.get_weights()[1])
    with pytest.raises(ShapeError, match=r"\(3, 2, 2, 4\), the value \(2, 4, 2, 3\)"):
        K.set_value(layer.W, np.ones((2, 4, 2, 3)))


def test_configuration_in_keras1s_words():
    layer = SeparableConvolution2D(3, 2, 4, depth_multiplier=2, atrous_rate=(2, 2), name="mine", bias=False)
    assert layer.get_config() == {
        "name": "mine", "trainable": True, "dtype": "float32", "nb_filter": 3, "nb_row": 2, "nb_col": 4,
        "init": "glorot_uniform", "activation": "linear", "border_mode": "valid", "subsample": (1, 1),
        "depth_multiplier": 2, "dim_ordering": "default", "depthwise_regularizer": None, "pointwise_regularizer": None,
        "b_regularizer": None, "activity_regularizer": None, "depthwise_constraint": None,
        "pointwise_constraint": None, "b_constraint": None, "bias": False, "atrous_rate": (2, 2)}


@pytest.mark.parametrize("make, words", [
    (lambda: layers.SeparableConv2D(2, 3, kernel_regularizer="l2", kernel_initializer="ones"),
     "depthwise_initializer, depthwise_regularizer, pointwise_initializer, pointwise_regularizer"),
    (lambda: layers.SeparableConv1D(2, 3, kernel_constraint="nonneg"), "depthwise_constraint, pointwise_constraint"),
    (lambda: layers.DepthwiseConv2D(3, kernel_regularizer="l2"), "have depthwise_regularizer.$")])
def test_words_for_a_kernel_that_there_is_not_have_no_effect(make, words):
    """Keras 2.2.5 takes them without a word; its layers show no penalty."""
    with pytest.warns(UserWarning, match=f"kernel_.* is without effect, as in Keras. The weights .*{words}"):
        layer = make()
    layer(Input(shape=(8, 8, 2)[-layer.input_spec.ndim + 1:]))
    assert layer.regularizers == [] and (layer.get_weights()[0] != 1).all()
    assert "kernel_regularizer" not in layer.get_config()


# -- what is refused -----------------------------------------------------------------------------------------------

def first(layer):
    return lambda: Sequential([layer()])


WRONG = [
    (first(lambda: Conv2D(3, 3, input_shape=(28, 28), name="c")), ShapeError,
     ['Conv2D "c": the input must have 4 axes (batch, rows, columns, channels), got 3: (None, 28, 28)',
      "x[..., None]"]),
    (first(lambda: Convolution2D(3, 3, 3, input_shape=(28, 28), name="c")), ShapeError,
     ['Convolution2D "c": the input must have 4 axes (batch, channels, rows, columns)', "x[:, None]"]),
    (first(lambda: Conv1D(3, 3, input_shape=(28,))), ShapeError, ["must have 3 axes (batch, steps, channels), got 2"]),
    (first(lambda: Conv2D(3, 3, input_shape=(28, 28, None))), ShapeError,
     ["channels, a known number of them, on axis 3", "(None, 28, 28, None)"]),
    (first(lambda: Convolution2D(3, 3, 3, input_shape=(None, 28, 28))), ShapeError, ["on axis 1", "channels_first"]),
    (lambda: Conv2D(3, 3)(np.ones((2, 8, 8, 0))), ShapeError, ["there must be channels", "(2, 8, 8, 0)"]),
    (first(lambda: Conv2D(3, 30, input_shape=(28, 29, 3), name="c")), ShapeError,
     ['Conv2D "c": along the rows the window has 30, the input only 28', "size -1", "padding 'same'"]),
    (first(lambda: Conv2D(3, 3, dilation_rate=14, input_shape=(30, 28, 3))), ShapeError,
     ["along the columns the window spans 29 (3 taps, 14 apart), the input only 28"]),
    (first(lambda: Convolution2D(3, 3, 3, input_shape=(28, 28, 2), name="c")), ShapeError,
     ['Convolution2D "c": along the columns the window has 3, the input only 2', "read as channels_first",
      "pass dim_ordering='tf'"]),
    (lambda: Conv2D(3, 3)(np.ones((2, 0, 8, 3))), ShapeError, ["size 0 x 8 (rows x columns)"]),
    (lambda: Conv2D(0, 3), ArgumentError, ["filters must be a whole number of at least 1, got 0"]),
    (lambda: Convolution2D(-2, 3, 3), ArgumentError, ["nb_filter must be a whole number of at least 1, got -2"]),
    (lambda: Conv2D(3, 0), ArgumentError, ["kernel_size 0: expected 2 whole numbers of at least 1"]),
    (lambda: Conv2D(3, (3, -1)), ArgumentError, ["kernel_size (3, -1)"]),
    (lambda: Conv2D(3, (3, 3, 3)), ArgumentError, ["kernel_size (3, 3, 3): expected 2 whole numbers"]),
    (lambda: Conv2D(3, "3"), ArgumentError, ["kernel_size '3'"]),
    (lambda: Conv1D(3, 2.5), ArgumentError, ["kernel_size 2.5: expected 1 whole number"]),
    (lambda: Conv2D(3, 3, strides=0), ArgumentError, ["strides 0"]),
    (lambda: Convolution2D(3, 3, 3, subsample=(0, 1)), ArgumentError, ["subsample (0, 1)"]),
    (lambda: AtrousConvolution2D(3, 3, 3, atrous_rate=(0, 1)), ArgumentError, ["atrous_rate (0, 1)"]),
    (lambda: SeparableConv2D(3, 3, depth_multiplier=0), ArgumentError, ["depth_multiplier", "got 0"]),
    (lambda: Conv2D(3, 3, padding="smae"), UnknownNameError,
     ["unknown padding 'smae'. Did you mean 'same'? Legal: same, valid"]),
    (lambda: Conv2D(3, 3, padding="causal"), UnknownNameError, ["unknown padding 'causal'"]),
    (lambda: Convolution2D(3, 3, 3, border_mode="vlaid"), UnknownNameError,
     ["unknown border_mode 'vlaid'. Did you mean 'valid'?"]),
    (lambda: Convolution2D(3, 3, 3, dim_ordering="theano"), UnknownNameError, ["'theano'", "Legal: ", "th"]),
    (lambda: Conv2D(3, 3, data_format="channel_last"), UnknownNameError, ["Did you mean 'channels_last'"]),
    (lambda: Convolution2D(3, 3, 3, W_regulariser="l2"), UnknownArgumentError,
     ["Convolution2D: unknown argument 'W_regulariser'. Did you mean 'W_regularizer'?"]),
    (lambda: Conv2D(3, 3, kernel_regulariser="l2"), UnknownArgumentError, ["Did you mean 'kernel_regularizer'?"]),
    (lambda: Convolution2D(3, 3, 3, init="glorot_unifrom"), UnknownNameError, ["Did you mean 'glorot_uniform'"]),
    (lambda: Conv2D(3, 3, nb_filter=3, name="c"), UnknownArgumentError, ["nb_filter (Keras 1) and filters (Keras 2)"]),
    (lambda: Deconvolution2D(3, 3, 3), TypeError, ["output_shape"]),
    (lambda: Deconvolution2D(3, 3, 3, (3, 14, 14)), ArgumentError, ["output_shape must have 4 entries", "(3, 14, 14)"]),
    (lambda: Deconvolution2D(3, 3, 3, (None, 3, None, 14)), ArgumentError, ["output_shape", "may be None"]),
    (first(lambda: Deconvolution2D(3, 3, 3, (None, 3, 13, 14), input_shape=(3, 12, 12), name="d")), ShapeError,
     ['Deconvolution2D "d"', "12 rows of 13", "1 * (12 - 1) + a + 3", "a from 0 to 0: 14"]),
    (first(lambda: Deconvolution2D(3, 3, 3, (None, 3, 25, 24), subsample=(2, 2), input_shape=(3, 12, 12))), ShapeError,
     ["12 columns of 24", "2 * (12 - 1) + a + 3", "25, 26"]),
    (first(lambda: Deconvolution2D(3, 3, 3, (None, 3, 20, 24), subsample=(2, 2), border_mode="same",
                                   input_shape=(3, 12, 12))), ShapeError, ["12 rows of 20", "23, 24"]),
    (first(lambda: Deconvolution2D(3, 3, 3, (None, 14, 14, 3), input_shape=(3, 12, 12))), ShapeError,
     ["output_shape (None, 14, 14, 3) has 14 channels, nb_filter is 3", "(batch, nb_filter, rows, cols)"]),
    (first(lambda: Conv2DTranspose(3, 3, strides=2, output_padding=2, input_shape=(9, 9, 2))), ArgumentError,
     ["output_padding must be smaller than the strides (2, 2)", "got 2"]),
    (first(lambda: Convolution2D(4, 3, 3, weights=[np.ones((3, 3, 3, 4)), np.ones(4)], input_shape=(3, 8, 8))),
     ShapeError, ["has shape (4, 3, 3, 3), the array given (3, 3, 3, 4)"]),
]


@pytest.mark.parametrize("make, error, words", WRONG)
def test_refused(make, error, words):
    with pytest.raises(error) as raised:
        make()
    for word in words:
        assert word in str(raised.value)


def test_images_in_the_other_format():
    model = alone(Conv2D(3, 3, name="c", input_shape=(9, 8, 3)))
    with pytest.raises(ShapeError, match=r"channels_first, the model takes channels_last: np.moveaxis\(x, 1, -1\)"):
        model.predict(numbers(2, 3, 9, 8))
    with pytest.raises(ShapeError, match=r'"c": axis 3 of the input \(batch, .*, channels\) must have size 3'):
        model.layers[0](numbers(2, 9, 8, 1))
    model = alone(Convolution2D(3, 3, 3, input_shape=(3, 9, 8)))
    with pytest.raises(ShapeError, match=r"channels_last, the model takes channels_first: np.moveaxis\(x, -1, 1\)"):
        model.predict(numbers(2, 9, 8, 3))


@pytest.mark.parametrize("border_mode", ["valid", "same"])
@pytest.mark.parametrize("window, subsample", [((3, 3, 3), (2, 2, 2)), ((2, 3, 4), (3, 1, 2))])
def test_subsampled_volumes_are_slices(border_mode, window, subsample, random):
    """As the document says: of the output without subsample every so many-th voxel is kept."""
    x = random.standard_normal((2, 8, 7, 6, 3)).astype("float32")
    whole = layers.Convolution3D(4, *window, border_mode=border_mode, dim_ordering="tf")
    some = layers.Convolution3D(4, *window, border_mode=border_mode, subsample=subsample, dim_ordering="tf")
    expected = whole(x).data[(slice(None), *(slice(None, None, step) for step in subsample))]
    some.build(x.shape)
    some.set_weights(whole.get_weights())
    np.testing.assert_allclose(some(x).data, expected, 1e-5, 1e-5)
