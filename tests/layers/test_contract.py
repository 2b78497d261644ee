"""One contract for every layer: shapes, values, configuration, weights, a training step, graph and eager alike."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import layers
from numba_layers.autograd import Tape, Tensor, gradcheck
from numba_layers.autograd.context import evaluation
from numba_layers.layers.base import Layer
from numba_layers.layers.recurrent_cells import Cell
from numba_layers.models import Model, Sequential
from tests.layers.test_merge import MERGES

# layer class, arguments, input shape without batch, output shape without batch
CASES = [
    ("Dense", {"units": 3}, (5,), (3,)),
    ("Dense", {"units": 4, "activation": "tanh", "use_bias": False}, (2, 5), (2, 4)),
    ("Dense", {"units": 2, "activation": "relu", "kernel_regularizer": "l2", "bias_regularizer": "l1",
               "activity_regularizer": "l2", "kernel_constraint": "max_norm", "bias_constraint": "non_neg",
               "kernel_initializer": "he_normal", "bias_initializer": "ones"}, (3,), (2,)),
    ("Activation", {"activation": "softmax"}, (4,), (4,)),
    ("Activation", {"activation": "relu"}, (2, 3, 4), (2, 3, 4)),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, (3, 2), (3, 2)),
    ("Dropout", {"rate": 0.5, "seed": 3}, (6,), (6,)),
    ("Dropout", {"rate": 0.25, "noise_shape": (None, 1, 3)}, (4, 3), (4, 3)),
    ("SpatialDropout1D", {"rate": 0.5}, (4, 3), (4, 3)),
    ("SpatialDropout2D", {"rate": 0.5, "data_format": "channels_first"}, (3, 2, 4), (3, 2, 4)),
    ("SpatialDropout3D", {"rate": 0.5}, (2, 3, 2, 4), (2, 3, 2, 4)),
    ("Flatten", {}, (3, 2, 4), (24,)),
    ("Flatten", {"data_format": "channels_first"}, (3, 2, 4), (24,)),
    ("Reshape", {"target_shape": (3, 4)}, (12,), (3, 4)),
    ("Reshape", {"target_shape": (-1, 2)}, (3, 4), (6, 2)),
    ("Permute", {"dims": (2, 1)}, (3, 5), (5, 3)),
    ("Permute", {"dims": (3, 1, 2)}, (2, 3, 4), (4, 2, 3)),
    ("RepeatVector", {"n": 3}, (4,), (3, 4)),
    ("Masking", {"mask_value": 0.0}, (4, 2), (4, 2)),
    ("BatchNormalization", {}, (4,), (4,)),
    ("BatchNormalization", {"axis": 1, "momentum": 0.5, "epsilon": 0.01, "beta_regularizer": "l2",
                            "gamma_initializer": "random_uniform", "gamma_constraint": "non_neg"},
     (3, 4, 2), (3, 4, 2)),
    ("BatchNormalization", {"mode": 0, "axis": 2, "momentum": 0.75, "gamma_regularizer": "l1"}, (3, 4), (3, 4)),
    ("LayerNormalization", {}, (4, 3), (4, 3)),
    ("LayerNormalization", {"axis": [1, 3], "epsilon": 0.01, "center": False, "gamma_regularizer": "l2",
                            "gamma_initializer": "he_normal"}, (3, 2, 4), (3, 2, 4)),
    ("Rescaling", {"scale": 0.5, "offset": [1.0, 2.0, -1.0]}, (4, 3), (4, 3)),
    ("Normalization", {"mean": [0.5, 1.0, 2.0], "variance": 4.0}, (4, 3), (4, 3)),
    ("Normalization", {"axis": [1, 2], "mean": 1.5, "variance": 0.25, "invert": True}, (2, 3), (2, 3)),
    ("Embedding", {"input_dim": 5, "output_dim": 3}, (4,), (4, 3)),
    ("Embedding", {"input_dim": 3, "output_dim": 2, "embeddings_initializer": "normal", "embeddings_regularizer": "l2",
                   "activity_regularizer": "l1", "embeddings_constraint": "max_norm", "input_length": (2, 3)},
     (2, 3), (2, 3, 2)),
    ("Embedding", {"input_dim": 6, "output_dim": 2, "W_regularizer": "l1", "dropout": 0.5,
                   "mask_zero": True}, (4,), (4, 2)),
    ("TimeDistributed", {"layer": layers.Dense(2, activation="tanh")}, (4, 3), (4, 2)),
    ("Lambda", {"function": lambda x: x**2}, (3,), (3,)),
    ("LeakyReLU", {}, (4, 3), (4, 3)),
    ("ELU", {"alpha": 0.5}, (5,), (5,)),
    ("ThresholdedReLU", {"theta": 0.1}, (5,), (5,)),
    ("ReLU", {"max_value": 2.0, "negative_slope": 0.1, "threshold": 0.15}, (5,), (5,)),
    ("Softmax", {"axis": 1}, (4, 3), (4, 3)),
    ("Softmax", {"axis": [1, -1]}, (4, 3), (4, 3)),
    ("PReLU", {}, (4, 3), (4, 3)),
    ("PReLU", {"shared_axes": [1, 2], "alpha_initializer": "ones", "alpha_regularizer": "l2",
               "alpha_constraint": "max_norm"}, (2, 4, 3), (2, 4, 3)),
    ("PReLU", {"shared_axes": 1}, (4, 3), (4, 3)),
    ("ParametricSoftplus", {}, (5,), (5,)),
    ("ParametricSoftplus", {"alpha_init": 1.0, "beta_init": 0.5, "shared_axes": [1]}, (4, 3), (4, 3)),
    ("SReLU", {"t_right_init": "one", "a_right_init": "uniform"}, (5,), (5,)),
    ("SReLU", {"shared_axes": [2, 1], "t_left_init": "normal"}, (2, 3, 4), (2, 3, 4)),
    ("GaussianNoise", {"stddev": 0.5, "seed": 3}, (5,), (5,)),
    ("GaussianDropout", {"rate": 0.5}, (4, 3), (4, 3)),
    ("AlphaDropout", {"rate": 0.25, "noise_shape": (None, 1, 3), "seed": 4}, (4, 3), (4, 3)),
    ("AlphaDropout", {"rate": 0.25}, (5,), (5,)),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "padding": "causal", "dilation_rate": 2}, (5, 2), (5, 3)),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "strides": 2, "data_format": "channels_first"}, (2, 7), (3, 3)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"}, (5, 6, 2), (3, 4, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same", "use_bias": False,
                "data_format": "channels_first", "activation": "tanh"}, (2, 5, 4), (3, 3, 4)),
    ("Conv2D", {"filters": 2, "kernel_size": 2, "dilation_rate": (1, 2), "kernel_regularizer": "l2",
                "bias_regularizer": "l1", "activity_regularizer": "l2", "kernel_constraint": "max_norm",
                "bias_constraint": "non_neg", "kernel_initializer": "he_normal", "bias_initializer": "ones"},
     (5, 4, 2), (4, 2, 2)),
    ("Conv3D", {"filters": 2, "kernel_size": (1, 2, 3), "strides": (2, 1, 1)}, (2, 3, 4, 2), (1, 2, 2, 2)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "activation": "relu"}, (2, 3, 2), (5, 7, 3)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": (2, 3), "strides": (3, 2), "padding": "same",
                         "data_format": "channels_first"}, (2, 2, 3), (2, 6, 6)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1}, (2, 3, 2), (6, 8, 2)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": (2, 1, 2)}, (2, 2, 2, 3), (4, 3, 4, 2)),
    ("DepthwiseConv2D", {"kernel_size": (2, 3), "depth_multiplier": 2, "strides": 2, "padding": "same",
                         "activation": "relu"}, (5, 4, 3), (3, 2, 6)),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "activation": "relu"}, (4, 2), (9, 3)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 2, "strides": 3, "padding": "same",
                         "data_format": "channels_first"}, (3, 4), (2, 12)),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "dilation_rate": 2, "activation": "tanh"}, (7, 3),
     (3, 6)),
    ("DepthwiseConv1D", {"kernel_size": 2, "strides": 2, "padding": "same", "data_format": "channels_first"}, (3, 5),
     (3, 3)),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 2, "depth_multiplier": 2, "padding": "causal"}, (5, 2), (5, 3)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "depth_multiplier": 2,
                         "data_format": "channels_first"}, (2, 4, 5), (3, 2, 3)),
    ("SeparableConvolution2D", {"nb_filter": 3, "nb_row": 2, "nb_col": 3, "border_mode": "same", "subsample": (2, 1),
                                "depthwise_regularizer": "l2", "pointwise_constraint": "nonneg"}, (2, 4, 5), (3, 2, 5)),
    ("Convolution1D", {"nb_filter": 3, "filter_length": 2, "subsample_length": 2}, (5, 2), (2, 3)),
    ("AtrousConvolution1D", {"nb_filter": 2, "filter_length": 2, "atrous_rate": 3}, (6, 2), (3, 2)),
    ("Convolution2D", {"nb_filter": 3, "nb_row": 3, "nb_col": 2, "border_mode": "same", "activation": "relu"},
     (2, 4, 5), (3, 4, 5)),
    ("Convolution2D", {"nb_filter": 2, "nb_row": 2, "nb_col": 2, "subsample": (2, 1), "dim_ordering": "tf",
                       "W_regularizer": "l2", "b_regularizer": "l1", "activity_regularizer": "l2",
                       "W_constraint": "maxnorm", "init": "he_normal"}, (4, 3, 2), (2, 2, 2)),
    ("AtrousConvolution2D", {"nb_filter": 2, "nb_row": 2, "nb_col": 1, "atrous_rate": (2, 1)}, (2, 4, 5), (2, 2, 5)),
    ("Deconvolution2D", {"nb_filter": 2, "nb_row": 3, "nb_col": 3, "output_shape": (None, 2, 6, 5),
                         "subsample": (2, 2)}, (3, 2, 2), (2, 6, 5)),
    ("Deconvolution2D", {"nb_filter": 2, "nb_row": 2, "nb_col": 3, "output_shape": (None, 3, 5, 2),
                         "border_mode": "same", "subsample": (2, 2), "dim_ordering": "tf"}, (2, 3, 3), (3, 5, 2)),
    ("Convolution3D", {"nb_filter": 2, "kernel_dim1": 2, "kernel_dim2": 1, "kernel_dim3": 2,
                       "subsample": (1, 2, 1)}, (2, 3, 3, 2), (2, 2, 2, 1)),
    ("TimeDistributed", {"layer": layers.Conv2D(2, 2, data_format="channels_first")}, (3, 2, 3, 4), (3, 2, 2, 3)),
]
CASES += [   # other dense and locally connected ones
    ("MaxoutDense", {"output_dim": 3}, (5,), (3,)),
    ("MaxoutDense", {"output_dim": 2, "nb_feature": 3, "bias": False, "W_regularizer": "l2", "W_constraint": "maxnorm",
                     "activity_regularizer": "l1", "init": "he_normal"}, (4,), (2,)),
    ("Highway", {"activation": "tanh"}, (5,), (5,)),
    ("Highway", {"bias": False, "init": "glorot_normal"}, (4,), (4,)),
    ("TimeDistributedDense", {"output_dim": 3, "activation": "relu", "b_regularizer": "l2"}, (4, 5), (4, 3)),
    ("LocallyConnected1D", {"filters": 3, "kernel_size": 2, "activation": "tanh"}, (5, 2), (4, 3)),
    ("LocallyConnected1D", {"filters": 2, "kernel_size": 3, "strides": 2, "data_format": "channels_first",
                            "kernel_regularizer": "l2", "bias_regularizer": "l1"}, (2, 7), (2, 3)),
    ("LocallyConnected1D", {"nb_filter": 3, "filter_length": 2, "subsample_length": 2, "bias": False}, (5, 2), (2, 3)),
    ("LocallyConnected2D", {"filters": 3, "kernel_size": (2, 3), "strides": (2, 1), "activation": "relu"},
     (5, 4, 2), (2, 2, 3)),
    ("LocallyConnected2D", {"filters": 2, "kernel_size": 2, "data_format": "channels_first", "implementation": 1},
     (3, 4, 5), (2, 3, 4)),
    ("LocallyConnected2D", {"nb_filter": 2, "nb_row": 2, "nb_col": 1, "subsample": (1, 2), "dim_ordering": "th",
                            "W_constraint": "maxnorm"}, (2, 3, 4), (2, 2, 2)),
]
CASES += [   # pooling, and images of another size
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (7, 2), (4, 2)),
    ("MaxPooling1D", {"pool_size": 2, "data_format": "channels_first"}, (2, 7), (2, 3)),
    ("MaxPooling2D", {}, (5, 4, 3), (2, 2, 3)),
    ("MaxPooling2D", {"pool_size": (3, 2), "strides": (1, 2), "padding": "same", "data_format": "channels_first"},
     (3, 4, 5), (3, 4, 3)),
    ("MaxPooling3D", {"pool_size": (1, 2, 2)}, (2, 4, 5, 2), (2, 2, 2, 2)),
    ("AveragePooling1D", {"pool_size": 2}, (6, 3), (3, 3)),
    ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (5, 4, 3), (3, 2, 3)),
    ("AveragePooling2D", {"data_format": "channels_first"}, (3, 4, 5), (3, 2, 2)),
    ("AveragePooling3D", {"strides": 1}, (2, 3, 4, 2), (1, 2, 3, 2)),
    ("GlobalMaxPooling1D", {}, (5, 3), (3,)),
    ("GlobalMaxPooling2D", {"data_format": "channels_first"}, (3, 4, 5), (3,)),
    ("GlobalMaxPooling3D", {}, (2, 3, 4, 5), (5,)),
    ("GlobalAveragePooling1D", {"data_format": "channels_first"}, (3, 5), (3,)),
    ("GlobalAveragePooling2D", {}, (4, 5, 3), (3,)),
    ("GlobalAveragePooling3D", {"data_format": "channels_first"}, (3, 2, 4, 5), (3,)),
    ("UpSampling1D", {"length": 3}, (4, 2), (12, 2)),
    ("UpSampling2D", {"size": (2, 3)}, (2, 4, 5), (4, 12, 5)),
    ("UpSampling2D", {"size": 2, "data_format": "channels_last", "interpolation": "bilinear"}, (3, 4, 2), (6, 8, 2)),
    ("UpSampling3D", {"dim_ordering": "tf"}, (2, 3, 4, 2), (4, 6, 8, 2)),
    ("ZeroPadding1D", {"padding": (1, 2)}, (4, 2), (7, 2)),
    ("ZeroPadding2D", {"padding": (1, 2)}, (2, 4, 5), (4, 8, 5)),
    ("ZeroPadding2D", {"padding": ((1, 0), (0, 2)), "data_format": "channels_last"}, (3, 4, 2), (4, 6, 2)),
    ("ZeroPadding3D", {"padding": 1}, (2, 3, 4, 2), (4, 5, 6, 2)),
    ("Cropping1D", {"cropping": (1, 2)}, (6, 2), (3, 2)),
    ("Cropping2D", {"cropping": ((1, 0), (0, 2))}, (5, 4, 2), (4, 2, 2)),
    ("Cropping3D", {"data_format": "channels_first"}, (2, 3, 4, 5), (2, 1, 2, 3)),
    ("TimeDistributed", {"layer": layers.MaxPooling2D(data_format="channels_first")}, (3, 2, 4, 6), (3, 2, 2, 3)),
]
CASES += [   # along timesteps
    ("SimpleRNN", {"units": 3}, (4, 2), (3,)),
    ("SimpleRNN", {"units": 2, "activation": "relu", "return_sequences": True, "go_backwards": True}, (3, 2), (3, 2)),
    ("GRU", {"units": 3, "return_sequences": True}, (4, 2), (4, 3)),
    ("GRU", {"units": 2, "reset_after": True, "recurrent_activation": "sigmoid", "use_bias": False}, (3, 4), (2,)),
    ("LSTM", {"units": 3}, (4, 2), (3,)),
    ("LSTM", {"units": 2, "return_sequences": True, "kernel_regularizer": "l2", "recurrent_regularizer": "l1",
              "bias_regularizer": "l2", "activity_regularizer": "l2", "kernel_constraint": "max_norm",
              "recurrent_constraint": "non_neg", "unit_forget_bias": False, "activation": "softsign"}, (3, 2), (3, 2)),
    ("LSTM", {"output_dim": 2, "inner_activation": "sigmoid", "forget_bias_init": "one", "consume_less": "mem"},
     (3, 2), (2,)),
    ("RNN", {"cell": layers.StackedRNNCells([layers.GRUCell(3), layers.LSTMCell(2)])}, (3, 2), (2,)),
    ("Bidirectional", {"layer": layers.GRU(2, return_sequences=True)}, (3, 2), (3, 4)),
    ("Bidirectional", {"layer": layers.LSTM(2), "merge_mode": "mul"}, (3, 2), (2,)),
    ("ConvLSTM2D", {"filters": 2, "kernel_size": (2, 1), "padding": "same", "strides": (1, 2),
                    "return_sequences": True}, (3, 3, 4, 2), (3, 3, 2, 2)),
    ("CuDNNLSTM", {"units": 3, "return_sequences": True}, (4, 2), (4, 3)),
    ("CuDNNGRU", {"units": 3}, (4, 2), (3,)),
    ("ConvRNN2D", {"cell": layers.ConvLSTM2DCell(2, (1, 2))}, (2, 3, 3, 2), (3, 2, 2)),
    ("ConvLSTM2D", {"nb_filter": 2, "nb_row": 2, "nb_col": 2, "dim_ordering": "th"}, (2, 2, 3, 3), (2, 2, 2)),
    ("TimeDistributed", {"layer": layers.LSTM(2)}, (2, 3, 2), (2, 2)),
]
IDS = [f"{name}-{number}" for number, (name, *_) in enumerate(CASES)]


def build(kind, arguments, input_shape, **extra):
    arguments = {key: copy(value) for key, value in arguments.items()}
    return getattr(layers, kind)(**arguments, input_shape=input_shape, **extra)


def data(name, samples, input_shape, arguments, random=np.random):
    """Samples for a layer: numbers of rows for an embedding, else normal ones."""
    if name == "Embedding":
        return random.randint(0, arguments["input_dim"], (samples, *input_shape)).astype("float32")
    return random.standard_normal((samples, *input_shape)).astype("float32")


def copy(value):
    """A layer among the arguments is made anew for each test."""
    return layers.deserialize(layers.serialize(value)) if isinstance(value, Layer) else value


@pytest.mark.parametrize("name, arguments, input_shape, output_shape", CASES, ids=IDS)
class TestContract:
    @pytest.fixture(autouse=True)
    def on_each_device(self, device):
        """The whole contract holds on each device."""

    def test_shapes_agree(self, name, arguments, input_shape, output_shape):
        model = Sequential([build(name, arguments, input_shape)])
        assert model.output_shape == (None, *output_shape)
        assert model.layers[0].input_shape == (None, *input_shape)
        assert model.layers[0].compute_output_shape((7, *input_shape)) == (7, *output_shape)
        x = data(name, 2, input_shape, arguments)
        assert model.predict(x).shape == (2, *output_shape)
        assert model.predict(x).dtype == np.float32

    def test_eager_and_graph_agree(self, name, arguments, input_shape, output_shape):
        layer = build(name, arguments, input_shape)
        model = Sequential([layer])
        x = data(name, 3, input_shape, arguments)
        np.testing.assert_array_equal(layer(Tensor(x)).data, model.predict(x))
        np.testing.assert_array_equal(K.function([model.input], [model.output])([x])[0], model.predict(x))

    def test_configuration_round_trip(self, name, arguments, input_shape, output_shape):
        layer = build(name, arguments, input_shape, name="mine", trainable=False)
        again = layers.deserialize(layers.serialize(layer))
        assert type(again) is type(layer)
        assert again.name == "mine" and again.trainable is False
        if name != "Lambda":        # a lambda's bytecode is equal, its description need not be
            assert again.get_config() == layer.get_config()
        x = data(name, 2, input_shape, arguments)
        first, second = Sequential([layer]), Sequential([again])
        second.set_weights(first.get_weights())
        np.testing.assert_array_equal(first.predict(x), second.predict(x))

    def test_training_step(self, name, arguments, input_shape, output_shape):
        model = Sequential([build(name, arguments, input_shape)])
        model.compile("sgd", "mse")
        x = data(name, 4, input_shape, arguments)
        y = np.random.standard_normal((4, *output_shape)).astype("float32")
        before = model.get_weights()
        losses = [model.train_on_batch(x, y) for _ in range(2)]
        assert np.isfinite(losses).all()
        assert all(np.abs(a - b).max() > 0 for a, b in zip(before, model.get_weights())
                   if "bias_constraint" not in arguments or a.ndim > 1)

    def test_no_samples(self, name, arguments, input_shape, output_shape):
        layer = build(name, arguments, input_shape)
        model = Sequential([layer])
        x = Tensor(np.zeros((0, *input_shape), "float32"))
        assert model.predict_on_batch(x.data).shape == (0, *output_shape)
        if name == "BatchNormalization":
            pytest.skip("a batch without samples has no mean, which is an error of its own")
        with evaluation(learning_phase=1), Tape() as tape:
            y = layer(x)
        assert y.shape == (0, *output_shape)
        to_x, *to_weights = tape.gradient(y, [x, *layer.trainable_weights], np.zeros(y.shape, "float32"))
        assert to_x is None or to_x.shape == x.shape
        for grad, weight in zip(to_weights, layer.trainable_weights):
            np.testing.assert_array_equal(grad.numpy(), np.zeros(weight.shape))

    def test_gradients(self, name, arguments, input_shape, output_shape):
        K.set_floatx("float64")
        try:
            layer = build(name, arguments, input_shape, dtype="float64")
            layer.build((None, *input_shape))
            weights = layer.trainable_weights

            def function(x, *values):
                for attribute, weight in list(vars(layer).items()):
                    for original, value in zip(weights, values):
                        if weight is original:
                            vars(layer)[attribute] = value
                try:
                    return layer(x)
                finally:
                    for attribute, weight in list(vars(layer).items()):
                        for original, value in zip(weights, values):
                            if weight is value:
                                vars(layer)[attribute] = original

            x = np.random.RandomState(1).uniform(0.2, 1.0, (3, *input_shape))
            gradcheck(function, [x, *(weight.data for weight in weights)])
        finally:
            K.set_floatx("float32")

    def test_several_inputs_share_the_layer(self, name, arguments, input_shape, output_shape):
        layer = build(name, arguments, input_shape)
        a, b = layers.Input(shape=input_shape), layers.Input(shape=input_shape)
        model = Model([a, b], [layer(a), layer(b)])
        x = data(name, 2, input_shape, arguments)
        first, second = model.predict([x, x])
        np.testing.assert_array_equal(first, second)
        with pytest.raises(ValueError, match="get_output_at"):
            _ = layer.output
        assert layer.get_output_shape_at(1) == (None, *output_shape)


def test_every_layer_is_in_the_contract():
    kinds = {kind.__name__ for kind in vars(layers).values() if isinstance(kind, type) and issubclass(kind, Layer)}
    others = {"Layer", "InputLayer", "Wrapper", "Recurrent", "ConvRecurrent2D", "StackedRNNCells"} | {
        kind.__name__ for kind in vars(layers).values() if isinstance(kind, type) and issubclass(kind, Cell)}
    assert kinds - others == {name for name, *_ in CASES} | {name for name, *_ in MERGES}


def test_initializers_of_keras1_by_its_spelling():
    """`init=` means Keras 1's formula: its exact array after np.random.seed."""
    np.random.seed(1337)
    layer = layers.Dense(output_dim=3, init="glorot_normal", input_dim=4)
    layer.build((None, 4))
    np.random.seed(1337)
    np.testing.assert_array_equal(layer.get_weights()[0],
                                  np.random.normal(0, np.sqrt(2 / 7), (4, 3)).astype("float32"))
