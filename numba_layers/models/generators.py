"""Training, evaluation and prediction on data that a generator or a Sequence hands over batch by batch."""

import queue
import threading
from contextlib import contextmanager

import numpy as np

from .._legacy import Samples
from ..arguments import whole
from ..errors import ArgumentError, DataError
from ..utils.sequence import Sequence
from . import data

_END = object()


def fit_loop(model, source, steps, epochs, initial_epoch, class_weight, shuffle, workers, max_queue_size, callbacks,
             validate):
    """Train on the batches of `source`, `steps` of them (or that many `Samples`) an epoch."""
    callbacks.on_train_begin()
    try:
        with _drawn(source, workers, max_queue_size, shuffle) as draw:
            for epoch in range(initial_epoch, epochs):
                callbacks.on_epoch_begin(epoch)
                for number, (x, y, weights) in _counted(draw, steps, "fit_generator", _parts):
                    arrays, weights, samples = model._arrays(x, y, weights, class_weight)
                    logs = {"batch": number, "size": samples}
                    callbacks.on_batch_begin(number, logs)
                    figures = model._train_step(model._batch(arrays, weights))
                    logs.update(zip(model.metrics_names, map(float, figures)))
                    callbacks.on_batch_end(number, logs)
                    if model.stop_training:
                        logs = {}
                        break
                else:
                    logs = validate() if validate else {}
                callbacks.on_epoch_end(epoch, logs)
                if isinstance(source, Sequence):
                    source.on_epoch_end()
                if model.stop_training:
                    break
    finally:
        callbacks.on_train_end()
    return model.history


def test_loop(model, source, steps, workers, max_queue_size, progress):
    """Loss and metrics over `steps` batches, each counting by its size, as a list of floats."""
    totals = np.zeros(len(model.metrics_names))
    seen = 0
    with _drawn(source, workers, max_queue_size) as draw:
        for number, (x, y, weights) in _counted(draw, steps, "evaluate_generator", _parts):
            arrays, weights, samples = model._arrays(x, y, weights, None)
            totals += np.array(model._test_step(arrays, weights)) * samples
            seen += samples
            progress(number + 1)
    return (totals / seen).tolist()


def predict_loop(model, source, steps, workers, max_queue_size, progress):
    """Outputs for `steps` batches, as a list of arrays."""
    collected = []

    def inputs_of(batch):
        return batch[:1] if _has_targets(batch, len(model._fed)) else (batch,)

    with _drawn(source, workers, max_queue_size) as draw:
        for number, (x, *_) in _counted(draw, steps, "predict_generator", inputs_of):
            collected.append(model._predict_step(data.inputs(model, x)))
            progress(number + 1)
    return [np.concatenate(outputs) for outputs in zip(*collected)]


def steps_of(given, source, name):
    """The number of batches: `given`, or the length of a Sequence.

    Raises: ArgumentError where neither is there; DataError for a Sequence without batches.
    """
    if isinstance(source, Sequence):
        _check_length(source)
    if given is not None:
        count = whole(given, name, least=1)
        return Samples(count) if isinstance(given, Samples) else count
    if isinstance(source, Sequence):
        return len(source)
    raise ArgumentError(f"a generator does not say where it ends: give {name}=number of batches.")


def _counted(draw, steps, where, parts):
    """(number, parts of a batch) until `steps` batches, or that many samples, have come."""
    seen = number = 0
    while (seen if isinstance(steps, Samples) else number) < steps:
        batch = draw()
        if batch is _END:
            raise DataError(f"{where}: the generator ended after {number} batches, {int(steps)} "
                            f"{'samples' if isinstance(steps, Samples) else 'batches'} were asked for. Let it loop "
                            "for ever (while True), or ask for fewer.")
        batch = parts(batch)
        yield number, batch
        if isinstance(steps, Samples):
            samples = _samples(batch[0])
            if not samples:
                raise DataError(f"{where}: batch {number} holds no samples, so that the {int(steps)} asked for never "
                                "come.")
            seen += samples
        number += 1


def _samples(x):
    """The number of samples in the inputs of a batch."""
    if isinstance(x, dict):
        x = list(x.values())
    first = x[0] if isinstance(x, list | tuple) and x and hasattr(x[0], "shape") else x
    return first.shape[0] if hasattr(first, "shape") else len(first)


def _parts(batch):
    """(inputs, targets, sample weights or None) of what a generator gave: a tuple, a list or an array of two or three.

    Raises: DataError for anything else.
    """
    sequence = isinstance(batch, tuple | list) or (isinstance(batch, np.ndarray) and batch.dtype == object)
    if not sequence or len(batch) not in (2, 3):
        raise DataError("the generator must give (inputs, targets) or (inputs, targets, sample_weights), "
                        f"it gave {type(batch).__name__}: {batch!r:.80}.")
    return (*batch, None)[:3]


def _has_targets(batch, inputs):
    """Whether a batch to predict of, for a model of so many `inputs`, has targets beside them, which do not count.

    A tuple has. A list may be the inputs; it is no list of them where it begins with a list or dictionary of
    arrays, or holds arrays in another number.
    """
    if isinstance(batch, tuple):
        return len(batch) > 0
    if not isinstance(batch, list) or len(batch) not in (2, 3):
        return False
    first = batch[0]
    if isinstance(first, dict) or (isinstance(first, list | tuple) and any(hasattr(part, "shape") for part in first)):
        return True
    return len(batch) != inputs and any(hasattr(part, "shape") for part in batch)


def _check_length(sequence):
    if not len(sequence):
        raise DataError(f"the {type(sequence).__name__} has no batches: its length is 0. Give it data, or check the "
                        "batch size that its __len__ divides by.")


@contextmanager
def _drawn(source, workers, max_queue_size, shuffle=False):
    """A function that answers the next batch, or _END; with `workers`, a thread draws ahead.

    The thread ends with the block, also when the block ends by an error, or with the batch it is waiting for.
    """
    if not hasattr(source, "__iter__"):
        raise ArgumentError(f"expected a generator or a Sequence, got {type(source).__name__}: {source!r:.80}.")
    batches = _forever(source, shuffle) if isinstance(source, Sequence) else iter(source)
    if not workers:
        yield lambda: next(batches, _END)
        return
    ahead = queue.Queue(max(1, max_queue_size))
    stopped = False     # set by an assignment alone, within which no signal is looked at

    def put(entry):
        while not stopped:
            try:
                return ahead.put(entry, timeout=0.1)
            except queue.Full:
                pass

    def fill():
        try:
            for batch in batches:
                put((batch, None))
                if stopped:
                    return
            put((_END, None))
        except BaseException as error:  # handed to the thread that trains
            put((None, error))

    def draw():
        batch, error = ahead.get()
        if error is not None:
            raise error
        if batch is _END:
            ahead.put((_END, None))     # asking again answers the same
        return batch

    thread = threading.Thread(target=fill, name="batches", daemon=True)
    try:
        thread.start()
        yield draw
    finally:
        stopped = True
        if thread.ident is not None:
            thread.join(timeout=2)      # a generator that waits for something must not hold up an error or Ctrl-C


def _forever(sequence, shuffle):
    """All batches of a Sequence again and again, each time in a new order if `shuffle`."""
    while True:
        _check_length(sequence)     # anew: `on_epoch_end` may have changed it
        order = np.arange(len(sequence))
        if shuffle:
            np.random.shuffle(order)
        for index in order:
            yield sequence[int(index)]
