"""Losses against the real Keras: values and gradients; names, aliases, wrong shapes."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, losses, objectives
from numba_layers.autograd.tape import Tape
from numba_layers.autograd.tensor import Tensor
from numba_layers.errors import ArgumentError, OutOfRangeError, ShapeError, UnknownNameError
from numba_layers.ops import elementwise
from tests.reference.recorded import answered, cases

TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 2e-6}, "float64": {"rtol": 1e-10, "atol": 1e-12}}
# Where the two differ, ours is Keras 2: cosine_proximity sums where Keras 1 takes the mean, and the sparse
# crossentropy limits the output before it is normalised, not after.
ONLY_KERAS_2 = ("cosine_proximity/", "sparse_categorical_crossentropy/unnormalised",
                "sparse_categorical_crossentropy/zero and one")


def recorded():
    return [(case, floatx) for case, floatx in answered("losses", "value")
            if not (case.generation == 1 and case.key.startswith(ONLY_KERAS_2))]


@pytest.fixture(autouse=True)
def restore_floatx():
    yield
    config.set_floatx("float32")


@pytest.mark.parametrize("case, floatx", recorded(), ids=str)
def test_values_and_gradients_are_those_of_keras(case, floatx):
    config.set_floatx(floatx)
    y_true, y_pred = Tensor(case.given("y_true", floatx)), Tensor(case.given("y_pred", floatx))
    with Tape() as tape:
        value = losses.get(case.facts["function"])(y_true, y_pred)
    np.testing.assert_allclose(value.data, case.answer("value", floatx), **TOLERANCE[floatx])
    grad = tape.gradient(value, y_pred, case.given("cotangent", floatx))
    np.testing.assert_allclose(grad.data, case.answer("grad_y_pred", floatx), **TOLERANCE[floatx])


@pytest.mark.parametrize("case", [case for case in cases("losses") if case.key == "aliases"], ids=str)
def test_aliases_are_those_of_keras(case):
    for alias, name in case.facts["aliases"].items():
        assert losses.get(alias).__name__ == name
        assert getattr(losses, alias).__name__ == name


@pytest.mark.parametrize("function", losses.FUNCTIONS, ids=lambda function: function.__name__)
def test_names_round_trip_and_nan_shows(function):
    assert losses.deserialize(losses.serialize(function)) is function
    y_true = np.ones((2, 1) if function is losses.sparse_categorical_crossentropy else (2, 3))
    y_pred = np.float32([[0.25, np.nan, 0.5], [0.25, 0.25, 0.5]])
    value = function(y_true, y_pred).data
    assert np.isnan(value[0]) and np.isfinite(value[1])
    if function is not losses.sparse_categorical_crossentropy:
        y_true[0, 0] = np.nan
        assert np.isnan(function(y_true, y_pred[::-1]).data[0])


def test_labels_and_targets_of_other_types_are_taken():
    y_pred = np.float32([[0.25, 0.75], [0.5, 0.5]])
    expected = losses.sparse_categorical_crossentropy(np.float32([[1], [0]]), y_pred).data
    for labels in ([1, 0], [[1], [0]], np.array([1, 0], np.uint8), np.array([[1.0], [0.0]])):
        np.testing.assert_array_equal(losses.sparse_categorical_crossentropy(labels, y_pred).data, expected)
    expected = losses.mse(np.float32([[0, 1], [1, 1]]), y_pred).data
    np.testing.assert_array_equal(losses.mse(np.array([[False, True], [True, True]]), y_pred).data, expected)
    np.testing.assert_array_equal(losses.mse(np.array([[0.0, 1], [1, 1]]), y_pred).data, expected)


@pytest.mark.parametrize("label", [-1, 3, 10**12, np.nan])
@pytest.mark.parametrize("loss", [losses.sparse_categorical_crossentropy, K.sparse_categorical_crossentropy])
def test_labels_that_are_no_class_are_refused(label, loss):
    y_pred = np.float32([[0.25, 0.25, 0.5]] * 2)
    for labels in (np.array([label, 2]), np.float32([[label], [2]])):
        with pytest.raises(OutOfRangeError, match="is out of range for the 3 classes of"):
            loss(labels, y_pred)


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_that_are_no_class_give_nan_where_they_lie_on_a_gpu(label, device):
    if device == "cpu":
        pytest.skip("the host's labels are looked at")
    labels = elementwise.cast(np.array([label, 2]), dtype="int64") + elementwise.cast(np.zeros(2), dtype="int64")
    y_pred = np.float32([[0.25, 0.25, 0.5]] * 2)
    for loss in (losses.sparse_categorical_crossentropy, K.sparse_categorical_crossentropy):
        value = loss(labels, y_pred).numpy()
        assert np.isnan(value[0]) and value[1] == pytest.approx(np.log(2), rel=1e-5)


def test_keras_1_calls_the_module_objectives():
    assert objectives.mse is losses.mse and objectives.get("mse") is losses.mean_squared_error


def test_functions_and_none_pass_and_unknown_names_offer_the_nearest():
    def own(y_true, y_pred):
        return y_pred

    assert losses.get(own) is own and losses.get(None) is None
    assert losses.deserialize("own", {"own": own}) is own
    with pytest.raises(UnknownNameError, match="Did you mean 'mean_squared_error'"):
        losses.get("mean_sqared_error")
    with pytest.raises(ArgumentError, match="configuration or object of a loss, got int 3"):
        losses.get(3)


def test_shapes_that_differ_are_named():
    with pytest.raises(ShapeError, match=r"y_true has shape \(4, 1\) and y_pred \(4, 3\)"):
        losses.mean_squared_error(np.ones((4, 1)), np.ones((4, 3)))
    with pytest.raises(ShapeError, match=r"y_true has shape \(4, 3\), expected \(4, 1\)"):
        losses.sparse_categorical_crossentropy(np.ones((4, 3)), np.ones((4, 3)))
