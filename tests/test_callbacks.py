"""Callbacks do what Keras 2.2.5's do, epoch by epoch."""

import csv
import errno
import io
import itertools
import math
import os
import time
import types

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import callbacks, config
from numba_layers.callbacks import (
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from numba_layers.errors import ArgumentError, FileError, UnknownNameError
from numba_layers.layers import Dense
from numba_layers.models import Sequential, load_model
from numba_layers.utils import Sequence


class Stub:
    """What callbacks need of a model; its weight is the number of the epoch that made it."""

    def __init__(self):
        self.optimizer = types.SimpleNamespace(lr=1.0)
        self.stop_training = False
        self.epoch = None
        self.saved = []

    def get_weights(self):
        return [self.epoch]

    def set_weights(self, weights):
        [self.epoch] = weights

    def save(self, path, overwrite):
        self.saved.append(path)

    save_weights = save


def play(callback, figures, name="val_loss", stub=None):
    """Give `callback` one epoch for each figure, until it stops the training; answers the stub and the logs."""
    stub = stub or Stub()
    stub.stop_training = False
    callback.set_model(stub)
    callback.on_train_begin({})
    seen = []
    for epoch, figure in enumerate(figures):
        stub.epoch = epoch
        callback.on_epoch_begin(epoch, {})
        logs = {name: figure}
        callback.on_epoch_end(epoch, logs)
        seen.append(logs)
        if stub.stop_training:
            break
    callback.on_train_end({})
    return stub, seen


@pytest.fixture
def keras1():
    before = config.keras_version()
    config.set_keras_version("1.2.2")
    yield
    config.set_keras_version(before)


@pytest.fixture
def model():
    np.random.seed(3)
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


@pytest.fixture
def data(random):
    return random.standard_normal((10, 3)), random.standard_normal((10, 2))


# -- events --------------------------------------------------------------------------------------------------------

EVENTS = ("on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end")


class Recorder(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.events = []

    def __getattribute__(self, name):
        if name not in EVENTS:
            return super().__getattribute__(name)
        return lambda *arguments: self.events.append((name, *arguments[:-1], sorted(arguments[-1])))


BATCHES = [event for batch in range(2) for event in (
    ("on_batch_begin", batch, ["batch", "size"]),
    ("on_batch_end", batch, ["batch", "loss", "mean_absolute_error", "size"]))]
EPOCH_LOGS = ["loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"]
FIT = [("on_train_begin", []),
       ("on_epoch_begin", 0, []), *BATCHES, ("on_epoch_end", 0, EPOCH_LOGS),
       ("on_epoch_begin", 1, []), *BATCHES, ("on_epoch_end", 1, EPOCH_LOGS),
       ("on_train_end", [])]


def test_order_of_events(model, data):
    recorder = Recorder()
    model.fit(*data, batch_size=5, epochs=2, verbose=0, validation_data=data, callbacks=[recorder])
    assert recorder.events == FIT
    assert recorder.model is model
    assert recorder.params == {"batch_size": 5, "epochs": 2, "nb_epoch": 2, "steps": None, "samples": 10,
                               "nb_sample": 10, "verbose": 0, "do_validation": True, "metrics": EPOCH_LOGS}
    inputs, targets, weights = recorder.validation_data
    assert model.validation_data is recorder.validation_data
    np.testing.assert_array_equal(inputs, data[0])
    np.testing.assert_array_equal(targets, data[1])
    np.testing.assert_array_equal(weights, np.ones(10))


def test_order_of_events_of_a_sequence(model, data):
    class Halves(Sequence):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return data[0][5 * index:5 * index + 5], data[1][5 * index:5 * index + 5]

    recorder = Recorder()
    model.fit_generator(Halves(), epochs=2, verbose=0, validation_data=data, callbacks=[recorder])
    assert recorder.events == FIT


def test_logs_of_an_epoch_are_averages(model, data):
    """Batches of 4, 4 and 2 samples count by their size."""
    batches = []
    history = model.fit(*data, batch_size=4, verbose=0, callbacks=[
        LambdaCallback(on_batch_end=lambda batch, logs: batches.append((logs["size"], logs["loss"])))]).history
    sizes, losses = np.array(batches).T
    assert sizes.tolist() == [4, 4, 2]
    assert history["loss"][0] == pytest.approx(np.average(losses, weights=sizes))


@pytest.mark.parametrize("source", ["arrays", "generator", "samples"])
@pytest.mark.parametrize("last, names", [(0, EPOCH_LOGS[:2]), (1, EPOCH_LOGS)])
def test_stopping_within_an_epoch(model, data, source, last, names):
    """The epoch ends at once, without validation unless this was its last batch, as in Keras."""
    def stop(batch, logs):
        model.stop_training = batch == last

    options = {"verbose": 0, "validation_data": data, "callbacks": [LambdaCallback(on_batch_end=stop)]}
    x, y = data
    if source == "arrays":
        history = model.fit(x, y, batch_size=5, epochs=3, **options)
    else:
        drawn = []
        halves = (drawn.append(start) or (x[start:start + 5], y[start:start + 5]) for start in itertools.cycle([0, 5]))
        counted = {"steps_per_epoch": 2, "epochs": 3} if source == "generator" else {
            "samples_per_epoch": 10, "nb_epoch": 3}
        history = model.fit_generator(halves, **counted, workers=0, **options)
        assert len(drawn) == last + 1
    assert history.epoch == [0]
    assert sorted(history.history) == names


def test_initial_epoch(model, data):
    assert model.fit(*data, initial_epoch=3, epochs=5, verbose=0).epoch == [3, 4]
    assert model.fit(*data, initial_epoch=5, epochs=5, verbose=0).history == {}


@pytest.mark.parametrize("wrong", ["history", EarlyStopping, 3])
def test_what_is_no_callback(model, data, wrong):
    with pytest.raises(ArgumentError, match=r"callbacks must be objects such as EarlyStopping\(\), got"):
        model.fit(*data, callbacks=[wrong], verbose=0)


# -- EarlyStopping -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("figures, options, epochs", [
    ([3, 2, 1, 1, 0], {}, 4),                                        # an equal figure is no improvement
    ([3, 2, 2, 1, 1, 1, 0], {"patience": 2}, 6),
    ([3, 2.95, 2.9, 2.7, 2.65], {"min_delta": 0.2, "patience": 2}, 3),
    ([3, 2.95, 2.75, 2.5], {"min_delta": 0.2, "patience": 2}, 4),    # compared with the last improvement
    ([1, 2, 3, 3, 3], {"mode": "max"}, 4),
    ([5, 4, 3], {"baseline": 2.0, "patience": 2}, 2),
    ([5, 1, 3, 4], {"baseline": 2.0, "patience": 2}, 4),
    ([math.nan, math.nan, 1], {"patience": 2}, 2),
])
def test_early_stopping(figures, options, epochs):
    assert len(play(EarlyStopping(**options), figures)[1]) == epochs


