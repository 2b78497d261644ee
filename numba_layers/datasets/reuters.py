"""Reuters newswires, 11,228 in 46 topics.

Reference: Lewis, "Reuters-21578 text categorization collection".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._legacy import keras1
from ._files import checked_fraction, locate, numbers, read, read_parts, shuffled
from ._sequences import KERAS1_WORDS, encode, ranks_of, short_enough, texts_of

if TYPE_CHECKING:
    from typing import Any

    from ..typing import FilePath

NAMES = ("reuters.npz", "reuters.pkl")
SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
WORD_NAMES = ("reuters_word_index.json", "reuters_word_index.pkl")
WORD_MD5 = "4d44cc38712099c9e383dc6e5f11a921"


@keras1(KERAS1_WORDS)
def load_data(path: FilePath = "reuters.npz", num_words: int | None = None, skip_top: int = 0,
              maxlen: int | None = None, test_split: float = 0.2, seed: int = 113, start_char: int | None = 1,
              oov_char: int | None = 2, index_from: int = 3) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """((x_train, y_train), (x_test, y_test)): x arrays of lists of word indices, y ints of topics in [0, 46).

    path: file in ~/.keras/datasets; Keras 2's reuters.npz or Keras 1's reuters.pkl, whichever is there.
    num_words: keep the indices below this, the most frequent words; `nb_words` in Keras 1. None: all but the
        rarest word.
    skip_top: leave out the indices below this, the most frequent words.
    maxlen: leave out newswires of this many indices or more.
    test_split: part of the newswires held back, in [0, 1). seed: of the shuffle before, that of Keras 2.
    start_char, oov_char: index of the mark in front of each newswire, and of words left out.
    index_from: added to every word's rank, so that the most frequent word has index `index_from + 1`.

    Raises: DataError when the file cannot be had or read, or `maxlen` leaves no newswire.
    """
    checked_fraction("test_split", test_split)
    file = locate(path, NAMES, SHA256)
    x, y = read_parts(file, "x", "y")
    x, y = shuffled(np.random.RandomState(seed), texts_of(file, x), *numbers(file, y))
    x, y = short_enough(x, y, maxlen, start_char)
    x = encode(
        x,
        num_words=num_words,
        skip_top=skip_top,
        start_char=start_char,
        oov_char=oov_char,
        index_from=index_from,
    )
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def get_word_index(path: FilePath = "reuters_word_index.json") -> dict[str, int]:
    """Dictionary from word to rank, 1 the most frequent; `load_data` adds `index_from` to it."""
    file = locate(path, WORD_NAMES, WORD_MD5)
    return ranks_of(file, read(file))
