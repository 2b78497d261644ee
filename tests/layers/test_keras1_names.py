"""What the layers of Keras 1.2.2 show, by its names; the values are those that its own layers answer."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, layers, regularizers
from numba_layers.layers import Dense, Dropout, Input, Layer, Masking, TimeDistributed
from numba_layers.models import Sequential

CONV = {"border_mode": "valid", "W_constraint": None, "W_regularizer": None, "b_regularizer": None,
        "b_constraint": None}
IMAGES = {"dim_ordering": "th", "border_mode": "valid"}
SHOWN = [
    (Dense(3), (4,), {"output_dim": 3, "input_dim": 4, "W_constraint": None, "b_regularizer": None,
                      "b_constraint": None, "initial_weights": None}),
    (Dropout(0.25), (4,), {"p": 0.25, "uses_learning_phase": True}),
    (layers.SpatialDropout2D(0.5, "th"), (3, 4, 4), {"p": 0.5, "dim_ordering": "th"}),
    (layers.Convolution1D(2, 3), (5, 4), CONV | {"nb_filter": 2, "filter_length": 3, "subsample_length": 1,
                                                 "W_shape": (3, 1, 4, 2)}),
    (layers.Convolution2D(2, 3, 1, subsample=(2, 1), dim_ordering="th"), (3, 6, 6), CONV | {
        "nb_filter": 2, "nb_row": 3, "nb_col": 1, "subsample": (2, 1), "dim_ordering": "th", "W_shape": (2, 3, 3, 1)}),
    (layers.Conv2D(2, (3, 1), strides=(2, 1), data_format="channels_first"), (3, 6, 6), CONV | {
        "nb_filter": 2, "nb_row": 3, "nb_col": 1, "subsample": (2, 1), "dim_ordering": "th"}),
    (layers.AtrousConvolution2D(2, 2, 2, atrous_rate=(2, 1), dim_ordering="tf"), (6, 6, 3),
     CONV | {"atrous_rate": (2, 1), "dim_ordering": "tf"}),
    (layers.Convolution3D(2, 1, 2, 3, dim_ordering="th"), (3, 6, 6, 6), CONV | {
        "kernel_dim1": 1, "kernel_dim2": 2, "kernel_dim3": 3, "subsample": (1, 1, 1), "W_shape": (2, 3, 1, 2, 3)}),
    (layers.MaxPooling1D(2), (4, 3), {"pool_length": 2, "stride": 2, "st": (2, 1), "border_mode": "valid"}),
    (layers.AveragePooling1D(pool_length=3, stride=1), (4, 3), {"pool_length": 3, "stride": 1}),
    (layers.MaxPooling2D((1, 2), dim_ordering="th"), (3, 4, 4), IMAGES | {"pool_size": (1, 2), "strides": (1, 2)}),
    (layers.AveragePooling3D(dim_ordering="th"), (3, 4, 4, 4), IMAGES),
    (layers.GlobalMaxPooling2D(dim_ordering="tf"), (4, 4, 3), {"dim_ordering": "tf"}),
    (layers.UpSampling1D(3), (4, 3), {"length": 3}),
    (layers.UpSampling2D(dim_ordering="th"), (3, 4, 4), {"size": (2, 2), "dim_ordering": "th"}),
    (layers.ZeroPadding1D((1, 2)), (4, 3), {"left_pad": 1, "right_pad": 2}),
    (layers.ZeroPadding2D({"top_pad": 1, "right_pad": 2}, "th"), (3, 4, 4),
     {"top_pad": 1, "bottom_pad": 0, "left_pad": 0, "right_pad": 2, "dim_ordering": "th"}),
    (layers.Cropping2D(dim_ordering="th"), (3, 4, 4), {"dim_ordering": "th"}),
    (layers.MaxoutDense(3), (4,), {"output_dim": 3, "nb_feature": 4, "input_dim": None, "initial_weights": None,
                                   "W_regularizer": None, "b_constraint": None, "bias": True}),
    (layers.Highway(bias=False), (4,), {"b": None, "b_carry": None, "bias": False}),
    (layers.LocallyConnected1D(2, 3, subsample_length=2), (6, 4), CONV | {
        "nb_filter": 2, "filter_length": 3, "subsample_length": 2, "W_shape": (2, 12, 2)}),
    (layers.LocallyConnected2D(2, 3, 1, dim_ordering="th"), (3, 6, 6), CONV | {
        "nb_filter": 2, "nb_row": 3, "nb_col": 1, "subsample": (1, 1), "dim_ordering": "th", "W_shape": (24, 9, 2)}),
    (layers.GaussianNoise(sigma=0.5), (4,), {"sigma": 0.5, "uses_learning_phase": True}),
    (layers.GaussianDropout(p=0.5), (4,), {"p": 0.5, "uses_learning_phase": True}),
    (layers.GaussianDropout(0), (4,), {"p": 0, "uses_learning_phase": False}),
    (layers.PReLU(init="one", weights=[np.ones((1, 3))], shared_axes=[1]), (4, 3), {
        "shared_axes": [1], "initial_weights": None}),
    (layers.PReLU(init="zero", shared_axes=[None]), (4, 3), {"shared_axes": None}),
    (layers.ParametricSoftplus(), (4,), {"initial_weights": None, "beta_init": 5.0}),
    (TimeDistributed(Dropout(0.5)), (4, 3), {"uses_learning_phase": True}),
    (layers.Flatten(), (4, 3), {"uses_learning_phase": False, "input_dtype": "float32", "updates": []}),
]


@pytest.mark.parametrize("layer, shape, shown", SHOWN, ids=[repr(layer) for layer, *_ in SHOWN])
def test_attributes(layer, shape, shown):
    output = layer(Input(shape=shape))
    for name, value in shown.items():
        assert getattr(layer, name) == value, name
    assert layer.get_output_shape_for((None, *shape)) == output._keras_shape


def test_both_names_are_one_attribute():
    dense, dropout = Dense(3, W_regularizer="l2", input_dim=4), Dropout(0.5)
    Sequential([dense, dropout])
    assert dense.W is dense.kernel and dense.b is dense.bias and dense.init is dense.kernel_initializer
    dense.W_regularizer = regularizers.get("l1")
    dropout.p = 0.25
    assert dense.kernel_regularizer is dense.W_regularizer and dropout.rate == 0.25
    dense.b.set_value(np.ones(3))
    for value in (dense.b.get_value(), dense.b.eval()):
        np.testing.assert_array_equal(value, dense.get_weights()[1])
    pooling = layers.MaxPooling2D()
    pooling.dim_ordering, pooling.border_mode = "th", "same"
    assert (pooling.data_format, pooling.padding) == ("channels_first", "same")
    with pytest.raises(AttributeError, match="set pool_size"):
        layers.MaxPooling1D().pool_length = 3


@pytest.mark.parametrize("method", ["get_output_shape_for", "compute_output_shape"])
def test_overrides_may_ask_the_layer_above_under_either_name(method):
    def told(self, input_shape):
        return getattr(super(kind, self), method)(input_shape)

    kind = type("Mine", (Dense,), {method: told})
    layer = kind(3)
    assert layer.get_output_shape_for((None, 4)) == layer.compute_output_shape((None, 4)) == (None, 3)
    assert Sequential([kind(3, input_shape=(4,))]).output_shape == (None, 3)
    other = type("Own", (Layer,), {method: lambda self, shape: (shape[0], 7), "call": lambda self, x: K.zeros((2, 7))})
    assert other().get_output_shape_for((None, 4)) == other().compute_output_shape((None, 4)) == (None, 7)


class AsKeras1(Dense):
    """How subclasses of Keras 1's layers are written: `bias` says whether there is one."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.init, self.W_regularizer = self.init, None

    def call(self, x, mask=None):
        output = K.dot(x, self.W)
        if self.bias:
            output += self.b
        return self.activation(output)


