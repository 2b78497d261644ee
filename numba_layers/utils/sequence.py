"""Data that come batch by batch, by number."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Sequence:
    """Base of batch sources that can be indexed: `sequence[i]` is batch i, `len(sequence)` their number.

    Each batch is (inputs, targets) or (inputs, targets, sample weights). `on_epoch_end` may reshuffle.
    """

    use_sequence_api = True

    @abstractmethod
    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError

    @abstractmethod
    def __len__(self) -> int:
        raise NotImplementedError

    def on_epoch_end(self) -> None:
        """Called after each epoch."""

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))