def test_early_stopping_watches_accuracies_upwards():
    assert len(play(EarlyStopping("val_acc"), [0.5, 0.6, 0.7, 0.7], "val_acc")[1]) == 4


def test_early_stopping_restores_the_best_weights(capsys):
    stub, _ = play(EarlyStopping(patience=2, restore_best_weights=True, verbose=1), [3, 1, 2, 2, 0])
    assert stub.epoch == 1
    assert capsys.readouterr().out == "Restoring the weights of the best epoch\nEpoch 4: early stopping\n"
    assert play(EarlyStopping(patience=2), [3, 1, 2, 2, 0])[0].epoch == 3
    assert play(EarlyStopping(patience=9, restore_best_weights=True), [3, 1, 2])[0].epoch == 2   # not when it ends


def test_early_stopping_may_be_used_again():
    callback = EarlyStopping()
    assert len(play(callback, [1, 2])[1]) == len(play(callback, [3, 4])[1]) == 2


def test_early_stopping_counts_otherwise_under_keras_1(keras1):
    assert len(play(EarlyStopping(patience=2), [1, 2, 2, 2, 0])[1]) == 4


@pytest.mark.parametrize("callback", [EarlyStopping(), ReduceLROnPlateau(), ModelCheckpoint("x", save_best_only=True)])
def test_a_figure_that_is_not_there(callback):
    name = type(callback).__name__
    with pytest.warns(RuntimeWarning, match=f"{name}: 'val_loss' is not among the logs; there are: loss"):
        play(callback, [1], "loss")


