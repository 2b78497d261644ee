"""What users hand over: targets, weights and batches of every form that Keras takes, and what is made of them."""

import decimal
import threading

import numpy as np
import pytest

from numba_layers import Tensor, config, initializers, utils
from numba_layers import backend as K
from numba_layers.errors import DataError
from numba_layers.layers import Dense, Input, Lambda, Masking, Permute, Reshape, TimeDistributed
from numba_layers.models import Model, Sequential
from numba_layers.optimizers import SGD
from numba_layers.utils import Sequence

ONE = {"use_bias": False, "kernel_initializer": "ones"}


@pytest.fixture(params=["1.2.2", "2.2.5"])
def keras(request, monkeypatch):
    monkeypatch.setattr(config._settings, "keras_version", request.param)
    return request.param


@pytest.fixture
def keras1(monkeypatch):
    monkeypatch.setattr(config._settings, "keras_version", "1.2.2")


def rmse(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true)))


def linear(loss, units=1, optimizer="sgd", **options):
    model = Sequential([Dense(units, input_shape=(1,), **ONE)])
    model.compile(optimizer, loss, **options)
    return model


# -- targets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output, given, seen", [
    ((1,), (6,), (6, 1)), ((3,), (6,), (6, 1)), ((3,), (6, 1), (6, 1)), ((3,), (6, 3), (6, 3)),
    ((2, 3), (6,), (6, 1)), ((2, 1), (6, 2), (6, 2, 1)), ((2, 3), (6, 2), (6, 2)), ((), (6,), (6,))])
def test_losses_and_metrics_of_ones_own_see_targets_as_in_keras(output, given, seen):
    shapes = set()

    def watch(y_true, y_pred):
        shapes.add(tuple(y_true.shape))
        return K.mean(y_pred) + 0 * K.mean(y_true)

    x = Input((6,))
    y = Lambda(lambda x: K.sum(x, axis=-1))(x) if output == () else Reshape(output)(Dense(int(np.prod(output)))(x))
    model = Model(x, y)
    model.compile("sgd", watch, metrics=[watch])
    data = np.ones((6, 6)), np.ones(given)
    model.train_on_batch(*data)
    model.evaluate(*data, verbose=0)
    model.fit(*data, batch_size=6, validation_data=data, verbose=0)
    model.fit_generator(iter([data]), 1, verbose=0)
    assert shapes == {seen}


def test_a_loss_of_ones_own_may_weigh_by_targets_of_a_vector():
    model = linear(lambda y_true, y_pred: K.sum(y_true * K.square(y_pred), axis=-1), units=3)
    loss = model.test_on_batch(np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 0.0, 2.0]))
    assert loss == pytest.approx((1 * 3 * 1 + 0 + 2 * 3 * 9) / 3)


def test_a_loss_of_ones_own_may_get_nan():
    def known_alone(y_true, y_pred):
        return K.mean(K.square(K.switch(K.equal(y_true, y_true), y_true - y_pred, K.zeros_like(y_pred))), axis=-1)

    model = linear(known_alone, units=2)
    x, y = np.array([[1.0], [1.0]]), np.array([[np.nan, 3.0], [1.0, np.nan]])
    assert model.test_on_batch(x, y) == pytest.approx(1)
    model.fit(x, y, verbose=0)
    assert np.isfinite(model.get_weights()[0]).all()


@pytest.mark.parametrize("entries", [
    [0, 1, 2], [0.0, 1.0, 2.0], [np.int64(0), np.float32(1), 2], [False, True, 2], [decimal.Decimal(0), 1, 2]])
def test_objects_that_are_numbers_are_numbers(entries):
    array = np.array(entries, dtype=object)
    model = linear("mse")
    assert model.test_on_batch(array, array + 2) == pytest.approx(4)
    model = Sequential([Dense(3, activation="softmax", kernel_initializer="zeros", input_shape=(1,))])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.train_on_batch(array, array, sample_weight=array) == pytest.approx(np.log(3) / (2 / 3), rel=1e-5)


