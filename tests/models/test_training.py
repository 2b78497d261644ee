"""Models learn: small problems solved, the same figures every time, and what fit, evaluate and predict promise."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import callbacks, optimizers
from numba_layers.autograd import SymbolicTensor, Tape, Tensor
from numba_layers.layers import Activation, Dense, Dropout, Flatten, Input, Lambda, Layer, Masking, Reshape, concatenate
from numba_layers.models import Model, Sequential
from numba_layers.utils import Sequence

pytestmark = pytest.mark.usefixtures("device")   # each test runs on each device


def xor():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    return x, np.array([0, 1, 1, 0], "float32")


def spiral(samples=60):
    """Two arms of a spiral."""
    angles = np.sqrt(np.linspace(0.05, 1, samples)) * 3 * np.pi
    arm = np.stack([angles * np.cos(angles), angles * np.sin(angles)], axis=1) / 10
    return np.concatenate([arm, -arm]).astype("float32"), np.repeat([0, 1], samples)


def classifier(seed=3):
    np.random.seed(seed)
    model = Sequential([Dense(16, activation="tanh", input_shape=(4,)), Dropout(0.2), Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def data(random):
    return random.standard_normal((50, 4)).astype("float32"), random.randint(0, 3, 50)


def test_xor(epochs):
    np.random.seed(1)
    x, y = xor()
    model = Sequential([Dense(8, activation="tanh", input_dim=2), Dense(1, activation="sigmoid")])
    model.compile(optimizers.Adam(lr=epochs(0.05, 0.2)), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs(200, 40), verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] == 1
    np.testing.assert_array_equal(model.predict_classes(x)[:, 0], y)


def test_spiral(device):
    if device == "emulated":
        pytest.skip("a thousand steps")
    np.random.seed(2)
    x, y = spiral()
    model = Sequential([Dense(32, activation="relu", input_dim=2), Dense(32, activation="relu"),
                        Dense(2, activation="softmax")])
    model.compile(optimizers.Adam(lr=0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=300, batch_size=40, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.97


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"])
def test_overfits_eight_samples(optimizer, random, epochs):
    x, y = random.standard_normal((8, 5)).astype("float32"), np.eye(4)[random.randint(0, 4, 8)]
    np.random.seed(4)
    model = Sequential([Dense(32, activation="relu", input_shape=(5,)), Dense(4, activation="softmax")])
    model.compile(optimizer, "categorical_crossentropy")
    model.optimizer.lr = {"sgd": 0.3, "adagrad": 0.1, "adadelta": 3.0}.get(optimizer, 0.02)
    losses = model.fit(x, y, epochs=epochs(150, 25), verbose=0).history["loss"]
    assert losses[-1] < epochs(0.2, 0.7) * losses[0]


def test_same_seed_same_losses(data):
    histories = [classifier().fit(*data, epochs=3, batch_size=8, verbose=0).history for _ in range(2)]
    assert histories[0] == histories[1]
    assert histories[0] != classifier(seed=5).fit(*data, epochs=3, batch_size=8, verbose=0).history


def test_a_loop_of_ones_own_trains_the_same(data):
    """The loop a notebook shows: tape, gradients, and the optimizer's own step."""
    x, y = data[0][:16], np.eye(3, dtype="float32")[data[1][:16]]
    model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
    model.compile(optimizers.SGD(lr=0.5), "categorical_crossentropy")
    start = model.get_weights()
    model.train_on_batch(x, y)
    trained = model.get_weights()
    model.set_weights(start)
    with Tape() as tape:
        loss = K.mean(K.categorical_crossentropy(Tensor(y), model(Tensor(x))))
    for weight, gradient in zip(model.weights, tape.gradient(loss, model.weights)):
        weight.assign(weight.numpy() - 0.5 * gradient.numpy())
    for ours, theirs in zip(model.get_weights(), trained):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_predict_in_batches_is_predict_at_once(data):
    model = classifier()
    at_once = model.predict(data[0], batch_size=50)
    np.testing.assert_allclose(model.predict(data[0], batch_size=7), at_once, rtol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(data[0]), at_once, rtol=1e-6)
    assert model.predict(data[0], batch_size=1000).shape == (50, 3)


def test_fit_evaluates_what_it_holds_out(data):
    model = classifier()
    history = model.fit(*data, epochs=2, validation_split=0.2, verbose=0).history
    assert set(history) == {"loss", "acc", "val_loss", "val_acc"}
    held_out = [array[40:] for array in data]
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(*held_out, verbose=0)[0], rel=1e-6)
    again = model.fit(*data, nb_epoch=1, validation_data=tuple(held_out), verbose=0).history     # Keras 1's word
    assert again["val_loss"][-1] == pytest.approx(model.evaluate(*held_out, verbose=0)[0], rel=1e-6)


