"""Regularizers against the real Keras; configuration in both generations' words."""

import numpy as np
import pytest

from numba_layers import config, constraints, regularizers
from numba_layers.autograd.tape import Tape
from numba_layers.autograd.tensor import Tensor
from numba_layers.errors import ArgumentError, ShapeError, UnknownNameError
from tests.reference.recorded import answered, cases

TOLERANCE = {"float32": {"rtol": 5e-6, "atol": 1e-6}, "float64": {"rtol": 1e-10, "atol": 1e-12}}


@pytest.fixture(autouse=True)
def restore_floatx():
    yield
    config.set_floatx("float32")


@pytest.mark.parametrize("case, floatx", answered("regularizers", "value"), ids=str)
def test_values_and_gradients_are_those_of_keras(case, floatx):
    config.set_floatx(floatx)
    regularizer = getattr(regularizers, case.facts["function"])(**case.facts["options"])
    w = Tensor(case.given("w", floatx))
    with Tape() as tape:
        penalty = regularizer(w)
    np.testing.assert_allclose(penalty.data, case.answer("value", floatx), **TOLERANCE[floatx])
    grad = tape.gradient(penalty, w) if penalty.data else np.zeros(w.shape)
    np.testing.assert_allclose(grad, case.answer("grad_w", floatx), **TOLERANCE[floatx])


# Keras 1 leaves k out of EigenvalueRegularizer's configuration, so that it cannot read it either
@pytest.mark.parametrize("case", [case for case in cases("regularizers") if "Eigen" not in case.key], ids=str)
def test_configurations_of_keras_are_read(case):
    written = case.facts["config"]
    ours = regularizers.get(written)
    described = regularizers.serialize(ours)
    assert regularizers.deserialize(described).get_config() == ours.get_config()
    if case.generation == 2:
        assert described["class_name"] == written["class_name"]
        assert described["config"] == pytest.approx(written["config"], rel=1e-7)


def test_names_functions_and_none():
    assert regularizers.get(None) is None
    assert regularizers.get("l2").get_config() == {"l1": 0.0, "l2": float(np.float32(0.01))}
    assert regularizers.get("l1_l2").l1 > 0
    assert regularizers.get("l1l2", {"l1": 0.5, "l2": 0.25}).l1 == 0.5
    assert regularizers.get("L1L2").l1 == 0

    def own(w):
        return w

    assert regularizers.get(own) is own and regularizers.deserialize("own", {"own": own}) is own
    assert regularizers.serialize(own) == "own"


@pytest.mark.parametrize("module, thing", [
    (regularizers, regularizers.l1l2(0.25, 0.5)), (regularizers, regularizers.EigenvalueRegularizer(2.0)),
    (constraints, constraints.MaxNorm(3)), (constraints, constraints.NonNeg()), (constraints, constraints.UnitNorm(1))])
def test_under_keras_1_a_configuration_has_the_name(module, thing):
    """Layers of one's own write `self.W_regularizer.get_config()` and read it with `regularizers.get`."""
    described = module.serialize(thing)
    config.set_keras_version("1.2.2")
    try:
        again = module.get(thing.get_config())
        assert type(again) is type(thing) and again.get_config() == thing.get_config()
        assert module.serialize(thing) == described       # in files nothing changes
    finally:
        config.set_keras_version("2.2.5")


def test_a_regularizer_whose_configuration_has_its_name():
    class Own(regularizers.Regularizer):
        def __init__(self, k=1.0):
            self.k = k

        def get_config(self):
            return {"name": type(self).__name__, "k": self.k}

    assert regularizers.deserialize(regularizers.serialize(Own(3.0)), {"Own": Own}).k == 3


def test_no_penalty_is_zero():
    assert regularizers.L1L2()(Tensor(np.ones((2, 3), np.float32))).data == 0


def test_wrong_ones_are_named():
    with pytest.raises(ArgumentError, match="L1L2: l2 must be at least 0, got -1"):
        regularizers.l2(-1)
    with pytest.raises(UnknownNameError, match="unknown regularizer 'l3'"):
        regularizers.get("l3")
    with pytest.raises(ShapeError, match="two axes"):
        regularizers.EigenvalueRegularizer(0.5)(Tensor(np.ones(3, np.float32)))
