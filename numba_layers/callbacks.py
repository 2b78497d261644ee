"""What happens around training: logs, progress, early stopping, checkpoints, learning-rate schedules."""

from __future__ import annotations

import csv
import inspect
import math
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import config
from ._legacy import Constructed, keras1
from .absent import attribute_of
from .arguments import flag, function, path, real, text, word
from .autograd.tensor import Variable
from .errors import ArgumentError, FileError, shown, unknown
from .utils.files import writable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from .typing import FilePath, Logs, PlateauNames

__path__: list[str] = []        # as of a package, so that an import of what is absent is asked for, and answered
__getattr__ = attribute_of(__name__)


class Callback(Constructed):
    """Base of callbacks: override what you need; `self.model` and `self.params` are set before training.

    params: batch_size, epochs, samples, steps, verbose, do_validation, metrics; nb_epoch and nb_sample as in Keras 1.
    """

    def __init__(self) -> None:
        self.validation_data: Any = None
        self.model: Any = None
        self.params: Mapping[str, Any] = {}

    def set_params(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        pass

    def on_train_end(self, logs: Logs | None = None) -> None:
        pass

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        pass

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        pass

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        pass

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        pass


class CallbackList(Constructed):
    """Several callbacks as one: each event goes to all of them in order, with one dictionary of logs."""

    def __init__(self, callbacks: Sequence[Callback] | None = None) -> None:
        if not isinstance(callbacks, list | tuple | None):
            raise ArgumentError(f"CallbackList takes a list of callbacks, got {shown(callbacks)}.")
        self.callbacks = list(callbacks or [])

    def append(self, callback: Callback) -> None:
        self.callbacks.append(callback)

    def set_params(self, params: Mapping[str, Any]) -> None:
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        for callback in self.callbacks:
            callback.set_model(model)

    def _tell(self, event, *arguments):
        for callback in self.callbacks:
            getattr(callback, event)(*arguments)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._tell("on_train_begin", {} if logs is None else logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._tell("on_train_end", {} if logs is None else logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._tell("on_epoch_begin", epoch, {} if logs is None else logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._tell("on_epoch_end", epoch, {} if logs is None else logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._tell("on_batch_begin", batch, {} if logs is None else logs)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._tell("on_batch_end", batch, {} if logs is None else logs)

    def listens(self) -> bool:
        """Whether a callback wants each batch by itself, not several at a time."""
        return any(_listens(callback) for callback in self.callbacks)

    def are_of_users(self) -> bool:
        """Whether code of the user's is among them, which may do anything between epochs."""
        return any(type(callback).__module__ != __name__ or isinstance(callback, LambdaCallback | LearningRateScheduler)
                   for callback in self.callbacks)

    def on_batches_end(self, size: int, figures: Mapping[str, NDArray[Any]]) -> None:
        """Several batches of `size` samples have ended; `figures`: an array for each name, a number for each batch."""
        for callback in self.callbacks:
            if isinstance(callback, BaseLogger | ProgbarLogger):
                callback.on_batches_end(size, figures)


def _listens(callback):
    """Whether a callback has hooks of its own for batches; those of this module's loggers take many at a time."""
    if type(callback) in (BaseLogger, ProgbarLogger):
        return False
    hooks = [(name, getattr(callback, name, None)) for name in ("on_batch_begin", "on_batch_end")]
    return any(hook is not None and getattr(hook, "__func__", hook) is not getattr(Callback, name)
               for name, hook in hooks)


def callback_list(model, callbacks, verbose, params, validation_data=None):
    """The user's callbacks, with averages and progress before them and history after, bound to `model`.

    validation_data: list of arrays that the callbacks see: inputs, targets and sample weights.
    Raises: ArgumentError for a `verbose` that is none, and for what is no callback.
    """
    if not isinstance(verbose, int | np.integer | np.bool_) or verbose < 0:
        raise ArgumentError("verbose must be 0 (silent), 1 (progress bar), 2 (a line an epoch) or 3 (the epoch's "
                            f"number), got {verbose!r}.")
    progress = [[], [ProgbarLogger()], [EpochLine()], [EpochNumber()]][min(int(verbose), 3)]
    callbacks = callbacks if isinstance(callbacks, list | tuple) else [callbacks] if callbacks else []
    for callback in callbacks:
        if isinstance(callback, type) or not hasattr(callback, "set_model"):
            raise ArgumentError(f"callbacks must be objects such as EarlyStopping(), got {callback!r:.80}.")
    model.history = History()
    model.stop_training = False
    model.validation_data = validation_data     # where callbacks of Keras 1 look for it
    everyone = CallbackList([BaseLogger(), *progress, *callbacks, model.history])  # type: ignore[misc]
    everyone.set_model(model)
    everyone.set_params(params | {"nb_epoch": params["epochs"], "nb_sample": params["samples"]})    # Keras 1's names
    for callback in everyone.callbacks:
        callback.validation_data = validation_data
    return everyone


def _say(text):
    """Print a line, above the progress bar where one is open."""
    tqdm = sys.modules.get("tqdm")
    if tqdm is None:
        print(text)
    else:
        tqdm.tqdm.write(text)


class BaseLogger(Callback):
    """Puts the epoch's averages into the epoch's logs, each batch counting by its size."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.seen = 0
        self.totals: dict[str, float] = {}

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        size = logs.get("size", 0)
        self.seen += size
        for name, value in logs.items():
            if name not in ("batch", "size"):
                self.totals[name] = self.totals.get(name, 0.0) + value * size

    def on_batches_end(self, size: int, figures: Mapping[str, NDArray[Any]]) -> None:
        """What `on_batch_end` does for each of several batches, with the same sums in the same order."""
        for name, values in figures.items():
            start = self.totals.get(name, 0.0)
            self.totals[name] = float(np.add.accumulate([start, *(values * size)])[-1])
        self.seen += size * len(next(iter(figures.values()), ()))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        for name, total in self.totals.items():
            logs[name] = total / max(self.seen, 1)


class History(Callback):
    """Keeps each epoch's logs: `history['loss']` is a list with one figure an epoch, `epoch` their numbers."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


def _figures(logs, names):
    return "  ".join(f"{name} {logs[name]:.4g}" for name in names if name in logs)


class ProgbarLogger(Callback):
    """A progress bar for each epoch, by tqdm, in terminals and notebooks, with loss and metrics beside it."""

    def __init__(self, count_mode: str = "samples") -> None:
        super().__init__()
        self.count_mode = word(count_mode, "count_mode of ProgbarLogger", ("samples", "steps"))
        self.bar: Any = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # tqdm warns in notebooks without widgets, and then works
            from tqdm.auto import tqdm
        steps = self.params.get("steps")
        self.by_steps = steps is not None or self.count_mode == "steps"
        self.averages = BaseLogger()
        self.averages.on_epoch_begin(epoch)
        self.bar = tqdm(total=steps if self.by_steps else self.params.get("samples"),
                        desc=f"Epoch {epoch + 1}/{self.params.get('epochs')}",
                        unit="step" if self.by_steps else "sample", file=sys.stdout, dynamic_ncols=True)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.averages.on_batch_end(batch, logs)
        self._advance(1 if self.by_steps else logs.get("size", 0))

    def on_batches_end(self, size: int, figures: Mapping[str, NDArray[Any]]) -> None:
        """What `on_batch_end` does for each of several batches."""
        self.averages.on_batches_end(size, figures)
        batches = len(next(iter(figures.values()), ()))
        self._advance(batches if self.by_steps else batches * size)

    def _advance(self, count):
        if self.bar.update(count):      # drawn: ten times a second at most
            averages: dict[str, float] = {}
            self.averages.on_epoch_end(0, averages)
            self.bar.set_postfix_str(_figures(averages, self.params["metrics"]))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.bar.set_postfix_str(_figures(logs, self.params["metrics"]), refresh=False)
        self._close()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def _close(self):
        if self.bar is not None:
            self.bar.close()
            self.bar = None


class EpochLine(Callback):
    """Prints one line an epoch: verbose=2."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        print(f"Epoch {epoch + 1}/{self.params.get('epochs')}  {_figures(logs, self.params['metrics'])}")


class EpochNumber(Callback):
    """Prints the number of each epoch as it begins: verbose=3 and beyond, as in Keras."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        print(f"Epoch {epoch + 1}/{self.params.get('epochs')}")


class TerminateOnNaN(Callback):
    """Stops the training when the loss is NaN or infinite."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = logs.get("loss")
        if loss is not None and not np.isfinite(loss):
            _say(f"Batch {batch}: the loss is {loss}, training stops.")
            self.model.stop_training = True


class _Watching(Callback):
    """Base of callbacks that watch one figure for getting better.

    monitor: name in the logs. mode: 'min' or 'max'; 'auto' means max for accuracies, min else. min_delta: smaller
    changes are no improvement.
    """

    def _watch(self, monitor, mode, min_delta=0.0):
        mode = word(mode, f"mode of {type(self).__name__}", ("auto", "min", "max"))
        self.monitor = text(monitor, f"{type(self).__name__}: monitor")
        self.upwards = mode == "max" or (mode == "auto" and self._is_upwards(monitor))
        self.min_delta = self._number("min_delta", min_delta)
        self._forget()

    def _number(self, name, value, below=None):
        real(value, f"{type(self).__name__}: {name}", most=None if below else math.inf, below=below)
        return value

    def _is_upwards(self, monitor):
        return "acc" in monitor

    def _forget(self):
        self.best = -np.inf if self.upwards else np.inf

    def _better(self, figure):
        return figure - self.min_delta > self.best if self.upwards else figure + self.min_delta < self.best

    def _figure(self, logs):
        """The figure watched, or None with a warning that lists what there is."""
        if self.monitor not in logs:
            warnings.warn(f"{type(self).__name__}: {self.monitor!r} is not among the logs; there are: "
                          f"{', '.join(sorted(logs))}.", RuntimeWarning, stacklevel=4)
            return None
        return logs[self.monitor]


class EarlyStopping(_Watching):
    """Stops the training when a figure has not improved for `patience` epochs.

    monitor, mode, min_delta: the figure and what improvement is. verbose: 1 says when. baseline: a figure that must
    be passed to count as an improvement. restore_best_weights: go back to the best epoch's weights at the end.
    """

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0,
                 mode: str = "auto", baseline: float | None = None, restore_best_weights: bool = False) -> None:
        super().__init__()
        self._watch(monitor, mode, min_delta)
        self.patience = self._number("patience", patience)
        self.verbose = flag(verbose, "EarlyStopping: verbose")
        self.baseline = baseline if baseline is None else self._number("baseline", baseline)
        self.restore_best_weights = flag(restore_best_weights, "EarlyStopping: restore_best_weights")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._forget()
        if self.baseline is not None:
            self.best = self.baseline
        self.wait = 0
        self.stopped_epoch = 0
        self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        figure = self._figure(logs)
        if figure is None:
            return
        if self._better(figure):
            self.best = figure
            self.wait = 0
            self.best_weights = self.model.get_weights() if self.restore_best_weights else None
            return
        self.wait += 1
        if self.wait >= self.patience + config.keras1():    # Keras 1 counts an epoch less
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self.best_weights is not None:
                if self.verbose:
                    _say("Restoring the weights of the best epoch")
                self.model.set_weights(self.best_weights)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            _say(f"Epoch {self.stopped_epoch + 1}: early stopping")


class ModelCheckpoint(_Watching):
    """Saves the model after epochs.

    filepath: may hold {epoch} and names of logs: 'weights.{epoch:02d}-{val_loss:.2f}.hdf5'; epochs count from 1, under
    the rules of Keras 1, and of Keras 2 before 2.1.3, from 0. save_best_only: only when the figure improved.
    save_weights_only: no architecture. period: epochs between saves. A save that is interrupted leaves the file before
    it intact.
    """

    def __init__(self, filepath: FilePath, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False,
                 save_weights_only: bool = False, mode: str = "auto", period: int = 1) -> None:
        super().__init__()
        self._watch(monitor, mode)
        self.filepath = path(filepath, "ModelCheckpoint: filepath")
        self.verbose = flag(verbose, "ModelCheckpoint: verbose")
        self.save_best_only = flag(save_best_only, "ModelCheckpoint: save_best_only")
        self.save_weights_only = flag(save_weights_only, "ModelCheckpoint: save_weights_only")
        self.period = self._number("period", period)
        self.epochs_since_last_save = 0

    def _is_upwards(self, monitor):
        return super()._is_upwards(monitor) or monitor.startswith("fmeasure")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save < self.period:
            return
        self.epochs_since_last_save = 0
        news = ""
        if self.save_best_only:
            figure = self._figure(logs)
            if figure is None:
                return
            if not self._better(figure):
                if self.verbose:
                    _say(f"Epoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
                return
            news = f"{self.monitor} improved from {self.best:.5f} to {figure:.5f}, "
            self.best = figure
        path = self._path(epoch, logs)
        if self.verbose:
            _say(f"Epoch {epoch + 1}: {news}saving the model to {path}")
        (self.model.save_weights if self.save_weights_only else self.model.save)(path, overwrite=True)

    def _path(self, epoch, logs):
        try:
            return self.filepath.format(epoch=epoch + (not config.keras_before("2.1.3")), **logs)
        except KeyError as error:
            raise unknown(f"name in ModelCheckpoint's filepath {self.filepath!r}:", error.args[0],
                          ["epoch", *logs]) from None


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch: schedule(epoch, rate), or schedule(epoch). verbose: 1 prints it.

    A schedule that can take two arguments gets the rate so far, except under Keras 1's rules.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = function(schedule, "LearningRateScheduler: schedule")
        self.verbose = flag(verbose, "LearningRateScheduler: verbose")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        rate = float(self.model.optimizer.lr)
        rate = self.schedule(epoch, rate) if _takes_two(self.schedule) else self.schedule(epoch)
        if isinstance(rate, np.ndarray | Variable) and rate.size == 1:      # K.get_value gives the one
            rate = rate.item()
        if not isinstance(rate, float | np.floating):
            raise ArgumentError(f"LearningRateScheduler: the schedule must give a float, not {rate!r} (epoch {epoch}).")
        self.model.optimizer.lr = rate
        if self.verbose:
            _say(f"Epoch {epoch + 1}: learning rate {rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs["lr"] = float(self.model.optimizer.lr)


def _takes_two(schedule):
    if config.keras1():
        return False
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:      # some built-in functions show no signature
        pass
    return True


class ReduceLROnPlateau(_Watching):
    """Multiplies the learning rate by `factor` when a figure has not improved for `patience` epochs.

    factor: below 1. cooldown: epochs to wait after a reduction. min_lr: lower bound. min_delta (Keras 1: epsilon):
    smaller changes are no improvement.
    """

    @keras1({"epsilon": "min_delta"})
    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0,
                 mode: str = "auto", min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0,
                 **keras1_names: Unpack[PlateauNames]) -> None:
        super().__init__()
        self._watch(monitor, mode, min_delta)
        self.factor = self._number("factor", factor, below=1)
        self.patience = self._number("patience", patience)
        self.verbose = flag(verbose, "ReduceLROnPlateau: verbose")
        self.cooldown = self._number("cooldown", cooldown)
        self.min_lr = self._number("min_lr", min_lr)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._forget()
        self.wait = 0
        self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        rate = logs["lr"] = float(self.model.optimizer.lr)
        figure = self._figure(logs)
        if figure is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._better(figure):
            self.best = figure
            self.wait = 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience + config.keras1() and rate > self.min_lr:
                self.model.optimizer.lr = max(rate * self.factor, self.min_lr)
                self.cooldown_counter = self.cooldown
                self.wait = int(config.keras1())    # Keras 1 counts an epoch less before the first reduction
                if self.verbose:
                    _say(f"Epoch {epoch + 1}: learning rate reduced to {float(self.model.optimizer.lr):g}")


class CSVLogger(Callback):
    """Writes each epoch's logs as a line of a CSV file.

    separator: between the columns. append: go on with an existing file.
    """

    def __init__(self, filename: FilePath, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = Path(path(filename, "CSVLogger: filename"))
        self.separator = text(separator, "CSVLogger: separator")
        if len(separator) != 1:
            raise ArgumentError(f"CSVLogger: separator must be a single character, got {shown(separator)}.")
        self.append = flag(append, "CSVLogger: append")
        self.columns: Any = None
        self.file: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        path = writable(self.filename)
        going_on = self.append and path.exists() and path.stat().st_size > 0
        self.file = open(path, "a" if self.append else "w", newline="")
        self.writer: Any = None
        self.needs_header = not going_on

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        try:
            self._write(epoch, logs)
        except OSError as error:
            file, self.file = self.file, None
            with suppress(OSError):     # what could not be written is tried again
                file.close()
            raise FileError(f"CSVLogger: epoch {epoch} cannot be written to '{self.filename.absolute()}' "
                            f"({error.strerror or error}).") from error

    def _write(self, epoch, logs):
        if self.writer is None:
            self.columns = self.columns or sorted(logs)
            self.writer = csv.DictWriter(self.file, ["epoch", *self.columns], delimiter=self.separator,
                                         extrasaction="ignore", restval="NA")
            if self.needs_header:
                self.writer.writeheader()
        self.writer.writerow({"epoch": epoch, **logs})
        self.file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None


class LambdaCallback(Callback):
    """A callback made of functions: on_epoch_begin(epoch, logs), on_batch_end(batch, logs), on_train_end(logs) ..."""

    def __init__(self, on_epoch_begin: Callable[..., Any] | None = None, on_epoch_end: Callable[..., Any] | None = None,
                 on_batch_begin: Callable[..., Any] | None = None, on_batch_end: Callable[..., Any] | None = None,
                 on_train_begin: Callable[..., Any] | None = None, on_train_end: Callable[..., Any] | None = None,
                 **attributes: Any) -> None:
        super().__init__()
        vars(self).update(attributes)
        given = {"on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_batch_begin": on_batch_begin,
                 "on_batch_end": on_batch_end, "on_train_begin": on_train_begin, "on_train_end": on_train_end}
        vars(self).update({event: function(given[event], f"LambdaCallback: {event}") for event in given
                           if given[event] is not None})
