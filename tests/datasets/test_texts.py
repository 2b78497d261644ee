import json
import pickle

import numpy as np
import pytest

from numba_layers.datasets import boston_housing, imdb, reuters
from numba_layers.datasets._sequences import as_objects
from numba_layers.errors import ArgumentError, DataError

RANDOM = np.random.RandomState(5)
TEXTS = [RANDOM.randint(1, 60, RANDOM.randint(1, 12)).tolist() for _ in range(40)]
LABELS = RANDOM.randint(0, 46, 40)


def keras_order(seed, *lengths):
    """The orders in which Keras 2.2.5 shuffles parts of these lengths, one generator for all."""
    random = np.random.RandomState(seed)
    orders = []
    for n in lengths:
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            j = random.randint(0, i + 1)
            order[i], order[j] = order[j], order[i]
        orders.append(order)
    return orders


def keras_encode(text, num_words, skip_top=0, start_char=1, oov_char=2, index_from=3):
    text = ([] if start_char is None else [start_char]) + [word + index_from for word in text]
    inside = [skip_top <= word < num_words for word in text]
    if oov_char is None:
        return [word for word, keep in zip(text, inside) if keep]
    return [word if keep else oov_char for word, keep in zip(text, inside)]


@pytest.fixture(params=["npz", "pickle"])
def imdb_file(folder, request):
    if request.param == "npz":
        np.savez(
            folder / "imdb.npz",
            x_train=as_objects(TEXTS[:25]),
            y_train=LABELS[:25] % 2,
            x_test=as_objects(TEXTS[25:]),
            y_test=LABELS[25:] % 2,
        )
    else:
        labels = (LABELS % 2).tolist()
        content = (TEXTS[:25], labels[:25]), (TEXTS[25:], labels[25:])
        (folder / "imdb_full.pkl").write_bytes(pickle.dumps(content, 2))


@pytest.fixture(params=["npz", "pickle"])
def reuters_file(folder, request):
    if request.param == "npz":
        np.savez(folder / "reuters.npz", x=as_objects(TEXTS), y=LABELS)
    else:
        (folder / "reuters.pkl").write_bytes(pickle.dumps((TEXTS, LABELS.tolist()), 2))


OPTIONS = [
    dict(num_words=40),
    dict(num_words=40, skip_top=8),
    dict(num_words=50, oov_char=None),
    dict(num_words=50, start_char=None, index_from=0),
    dict(num_words=50, start_char=9, oov_char=7, index_from=10),
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_imdb_is_coded_as_keras_does(imdb_file, options):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(**options)
    train, test = keras_order(113, 25, 15)
    assert list(x_train) == [keras_encode(TEXTS[i], **options) for i in train]
    assert list(x_test) == [keras_encode(TEXTS[25 + i], **options) for i in test]
    assert y_train.tolist() == [LABELS[i] % 2 for i in train]
    assert y_test.tolist() == [LABELS[25 + i] % 2 for i in test]
    assert x_train.dtype == object and y_train.dtype.kind == "i"


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_reuters_is_coded_as_keras_does(reuters_file, options):
    (x_train, y_train), (x_test, y_test) = reuters.load_data(test_split=0.3, seed=2, **options)
    (order,) = keras_order(2, 40)
    assert list(x_train) + list(x_test) == [keras_encode(TEXTS[i], **options) for i in order]
    assert y_train.tolist() + y_test.tolist() == [LABELS[i] for i in order]
    assert len(x_train) == len(y_train) == 28


def test_without_num_words_only_the_largest_index_is_outside(imdb_file, reuters_file):
    largest = max(map(max, TEXTS))
    for data in (imdb, reuters):
        (x_train, _), (x_test, _) = data.load_data()
        indices = {word for text in [*x_train, *x_test] for word in text}
        assert indices == {1, 2} | {word + 3 for text in TEXTS for word in text if word < largest}


def test_maxlen_counts_the_start_mark_and_keeps_test_reviews_apart(imdb_file):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(maxlen=7)
    train, test = keras_order(113, 25, 15)
    assert [len(x) for x in x_train] == [len(TEXTS[i]) + 1 for i in train if len(TEXTS[i]) + 1 < 7]
    assert [len(x) for x in x_test] == [len(TEXTS[25 + i]) + 1 for i in test if len(TEXTS[25 + i]) + 1 < 7]
    assert len(y_train) == len(x_train) and len(y_test) == len(x_test)


def test_maxlen_comes_before_the_split_of_reuters(reuters_file):
    (x_train, _), (x_test, _) = reuters.load_data(maxlen=7, start_char=None)
    short = sum(len(text) < 7 for text in TEXTS)
    assert len(x_train) + len(x_test) == short and len(x_train) == int(short * 0.8)


def test_a_maxlen_that_leaves_nothing_is_an_error(imdb_file, reuters_file):
    for data in (imdb, reuters):
        with pytest.raises(ValueError, match="Raise maxlen"):
            data.load_data(maxlen=1)


def test_keras_1_words(imdb_file, reuters_file):
    for data in (imdb, reuters):
        old, new = data.load_data(nb_words=20), data.load_data(num_words=20)
        assert list(old[0][0]) == list(new[0][0]) and max(map(max, old[0][0])) < 20
        with pytest.raises(TypeError, match="one argument"):
            data.load_data(nb_words=20, num_words=20)
        with pytest.raises(TypeError, match="Did you mean 'maxlen'"):
            data.load_data(max_len=20)


def test_equally_long_texts_stay_lists(folder):
    np.savez(folder / "reuters.npz", x=as_objects([[1, 2], [3, 4], [5, 6], [7, 8], [9, 1]]), y=np.arange(5))
    (x_train, _), (x_test, _) = reuters.load_data()
    assert x_train.shape == (4,) and x_test.shape == (1,) and isinstance(x_train[0], list)


@pytest.mark.parametrize("data, name", [(imdb, "imdb_word_index"), (reuters, "reuters_word_index")])
def test_word_index(folder, data, name):
    words = {"the": 1, "café": 2}
    (folder / f"{name}.pkl").write_bytes(pickle.dumps(words, 2))
    assert data.get_word_index() == words
    (folder / f"{name}.json").write_text(json.dumps({"a": 1}))
    assert data.get_word_index() == {"a": 1}
    assert data.get_word_index(f"{name}.pkl") == words


def test_boston_housing_is_shuffled_as_keras_does(folder):
    x, y = RANDOM.standard_normal((506, 13)), RANDOM.standard_normal(506)
    np.savez(folder / "boston_housing.npz", x=x, y=y)
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data()
    (order,) = keras_order(113, 506)
    assert len(x_train) == 404 and len(x_test) == 102
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), x[order])
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), y[order])
    np.testing.assert_array_equal(boston_housing.load_data(test_split=0, seed=113)[0][1], y[order])
    with pytest.raises(ArgumentError, match="test_split"):
        boston_housing.load_data(test_split=1)


def test_a_text_file_of_other_parts_is_an_error(folder):
    (folder / "reuters.pkl").write_bytes(pickle.dumps((TEXTS, LABELS[:-1].tolist())))
    with pytest.raises(DataError, match=r"\[40, 39\] entries"):
        reuters.load_data()