def test_subclasses_use_the_names():
    model = Sequential([AsKeras1(2, input_dim=3), AsKeras1(2, bias=False)])
    layer = model.layers[0]
    layer.b.set_value(np.array([0.0, 1.0]))
    x = np.ones((4, 3))
    first, bias, second = model.get_weights()
    np.testing.assert_allclose(model.predict(x), (x @ first + bias) @ second, rtol=1e-5)
    assert K.variable(np.zeros(1)) and not K.variable(0.0)


def test_nodes():
    first, second = Dense(2), Dense(3)
    first.create_input_layer((None, 4))
    second.add_inbound_node(first)
    (node,) = second._inbound_nodes
    assert node is first._outbound_nodes[0] is second.inbound_nodes[0] and second.output_shape == (None, 3)
    assert (node.outbound_layer, node.inbound_layers, node.node_indices, node.tensor_indices) == (
        second, [first], [0], [0])


def test_masks_and_checks_of_a_place():
    layer = Masking()
    x = Input(shape=(3, 2))
    y = layer(x)
    assert layer.get_input_mask_at(0) is None and layer.get_output_mask_at(0) is y.mask
    with pytest.raises(ValueError, match="3 axes"):
        layers.Conv1D(2, 2).assert_input_compatibility(Input(shape=(3,)))


def test_a_model_tells_its_places_too():
    model = Sequential([Dense(2, input_dim=3)])
    assert model.get_output_at(0) is model.output and model.get_input_shape_at(0) == (None, 3)
    outer = model(Input(shape=(3,)))
    assert model.get_output_at(1) is outer


def test_layers_are_named_as_the_generation_names_them():
    K.clear_session()
    assert layers.MaxPooling2D().name == "max_pooling2d_1" and TimeDistributed(Dense(2)).name == "time_distributed_1"
    config.set_keras_version("1.2.2")
    try:
        assert layers.MaxPooling2D().name == "maxpooling2d_1" and TimeDistributed(Dense(2)).name == "timedistributed_1"
        assert layers.Convolution2D(2, 3, 3).name == "convolution2d_1" and Input((3,)).name.startswith("input_1")
    finally:
        config.set_keras_version("2.2.5")
