"""The examples of the two documents on layers, verbatim, with `keras` meaning this package."""

import numpy as np
import pytest

from numba_layers import compat
from tests.signatures import without_hints

PREAMBLE = """
from keras.models import Sequential, Model
from keras.layers import *
from keras import backend as K
import numpy as np
"""

DENSE = """
# as first layer in a sequential model:
model = Sequential()
model.add(Dense(32, input_shape=(16,)))
# now the model will take as input arrays of shape (*, 16)
# and output arrays of shape (*, 32)

# after the first layer, you don't need to specify
# the size of the input anymore:
model.add(Dense(32))
"""

INPUT = """
# this is a logistic regression in Keras
x = Input(shape=(32,))
y = Dense(16, activation='softmax')(x)
model = Model(x, y)
"""

INPUT_KERAS1 = """
a, b = Input(shape=(3,)), Input(shape=(3,))
c = Lambda(lambda tensors: tensors[0] + tensors[1])([a, b])
model = Model(input=[a, b], output=c)
"""

RESHAPE_1 = """
# as first layer in a Sequential model
model = Sequential()
model.add(Reshape((3, 4), input_shape=(12,)))
# now: model.output_shape == (None, 3, 4)
# note: `None` is the batch dimension
"""

RESHAPE_2 = RESHAPE_1 + """
# as intermediate layer in a Sequential model
model.add(Reshape((6, 2)))
# now: model.output_shape == (None, 6, 2)
"""

RESHAPE_3 = RESHAPE_2 + """
# also supports shape inference using `-1` as dimension
model.add(Reshape((-1, 2, 2)))
# now: model.output_shape == (None, 3, 2, 2)
"""

PERMUTE = """
model = Sequential()
model.add(Permute((2, 1), input_shape=(10, 64)))
# now: model.output_shape == (None, 64, 10)
# note: `None` is the batch dimension
"""

REPEAT_VECTOR = """
model = Sequential()
model.add(Dense(32, input_dim=32))
# now: model.output_shape == (None, 32)
# note: `None` is the batch dimension

model.add(RepeatVector(3))
# now: model.output_shape == (None, 3, 32)
"""

LAMBDA_SQUARE = """
model = Sequential([Dense(4, input_shape=(3,))])
# add a x -> x^2 layer
model.add(Lambda(lambda x: x ** 2))
"""

LAMBDA_ANTIRECTIFIER = """
model = Sequential([Dense(4, input_shape=(3,))])
# add a layer that returns the concatenation
# of the positive part of the input and
# the opposite of the negative part

def antirectifier(x):
    x -= K.mean(x, axis=1, keepdims=True)
    x = K.l2_normalize(x, axis=1)
    pos = K.relu(x)
    neg = K.relu(-x)
    return K.concatenate([pos, neg], axis=1)

def antirectifier_output_shape(input_shape):
    shape = list(input_shape)
    assert len(shape) == 2  # only valid for 2D tensors
    shape[-1] *= 2
    return tuple(shape)

model.add(Lambda(antirectifier,
                 output_shape=antirectifier_output_shape))
"""

LAMBDA_HADAMARD = """
input_1, input_2 = Input(shape=(8,)), Input(shape=(8,))
# add a layer that returns the hadamard product
# and sum of it from two input tensors

def hadamard_product_sum(tensors):
    out1 = tensors[0] * tensors[1]
    out2 = K.sum(out1, axis=-1)
    return [out1, out2]

def hadamard_product_sum_output_shape(input_shapes):
    shape1 = list(input_shapes[0])
    shape2 = list(input_shapes[1])
    assert shape1 == shape2  # else hadamard product isn't possible
    return [tuple(shape1), tuple(shape2[:-1])]

x1 = Dense(32)(input_1)
x2 = Dense(32)(input_2)
layer = Lambda(hadamard_product_sum, hadamard_product_sum_output_shape)
x_hadamard, x_sum = layer([x1, x2])
"""

MASKING = """
timesteps, features = 6, 2
x = np.ones((4, timesteps, features))
x[:, 3, :] = 0.
x[:, 5, :] = 0.
model = Sequential()
model.add(Masking(mask_value=0., input_shape=(timesteps, features)))
"""

FLATTEN_CONV = """
model = Sequential()
model.add(Conv2D(64, (3, 3),
                 input_shape=(3, 32, 32), padding='same',))
# now: model.output_shape == (None, 64, 32, 32)
"""

