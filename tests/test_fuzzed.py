"""Odd arguments and damaged descriptions, a seeded sample: each is accepted, or refused by an error of ours."""

import random

import pytest

from numba_layers.layers import memory
from tests import fuzzing


@pytest.fixture(autouse=True)
def little_memory(monkeypatch):
    monkeypatch.setattr(memory, "_memory", lambda: 1 << 30)


@pytest.mark.filterwarnings("ignore")
def test_odd_arguments_of_constructors():
    """Each value for an argument drawn with a chance of one in ten: some 7,000 of 70,000."""
    draw = random.Random(8)
    raw = {}
    for what, attempt in fuzzing.tries():
        if draw.random() < 0.1:
            outcome = fuzzing.outcome(attempt)
            if outcome not in ("accepted", "refused"):
                raw[what] = outcome
    assert not raw


@pytest.mark.parametrize("shape", [(10**9,), (10**5, 10**5)])
def test_what_is_larger_than_memory_is_refused(shape):
    with pytest.raises(MemoryError, match="'kernel' of shape.*GiB, there are 1"):
        fuzzing.layers.Dense(2000)(fuzzing.layers.Input(shape))
    with pytest.raises(ValueError, match="each sample of its output"):
        fuzzing.layers.RepeatVector(10**10)(fuzzing.layers.Input((4,)))