def test_shuffle_batch_keeps_batches_whole():
    seen = []

    class Watch(Layer):
        def call(self, inputs):
            if not isinstance(inputs, SymbolicTensor):
                seen.append(np.array(inputs.data[:, 0]))
            return inputs

    model = Sequential([Watch(input_shape=(1,)), Dense(1)])
    model.compile("sgd", "mse")
    x = np.arange(10, dtype="float32")[:, None]
    model.fit(x, x, batch_size=4, shuffle="batch", verbose=0, epochs=1)
    batches = sorted(tuple(batch) for batch in seen if len(batch))
    assert batches == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9)]


class Batches(Sequence):
    def __init__(self, x, y, size):
        self.x, self.y, self.size = x, y, size
        self.ended = 0

    def __len__(self):
        return -(-len(self.x) // self.size)

    def __getitem__(self, index):
        part = slice(index * self.size, (index + 1) * self.size)
        return self.x[part], self.y[part]

    def on_epoch_end(self):
        self.ended += 1


@pytest.mark.parametrize("workers", [0, 1])
def test_generators_train_as_arrays_do(data, workers):
    def endless():
        while True:
            for start in range(0, 50, 10):
                yield data[0][start:start + 10], data[1][start:start + 10]

    expected = classifier().fit(*data, batch_size=10, epochs=2, shuffle=False, verbose=0).history
    assert classifier().fit_generator(endless(), 5, epochs=2, workers=workers, verbose=0).history == expected
    assert classifier().fit_generator(endless(), samples_per_epoch=50, nb_epoch=2, verbose=0).history == expected
    source = Batches(*data, 10)
    model = classifier()
    assert model.fit_generator(source, epochs=2, shuffle=False, workers=workers, verbose=0).history == expected
    assert source.ended == 2
    assert model.evaluate_generator(source, workers=workers) == pytest.approx(
        model.evaluate(*data, batch_size=10, verbose=0))
    np.testing.assert_array_equal(model.predict_generator(source, workers=workers),
                                  model.predict(data[0], batch_size=10))


def test_an_error_in_a_generator_reaches_the_caller(data):
    def broken():
        yield data[0][:5], data[1][:5]
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        classifier().fit_generator(broken(), 3, verbose=0)
    with pytest.raises(ValueError, match="ended after 1 batches, 3"):
        classifier().fit_generator(iter([(data[0], data[1])]), 3, verbose=0)


def test_several_inputs_by_name(random):
    a, b = Input((3,), name="a"), Input((2,), name="b")
    model = Model([a, b], [Dense(1, name="left")(concatenate([a, b])), Dense(2, name="right")(b)])
    model.compile("sgd", {"left": "mse", "right": "mae"}, loss_weights={"right": 0.5})
    x = {"b": random.standard_normal((6, 2)), "a": random.standard_normal((6, 3))}
    y = {"right": random.standard_normal((6, 2)), "left": random.standard_normal((6, 1))}
    total, left, right = model.train_on_batch(x, y)
    assert total == pytest.approx(left + 0.5 * right, rel=1e-5)
    assert model.metrics_names == ["loss", "left_loss", "right_loss"]
    assert [output.shape for output in model.predict(x)] == [(6, 1), (6, 2)]


def test_two_models_share_weights(random):
    """As in a GAN: each trains the shared layer in turn, and both see it."""
    shared = Dense(3, input_shape=(2,))
    first = Sequential([shared])
    x = Input((2,))
    second = Model(x, Dense(1)(shared(x)))
    for model in (first, second):
        model.compile("sgd", "mse")
    inputs = random.standard_normal((4, 2))
    for model, width in ((first, 3), (second, 1), (first, 3), (second, 1)):
        before = shared.get_weights()[0]
        model.train_on_batch(inputs, random.standard_normal((4, width)))
        after = shared.get_weights()[0]
        assert np.abs(after - before).max() > 0
        np.testing.assert_allclose(first.predict(inputs), inputs @ after + shared.get_weights()[1],
                                   rtol=1e-4, atol=1e-5)


def test_frozen_layers_stay(data):
    model = classifier()
    model.layers[0].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(*data, verbose=0)
    changed = [np.abs(a - b).max() > 0 for a, b in zip(before, model.get_weights())]
    assert changed == [False, False, True, True]
    model.layers[0].trainable = True
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match="no effect until compile"):
        model.fit(*data, verbose=0)


