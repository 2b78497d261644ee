"""Which generation's words a script has."""

import pytest

from numba_layers.dialect import generation

KERAS1 = [
    "model.fit(x, y, nb_epoch=3)", "Dense(output_dim=3, init='uniform')", "Convolution2D(64, 3, 3, border_mode='same')",
    "from keras.layers import Convolution2D", "from keras import objectives", "import keras.initializations",
    "K.set_image_dim_ordering('th')", "Model(input=x, output=y)", "merge([a, b], mode='sum')",
    "BatchNormalization(mode=2)", "BatchNormalization(gamma_init='one')", "Embedding(10, 3, W_constraint=nonneg())",
    "MaxPooling1D(pool_length=2, stride=2)", "Dense(3, W_regularizer=l2(0.1), activation='relu')",
    "model.fit_generator(g, samples_per_epoch=10, nb_val_samples=2)", "keras.layers.Merge([a, b])",
    "LSTM(32, dropout_W=0.2, dropout_U=0.2)", "GRU(3, inner_activation='sigmoid')", "LSTM(3, consume_less='gpu')",
]
KERAS2 = [
    "", "this is no Python", "model.fit(x, y, epochs=3)", "Dense(units=3)", "Conv2D(64, (3, 3), activation='relu')",
    "from keras.layers import Convolution2D\nConvolution2D(64, (3, 3))", "Model(inputs=x, outputs=y)",
    "from keras import losses\nmodel.fit(nb_epoch=3)", "Dense(3, init='uniform')\nmodel.fit(x, y, epochs=3)",
    "Embedding(input_dim=10, output_dim=3)", "Embedding(10, 3, embeddings_regularizer='l2')",
    "BatchNormalization(axis=1, momentum=0.9)", "MaxPooling2D((2, 2), padding='same')", "K.image_data_format()",
    "from keras.layers import Dense, Dropout\nDense(3, activation='relu')", "parser.add_argument(default=1)",
    "LSTM(32, recurrent_dropout=0.2)", "GRU(32, dropout=0.2)", "Embedding(10, 3, dropout=0.2)",
]


@pytest.mark.parametrize("source, wanted", [(source, 1) for source in KERAS1] + [(source, 2) for source in KERAS2])
def test_generation(source, wanted):
    assert generation(source) == wanted