def test_unknown_mode():
    with pytest.raises(UnknownNameError, match="mode of EarlyStopping 'maximum'. Did you mean 'max'"):
        EarlyStopping(mode="maximum")


# -- ModelCheckpoint -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, saved", [
    ({}, ["1", "2", "3", "4", "5"]), ({"save_best_only": True}, ["1", "3"]), ({"period": 2}, ["2", "4"]),
    ({"save_best_only": True, "mode": "max"}, ["1", "2", "5"]), ({"save_best_only": True, "period": 2}, ["2", "4"]),
])
def test_checkpoints(options, saved):
    assert play(ModelCheckpoint("{epoch}", **options), [3, 4, 1, 2, 5])[0].saved == saved


def test_checkpoint_names_and_news(capsys, monkeypatch):
    callback = ModelCheckpoint("w.{epoch:02d}-{val_loss:.2f}", save_best_only=True, verbose=1)
    stub, _ = play(callback, [0.5, 0.7, 0.25])
    assert stub.saved == ["w.01-0.50", "w.03-0.25"]
    assert capsys.readouterr().out.splitlines()[1:] == [
        "Epoch 2: val_loss did not improve from 0.50000",
        "Epoch 3: val_loss improved from 0.50000 to 0.25000, saving the model to w.03-0.25"]
    for version, first in (("1.2.2", "w.00-0.50"), ("2.1.2", "w.00-0.50"), ("2.1.3", "w.01-0.50")):
        monkeypatch.setattr(config._settings, "keras_version", version)
        assert play(ModelCheckpoint("w.{epoch:02d}-{val_loss:.2f}"), [0.5])[0].saved == [first]
    play(callback, [0.3], stub=stub)     # a second training remembers the best
    assert len(stub.saved) == 2
    with pytest.raises(UnknownNameError, match="'val_los'. Did you mean 'val_loss'"):
        play(ModelCheckpoint("{val_los}"), [1])


def test_checkpoints_are_whole(model, data, tmp_path, monkeypatch):
    best = tmp_path / "best.h5"
    history = model.fit(*data, epochs=3, verbose=0, validation_data=data, callbacks=[
        ModelCheckpoint(best, save_best_only=True), ModelCheckpoint(tmp_path / "w.h5", save_weights_only=True)]).history
    assert load_model(best).evaluate(*data, verbose=0)[0] == pytest.approx(min(history["val_loss"]))
    content = best.read_bytes()
    replace = os.replace

    def interrupted(source, target):
        if str(target) == str(best):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, verbose=0, callbacks=[ModelCheckpoint(best)])
    assert best.read_bytes() == content
    assert sorted(file.name for file in tmp_path.iterdir()) == ["best.h5", "w.h5"]


# -- learning rates ------------------------------------------------------------------------------------------------

def rates(callback, figures, name="val_loss"):
    return [logs["lr"] for logs in play(callback, figures, name)[1]]


@pytest.mark.parametrize("figures, options, expected", [
    ([5, 5, 5, 5], {"patience": 2}, [1, 1, 1, 0.1]),
    ([5, 5, 5, 5, 5, 5], {"patience": 1, "cooldown": 2}, [1, 1, 0.1, 0.1, 0.01, 0.01]),
    ([5, 5, 5, 5], {"patience": 1, "min_lr": 0.05}, [1, 1, 0.1, 0.05]),
    ([5, 4.9, 4.8, 4.7], {"patience": 1, "min_delta": 0.5}, [1, 1, 0.1, 0.01]),
    ([5, 4.9, 4.8, 4.7], {"patience": 1, "epsilon": 0.5, "factor": 0.5}, [1, 1, 0.5, 0.25]),
    ([1, 2, 3, 4], {"patience": 1}, [1, 1, 0.1, 0.01]),
    ([1, 2, 3, 4], {"patience": 1, "mode": "max"}, [1, 1, 1, 1]),
])
def test_reduce_on_plateau(figures, options, expected):
    assert rates(ReduceLROnPlateau(**options), figures) == pytest.approx(expected)


