"""Batches that a generator or a Sequence hands over one by one."""

import queue
import threading
from contextlib import contextmanager

import numpy as np

from .._legacy import Samples
from ..arguments import whole
from ..errors import ArgumentError, DataError
from ..utils.sequence import Sequence

_END = object()


class Generated:
    """A source of batches (see `loops`): `steps` of those of a generator or Sequence an epoch, or that many `Samples`.

    where: the method, for messages. parts: gives the parts of what was handed over, inputs first, and make of those
    (number of samples, batch). workers: with any, a thread draws ahead, up to `max_queue_size`. shuffle: the order of
    a Sequence.
    """

    unit = "step"
    samples = None

    def __init__(self, source, steps, where, parts, make, workers, max_queue_size, shuffle=False):
        self.total = self._steps = steps
        self._source, self._where, self._parts, self._make = source, where, parts, make
        self._drawn_as = workers, max_queue_size, shuffle

    @contextmanager
    def opened(self):
        with _drawn(self._source, *self._drawn_as) as draw:
            yield lambda first=0: self._epoch(draw)

    def _epoch(self, draw):
        seen = number = 0
        by_samples = isinstance(self._steps, Samples)
        while (seen if by_samples else number) < self._steps:
            batch = draw()
            if batch is _END:
                raise DataError(f"{self._where}: the generator ended after {number} batches, {int(self._steps)} "
                                f"{'samples' if by_samples else 'batches'} were asked for. Let it loop for ever (while "
                                "True), or ask for fewer.")
            parts = self._parts(batch)
            size, batch = self._make(*parts)
            held = _samples(parts[0]) if by_samples else 0
            yield size, batch, (seen + held if by_samples else number + 1) >= self._steps
            if by_samples and not held:
                raise DataError(f"{self._where}: batch {number} holds no samples, so that the {int(self._steps)} asked "
                                "for never come.")
            seen += held
            number += 1

    def look_ahead(self):
        """What comes next is drawn when it is due, but for what a worker draws."""

    def epoch_ended(self):
        """A Sequence may change its order."""
        if isinstance(self._source, Sequence):
            self._source.on_epoch_end()


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


def _samples(x):
    """The number of samples in the inputs of a batch."""
    if isinstance(x, dict):
        x = list(x.values())
    first = x[0] if isinstance(x, list | tuple) and x and hasattr(x[0], "shape") else x
    return first.shape[0] if hasattr(first, "shape") else len(first)


def training_parts(batch):
    """(inputs, targets, sample weights or None) of what a generator gave: a tuple, a list or an array of two or three.

    Raises: DataError for anything else.
    """
    sequence = isinstance(batch, tuple | list) or (isinstance(batch, np.ndarray) and batch.dtype == object)
    if not sequence or len(batch) not in (2, 3):
        raise DataError("the generator must give (inputs, targets) or (inputs, targets, sample_weights), "
                        f"it gave {type(batch).__name__}: {batch!r:.80}.")
    return (*batch, None)[:3]


def inputs_alone(batch, inputs):
    """(what a model of so many `inputs` predicts of,), without the targets that a batch may have beside it."""
    return batch[:1] if _has_targets(batch, inputs) else (batch,)


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
