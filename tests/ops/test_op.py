"""What callers see of an op."""

import inspect

from numba_layers import ops


def test_the_signature_shows_tensors_and_options():
    assert str(inspect.signature(ops.relu)) == "(x, *, alpha=0.0, max_value=None, threshold=0.0)"
    assert str(inspect.signature(ops.dense)) == "(x, weight, bias=None, *, activation='linear')"


def test_no_op_shows_its_launcher():
    shown = [name for name in dir(ops) if hasattr(getattr(ops, name), "kernels")
             and "run" in inspect.signature(getattr(ops, name)).parameters]
    assert not shown