def test_reduce_on_plateau_under_keras_1(keras1):
    assert rates(ReduceLROnPlateau(patience=2), [5] * 8) == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_reduce_on_plateau_needs_a_factor_below_one():
    with pytest.raises(ArgumentError, match="factor must be below 1, got 1.5"):
        ReduceLROnPlateau(factor=1.5)


class Halving:
    def __call__(self, epoch, rate):
        return rate / 2


@pytest.mark.parametrize("schedule, expected", [
    (lambda epoch: 1.0 / (epoch + 1), [1, 1 / 2, 1 / 3]),
    (lambda epoch, rate: rate / 2, [1 / 2, 1 / 4, 1 / 8]),
    (lambda epoch, rate=7.0: rate / 2, [1 / 2, 1 / 4, 1 / 8]),
    (lambda *arguments: float(len(arguments)), [2, 2, 2]),
    (Halving(), [1 / 2, 1 / 4, 1 / 8]),
    (math.pow, [0, 1, 2]),
    (lambda epoch: np.float32(epoch), [0, 1, 2]),
    (lambda epoch: np.array(epoch, "float32"), [0, 1, 2]),
    (lambda epoch: K.get_value(K.variable(epoch)), [0, 1, 2]),
    (lambda epoch: K.variable([epoch]), [0, 1, 2]),
])
def test_schedules(schedule, expected):
    assert rates(LearningRateScheduler(schedule), [0, 0, 0]) == pytest.approx(expected)


@pytest.mark.parametrize("verbose", [3, 7, np.int64(3)])
def test_verbose_beyond_2_prints_the_epochs(model, data, capsys, verbose):
    model.fit(*data, epochs=2, verbose=verbose)
    assert capsys.readouterr().out == "Epoch 1/2\nEpoch 2/2\n"
    model.evaluate(*data, verbose=verbose)
    model.predict(data[0], verbose=verbose)
    assert capsys.readouterr() == ("", "")


def test_schedules_of_keras_1_get_the_epoch_alone(keras1):
    assert rates(LearningRateScheduler(lambda epoch, rate=7.0: rate), [0]) == [7]


def test_an_error_within_a_schedule_is_its_own():
    def schedule(epoch, rate):
        return rate + None

    with pytest.raises(TypeError, match="NoneType"):
        rates(LearningRateScheduler(schedule), [0])
    with pytest.raises(ArgumentError, match="must give a float, not 1"):
        rates(LearningRateScheduler(lambda epoch: 1), [0])


def test_schedules_reach_the_optimizer(model, data, capsys):
    before = model.get_weights()
    history = model.fit(*data, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.0, verbose=1)]).history
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert history["lr"] == [0]
    assert capsys.readouterr().out == "Epoch 1: learning rate 0\n"


# -- the others ----------------------------------------------------------------------------------------------------

def test_csv(tmp_path, model, data):
    file = tmp_path / "log.csv"
    logger = CSVLogger(file, separator=";", append=True)
    history = model.fit(*data, epochs=2, verbose=0, callbacks=[logger]).history
    model.fit(*data, initial_epoch=2, epochs=3, verbose=0, callbacks=[logger])
    rows = list(csv.reader(file.open(newline=""), delimiter=";"))
    assert rows[0] == ["epoch", "loss", "mean_absolute_error"]
    assert [row[0] for row in rows[1:]] == ["0", "1", "2"]
    assert [float(row[1]) for row in rows[1:3]] == history["loss"]
    model.fit(*data, verbose=0, callbacks=[CSVLogger(file)])     # begins anew
    assert len(file.read_text().splitlines()) == 2


def test_csv_keeps_what_was_written_before_an_interruption(tmp_path, model, data):
    def interrupt(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    file = tmp_path / "log.csv"
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, epochs=5, verbose=0, callbacks=[CSVLogger(file), LambdaCallback(on_epoch_begin=interrupt)])
    assert len(file.read_text().splitlines()) == 3