def test_masked_arrays_without_masked_entries_are_arrays():
    x = np.ma.masked_array([[1.0], [2.0]], mask=False)
    assert linear("mse").test_on_batch(x, x) == 0


MASKED = np.ma.masked_equal([[1.0], [2.0]], 2)


@pytest.mark.parametrize("entry", [
    lambda: linear("mse").predict(MASKED), lambda: linear("mse").predict_on_batch([MASKED]),
    lambda: linear("mse").fit(MASKED, MASKED.data, verbose=0), lambda: linear("mse").test_on_batch(MASKED.data, MASKED),
    lambda: linear("mse").fit_generator(iter([(MASKED, MASKED)]), 1, verbose=0),
    lambda: Sequential([Dense(1, input_shape=(2,))]).set_weights([MASKED, np.zeros(1)]),
    lambda: Dense(1, **ONE)(MASKED), lambda: Dense(1, **ONE)(Tensor(MASKED)), lambda: Tensor(MASKED) + 1,
    lambda: K.variable(MASKED), lambda: K.constant(MASKED), lambda: K.set_value(K.variable([[1.0], [2.0]]), MASKED),
    lambda: K.eval(K.variable([[1.0]]) + MASKED), lambda: (lambda x: K.function([x], [x + 1])([MASKED]))(Input((1,))),
    lambda: Dense(1, kernel_initializer=initializers.Constant(MASKED)).build((None, 2)),
    lambda: utils.to_categorical(MASKED)])
def test_masked_entries_are_refused(entry):
    with pytest.raises(DataError, match="1 of 2 entries are masked"):
        entry()


# -- weights -------------------------------------------------------------------------------------------------------

X, Y = np.array([[1.0], [2.0], [4.0]]), np.array([[0.0], [1.0], [1.0]])
STEPS, STEP_WEIGHTS = np.array([[[1.0], [2.0], [0.0]], [[3.0], [0.0], [0.0]]]), np.array([[1.0, 0, 2], [0, 0, 5]])


@pytest.mark.parametrize("weights, loss, weight", [     # figures of Keras 1.2.2 and 2.2.5
    ({"sample_weight": np.array([3, 0, 0.5])}, 3.3509950637817383, 0.9543046355247498),
    ({"class_weight": {0: 2.0, 1: 0.25}}, 1.5957118272781372, 0.9782403111457825)])
def test_a_loss_of_one_number_is_weighted_as_in_keras(keras, weights, loss, weight):
    model = linear(rmse)
    assert model.test_on_batch(X, Y) == pytest.approx(1.9148544073104858)
    assert model.train_on_batch(X, Y, **weights) == pytest.approx(loss)
    assert model.get_weights()[0].item() == pytest.approx(weight)
    model.set_weights([[[1.0]]])
    assert model.fit(X, Y, verbose=0, **weights).history["loss"] == pytest.approx([loss])
    assert model.get_weights()[0].item() == pytest.approx(weight)


@pytest.mark.parametrize("masked, mode, weights, loss", [       # figures of Keras 1.2.2; 2.2.5 adds epsilon to a mean
    (False, "temporal", STEP_WEIGHTS, 2.2730302828309 * 8 / 3), (True, None, None, 1.154700517654419),
    (True, None, np.array([2, 0.5]), 1.7320507764816284), (True, "temporal", None, 1.154700517654419),
    (True, "temporal", STEP_WEIGHTS, 0.7698003649711609)])
def test_a_loss_of_one_number_with_masks_and_steps(keras, masked, mode, weights, loss):
    model = Sequential(([Masking(0.0, input_shape=(3, 1))] if masked else [])
                       + [TimeDistributed(Dense(1, **ONE), input_shape=(3, 1))])
    model.compile("sgd", rmse, sample_weight_mode=mode)
    x = STEPS if masked else np.arange(6.0).reshape(2, 3, 1)
    assert model.test_on_batch(x, np.ones((2, 3, 1)), sample_weight=weights) == pytest.approx(loss, rel=1e-6)


