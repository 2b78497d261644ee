"""Groups of launches that run a block of samples at a time."""

import numpy as np
import pytest

from numba_layers.layers import Conv2D, Dense, Flatten, MaxPooling2D
from numba_layers.models import Sequential
from numba_layers.program import groups

DENSE = [Dense(32, activation="tanh", input_shape=(4,)), Dense(16, activation="sigmoid"), Dense(3)]
IMAGES = [Conv2D(8, (3, 3), activation="relu", input_shape=(12, 12, 3)), MaxPooling2D(), Flatten(), Dense(5)]


def anew(layers):
    return [type(layer).from_config(layer.get_config()) for layer in layers]


def trained(layers, samples):
    """A model and the program of its step, proven by a run in blocks."""
    model = Sequential(anew(layers))
    model.compile("sgd", "mse")
    x = np.random.rand(samples, *model.input_shape[1:]).astype("float32")
    y = np.random.rand(samples, model.output_shape[1]).astype("float32")
    for _ in range(2):
        model.train_on_batch(x, y)
    return model, model.program()


@pytest.mark.parametrize("layers, samples, forward, backward", [
    (DENSE, 1000, ["dense_forward", "tanh_forward", "dense_forward", "sigmoid_forward", "dense_forward",
                   "mean_squared_error_forward"],
     ["mean_squared_error_backward", "matmul_nt", "sigmoid_backward", "matmul_nt", "tanh_backward"]),
    (IMAGES, 12, ["convolve", "max_pool_forward", "dense_forward", "mean_squared_error_forward"],
     ["mean_squared_error_backward", "matmul_nt", "max_pool_backward", "relu_backward"]),
])
def test_the_way_forward_and_the_way_back(layers, samples, forward, backward):
    """Gradients to weights wait for the end of the way back."""
    _, program = trained(layers, samples)
    found = [[launch.kernel.name for launch in program.launches[group.first:group.last]] for group in program.groups]
    assert found == [forward, backward]
    assert {group.samples for group in program.groups} == {samples}
    names = [launch.kernel.name for launch in program.launches]
    assert names.index("matmul_tn") >= program.groups[-1].last
    assert f"0 to {len(forward) - 1} are a group" in str(program)


@pytest.mark.parametrize("in_blocks", [(False, False), (True, False), (True, True)])
def test_the_same_bits_in_blocks_and_apart(in_blocks, monkeypatch, unproven):
    x, y = np.random.RandomState(9).rand(777, 4), np.random.RandomState(8).rand(777, 3)
    weights, answers = None, []
    for chosen in ((False, False), in_blocks):
        model, program = trained(DENSE, 777)
        monkeypatch.setattr(type(program.compiled), "in_blocks", [chosen] * len(program.groups))
        program.compiled._choose()
        program.compiled._rounds = 1000     # nothing is measured any more
        weights = weights or model.get_weights()
        model.set_weights(weights)
        losses = [model.train_on_batch(x, y) for _ in range(3)]
        answers.append((losses, [weight.tobytes() for weight in model.get_weights()]))
        assert ("blocks" in program.forms[0]) == chosen[0]
    assert answers[0] == answers[1] and losses[2] < losses[0]


def test_small_programs_have_none(monkeypatch):
    monkeypatch.setattr(groups, "LEAST", 256 << 10)
    _, program = trained(DENSE, 100)
    assert program.groups == [] and set(program.forms) == {"serial"}
