"""Metrics against the real Keras; what 'accuracy' means beside which loss."""

import numpy as np
import pytest

from numba_layers import config, losses, metrics
from numba_layers.autograd.tensor import Tensor
from numba_layers.errors import ArgumentError, UnknownNameError
from tests.reference.recorded import answered, cases

TOLERANCE = {"float32": {"rtol": 5e-6, "atol": 1e-6}, "float64": {"rtol": 1e-10, "atol": 1e-12}}
# Keras 1 takes the mean of cosines, and of two classes equally likely has the higher come first
ONLY_KERAS_2 = ("cosine_proximity", "top_k_categorical_accuracy/ties")


@pytest.fixture(autouse=True)
def restore_floatx():
    yield
    config.set_floatx("float32")


def recorded():
    return [(case, floatx) for case, floatx in answered("metrics", "value")
            if not (case.generation == 1 and case.key.startswith(ONLY_KERAS_2))]


@pytest.mark.parametrize("case, floatx", recorded(), ids=str)
def test_values_are_those_of_keras(case, floatx):
    config.set_floatx(floatx)
    y_true, y_pred = Tensor(case.given("y_true", floatx)), Tensor(case.given("y_pred", floatx))
    value = metrics.get(case.facts["function"])(y_true, y_pred, **case.facts["options"]).data
    assert value.dtype == floatx
    expected = case.answer("value", floatx)
    if case.generation == 1:   # Keras 1 answers the mean over everything
        value = value.mean()
    np.testing.assert_allclose(value, expected, **TOLERANCE[floatx])


@pytest.mark.parametrize("case", [case for case in cases("metrics") if case.key == "aliases"], ids=str)
def test_aliases_are_those_of_keras(case):
    for alias, name in case.facts["aliases"].items():
        assert metrics.get(alias).__name__ == name and getattr(metrics, alias).__name__ == name


@pytest.mark.parametrize("loss, shape, expected", [
    ("categorical_crossentropy", (None, 10), "categorical_accuracy"),
    ("sparse_categorical_crossentropy", (None, 10), "sparse_categorical_accuracy"),
    ("binary_crossentropy", (None, 10), "binary_accuracy"),
    (losses.mse, (None, 1), "binary_accuracy"),
    (losses.mse, (None, 5, 2), "categorical_accuracy"),
    (losses.sparse_categorical_crossentropy, (None, 1), "binary_accuracy"),
])
def test_what_accuracy_and_crossentropy_mean(loss, shape, expected):
    assert metrics.accuracy_for(loss, shape).__name__ == expected
    assert metrics.crossentropy_for(loss, shape).__name__ == expected.replace("accuracy", "crossentropy")


def test_labels_with_and_without_their_last_axis():
    y_pred = np.float32([[0.25, 0.75], [0.75, 0.25], [0.5, 0.5]])
    for labels in ([1, 1, 0], [[1], [1], [0]], np.float32([[1], [1], [0]])):
        assert metrics.sparse_categorical_accuracy(labels, y_pred).data.tolist() == [1, 0, 1]
        assert metrics.sparse_top_k_categorical_accuracy(labels, y_pred, k=1).data.tolist() == [1, 0, 1]


def test_rows_that_are_not_finite_are_not_in_the_top():
    y_pred = np.float32([[0.25, np.nan, 0.5], [np.inf, 0.25, 0.5], [0.25, 0.5, 0.25]])
    assert metrics.sparse_top_k_categorical_accuracy([0, 2, 2], y_pred, k=3).data.tolist() == [0, 0, 1]


@pytest.mark.parametrize("label", [-1, 3, 10**12, -(10**12)])
def test_labels_that_are_no_class_are_never_right(label):
    y_pred = np.float32([[0.25, 0.25, 0.5]] * 2)
    for metric in (metrics.sparse_top_k_categorical_accuracy, metrics.sparse_categorical_accuracy):
        assert metric([[label], [2]], y_pred).data.tolist() == [0, 1]


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'binary_accuracy'"):
        metrics.get("binary_acuracy")
    with pytest.raises(ArgumentError, match="beta must be at least 0"):
        metrics.fbeta_score(np.ones((2, 2)), np.ones((2, 2)), beta=-1)
