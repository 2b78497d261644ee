import numpy as np
import pytest

from numba_layers.errors import ArgumentError, DataError
from numba_layers.utils import normalize, to_categorical
from numba_layers.utils.np_utils import categorical_probas_to_classes, probas_to_classes


@pytest.mark.parametrize("shape, expected", [
    ((4,), (4, 5)),
    ((4, 1), (4, 5)),
    ((1,), (1, 5)),
    ((), (5,)),
    ((2, 3), (2, 3, 5)),
    ((2, 3, 1), (2, 3, 5)),
    ((0,), (0, 5)),
])
def test_to_categorical_puts_classes_last(shape, expected):
    y = np.random.default_rng(1).integers(0, 5, shape)
    categorical = to_categorical(y, 5)
    assert categorical.shape == expected and categorical.dtype == np.float32
    np.testing.assert_array_equal(categorical.argmax(axis=-1), y.reshape(expected[:-1]))
    np.testing.assert_array_equal(categorical.sum(axis=-1), np.ones(expected[:-1]))


def test_to_categorical_counts_classes_and_knows_keras_1():
    np.testing.assert_array_equal(to_categorical([0, 2, 1.0]), [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert to_categorical([0, 2], nb_classes=7, dtype="int8").shape == (2, 7)
    assert to_categorical(np.array([1], dtype=np.uint8), dtype="float64").dtype == np.float64


@pytest.mark.parametrize("y, classes", [([-1, 1], None), ([0, 3], 3)])
def test_to_categorical_refuses_labels_that_are_no_class(y, classes):
    with pytest.raises(DataError, match="labels from"):
        to_categorical(y, classes)


def test_to_categorical_of_nothing():
    with pytest.raises(DataError, match="num_classes"):
        to_categorical([])


@pytest.mark.parametrize("axis, order", [(-1, 2), (0, 2), (1, 1), (-1, np.inf)])
def test_normalize(axis, order):
    x = np.random.default_rng(2).standard_normal((4, 6)).astype("float32")
    unit = normalize(x, axis, order)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(unit, order, axis), 1, rtol=1e-6)
    ratio = x / unit     # one norm for each vector
    np.testing.assert_allclose(ratio.max(axis=axis), ratio.min(axis=axis), rtol=1e-5)


def test_normalize_leaves_zeros_and_makes_a_vector_a_row():
    np.testing.assert_array_equal(normalize(np.zeros((2, 3))), np.zeros((2, 3)))
    np.testing.assert_allclose(normalize(a=[3.0, 4.0]), [[0.6, 0.8]])


def test_probas_to_classes():
    assert probas_to_classes(np.array([[0.1, 0.9], [0.7, 0.3]])).tolist() == [1, 0]
    assert probas_to_classes(np.array([[0.5], [0.6]])).tolist() == [0, 1]
    assert probas_to_classes(np.array([0.2, 0.6])).tolist() == [0, 1]
    assert categorical_probas_to_classes(np.array([[0.1, 0.2, 0.7]])).tolist() == [2]
    with pytest.raises(ArgumentError, match=r"\(1, 2, 3\)"):
        probas_to_classes(np.zeros((1, 2, 3)))
