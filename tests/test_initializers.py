"""Initializers: Keras 1's exact arrays, Keras 2's distributions; seeds, names, fans."""

import functools

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, initializations, initializers
from numba_layers.errors import ArgumentError, ShapeError, UnknownNameError
from numba_layers.layers import Conv2D, Convolution2D, Dense
from numba_layers.models import Sequential
from tests.reference.recorded import FLOAT_TYPES, answered, cases

KERAS_1 = [(case, floatx) for case, floatx in answered("initializers", "value") if case.generation == 1]
KERAS_2 = [case for case in cases("initializers") if case.generation == 2 and "function" in case.facts]


@pytest.fixture(autouse=True)
def restore_floatx():
    yield
    config.set_floatx("float32")


@pytest.mark.parametrize("case, floatx", KERAS_1, ids=str)
def test_keras_1_arrays_come_out_again(case, floatx):
    config.set_floatx(floatx)
    expected = case.answer("value", floatx)
    shape, order = tuple(case.facts["shape"]), case.facts["dim_ordering"]
    np.random.seed(case.facts["seed"])
    value = initializations.get(case.facts["function"], dim_ordering=order, **case.facts["options"])(shape)
    assert value.dtype == floatx
    if case.facts["function"] == "orthogonal":   # LAPACK is free to choose the signs
        np.testing.assert_allclose(np.abs(value), np.abs(expected), rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(value, expected)
    assert initializations.get_fans(shape, order) == (case.facts["fan_in"], case.facts["fan_out"])


class Recorder:
    """In place of NumPy's generator: notes what is drawn."""

    def __init__(self, asked):
        self.asked = asked

    def uniform(self, minval, maxval, shape):
        self.asked |= {"distribution": "uniform", "minval": minval, "maxval": maxval}
        return np.zeros(shape)

    def normal(self, mean, stddev, shape):
        self.asked |= {"distribution": "normal", "mean": mean, "stddev": stddev}
        return np.zeros(shape)


@pytest.mark.parametrize("case", KERAS_2, ids=str)
def test_keras_2_distributions_and_configurations(case, monkeypatch):
    shape = tuple(case.facts["shape"])
    initializer = getattr(initializers, case.facts["function"])(**case.facts["options"])
    assert initializers.serialize(initializer) == case.facts["config"]
    assert initializers.compute_fans(shape) == (case.facts["fan_in"], case.facts["fan_out"])
    restored = initializers.deserialize(case.facts["config"])
    if "asked" not in case.facts:
        for floatx in FLOAT_TYPES:
            value, expected = np.abs(restored(shape, dtype=floatx)), np.abs(case.answer("value", floatx))
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
        return
    asked = {}

    def truncated(random, mean, stddev, shape):
        asked.update({"distribution": "truncated_normal", "mean": mean, "stddev": stddev})
        return np.zeros(shape)

    monkeypatch.setattr(initializers, "generator", lambda seed: Recorder(asked))
    monkeypatch.setattr(initializers, "truncated_normal", truncated)
    assert restored(shape).shape == shape
    expected = {key: value for key, value in case.facts["asked"].items() if key != "seed"}
    assert asked.pop("distribution") == expected.pop("distribution")
    assert asked == pytest.approx(expected)


@pytest.mark.parametrize("name, variance, furthest", [   # the furthest in standard deviations
    ("glorot_uniform", 2 / 500, 1.7321), ("glorot_normal", 2 / 500, 2.274), ("he_uniform", 2 / 200, 1.7321),
    ("he_normal", 2 / 200, 2.274), ("lecun_uniform", 1 / 200, 1.7321), ("lecun_normal", 1 / 200, 2.274),
    ("random_uniform", 0.05**2 / 3, 1.7321), ("random_normal", 0.05**2, np.inf),
    ("TruncatedNormal", (0.8796 * 0.05)**2, 2.274),
])
def test_moments(name, variance, furthest):
    np.random.seed(5)
    deviation, limit = np.sqrt(variance), furthest * np.sqrt(variance)
    value = initializers.get(name)((200, 300))
    assert abs(value.mean()) < 4 * deviation / np.sqrt(value.size)
    np.testing.assert_allclose(value.std(), deviation, rtol=0.01)
    assert np.abs(value).max() <= limit


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (3, 3, 2, 4)])
def test_orthogonal_is_orthogonal(shape):
    flat = initializers.Orthogonal(gain=2.0, seed=1)(shape, dtype="float64").reshape(-1, shape[-1]) / 2
    product = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)


def test_seeds():
    for name in ("RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Orthogonal"):
        make = getattr(initializers, name)
        np.testing.assert_array_equal(make(seed=3)((4, 5)), make(seed=3)((4, 5)))
        np.random.seed(8)
        first, second = make()((4, 5)), make()((4, 5))
        assert (first != second).any()
        np.random.seed(8)
        np.testing.assert_array_equal(make()((4, 5)), first)