def test_weighted_metrics_of_one_number_are_weighted():
    model = linear("mse", metrics=[rmse], weighted_metrics=[rmse])
    plain, weighted = model.test_on_batch(X, Y, sample_weight=np.array([3, 0, 0.5]))[1:]
    assert (plain, weighted) == pytest.approx((1.9148544073104858, 3.3509950637817383))


@pytest.mark.parametrize("loss", ["mse", rmse])
@pytest.mark.parametrize("weights", [{"sample_weight": np.zeros(3)}, {"class_weight": {0: 0, 1: 0}},
                                     {"sample_weight": np.array([1.0, 0, 0]), "class_weight": {0: 0, 1: 1}}])
def test_a_batch_that_weighs_nothing_changes_nothing(loss, weights):
    model = linear(loss, weighted_metrics=["mae"])
    assert model.train_on_batch(X, Y, **weights) == [0, 0]
    history = model.fit(X, Y, batch_size=2, shuffle=False, epochs=2, verbose=0, **weights).history
    assert history["loss"] == [0, 0] and model.get_weights()[0] == 1


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam",
                                       SGD(0.1, momentum=0.9, nesterov=True)])
def test_a_batch_that_weighs_nothing_is_not_moved_by_momentum(optimizer):
    model = linear("mse", optimizer=optimizer)
    model.fit(X, Y, epochs=3, verbose=0)
    before = model.get_weights()
    assert model.train_on_batch(X, Y, sample_weight=np.zeros(3)) == 0
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights()))
    model.train_on_batch(X, Y, sample_weight=np.array([0, 0, 1.0]))
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_a_batch_that_is_masked_whole_changes_nothing(keras):
    model = Sequential([Masking(0.0, input_shape=(3, 1)), TimeDistributed(Dense(1, **ONE))])
    model.compile("sgd", "mse")
    assert model.train_on_batch(np.zeros((2, 3, 1)), np.ones((2, 3, 1))) == 0
    assert model.get_weights()[0] == 1


def test_class_weight_auto_weighs_nothing_in_keras_1(keras1):
    model = linear("mse")
    with pytest.warns(UserWarning, match="class_weight='auto' weighs nothing"):
        model.fit(X, Y, class_weight="auto", nb_epoch=1, verbose=0)
    expected = linear("mse")
    expected.fit(X, Y, nb_epoch=1, verbose=0)
    assert model.get_weights() == expected.get_weights()


# -- metrics ---------------------------------------------------------------------------------------------------------


def test_a_metric_of_keras_1_may_give_several_figures(keras1):
    def rates(y_true, y_pred):
        return {"low": K.min(y_pred), "high": K.max(y_pred), "mean": K.mean(y_pred, axis=-1)}

    model = linear("mse", metrics=["mae", rates])
    assert model.metrics_names == ["loss", "mean_absolute_error", "low", "high", "mean"]
    assert model.test_on_batch(X, Y)[2:] == pytest.approx([1, 4, 7 / 3])
    history = model.fit(X, Y, nb_epoch=1, verbose=0, validation_data=(X, Y)).history
    assert history["high"] == [4] and len(history["val_mean"]) == 1
    x = Input((1,))
    pair = Model(x, [Dense(1, name="a", **ONE)(x), Dense(1, name="b", **ONE)(x)])
    pair.compile("sgd", "mse", metrics={"b": rates})
    assert pair.metrics_names == ["loss", "a_loss", "b_loss", "b_low", "b_high", "b_mean"]


def test_a_dictionary_of_figures_is_refused_in_keras_2():
    model = linear("mse", metrics=[lambda y_true, y_pred: {"low": K.min(y_pred)}])
    with pytest.raises(ValueError, match="dictionary, which is Keras 1's way"):
        model.test_on_batch(X, Y)