def test_a_sequential_without_input_shape_learns_it(data):
    model = Sequential([Flatten(), Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(data[0], data[1], verbose=0)
    assert model.output_shape == (None, 3)
    assert model.layers[0].input_shape == (None, 4)


def test_pop(data):
    model = classifier()
    model.pop()
    assert model.output_shape == (None, 16)
    model.add(Activation("relu"))
    assert model.predict(data[0]).shape == (50, 16)


def test_losses_and_updates_of_a_layer_of_ones_own(data):
    class Counting(Layer):
        def build(self, input_shape):
            self.count = self.add_weight(name="count", shape=(1,), initializer="zeros", trainable=False)
            super().build(input_shape)

        def call(self, inputs):
            self.add_loss(K.mean(inputs) * 0 + 2.0)
            self.add_update([(self.count, self.count + 1.0)], inputs)
            return inputs

        def compute_output_shape(self, input_shape):
            return input_shape

    layer = Counting(input_shape=(4,))
    model = Sequential([layer, Dense(4)])
    model.compile("sgd", lambda y_true, y_pred: K.zeros_like(y_pred))
    assert model.test_on_batch(data[0], data[0]) == pytest.approx(2)
    for _ in range(3):
        assert model.train_on_batch(data[0], data[0]) == pytest.approx(2)
    assert layer.count.numpy()[0] == 3


def test_masks_reach_the_loss(random):
    model = Sequential([Masking(0.0, input_shape=(4, 2)), Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = random.standard_normal((3, 4, 2)).astype("float32")
    y = random.standard_normal((3, 4, 1)).astype("float32")
    x[0, 2:] = 0
    counts = (x != 0).any(axis=-1)
    errors = (model.predict(x) - y)[..., 0]
    loss, mae = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx((errors[counts] ** 2).mean(), rel=1e-5)
    assert mae == pytest.approx(np.abs(errors[counts]).mean(), rel=1e-5)


def test_a_mask_is_refused_where_nothing_can_take_it():
    with pytest.raises(TypeError, match=r'Flatten "no_mask".*mask.*Layers that can: .*Dense'):
        Sequential([Masking(input_shape=(4, 2)), Flatten(name="no_mask")])
    ended = Sequential([Masking(input_shape=(4, 2)), Lambda(lambda x: x * 1.0), Flatten()])
    assert ended.output_shape == (None, 8)


def test_interrupted_fit_leaves_a_working_model(data):
    def interrupt(batch, logs):
        if batch == 2:
            raise KeyboardInterrupt

    model = classifier()
    closed = []
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, batch_size=8, epochs=3, verbose=1, callbacks=[
            callbacks.LambdaCallback(on_batch_end=interrupt, on_train_end=lambda logs: closed.append(True))])
    assert closed == [True]
    assert np.isfinite(model.predict(data[0])).all()
    assert len(model.fit(*data, verbose=0).history["loss"]) == 1


def test_sparse_inputs_are_multiplied_as_they_are(random):
    sparse = pytest.importorskip("scipy.sparse")
    dense = random.standard_normal((20, 30)) * (random.uniform(size=(20, 30)) < 0.1)
    x = Input((30,), sparse=True)
    model = Model(x, Dense(4)(x))
    np.testing.assert_allclose(model.predict(sparse.csr_matrix(dense), batch_size=8), model.predict(dense),
                               rtol=1e-5, atol=1e-6)
    model.compile("sgd", "mse")
    start = model.get_weights()
    y = random.standard_normal((20, 4))
    loss = model.train_on_batch(sparse.csr_matrix(dense), y)
    trained = model.get_weights()
    model.set_weights(start)
    assert model.train_on_batch(dense, y) == pytest.approx(loss, rel=1e-5)
    for ours, theirs in zip(trained, model.get_weights()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_input_wraps_a_tensor(data):
    fixed = Input(tensor=Tensor(data[0]))
    model = Model(fixed, Dense(2)(fixed))
    np.testing.assert_allclose(model._predict_step([])[0], data[0] @ model.get_weights()[0], rtol=1e-4, atol=1e-5)


def test_models_show_as_tables(data):
    html = classifier()._repr_html_()
    assert "<table>" in html and "dropout" in html.lower()


def test_answers_for_a_batch_are_the_callers_own():
    """Also where the model computes nothing, or hands out a weight."""
    x, inputs, dense = np.ones((2, 6), "float32"), Input((6,)), Dense(6)
    hidden = dense(inputs)
    for outputs in (Activation("linear")(inputs), Flatten()(Reshape((2, 3))(inputs)), Dropout(0.5)(inputs),
                    Lambda(lambda x: x)(inputs), [hidden, Activation("linear")(hidden)],
                    Lambda(lambda x: dense.kernel)(hidden), Lambda(lambda x: K.transpose(dense.kernel))(hidden)):
        model = Model(inputs, outputs)
        expected = model.predict_on_batch(x)
        answers = model.predict_on_batch(x)
        for answer in answers if isinstance(answers, list) else [answers]:
            answer[...] = 7
        again = model.predict_on_batch(x)
        np.testing.assert_array_equal(again, expected)
        assert (x == 1).all() and not (isinstance(answers, list) and np.shares_memory(*answers))