FLATTEN = FLATTEN_CONV + """
model.add(Flatten())
# now: model.output_shape == (None, 65536)
"""

CONVOLUTION_1D_1 = """
# apply a convolution 1d of length 3 to a sequence with 10 timesteps,
# with 64 output filters
model = Sequential()
model.add(Convolution1D(64, 3, border_mode='same', input_shape=(10, 32)))
# now model.output_shape == (None, 10, 64)
"""

CONVOLUTION_1D_2 = CONVOLUTION_1D_1 + """
# add a new conv1d on top
model.add(Convolution1D(32, 3, border_mode='same'))
# now model.output_shape == (None, 10, 32)
"""

CONVOLUTION_2D_1 = """
# apply a 3x3 convolution with 64 output filters on a 256x256 image:
model = Sequential()
model.add(Convolution2D(64, 3, 3, border_mode='same', input_shape=(3, 256, 256)))
# now model.output_shape == (None, 64, 256, 256)
"""

CONVOLUTION_2D_2 = CONVOLUTION_2D_1 + """
# add a 3x3 convolution on top, with 32 output filters:
model.add(Convolution2D(32, 3, 3, border_mode='same'))
# now model.output_shape == (None, 32, 256, 256)
"""

ATROUS_CONVOLUTION_2D = """
# apply a 3x3 convolution with atrous rate 2x2 and 64 output filters on a 256x256 image:
model = Sequential()
model.add(AtrousConvolution2D(64, 3, 3, atrous_rate=(2,2), border_mode='valid', input_shape=(3, 256, 256)))
# now the actual kernel size is dilated from 3x3 to 5x5 (3+(3-1)*(2-1)=5)
# thus model.output_shape == (None, 64, 252, 252)
"""

DECONVOLUTION_2D_1 = """
# apply a 3x3 transposed convolution with stride 1x1 and 3 output filters on a 12x12 image:
model = Sequential()
model.add(Deconvolution2D(3, 3, 3, output_shape=(None, 3, 14, 14), border_mode='valid', input_shape=(3, 12, 12)))
# output_shape will be (None, 3, 14, 14)
"""

DECONVOLUTION_2D_2 = """
# apply a 3x3 transposed convolution with stride 2x2 and 3 output filters on a 12x12 image:
model = Sequential()
model.add(Deconvolution2D(3, 3, 3, output_shape=(None, 3, 25, 25), subsample=(2, 2), border_mode='valid', input_shape=(3, 12, 12)))
model.summary()
# output_shape will be (None, 3, 25, 25)
"""  # noqa: E501

OUTPUT_SHAPES = [
    (DENSE, (None, 32)),
    (INPUT, (None, 16)),
    (INPUT_KERAS1, (None, 3)),
    (RESHAPE_1, (None, 3, 4)),
    (RESHAPE_2, (None, 6, 2)),
    (RESHAPE_3, (None, 3, 2, 2)),
    (PERMUTE, (None, 64, 10)),
    (REPEAT_VECTOR, (None, 3, 32)),
    (LAMBDA_SQUARE, (None, 4)),
    (LAMBDA_ANTIRECTIFIER, (None, 8)),
    (MASKING, (None, 6, 2)),
    (FLATTEN_CONV, (None, 64, 32, 32)),
    (FLATTEN, (None, 65536)),
    (CONVOLUTION_1D_1, (None, 10, 64)),
    (CONVOLUTION_1D_2, (None, 10, 32)),
    (CONVOLUTION_2D_1, (None, 64, 256, 256)),
    (CONVOLUTION_2D_2, (None, 32, 256, 256)),
    (ATROUS_CONVOLUTION_2D, (None, 64, 252, 252)),
    (DECONVOLUTION_2D_1, (None, 3, 14, 14)),
    (DECONVOLUTION_2D_2, (None, 3, 25, 25)),
]