def test_asking_a_metric_for_its_names_draws_no_numbers(keras1):
    np.random.seed(3)
    linear("mse", metrics=[lambda y_true, y_pred: K.mean(K.random_normal((3,)))])
    drawn = np.random.uniform()
    np.random.seed(3)
    linear("mse")
    assert np.random.uniform() == drawn


# -- batches -----------------------------------------------------------------------------------------------------------


class Batches(Sequence):
    def __init__(self, batch, length=2):
        self.batch, self.length = batch, length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.batch


def both(batch):
    """A generator and a Sequence of one batch."""
    return iter([batch] * 2), Batches(batch)


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_lists_or_tuples(kind, parts, workers):
    batch = kind([X, Y, np.array([1.0, 2.0, 0.0])][:parts])
    expected = linear("mse")
    losses = [expected.train_on_batch(*batch) for _ in range(2)]
    for source in both(batch):
        model = linear("mse")
        history = model.fit_generator(source, 2, verbose=0, workers=workers).history
        assert history["loss"] == pytest.approx([np.mean(losses)])
    for source in both(batch):
        assert expected.evaluate_generator(source, 2, workers=workers) == expected.test_on_batch(*batch)
    for source in both(batch):
        np.testing.assert_array_equal(expected.predict_generator(source, 2, workers=workers),
                                      np.tile(expected.predict(X), (2, 1)))


def test_what_predict_generator_takes_for_inputs():
    a, b = Input((1,), name="a"), Input((1,), name="b")
    model = Model([a, b], Dense(1, **ONE)(Lambda(lambda pair: pair[0] + 2 * pair[1])([a, b])))
    inputs = [X, X]
    forms = [inputs, (inputs,), [inputs, Y], (inputs, Y), [{"a": X, "b": X}, Y], {"a": X, "b": X}, [X, X, Y][:2],
             [inputs, Y, np.ones(3)]]
    for form in forms:
        np.testing.assert_array_equal(model.predict_generator(iter([form]), 1), 3 * X)
    for form in ([[1.0], [2.0], [4.0]], [X], X, [X, Y], [X, Y, Y[:, 0]]):
        np.testing.assert_array_equal(linear("mse").predict_generator(iter([form]), 1), X)
        np.testing.assert_array_equal(linear("mse").predict_generator(iter([form] * 2), val_samples=6), [*X, *X])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [None, 3])
def test_an_empty_sequence_is_refused(workers, steps):
    model, empty, full = linear("mse"), Batches((X, Y), 0), Batches((X, Y), 2)
    threads = threading.active_count()
    for misuse in (lambda: model.fit_generator(empty, steps, workers=workers, verbose=0),
                   lambda: model.fit_generator(full, validation_data=empty, validation_steps=steps, workers=workers,
                                               verbose=0),
                   lambda: model.evaluate_generator(empty, steps, workers=workers),
                   lambda: model.predict_generator(empty, steps, workers=workers)):
        with pytest.raises(DataError, match="Batches has no batches: its length is 0"):
            misuse()
    assert threading.active_count() == threads


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sequence_that_becomes_empty_is_refused(workers):
    class Shrinking(Batches):
        def on_epoch_end(self):
            self.length = 0

    with pytest.raises(DataError, match="its length is 0"):
        linear("mse").fit_generator(Shrinking((X, Y)), epochs=9, workers=workers, max_queue_size=1, verbose=0)


def test_a_batch_of_no_steps_is_trained_on():
    model = Sequential([Dense(2, input_shape=(None, 3)), Permute((2, 1))])
    model.compile("sgd", "mse")
    before = model.get_weights()
    with np.errstate(invalid="ignore"):
        model.train_on_batch(np.zeros((2, 0, 3)), np.zeros((2, 2, 0)))
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)
