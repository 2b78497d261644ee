"""What is said to be absent is."""

import importlib

import pytest

from numba_layers import absent


@pytest.mark.parametrize("module", ["layers", "models", "callbacks", "backend", "utils", "optimizers"])
def test_nothing_that_is_there_is_said_to_be_absent(module):
    there = importlib.import_module(f"numba_layers.{module}")
    others = "sequence", "wrappers", "text"     # modules of ours, and a checker of arguments, of the same names
    assert not [name for name in absent._KIND if name in vars(there) and name not in others]
