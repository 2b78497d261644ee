"""What imdb and reuters share: texts as lists of word ranks, to lists of word indices."""

import numpy as np

from ..errors import DataError
from ._files import cure

KERAS1_WORDS = {"nb_words": "num_words"}
_WHOLE = {int, np.int16, np.int32, np.int64, np.uint16, np.uint32, np.uint64}


def as_objects(lists):
    """A 1-D array whose entries are the lists themselves, equally long or not."""
    array = np.empty(len(lists), dtype=object)
    for i, entry in enumerate(lists):
        array[i] = entry
    return array


def texts_of(path, lists):
    """The lists of word ranks in a file as a 1-D array of them. Raises: DataError where one is something else."""
    for text in lists:
        if not isinstance(text, list | tuple | np.ndarray) or not _WHOLE.issuperset(map(type, text)):
            raise DataError(f"{path} holds {text!r:.80} where a list of word ranks is expected. {cure(path)}")
    return as_objects(lists)


def ranks_of(path, content):
    """The dictionary from words to ranks in a file. Raises: DataError where it is something else."""
    if not isinstance(content, dict) or not _WHOLE.issuperset(map(type, content.values())):
        raise DataError(f"{path} holds no dictionary from words to ranks. {cure(path)}")
    return content


def short_enough(texts, labels, maxlen, start_char):
    """The texts (and labels) that are shorter than `maxlen`, counting the start mark. None or 0: all."""
    if not maxlen:
        return texts, labels
    mark = start_char is not None
    keep = np.array([len(text) + mark < maxlen for text in texts], dtype=bool)
    return texts[keep], labels[keep]


def encode(texts, *, num_words, skip_top, start_char, oov_char, index_from):
    """Word indices of each text: rank + `index_from`, behind a start mark; `oov_char` for words left out.

    The vocabulary is the indices in [skip_top, num_words); without `num_words`, all below the largest one.
    `oov_char=None` drops the words outside instead of replacing them, `start_char=None` puts no mark.
    Raises: DataError when there are no texts.

    Reference: Keras 2.2.5, `keras.datasets.imdb`; this includes the largest index, which Keras replaces.
    """
    if not len(texts):
        raise DataError("no text is shorter than maxlen. Raise maxlen.")
    shift = index_from or 0
    mark = [] if start_char is None else [start_char]
    if start_char is None and not shift:
        texts = [list(text) for text in texts]
    else:
        texts = [mark + [word + shift for word in text] for text in texts]
    limit = num_words or max(max(text, default=0) for text in texts)
    if oov_char is None:
        return as_objects([[word for word in text if skip_top <= word < limit] for text in texts])
    return as_objects([[word if skip_top <= word < limit else oov_char for word in text] for text in texts])
