"""Data that come batch by batch, by number."""

from abc import abstractmethod


class Sequence:
    """Base of batch sources that can be indexed: `sequence[i]` is batch i, `len(sequence)` their number.

    Each batch is (inputs, targets) or (inputs, targets, sample weights). `on_epoch_end` may reshuffle.
    """

    use_sequence_api = True

    @abstractmethod
    def __getitem__(self, index):
        raise NotImplementedError

    @abstractmethod
    def __len__(self):
        raise NotImplementedError

    def on_epoch_end(self):
        """Called after each epoch."""

    def __iter__(self):
        return (self[index] for index in range(len(self)))
