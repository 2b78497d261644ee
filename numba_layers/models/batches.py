"""Arrays cut into batches."""

from contextlib import nullcontext

import numpy as np

from . import rehearsal


class Arrays:
    """A source of batches (see `loops`): `samples` rows of arrays, `batch_size` at a time, the last ones perhaps fewer.

    make: gives the batch of some rows: an array of their numbers, or a slice where `shuffle` is None.
    shuffle: True, False or 'batch', by which whole batches change places. whole: the arrays themselves, where batches
    are no more than rows of them.
    """

    unit = "sample"
    _ahead = None       # the next batch, where it was made already

    def __init__(self, samples, batch_size, make, shuffle=None, whole=None):
        self.samples = self.total = samples
        self.batch_size, self._make, self._shuffle, self.whole = batch_size, make, shuffle, whole
        self._order = None      # of the epoch to come, where it is known

    def opened(self):
        return nullcontext(self._epoch)

    def start(self):
        """The order of the samples in the epoch that begins."""
        self._order = _order(self.samples, self.batch_size, self._shuffle)
        return self._order

    def _epoch(self, first=0):
        order = self.start() if self._order is None else self._order
        self._order = None
        starts = range(first * self.batch_size, self.samples, self.batch_size)
        cuts = [slice(start, min(start + self.batch_size, self.samples)) for start in starts]
        cuts = rehearsal.some(cuts)
        self._waiting = iter(cuts if order is None else [order[cut] for cut in cuts])
        for cut in cuts:
            self.look_ahead()
            batch, self._ahead = self._ahead, None
            yield cut.stop - cut.start, batch, cut is cuts[-1]

    def look_ahead(self):
        """Make the next batch, unless it is there: it is copied to a GPU while that computes the one before."""
        if self._ahead is None:
            rows = next(self._waiting, None)
            self._ahead = None if rows is None else self._make(rows)

    def epoch_ended(self):
        """Arrays stay as they are."""


def _order(samples, batch_size, shuffle):
    """The order of the samples in one epoch; NumPy's global generator shuffles, as in Keras."""
    if shuffle is None:
        return None
    order = np.arange(samples)
    if shuffle == "batch":      # for data that are slow to index, such as HDF5
        full = samples // batch_size * batch_size
        blocks = order[:full].reshape(-1, batch_size)
        np.random.shuffle(blocks)
        return np.concatenate([blocks.ravel(), order[full:]])
    if shuffle:
        np.random.shuffle(order)
    return order
