"""Constraints against the real Keras; configuration in both generations' words."""

import numpy as np
import pytest

from numba_layers import config, constraints
from numba_layers.autograd.tensor import Tensor
from numba_layers.errors import ArgumentError, UnknownNameError
from tests.reference.recorded import answered, cases

TOLERANCE = {"float32": {"rtol": 1e-6, "atol": 1e-7}, "float64": {"rtol": 1e-12, "atol": 1e-14}}


@pytest.fixture(autouse=True)
def restore_floatx():
    yield
    config.set_floatx("float32")


@pytest.mark.parametrize("case, floatx", answered("constraints", "output"), ids=str)
def test_values_are_those_of_keras(case, floatx):
    config.set_floatx(floatx)
    constraint = constraints.get(case.facts["function"], case.facts["options"])
    constrained = constraint(Tensor(case.given("w", floatx)))
    np.testing.assert_allclose(constrained.data, case.answer("output", floatx), **TOLERANCE[floatx])


@pytest.mark.parametrize("case", cases("constraints"), ids=str)
def test_configurations_of_keras_are_read(case):
    written = case.facts["config"]
    ours = constraints.get(written)
    described = constraints.serialize(ours)
    assert constraints.deserialize(described).get_config() == ours.get_config()
    if case.generation == 2:
        assert described == written
    else:
        built = constraints.get(case.facts["function"], case.facts["options"])
        numbers, ours = built.get_config(), ours.get_config()
        assert numbers.pop("axis", 0) == ours.pop("axis", 0)
        assert numbers == pytest.approx(ours, rel=1e-7)


@pytest.mark.parametrize("name", ["maxnorm", "max_norm", "MaxNorm", "nonneg", "non_neg", "unitnorm",
                                  "unit_norm", "min_max_norm"])
def test_names(name):
    constraint = constraints.get(name)
    assert type(constraint) is getattr(constraints, name)
    assert constraints.get(constraint) is constraint


def test_nan_stays():
    w = Tensor(np.float32([[1, np.nan], [-1, 1]]))
    for name in ("MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"):
        assert np.isnan(constraints.get(name)(w).data[0, 1])


def test_wrong_ones_are_named():
    assert constraints.get(None) is None
    with pytest.raises(UnknownNameError, match="Did you mean 'NonNeg'"):
        constraints.get("nonnegative")
    with pytest.raises(ArgumentError, match="MaxNorm: max_value must be at least 0"):
        constraints.MaxNorm(-1)
    with pytest.raises(ArgumentError, match="rate must be at least 0 and at most 1"):
        constraints.MinMaxNorm(rate=2)
    with pytest.raises(ArgumentError, match="expected 0 <= min_value <= max_value, got 2 and 1"):
        constraints.MinMaxNorm(2, 1)
