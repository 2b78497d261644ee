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
                for number, batch in _counted(draw, steps, "fit_generator"):
                    x, y, weights = _parts(batch)
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
        for number, batch in _counted(draw, steps, "evaluate_generator"):
            x, y, weights = _parts(batch)
            arrays, weights, samples = model._arrays(x, y, weights, None)
            totals += np.array(model._test_step(arrays, weights)) * samples
            seen += samples
            progress(number + 1)
    return (totals / seen).tolist()


def predict_loop(model, source, steps, workers, max_queue_size, progress):
    """Outputs for `steps` batches, as a list of arrays."""
    collected = []
    with _drawn(source, workers, max_queue_size) as draw:
        for number, batch in _counted(draw, steps, "predict_generator"):
            inputs = data.inputs(model, batch[0] if isinstance(batch, tuple) else batch)
            collected.append(model._predict_step(inputs))
            progress(number + 1)
    return [np.concatenate(outputs) for outputs in zip(*collected)]


def steps_of(given, source, name):
    """The number of batches: `given`, or the length of a Sequence.

    Raises: ArgumentError where neither is there.
    """
    if given is not None:
        count = whole(given, name, least=1)
        return Samples(count) if isinstance(given, Samples) else count
    if isinstance(source, Sequence):
        return len(source)
    raise ArgumentError(f"a generator does not say where it ends: give {name}=number of batches.")


def _counted(draw, steps, where):
    """(number, batch) until `steps` batches, or that many samples, have come."""
    seen = number = 0
    while (seen if isinstance(steps, Samples) else number) < steps:
        batch = draw()
        if batch is _END:
            raise DataError(f"{where}: the generator ended after {number} batches, {int(steps)} "
                            f"{'samples' if isinstance(steps, Samples) else 'batches'} were asked for. Let it loop "
                            "for ever (while True), or ask for fewer.")
        yield number, batch
        first = batch[0] if isinstance(batch, tuple) else batch
        seen += len(next(iter(first.values())) if isinstance(first, dict) else
                    first[0] if isinstance(first, list) else first)
        number += 1


def _parts(batch):
    """(inputs, targets, sample weights or None) of what a generator gave."""
    if not isinstance(batch, tuple) or len(batch) not in (2, 3):
        raise DataError("the generator must give tuples (inputs, targets) or (inputs, targets, sample_weights), "
                        f"it gave {type(batch).__name__}: {batch!r:.80}.")
    return (*batch, None)[:3]


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
    stop = threading.Event()

    def put(entry):
        while not stop.is_set():
            try:
                return ahead.put(entry, timeout=0.1)
            except queue.Full:
                pass

    def fill():
        try:
            for batch in batches:
                put((batch, None))
                if stop.is_set():
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
    thread.start()
    try:
        yield draw
    finally:
        stop.set()
        thread.join(timeout=2)      # a generator that waits for something must not hold up an error or Ctrl-C


def _forever(sequence, shuffle):
    """All batches of a Sequence again and again, each time in a new order if `shuffle`."""
    while True:
        order = np.arange(len(sequence))
        if shuffle:
            np.random.shuffle(order)
        for index in order:
            yield sequence[int(index)]
