"""IMDB film reviews, 25,000 to learn from and 25,000 to test: is the review for or against?

Reference: Maas et al. 2011, "Learning Word Vectors for Sentiment Analysis".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._legacy import keras1
from ._files import locate, numbers, read, read_parts, shuffled
from ._sequences import KERAS1_WORDS, encode, ranks_of, short_enough, texts_of

if TYPE_CHECKING:
    from typing import Any

    from ..typing import FilePath

NAMES = ("imdb.npz", "imdb_full.pkl")
SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
WORD_NAMES = ("imdb_word_index.json", "imdb_word_index.pkl")
WORD_MD5 = "bfafd718b763782e994055a2d397834f"


@keras1(KERAS1_WORDS)
def load_data(path: FilePath = "imdb.npz", num_words: int | None = None, skip_top: int = 0, maxlen: int | None = None,
              seed: int = 113, start_char: int | None = 1, oov_char: int | None = 2,
              index_from: int = 3) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """((x_train, y_train), (x_test, y_test)): x arrays of lists of word indices, y ints, 1 for and 0 against.

    path: file in ~/.keras/datasets; Keras 2's imdb.npz or Keras 1's imdb_full.pkl, whichever is there.
    num_words: keep the indices below this, the most frequent words; `nb_words` in Keras 1. None: all but the
        rarest word.
    skip_top: leave out the indices below this, the most frequent words.
    maxlen: leave out reviews of this many indices or more.
    seed: of the shuffle, which is that of Keras 2.
    start_char, oov_char: index of the mark in front of each review, and of words left out.
    index_from: added to every word's rank, so that the most frequent word has index `index_from + 1`.

    With `maxlen`, training and test reviews stay apart. (Keras cuts them at the count before `maxlen`, so
    that test reviews end among the training ones.)

    Raises: DataError when the file cannot be had or read, or `maxlen` leaves no review.
    """
    file = locate(path, NAMES, SHA256)
    x_train, y_train, x_test, y_test = read_parts(file, "x_train", "y_train", "x_test", "y_test")
    random = np.random.RandomState(seed)
    y_train, y_test = numbers(file, y_train, y_test)
    train = shuffled(random, texts_of(file, x_train), y_train)
    test = shuffled(random, texts_of(file, x_test), y_test)
    x_train, y_train = short_enough(*train, maxlen, start_char)  # type: ignore[call-arg]
    x_test, y_test = short_enough(*test, maxlen, start_char)  # type: ignore[call-arg]
    x = encode(
        np.concatenate([x_train, x_test]),
        num_words=num_words,
        skip_top=skip_top,
        start_char=start_char,
        oov_char=oov_char,
        index_from=index_from,
    )
    return (x[: len(x_train)], y_train), (x[len(x_train) :], y_test)


def get_word_index(path: FilePath = "imdb_word_index.json") -> dict[str, int]:
    """Dictionary from word to rank, 1 the most frequent; `load_data` adds `index_from` to it."""
    file = locate(path, WORD_NAMES, WORD_MD5)
    return ranks_of(file, read(file))