def test_csv_where_no_file_can_be(tmp_path, model, data):
    os.mkfifo(tmp_path / "pipe")        # would wait for a reader
    for name in ("pipe", ".", "absent/log.csv", "/dev/full"):
        with pytest.raises(FileError):
            model.fit(*data, verbose=0, callbacks=[CSVLogger(tmp_path / name)])


def test_csv_on_a_full_disk(tmp_path, model, data):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    logger = CSVLogger(tmp_path / "log.csv")

    def fill(logs):
        logger.file = Full()

    with pytest.raises(FileError, match=r"epoch 0 cannot be written to '.*log\.csv' \(No space left on device\)"):
        model.fit(*data, verbose=0, callbacks=[logger, LambdaCallback(on_train_begin=fill)])
    assert logger.file is None


def test_terminate_on_nan(model, data, capsys):
    x = data[0].copy()
    x[4] = np.nan
    history = model.fit(x, data[1], batch_size=2, epochs=3, shuffle=False, verbose=0, callbacks=[TerminateOnNaN()])
    assert history.epoch == [0]
    assert capsys.readouterr().out == "Batch 2: the loss is nan, training stops.\n"


def test_lambda_callback(model, data):
    events = []

    def told(name):
        return lambda *arguments: events.append((name, *arguments[:-1]))

    callback = LambdaCallback(**{event: told(event) for event in EVENTS}, note="mine")
    model.fit(*data, verbose=0, callbacks=[callback])
    assert events == [("on_train_begin",), ("on_epoch_begin", 0), ("on_batch_begin", 0), ("on_batch_end", 0),
                      ("on_epoch_end", 0), ("on_train_end",)]
    assert callback.note == "mine"


# -- progress ------------------------------------------------------------------------------------------------------

def shown(capsys):
    """The lines that a terminal shows in the end: of each line what follows the last carriage return."""
    return [line.rpartition("\r")[2].strip() for line in capsys.readouterr().out.split("\n")[:-1]]


def test_progress_bar(model, data, capsys):
    history = model.fit(*data, batch_size=2, epochs=2, validation_data=data).history
    for epoch, line in enumerate(shown(capsys)):
        assert line.startswith(f"Epoch {epoch + 1}/2: 100%|")
        assert "| 10/10 [" in line
        for name in history:
            assert f"{name} {history[name][epoch]:.4g}" in line


def test_progress_bar_counts_the_batches_of_a_generator(model, data, capsys):
    model.fit_generator(iter([data] * 3), 3)
    assert "| 3/3 [" in capsys.readouterr().out


def test_lines_stay_clear_of_the_bar(model, data, capsys):
    model.fit(*data, epochs=2, callbacks=[LearningRateScheduler(lambda epoch: 0.5, verbose=1)])
    lines = shown(capsys)
    assert [lines[0], lines[2]] == ["Epoch 1: learning rate 0.5", "Epoch 2: learning rate 0.5"]
    assert lines[1].startswith("Epoch 1/2: 100%") and lines[3].startswith("Epoch 2/2: 100%")


def test_interruption_closes_the_bar(model, data, capsys):
    from tqdm import tqdm

    def interrupt(batch, logs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, callbacks=[LambdaCallback(on_batch_end=interrupt)])
    assert not tqdm._instances
    assert capsys.readouterr().out.endswith("\n")


def test_a_line_an_epoch(model, data, capsys):
    history = model.fit(*data, epochs=2, verbose=2).history
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch {epoch + 1}/2  loss {history['loss'][epoch]:.4g}  "
        f"mean_absolute_error {history['mean_absolute_error'][epoch]:.4g}" for epoch in range(2)]


def test_progress_costs_little(capsys):
    """Less than 20 microseconds a batch, the best of some tries."""
    progress = callbacks.ProgbarLogger()
    progress.set_params({"samples": 32_000, "epochs": 1, "metrics": ["loss", "acc"]})
    progress.on_epoch_begin(0)
    best = math.inf
    for _ in range(10):
        start = time.perf_counter()
        for batch in range(100):
            progress.on_batch_end(batch, {"batch": batch, "size": 32, "loss": 0.5, "acc": 0.75})
        best = min(best, (time.perf_counter() - start) / 100)
    progress.on_train_end()
    assert best < 20e-6
