"""Misuse of layers: each gives an error that names the layer, says what was expected and what came, and the cure."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers.autograd import Tensor
from numba_layers.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    GraphError,
    MaskError,
    MissingArgumentError,
    NumbaLayersError,
    ShapeError,
    UnknownArgumentError,
    UnknownNameError,
)
from numba_layers.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    Add,
    AlphaDropout,
    Concatenate,
    Dense,
    Dot,
    Dropout,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    Highway,
    Input,
    InputLayer,
    Lambda,
    LeakyReLU,
    LocallyConnected1D,
    LocallyConnected2D,
    Masking,
    MaxoutDense,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Reshape,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
    SReLU,
    ThresholdedReLU,
    TimeDistributed,
    deserialize,
    merge,
)
from numba_layers.models import Sequential

ONES = np.ones((2, 3), "float32")


def stacked(*layers):
    return lambda: Sequential(layers)


def dense(**arguments):
    """Makes a Dense "mine" for an input of 4 features when called."""
    return lambda: Sequential([Dense(**{"units": 2, "name": "mine", "input_shape": (4,)} | arguments)])


# what is done, the error, patterns that its message must have
WRONG_ARGUMENTS = [
    (dense(units=0), ArgumentError, [r'Dense "mine": units must be a whole number of at least 1, got 0\.']),
    (dense(units=-3), ArgumentError, ["got -3"]),
    (dense(units="a"), ArgumentError, ["units must be a whole number", "got 'a'"]),
    (dense(units=None), ArgumentError, ["units must be a whole number", "got None"]),
    (dense(units=2.5), ArgumentError, ["units must be a whole number", "got 2.5"]),
    (dense(units=float("nan")), ArgumentError, ["units must be a whole number", "got nan"]),
    (dense(units=[3]), ArgumentError, ["units must be a whole number", r"got \[3\]"]),
    (dense(activation="rellu"), UnknownNameError,
     ['Dense "mine"', "unknown activation 'rellu'", "Did you mean 'relu'"]),
    (dense(activation=3), ArgumentError, ['Dense "mine"', "activation", "got int 3"]),
    (dense(activation=lambda x: "a"), GraphError, ['Dense "mine"', "must return a tensor", "'a'"]),
    (dense(activation=np.tanh), GraphError, ['Dense "mine"', "has no value yet", r"K functions \(K.sqrt\(x\)\)"]),
    (dense(kernel_initializer="glorot_unifrom"), UnknownNameError,
     ['Dense "mine"', "initializer 'glorot_unifrom'", "Did you mean 'glorot_uniform'"]),
    (dense(init="zreo"), UnknownNameError, ['Dense "mine"', "initializer 'zreo'", "Did you mean 'zero'"]),
    (dense(kernel_initializer=lambda shape, dtype=None: np.ones((1, 1))), ShapeError,
     ['Dense "mine"', r"weight 'kernel' gave shape \(1, 1\), expected \(4, 2\)"]),
    (dense(kernel_regularizer="l3"), UnknownNameError, ['Dense "mine"', "regularizer 'l3'", "Did you mean"]),
    (dense(W_regularizer=0.01), ArgumentError, ['Dense "mine"', "regularizer", "got float 0.01"]),
    (dense(kernel_constraint="maxnrom"), UnknownNameError, ['Dense "mine"', "'maxnrom'", "Did you mean 'MaxNorm'"]),
    (dense(kernel_initialiser="zeros"), UnknownArgumentError,
     ["Dense \"mine\": unknown argument 'kernel_initialiser'", "Did you mean 'kernel_initializer'"]),
    (dense(W_regulariser="l2"), UnknownArgumentError,
     ["Dense \"mine\": unknown argument 'W_regulariser'", "Did you mean"]),
    (dense(output_dim=3), UnknownArgumentError, [r"output_dim \(Keras 1\) and units \(Keras 2\)", "Keep units"]),
    (dense(name=3), ArgumentError, ["Dense", "name must be text, got 3"]),
    (dense(weights=[np.ones((4, 2))]), ShapeError, ['Dense "mine": expected 2 arrays of weights, got 1']),
    (dense(weights=[np.ones((2, 4)), np.ones(2)]), ShapeError,
     [r'"mine".*kernel has shape \(4, 2\)', r"given \(2, 4\)"]),
    (dense(dtype="float33"), UnknownNameError, ['Dense "mine"', "dtype 'float33'", "Did you mean 'float32'"]),
    (dense(dtype="float16"), UnknownNameError, ['Dense "mine"', "dtype 'float16'", "Legal: .*float32"]),
    (dense(input_dtype="complex64"), UnknownNameError, ["dtype 'complex64'", "Legal: .*float32"]),
    (dense(input_shape=(-4,)), ArgumentError, ['Dense "mine"', "input_shape must list whole numbers", r"got \(-4,\)"]),
    (dense(input_shape="ab"), ArgumentError, ["input_shape must list", "got 'ab'"]),
    (dense(input_shape=(4.5,)), ArgumentError, ["input_shape must list", "4.5"]),
    (dense(input_shape=((4,),)), ArgumentError, ["input_shape must list", "4"]),
    (dense(input_shape=None, input_dim="a"), ArgumentError, ["input_dim must list", "'a'"]),
    (dense(input_shape=None, batch_input_shape="no"), ArgumentError, ["batch_input_shape must list", "'no'"]),
    (lambda: Dropout(1.5, name="mine"), ArgumentError, [r'Dropout "mine": rate must lie in \[0, 1\], got 1.5']),
    (lambda: Dropout(p=-0.1), ArgumentError, ["rate must lie", "got -0.1"]),
    (lambda: Dropout(float("nan")), ArgumentError, ["rate must lie", "got nan"]),
    (lambda: Dropout("a"), ArgumentError, ["Dropout", "rate must be a number, got 'a'"]),
    (lambda: Dropout(None), ArgumentError, ["rate must be a number, got None"]),
    (lambda: Dropout(0.5, seed="a"), ArgumentError, ["seed must be a whole number, got 'a'"]),
    (lambda: Dropout(0.5, noise_shape="a"), ArgumentError, ["noise_shape must list", "'a'"]),
    (lambda: MaxoutDense(0, name="mine"), ArgumentError, [r'MaxoutDense "mine": output_dim must be .* got 0']),
    (lambda: MaxoutDense(2, nb_feature="a"), ArgumentError, ["nb_feature must be a whole number", "'a'"]),
    (lambda: MaxoutDense(2)(np.ones((2, 3, 4))), ShapeError, [r"must have 2 axes \(batch, features\), got 3"]),
    (lambda: Highway(name="mine")(Input((None,))), ShapeError, ['Highway "mine"', "last axis .* must be known"]),
    (lambda: Highway(weights=[ONES])(ONES), ShapeError, ["Highway", "expected 4 arrays of weights, got 1"]),
    (lambda: Highway(units=3), UnknownArgumentError, ["Highway", "unknown argument 'units'"]),
    (lambda: LocallyConnected1D(2, 3, padding="same", name="mine"), UnknownNameError,
     ['LocallyConnected1D "mine"', "padding 'same'", "Legal: valid"]),
    (lambda: LocallyConnected2D(2, 3, implementation=2), ArgumentError, ["implementation must be 1, got 2", "Take 1"]),
    (lambda: LocallyConnected1D(2, 3, name="mine")(Input((None, 4))), ShapeError,
     ['LocallyConnected1D "mine"', "steps of the input must be known", r"shape \(None, None, 4\)", "input_shape"]),
    (lambda: LocallyConnected2D(2, 3, data_format="channels_last")(np.ones((2, 2, 5, 1))), ShapeError,
     ["LocallyConnected2D", "along the rows the window has 3, the input only 2"]),
    (lambda: LocallyConnected1D(0, 3), ArgumentError, ["filters must be", "got 0"]),
    (lambda: AlphaDropout(2, name="mine"), ArgumentError, [r'AlphaDropout "mine": rate must lie in \[0, 1\], got 2']),
    (lambda: GaussianDropout(-1), ArgumentError, ["GaussianDropout", "rate must lie", "got -1"]),
    (lambda: GaussianDropout(0.5, seed="a"), ArgumentError, ["seed must be a whole number, got 'a'"]),
    (lambda: GaussianNoise(-0.1, name="mine"), ArgumentError,
     [r'GaussianNoise "mine": stddev must be at least 0, got -0\.1']),
    (lambda: GaussianNoise(sigma=float("inf")), ArgumentError, ["stddev must be a finite number"]),
    (lambda: GaussianNoise(), MissingArgumentError, ["GaussianNoise", "'stddev' is missing"]),
    (lambda: LeakyReLU("a", name="mine"), ArgumentError, ['LeakyReLU "mine": alpha must be a number, got \'a\'']),
    (lambda: LeakyReLU(0.1, negative_slope=0.2), UnknownArgumentError, ["negative_slope", "Keep alpha"]),
    (lambda: ELU(-1), ArgumentError, ["ELU", "alpha must be at least 0, got -1"]),
    (lambda: ThresholdedReLU(None), ArgumentError, ["theta must be a number, got None"]),
    (lambda: ReLU(-6), ArgumentError, ["ReLU", "max_value must be at least 0, got -6"]),
    (lambda: ReLU(negative_slope=-0.1), ArgumentError, [r"negative_slope must be at least 0, got -0\.1"]),
    (lambda: Softmax("a"), ArgumentError, ["Softmax", "axis must be a whole number, got 'a'"]),
    (lambda: Softmax(2)(ONES), ShapeError, ["Softmax", "axis 2", "Legal: -2 to 1"]),
    (lambda: PReLU(shared_axes="a"), ArgumentError, ["PReLU", "shared_axes must be a whole number, got 'a'"]),
    (lambda: PReLU(alpha_regularizer="l3"), UnknownNameError, ["regularizer 'l3'"]),
    (lambda: PReLU(shared_axes=[2], name="mine")(ONES), ShapeError,
     ['PReLU "mine"', r"shared_axes \[2\]: axis 2 is none of a sample's, which are 1 to 1", r"shape \(2, 3\)"]),
    (lambda: PReLU(shared_axes=0)(ONES), ShapeError, [r"axis 0 is none of a sample's"]),
    (lambda: SReLU(name="mine")(Input((None, 3))), ShapeError,
     ['SReLU "mine"', "axis 1, whose size is open", r"shape \(None, None, 3\)", r"shared_axes=\[1\]"]),
    (lambda: SReLU(a_left_init="zreo"), UnknownNameError, ["initializer 'zreo'", "Did you mean 'zero'"]),
    (lambda: SpatialDropout1D(2), ArgumentError, ["SpatialDropout1D", "rate must lie"]),
    (lambda: SpatialDropout1D(0.5, data_format="channels_first"), UnknownArgumentError,
     ["SpatialDropout1D: unknown argument 'data_format'"]),
    (lambda: SpatialDropout2D(0.5, data_format="channel_last"), UnknownNameError,
     ["SpatialDropout2D", "'channel_last'", "Did you mean 'channels_last'"]),
    (lambda: SpatialDropout3D(0.5, dim_ordering="theano"), UnknownNameError, ["'theano'", "Legal: .*th"]),
    (lambda: Flatten(data_format="first"), UnknownNameError, ["Flatten", "'first'", "Legal: channels_first"]),
    (lambda: Reshape((-1, -1)), ArgumentError, ["Reshape", "target_shape may hold one -1"]),
    (lambda: Reshape((-2, 3)), ArgumentError,
     ["target_shape must list whole numbers of at least -1", r"got \(-2, 3\)"]),
    (lambda: Reshape(None), ArgumentError, ["target_shape must list", "got None"]),
    (lambda: Reshape("ab"), ArgumentError, ["target_shape must list", "got 'ab'"]),
    (lambda: Permute((0, 1)), ArgumentError,
     ['Permute "', r"dims must hold each of 1\.\.2 once", "count from 1", r"got \(0, 1\)"]),
    (lambda: Permute((1, 1)), ArgumentError, ["once", r"got \(1, 1\)"]),
    (lambda: Permute("ab"), ArgumentError, ["dims must list", "got 'ab'"]),
    (lambda: Permute((1.5, 1)), ArgumentError, ["dims must list", "1.5"]),
    (lambda: RepeatVector(0), ArgumentError, ["RepeatVector", "n must be a whole number of at least 1, got 0"]),
    (lambda: RepeatVector("a"), ArgumentError, ["n must be a whole number", "got 'a'"]),
    (lambda: Activation("sigmiod", name="mine"), UnknownNameError, ['Activation "mine"', "Did you mean 'sigmoid'"]),
    (lambda: ActivityRegularization(l1=-1), ArgumentError, ["l1 must be at least 0, got -1"]),
    (lambda: ActivityRegularization(l2="a"), ArgumentError, ["l2 must be a number, got 'a'"]),
    (lambda: Masking("a"), ArgumentError, ["Masking", "mask_value must be a number, got 'a'"]),
    (lambda: Masking(None), ArgumentError, ["mask_value must be a number, got None"]),
    (lambda: Masking(np.nan), ArgumentError, ["Masking", "NaN equals nothing", "nan_to_num"]),
    (lambda: Lambda("relu"), ArgumentError, ["Lambda", "function must be callable, got str"]),
    (lambda: Lambda(abs, arguments=3), ArgumentError, ['Lambda "', "arguments must be a dictionary, got 3"]),
    (lambda: Lambda(abs, output_shape="a"), ArgumentError, ["Lambda", "output_shape must list", "'a'"]),
    (lambda: Input(), ArgumentError, ["Input needs a shape", r"Input\(shape="]),
    (lambda: Input((-3,)), ArgumentError, ["shape must list whole numbers", r"\(-3,\)"]),
    (lambda: Input("abc"), ArgumentError, ["shape must list", "'abc'"]),
    (lambda: Input((3,), shpae=(3,)), UnknownArgumentError,
     ["Input: unknown argument 'shpae'", "Did you mean 'shape'"]),
    (lambda: Input((3,), dtype="complex128"), UnknownNameError, ["dtype 'complex128'", "Legal: .*float64"]),
    (lambda: Input((3, 4), sparse=True), ArgumentError, ["sparse input is a matrix", r"\(None, 3, 4\)"]),
    (lambda: Input(tensor="abc"), DtypeError, ["expected numbers", "<U3"]),
    (lambda: InputLayer(), ArgumentError, ["InputLayer", "needs a shape"]),
    (lambda: TimeDistributed(3), ArgumentError, ["TimeDistributed takes a layer, got int 3"]),
    (lambda: Dot(axes="a"), ArgumentError, ["Dot", "axes must be a whole number, got 'a'"]),
    (lambda: merge([Input((3,)), Input((3,))], mode="sums"), UnknownNameError, ["'sums'", "Did you mean 'sum'"]),
    (lambda: deserialize({"class_name": "Dens", "config": {}}), UnknownNameError, ["'Dens'", "Did you mean 'Dense'"]),
    (lambda: deserialize({"class_name": "Dense", "config": None}), DataError,
     ["class 'Dense'", "'config' must be a dictionary"]),
    (lambda: deserialize(3), DataError, ["a dictionary that has 'class_name', got 3"]),
]

WRONG_INPUTS = [
    (stacked(Dense(2, name="mine", input_shape=())), ShapeError,
     ['Dense "mine"', "at least 2 axes", r"got 1: \(None,\)"]),
    (stacked(Dense(2, name="mine", input_shape=(None,))), ShapeError, ['"mine"', "last axis", "must be known"]),
    (lambda: Dense(2, name="mine")(np.ones(3)), ShapeError, ['"mine"', "at least 2 axes, got 1", r"x\[None\]"]),
    (lambda: Dense(2, name="mine")("abc"), DtypeError, ['"mine"', "expected numbers", "<U3"]),
    (lambda: Dense(2, name="mine")(None), ShapeError, ['"mine"', "expected one input, got 0"]),
    (lambda: Dense(2, name="mine")([[1.0, 2.0], [3.0, 4.0]]), ShapeError,
     ['"mine"', "expected one input, got 2", r"np.array\(x\)"]),
    (lambda: Dense(2, name="mine")(Dense(3)), DtypeError, ['"mine"', "expected numbers", "object"]),
    (lambda: Dense(2, name="mine")(Tensor(ONES.astype(int))), DtypeError, ['"mine"', "int64", "K.cast"]),
    (lambda: Dense(2, name="mine")(Tensor(ONES.astype(complex))), DtypeError, ['"mine"', "complex128", "K.cast"]),
    (lambda: Dense(2, name="mine")(Tensor(ONES.astype("float64"))), DtypeError,
     ['"mine"', "float32 and float64", "K.cast"]),
    (lambda: Activation("relu", name="mine")([ONES, ONES]), ShapeError, ['Activation "mine"', "one input, got 2"]),
    (lambda: Reshape((3,), name="mine")([Input((3,)), Input((3,))]), ShapeError,
     ['Reshape "mine"', "one input, got 2"]),
    (lambda: Dropout(0.5, noise_shape=(1,), name="mine")(ONES, training=True), ShapeError,
     ['Dropout "mine"', r"noise_shape \(1,\)", "each axis", r"\(2, 3\)"]),
    (lambda: Dropout(0.5, noise_shape=(2, 2), name="mine")(ONES, training=True), ShapeError,
     ['Dropout "mine"', r"noise_shape \(2, 2\)", r"\(2, 3\)"]),
    (lambda: SpatialDropout1D(0.5, name="mine")(ONES), ShapeError,
     ['SpatialDropout1D "mine"', "must have 3 axes, got 2"]),
    (lambda: SpatialDropout2D(0.5, name="mine")(ONES), ShapeError,
     ['SpatialDropout2D "mine"', "must have 4 axes, got 2"]),
    (lambda: SpatialDropout3D(0.5, name="mine")(ONES), ShapeError,
     ['SpatialDropout3D "mine"', "must have 5 axes, got 2"]),
    (lambda: Flatten(name="mine")(np.ones(3)), ShapeError, ['Flatten "mine"', "at least 2 axes", "Add an axis"]),
    (stacked(Reshape((5, 2), input_shape=(12,), name="mine")), ShapeError,
     ['Reshape "mine"', r"\(12,\) \(12 elements\)", r"\(5, 2\) \(10\)"]),
    (stacked(Reshape((5, -1), input_shape=(12,), name="mine")), ShapeError,
     ['"mine"', r"\(5, -1\)", "times a whole number"]),
    (lambda: Sequential([Reshape((5, 2), input_shape=(None, 2), name="mine")]).predict(np.ones((2, 3, 2))), ShapeError,
     ['Reshape "mine"', r"\(3, 2\) \(6 elements\)"]),
    (lambda: Permute((1, 2, 3), name="mine")(ONES), ShapeError, ['Permute "mine"', "must have 4 axes, got 2"]),
    (lambda: RepeatVector(3, name="mine")(np.ones((2, 3, 4))), ShapeError,
     ['RepeatVector "mine"', "must have 2 axes, got 3", "Flatten or Reshape"]),
    (lambda: Masking(name="mine")(np.ones(3)), ShapeError, ['Masking "mine"', "at least 2 axes"]),
    (lambda: TimeDistributed(Dense(2), name="mine")(ONES), ShapeError,
     ['TimeDistributed "mine"', "at least 3 axes, got 2"]),
    (lambda: Activation("softmax", name="mine")(np.ones(3)), ShapeError, ['Activation "mine"', r"\(3,\)"]),
    (lambda: Lambda(lambda x: None, name="mine")(Input((3,))), GraphError, ['Lambda "mine"', "must return a tensor"]),
    (lambda: Lambda(lambda x: np.zeros(3), name="mine")(Input((3,))), GraphError,
     ['Lambda "mine"', "must return a tensor"]),
    (lambda: Lambda(np.sqrt, name="mine")(Input((3,))), GraphError, ['Lambda "mine"', "no value yet", "K functions"]),
    (lambda: Lambda(lambda x: x if K.sum(x) > 0 else -x, name="mine")(Input((3,))), GraphError,
     ['Lambda "mine"', "no value yet"]),
    (lambda: Add(name="mine")(ONES), ShapeError, ['Add "mine"', "list of at least 2 tensors"]),
    (lambda: Add(name="mine")([Input((3,)), Input((4,))]), ShapeError, ['"mine"', r"\(None, 3\), \(None, 4\)"]),
    (lambda: Concatenate(axis=5, name="mine")([Input((3,)), Input((4,))]), ShapeError, ['"mine"', "axis 5", "-2 to 1"]),
    (lambda: Dot(axes=7, name="mine")([Input((3,)), Input((3,))]), ShapeError, ['"mine"', "axis 7 is out of range"]),
    (stacked(Masking(input_shape=(3, 2)), Flatten(name="mine")), MaskError,
     ['Flatten "mine"', "a mask arrived", "Layers that can: .*Dense", "Lambda with mask=None"]),
]

IDS = [f"{kind}-{number}" for kind, rows in (("arguments", WRONG_ARGUMENTS), ("inputs", WRONG_INPUTS))
       for number in range(len(rows))]


@pytest.mark.parametrize("misuse, error, patterns", WRONG_ARGUMENTS + WRONG_INPUTS, ids=IDS)
def test_misuse(misuse, error, patterns):
    with pytest.raises(NumbaLayersError) as raised:
        misuse()
    assert isinstance(raised.value, error)
    for pattern in patterns:
        assert raised.match(pattern)


def test_a_built_layer_keeps_its_sizes():
    layer = Dense(2, name="mine")
    layer(Input((3,)))
    for x in (Input((4,)), np.ones((2, 4))):
        with pytest.raises(ShapeError, match=r'Dense "mine": axis -1 of the input must have size 3, got 4'):
            layer(x)


@pytest.mark.parametrize("weights, error, pattern", [
    ([ONES], ShapeError, "expected 2 arrays of weights, got 1"),
    (None, ArgumentError, "expected a list of arrays of weights, got NoneType"),
    ([ONES.T, ONES], ShapeError, r"bias has shape \(2,\), the array given \(2, 3\)"),
    ([ONES.T, ["a", "b"]], DtypeError, "bias takes numbers, the array given holds <U1"),
    ([ONES.T * 1j, [1, 2]], DtypeError, "kernel takes numbers, the array given holds complex64"),
])
def test_wrong_weights_change_nothing(weights, error, pattern):
    layer = Dense(2, name="mine", input_shape=(3,))
    model = Sequential([layer])
    before = layer.get_weights()
    for owner in (layer, model):
        with pytest.raises(error, match=f'"{owner.name}": .*{pattern}'):
            owner.set_weights(weights)
    for a, b in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_errors_are_what_keras_users_catch():
    """Old code that catches the built-in errors goes on working."""
    for builtin, misuse in ((ValueError, lambda: Dropout(1.5)), (ValueError, lambda: Dense(2)(np.ones(3))),
                            (TypeError, lambda: Dense(2, unit=3)), (ValueError, lambda: Dense(2, activation="no")),
                            (TypeError, lambda: Flatten()(Masking()(K.variable(np.ones((2, 3, 2))))))):
        with pytest.raises(builtin):
            misuse()


def test_an_inner_layer_is_named_once():
    inner = Sequential([Reshape((5, 2), input_shape=(None, 2), name="inner")], name="outer")
    with pytest.raises(ShapeError) as raised:
        inner(np.ones((2, 3, 2)))
    assert str(raised.value).count("inner") == 1 and "outer" not in str(raised.value)