def test_names_classes_functions_and_keras_1_functions():
    assert initializers.get(None) is None
    for name in ("zero", "zeros", "Zeros", "ZEROS"):
        assert type(initializers.get(name)) is initializers.Zeros
    assert type(initializers.get(initializers.Ones)) is initializers.Ones
    assert initializers.get({"class_name": "Constant", "config": {"value": 2.0}})((2,)).tolist() == [2, 2]
    assert initializers.get({"class_name": "Zeros", "config": {"dtype": "float32"}})((2,)).tolist() == [0, 0]

    def old(shape, name=None):
        return np.full(shape, 3)

    adapted = initializers.get(old)
    assert adapted((2, 2), dtype="float64").dtype == np.float64 and adapted.__name__ == "old"
    assert initializers.deserialize("old", {"old": old})((2,)).tolist() == [3, 3]
    assert type(initializations.get("Orthogonal")) is initializers.Orthogonal
    assert initializations.get("orthogonal") is initializations.orthogonal


def test_constants_broadcast():
    assert initializers.Constant([1.0, 2.0])((3, 2)).tolist() == [[1, 2]] * 3
    assert initializers.Identity(2.0)((2, 3)).tolist() == [[2, 0, 0], [0, 2, 0]]
    assert initializers.Zeros()((0, 3)).shape == (0, 3) and initializers.TruncatedNormal()(()).shape == ()


@pytest.mark.parametrize("call, kind, complaint", [
    (lambda: initializers.get("glorot"), UnknownNameError, "Did you mean 'glorot_"),
    (lambda: initializers.VarianceScaling(mode="fan"), ArgumentError, "unknown mode of VarianceScaling 'fan'"),
    (lambda: initializers.VarianceScaling(distribution="norm"), ArgumentError, "Did you mean 'normal'"),
    (lambda: initializers.VarianceScaling(scale=0), ArgumentError, "scale must be positive"),
    (lambda: initializers.RandomNormal(stddev=-1), ArgumentError, "RandomNormal: stddev must be at least 0"),
    (lambda: initializers.RandomUniform(1, 0), ArgumentError, "minval 1 must not be larger"),
    (lambda: initializers.Orthogonal()((3,)), ShapeError, "two axes or more"),
    (lambda: initializers.Identity()((3, 3, 3)), ShapeError, "two axes"),
    (lambda: initializations.identity((3, 4)), ShapeError, "square"),
    (lambda: initializations.orthogonal((3,)), ShapeError, "two axes or more"),
    (lambda: initializations.get_fans((2, 2, 2, 2), "tt"), UnknownNameError, "unknown dim_ordering 'tt'"),
])
def test_wrong_ones_are_named(call, kind, complaint):
    with pytest.raises(kind) as error:
        call()
    assert complaint in str(error.value)


class OfOnes(initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return 0.5 * K.ones(shape, dtype=dtype)


@pytest.mark.parametrize("own, expected", [
    (lambda shape, dtype=None: 0.5 * K.ones(shape, dtype=dtype), 0.5),
    (lambda shape, dtype: K.variable(np.full(shape, 0.5), dtype=dtype), 0.5),
    (lambda shape: K.zeros(shape) + 1, 1), (lambda shape, name=None: K.variable(np.ones(shape), name=name), 1),
    (lambda shape, **options: K.constant(2.0, shape=shape), 2), (lambda shape, dtype=None: np.full(shape, 3), 3),
    (functools.partial(K.random_normal, mean=4.0, stddev=0.0), 4), (functools.partial(np.full, fill_value=5), 5),
    (OfOnes(), 0.5), (OfOnes, 0.5), (np.ones, 1)])
@pytest.mark.parametrize("layer", [
    lambda own: Dense(4, kernel_initializer=own, bias_initializer=own, input_shape=(3,)),
    lambda own: Conv2D(2, (3, 3), kernel_initializer=own, bias_initializer=own, input_shape=(8, 8, 3)),
    lambda own: Convolution2D(2, 3, 3, init=own, input_shape=(3, 8, 8))], ids=["dense", "conv", "keras1"])
def test_functions_of_ones_own_may_give_tensors(layer, own, expected):
    weights = Sequential([layer(own)]).get_weights()
    assert weights[0].dtype == np.float32 and (weights[0] == expected).all()


def test_random_tensors_become_weights():
    weights = Sequential([Dense(40, kernel_initializer=lambda shape, dtype=None: K.random_normal(shape, dtype=dtype),
                                input_shape=(30,))]).get_weights()[0]
    assert 0.9 < weights.std() < 1.1 and abs(weights.mean()) < 0.1