# the convolutional document's argument lists, verbatim
SIGNATURES = """
Convolution1D(nb_filter, filter_length, init='uniform', activation='linear', weights=None, border_mode='valid', subsample_length=1, W_regularizer=None, b_regularizer=None, activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True, input_dim=None, input_length=None)
Convolution2D(nb_filter, nb_row, nb_col, init='glorot_uniform', activation='linear', weights=None, border_mode='valid', subsample=(1, 1), dim_ordering='default', W_regularizer=None, b_regularizer=None, activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True)
AtrousConvolution2D(nb_filter, nb_row, nb_col, init='glorot_uniform', activation='linear', weights=None, border_mode='valid', subsample=(1, 1), atrous_rate=(1, 1), dim_ordering='default', W_regularizer=None, b_regularizer=None, activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True)
SeparableConvolution2D(nb_filter, nb_row, nb_col, init='glorot_uniform', activation='linear', weights=None, border_mode='valid', subsample=(1, 1), depth_multiplier=1, dim_ordering='default', depthwise_regularizer=None, pointwise_regularizer=None, b_regularizer=None, activity_regularizer=None, depthwise_constraint=None, pointwise_constraint=None, b_constraint=None, bias=True)
Deconvolution2D(nb_filter, nb_row, nb_col, output_shape, init='glorot_uniform', activation='linear', weights=None, border_mode='valid', subsample=(1, 1), dim_ordering='th', W_regularizer=None, b_regularizer=None, activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True)
Convolution3D(nb_filter, kernel_dim1, kernel_dim2, kernel_dim3, init='glorot_uniform', activation='linear', weights=None, border_mode='valid', subsample=(1, 1, 1), dim_ordering='default', W_regularizer=None, b_regularizer=None, activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True)
UpSampling1D(length=2)
UpSampling2D(size=(2, 2), dim_ordering='default')
UpSampling3D(size=(2, 2, 2), dim_ordering='default')
ZeroPadding1D(padding=1)
ZeroPadding2D(padding=(1, 1), dim_ordering='default')
ZeroPadding3D(padding=(1, 1, 1), dim_ordering='default')
""".split("\n")[1:-1]  # noqa: E501


@pytest.fixture
def run():
    """Run a script with `keras` meaning this package; answers its names."""
    compat.install()
    try:
        def execute(script):
            names = {}
            exec(compile(PREAMBLE + script, "<document>", "exec"), names)
            return names
        yield execute
    finally:
        compat.uninstall()


@pytest.mark.filterwarnings("ignore:.* is read as channels_first")
@pytest.mark.parametrize("script, shape", OUTPUT_SHAPES)
def test_output_shape(run, script, shape):
    model = run(script)["model"]
    assert model.output_shape == shape
    rows = [np.random.standard_normal((2, *tensor.shape[1:])) for tensor in model.inputs]
    assert model.predict(rows if len(rows) > 1 else rows[0]).shape == (2, *shape[1:])


@pytest.mark.parametrize("documented", SIGNATURES, ids=lambda line: line.partition("(")[0])
def test_signature(run, documented):
    name, _, arguments = documented.partition("(")
    kind = run(f"from keras.layers.convolutional import {name}")[name]
    assert without_hints(kind, options=False) == f"({arguments}"
    assert without_hints(kind) == f"({arguments.removesuffix(')')}, **kwargs)"


def test_lambda_square_values(run):
    names = run(LAMBDA_SQUARE)
    x = np.random.standard_normal((5, 3))
    kernel, bias = names["model"].get_weights()
    np.testing.assert_allclose(names["model"].predict(x), (x @ kernel + bias) ** 2, rtol=1e-4, atol=1e-5)


def test_antirectifier_values(run):
    names = run(LAMBDA_ANTIRECTIFIER)
    x = np.random.standard_normal((5, 3))
    kernel, bias = names["model"].get_weights()
    y = x @ kernel + bias
    y -= y.mean(axis=1, keepdims=True)
    y /= np.sqrt((y**2).sum(axis=1, keepdims=True))
    expected = np.concatenate([np.maximum(y, 0), np.maximum(-y, 0)], axis=1)
    np.testing.assert_allclose(names["model"].predict(x), expected, rtol=1e-4, atol=1e-5)


def test_hadamard_product_and_sum(run):
    names = run(LAMBDA_HADAMARD)
    assert names["x_hadamard"].shape == (None, 32)
    assert names["x_sum"].shape == (None,)
    model = names["Model"]([names["input_1"], names["input_2"]], [names["x_hadamard"], names["x_sum"]])
    a, b = np.random.standard_normal((2, 4, 8))
    product, total = model.predict([a, b])
    np.testing.assert_allclose(product.sum(axis=-1), total, rtol=1e-4, atol=1e-5)


def test_masking_skips_the_timesteps(run):
    names = run(MASKING)
    mask = names["K"].function([names["model"].input], [names["model"].layers[0].output_mask])([names["x"]])[0]
    np.testing.assert_array_equal(mask[0], [True, True, True, False, True, False])
