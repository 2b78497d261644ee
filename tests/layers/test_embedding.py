"""Embeddings: rows by number, masks, dropped words, numbers without a row, both vocabularies."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from numba_layers.autograd import Tape, Tensor
from numba_layers.autograd.context import evaluation
from numba_layers.errors import ArgumentError, OutOfRangeError, ShapeError
from numba_layers.layers import Dense, Embedding, Flatten, GlobalAveragePooling1D, Input, deserialize
from numba_layers.models import Model, Sequential

pytestmark = pytest.mark.usefixtures("device")   # each test runs on each device


@pytest.fixture
def keras1():
    before = config.keras_version()
    config.set_keras_version("1.2.2")
    yield
    config.set_keras_version(before)


def rows(model):
    return model.layers[0].get_weights()[0]


@pytest.mark.parametrize("kind", ["int32", "int64", "uint8", "float32", "float64"])
def test_numbers_of_any_type(kind):
    model = Sequential([Embedding(6, 3, input_length=4)])
    x = np.array([[0, 5, 2, 2], [1, 1, 3, 4]])
    np.testing.assert_array_equal(model.predict(x.astype(kind)), rows(model)[x])
    assert model.output_shape == (None, 4, 3) and model.input_shape == (None, 4)


def test_shapes():
    assert Sequential([Embedding(6, 3)]).output_shape == (None, None, 3)
    assert Sequential([Embedding(6, 3, batch_size=2, input_length=4)]).output_shape == (2, 4, 3)
    assert Sequential([Embedding(6, 3, input_length=(4, None))]).output_shape == (None, 4, None, 3)
    assert Embedding(6, 3, input_length=4)(Input((None,))).shape == (None, 4, 3)
    assert Embedding(6, 3)(Input((), dtype="int32")).shape == (None, 3)
    with pytest.raises(ShapeError, match='Embedding "words": axis 1 of the input .*must have size 4, got 5'):
        Embedding(6, 3, input_length=4, name="words")(Input((5,)))


def test_words_of_keras_1(keras1):
    layer = Embedding(6, 3, init="glorot_normal", W_regularizer="l2", W_constraint="nonneg", input_length=4,
                      input_dtype="int32", weights=[np.arange(18.0).reshape(6, 3)])
    Sequential([layer])
    np.testing.assert_array_equal(K.get_value(layer.W), np.arange(18.0).reshape(6, 3))
    assert layer.W_constraint is layer.embeddings_constraint and layer.W_regularizer is layer.embeddings_regularizer
    again = deserialize({"class_name": "Embedding", "config": layer.get_config()})
    assert again.get_config() == layer.get_config() and "dropout" not in layer.get_config()


def test_keras_1_has_its_own_order(keras1):
    layer = Embedding(6, 3, "normal", 4, "l2", None, "nonneg", True)
    assert layer.input_length == 4 and layer.mask_zero and layer.W_regularizer.l2 and layer.W_constraint
    with pytest.raises(ArgumentError, match="'input_length' was given twice"):
        Embedding(6, 3, "normal", 4, input_length=4)


def test_a_mask_reaches_the_layers_above():
    x = np.array([[1, 2, 0, 0], [3, 0, 4, 0]])
    model = Sequential([Embedding(5, 2, mask_zero=True), GlobalAveragePooling1D()])
    table = rows(model)
    np.testing.assert_allclose(model.predict(x), [table[[1, 2]].mean(0), table[[3, 4]].mean(0)], rtol=1e-6)
    model.compile("sgd", "mse")
    model.train_on_batch(x, np.ones((2, 2)))
    np.testing.assert_array_equal(rows(model)[0], table[0])     # nobody reads it: no gradient


@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_only_rows_that_were_read_get_a_gradient(floatx):
    before = config.floatx()
    config.set_floatx(floatx)
    try:
        layer = Embedding(7, 3)
        x = np.array([[1, 1, 4], [4, 1, 6]])
        with evaluation(learning_phase=1), Tape() as tape:
            y = layer(x)
        grad = tape.gradient(y, layer.embeddings, np.arange(18.0).reshape(2, 3, 3).astype(floatx)).numpy()
        expected = np.zeros((7, 3))
        np.add.at(expected, x, np.arange(18.0).reshape(2, 3, 3))
        np.testing.assert_array_equal(grad, expected)
    finally:
        config.set_floatx(before)


def test_dropout_drops_whole_words():
    layer = Embedding(50, 4, dropout=0.5, weights=[np.ones((50, 4))])
    x = np.tile(np.arange(50), (3, 1))
    np.testing.assert_array_equal(layer(x), np.ones((3, 50, 4)))        # without training
    first, second = layer(x, training=True).numpy(), layer(x, training=True).numpy()
    for y in (first, second):
        assert set(np.unique(y)) == {0, 2}
        np.testing.assert_array_equal(y, np.broadcast_to(y[:1, :, :1], y.shape))    # a word has one fate in a batch
    assert (first != second).any()
    assert layer.get_config()["dropout"] == 0.5
    assert Embedding(5, 4, dropout=1)(x[:, :5], training=True).numpy().all()


def test_dropout_in_a_gradient():
    layer = Embedding(30, 2, dropout=0.25)
    x = np.arange(30)[None].repeat(2, 0)
    with evaluation(learning_phase=1), Tape() as tape:
        y = layer(x)
    scale = (y.numpy()[0] / layer.get_weights()[0])[:, :1]
    grad = tape.gradient(y, layer.embeddings, np.ones((2, 30, 2), "float32")).numpy()
    np.testing.assert_allclose(grad, 2 * scale.repeat(2, 1), rtol=1e-5)


def small():
    model = Sequential([Embedding(4, 2, input_length=3, name="words"), Flatten(), Dense(1)], name="small")
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("wrong, shown", [(4, "4"), (-1, "-1"), (2**40, str(2**40)), (np.nan, "nan"), (4.0, "4.0")])
def test_a_number_without_a_row(wrong, shown):
    model, y = small(), np.ones((40, 1))
    x = np.zeros((40, 3), "int64" if isinstance(wrong, int) else "float64")
    x[37, 1] = wrong
    before = model.get_weights()
    message = (f'model "small", input "words_input": class number {shown} of sample 37, at \\[1\\], has no row in '
               'Embedding "words", which has input_dim=4')
    for use in (lambda: model.fit(x, y, verbose=0), lambda: model.predict(x), lambda: model.evaluate(x, y, verbose=0),
                lambda: model.train_on_batch(x, y), lambda: model.predict_on_batch(x),
                lambda: model.fit(x[:8], y[:8], validation_data=(x, y), verbose=0)):
        with pytest.raises(OutOfRangeError, match=message):
            use()
    for one, other in zip(before, model.get_weights()):
        np.testing.assert_array_equal(one, other)


def test_a_number_without_a_row_in_a_model_inside_of_another():
    x = Input((3,))
    model = Model(x, Dense(1)(small()(x)))
    with pytest.raises(OutOfRangeError, match='class number 9 of sample 1, at .*Embedding "words"'):
        model.predict(np.array([[0, 1, 2], [3, 3, 9]]))


def test_a_number_without_a_row_once_a_program_is_there(device):
    model = small()
    x = np.array([[0, 1, 2], [3, 2, 1]])
    for _ in range(4):
        model.predict(x)
    with pytest.raises(OutOfRangeError, match="4 of|4 is out of range for the 4 rows"):
        model.predict(x + 2)


def test_called_on_arrays(device):
    if device != "cpu":
        pytest.skip("nobody looks at numbers on a GPU")
    with pytest.raises(OutOfRangeError, match=r'Embedding "words": class number 7 is out of range for the 4 rows.*'
                                              r"It stands at \[1, 0\]"):
        Embedding(4, 2, name="words")(np.array([[0, 1], [7, 9]]))


def test_programs_give_the_same_bits(random):
    """Op by op and as a program, dropped words included."""
    x, y = random.randint(0, 9, (24, 5)), random.standard_normal((24, 1))

    def trained(programs):
        before = config.programs()
        config.set_programs(programs)
        np.random.seed(7)
        try:
            model = Sequential([Embedding(9, 3, input_length=5, dropout=0.3), Flatten(), Dense(1)])
            model.compile("adam", "mse")
            model.fit(x, y, batch_size=8, epochs=4, verbose=0, shuffle=False)
            return model.get_weights()
        finally:
            config.set_programs(before)

    for one, other in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make, message", [
    (lambda: Embedding(0, 3), "input_dim must be a whole number of at least 1, got 0"),
    (lambda: Embedding(4, 2.5), "output_dim must be a whole number"),
    (lambda: Embedding(4, 2, dropout=1.5), r"dropout must lie in \[0, 1\]"),
    (lambda: Embedding(4, 2, input_length="long"), "input_length must list whole numbers"),
    (lambda: Embedding(4, 2, mask_zer=True), "unknown argument 'mask_zer'.*'mask_zero'"),
])
def test_errors(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_eager_gradient_of_the_gradient(random):
    """Second order: rows enter linearly, a square above does not."""
    layer = Embedding(5, 2)
    x = random.randint(0, 5, (3, 4))
    layer(x)
    table = layer.embeddings
    with evaluation(), Tape() as outer:
        with Tape() as tape:
            y = K.sum(K.square(layer(x)))
        grad = tape.gradient(y, table)
        weighted = K.sum(grad * Tensor(np.ones((5, 2), "float32")))
    counts = np.bincount(x.ravel(), minlength=5)[:, None] * np.ones(2)
    np.testing.assert_allclose(outer.gradient(weighted, table).numpy(), 2 * counts, rtol=1e-6)
