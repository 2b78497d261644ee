"""What callers see of an op."""

import inspect

from numba_layers import ops


def test_the_signature_shows_tensors_and_options():
    for function, names in [(ops.relu, ["x", "alpha", "max_value", "threshold"]),
                            (ops.dense, ["x", "weight", "bias", "activation"])]:
        shown = inspect.signature(function)
        assert list(shown.parameters) == names and shown.return_annotation == "Tensor"


def test_no_op_shows_its_launcher():
    shown = [name for name in dir(ops) if hasattr(getattr(ops, name), "kernels")
             and "run" in inspect.signature(getattr(ops, name)).parameters]
    assert not shown
