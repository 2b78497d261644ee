"""The table of what layers launch, beside what they do launch: the dry run tells all of it and nothing else."""

import inspect

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, devices, layers, registry
from numba_layers.autograd import Tape, Tensor
from numba_layers.autograd.context import evaluation
from numba_layers.errors import ArgumentError, UnknownNameError
from numba_layers.kernel_table import DIRECTIONS, examples
from numba_layers.kernel_table.trace import passes, traced
from numba_layers.models import Model, Sequential, clone_model
from tests.layers.test_contract import CASES, IDS, build, data
from tests.layers.test_merge import MERGES

KINDS = {name: kind for name, kind in registry.layers().items() if examples.has(kind)}


EMULATED = "Activation", "Dense", "MaxPooling2D", "Merge"     # of the layers; there a launch takes its time


class Noted(list):
    """The kernels of a target; those that are asked for are noted."""

    def __init__(self, target):
        super().__init__()
        self.target = target

    def get(self, name):
        self.append(name)
        return registry.kernel(name, self.target)


@pytest.fixture
def launched(device, name, monkeypatch):
    """The names of the kernels that the current device is made to launch, in a list that grows."""
    if device == "emulated" and name not in EMULATED:
        pytest.skip("some layers are enough: the CPU runs all")
    current = devices.current()
    noted = Noted(current.target)
    monkeypatch.setattr(current, "kernels", noted)
    return noted


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_dry_run_launches_what_the_run_does(name, launched, monkeypatch):
    for example in examples.of(KINDS[name]):
        expected = traced(example, launched.target)
        monkeypatch.setattr(config._settings, "winograd", example.winograd or None)
        run = passes(example, launched)
        assert {(direction, kernel) for direction, some in zip(DIRECTIONS, run) for kernel in some} == set(expected)


def table_of(*names):
    return {(row.direction, row.kernel, row.target) for name in names for row in registry.table(name)}


@pytest.mark.parametrize("name, arguments, shapes", [
    *(pytest.param(name, arguments, [shape], id=one) for (name, arguments, shape, _), one in zip(CASES, IDS)),
    *(pytest.param(name, arguments, [(3, 4)] * 2, id=f"{name}-{mode}") for name, arguments, _, mode, _ in MERGES)])
def test_what_layers_launch_is_in_the_table(name, arguments, shapes, launched, random):
    layer = build(name, arguments, shapes[0])
    inputs = [Tensor(data(name, 2, shape, arguments, random)) for shape in shapes]
    layer._build_for([x.shape for x in inputs] if len(inputs) > 1 else inputs[0].shape)
    with evaluation(learning_phase=1), Tape() as tape:
        y = layer(inputs if len(inputs) > 1 else inputs[0])
    inside = {"Bidirectional": ["GRU", "LSTM"], "ConvRNN2D": ["ConvLSTM2D"], "RNN": ["GRU", "LSTM"]}.get(name, [])
    known = table_of(name, *inside, *([type(layer.layer).__name__] if name == "TimeDistributed" else []))
    forward = len(launched)
    tape.gradient(y, [*inputs, *layer.trainable_weights])
    if name == "Lambda":        # its function squares
        known |= {(direction, kernel, launched.target) for direction, kernel in (
            ("forward", "power_forward"), ("forward", "square_forward"), ("backward", "multiply_forward"))}
    for direction, some in zip(DIRECTIONS, (launched[:forward], launched[forward:])):
        assert {(direction, kernel, launched.target) for kernel in some} <= known


def test_no_size_of_an_image_launches_what_the_table_has_not(random):
    for name, kind in KINDS.items():
        if not hasattr(kind, "rank"):
            continue
        parameters = inspect.signature(kind.__init__).parameters
        for target in registry.TARGETS:
            known = {pair for example in examples.of(kind) for pair in traced(example, target)}
            for _ in range(6):
                window = random.choice([1, 2, 3, 5])
                values = dict.fromkeys(examples.WINDOW, window) | dict.fromkeys(
                    ("strides", "subsample", "subsample_length"), random.choice([1, 2, 3])) | dict.fromkeys(
                    ("filters", "nb_filter"), random.choice([1, 3, 8, 64, 520]))
                changes = {one: int(value) for one, value in values.items() if one in parameters}
                shape = (random.randint(5, 20),) * kind.rank + (random.choice([1, 2, 3, 8, 16, 130, 600]),)
                assert set(traced(examples._example(kind, parameters, shape, changes), target)) <= known, (
                    name, changes, shape)


# -- of the user's own ---------------------------------------------------------------------------------------------

class Swish(layers.Layer):
    """x sigmoid(scale x)"""

    def build(self, input_shape):
        self.scale = self.add_weight("scale", input_shape[-1:], initializer="ones")
        super().build(input_shape)

    def call(self, inputs):
        return inputs * K.sigmoid(self.scale * inputs)


def names(rows):
    return {(row.direction, row.kernel) for row in rows}


def test_a_layer_of_the_users():
    rows = registry.table(Swish(name="mine"), input_shape=(None, 5))
    assert {row.layer for row in rows} == {"mine"} and {row.when for row in rows} == {""}
    assert {row.target for row in rows} == set(registry.TARGETS) and all(row.location for row in rows)
    assert names(rows) == {
        ("forward", "multiply_forward"), ("forward", "sigmoid_forward"), ("backward", "multiply_forward"),
        ("backward", "sigmoid_backward"), ("backward", "add_forward"), ("backward", "sum_columns")}


def test_what_is_not_known_is_asked_for():
    with pytest.raises(ArgumentError, match=r"Swish is no layer of this package.*input_shape=\(None, 28, 28\)"):
        registry.table(Swish)
    with pytest.raises(ArgumentError, match='Swish "mine" has no input yet.*input_shape='):
        registry.table(Swish(name="mine"))
    with pytest.raises(ArgumentError, match='Sequential "mine" has no input yet.*model.build'):
        registry.table(Sequential([layers.Dense(3)], name="mine"))
    with pytest.raises(UnknownNameError, match="'Dense'"):
        registry.table("Dens")
    assert registry.table(layers.Dense) == registry.table("Dense")
    assert registry.table(layers.Dense(3), input_shape=[None, 4])


def test_a_model_has_the_rows_of_its_layers():
    inner = Sequential([layers.Dense(4, activation="elu", input_shape=(6,), name="inner")])
    model = Sequential([layers.Masking(input_shape=(5, 6), name="masking"),
                        layers.GlobalAveragePooling1D(name="mean"), inner, Swish(name="mine")])
    rows = registry.table(model)
    assert {row.layer for row in rows} == {"masking", "mean", "inner", "mine"}
    assert ("forward", "cast") in names(row for row in rows if row.layer == "mean")     # of the mask
    assert ("backward", "elu_backward") in names(row for row in rows if row.layer == "inner")


def test_a_shared_layer_has_the_rows_of_each_model_s_calls():
    shared = layers.Conv2D(16, 3, name="shared")
    small, large = layers.Input(batch_shape=(1, 5, 5, 16)), layers.Input(batch_shape=(8, 32, 32, 16))
    of_small, of_large = shared(small), shared(large)
    first, second = ({row.kernel: row.when for row in registry.table(model) if row.target == "cpu"}
                     for model in (Model(small, of_small), Model(large, of_large)))
    assert "convolve" in first and "winograd_convolve" in second and not set(first.values()) - {""}
    both = {row.kernel: row.when for row in registry.table(Model([small, large], [of_small, of_large]))
            if row.target == "cpu"}
    assert (both["convolve"], both["winograd_convolve"]) == ("", "input (8, 32, 32, 16)")


def test_the_table_leaves_everything_as_it_was(random):
    model = Sequential([layers.Dense(3, input_shape=(4,)), layers.Dropout(0.5, seed=1), layers.Dense(2)])
    model.compile("adam", "mse")
    x, y = random.standard_normal((6, 4)), random.standard_normal((6, 2))
    twin = clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile("adam", "mse")
    alone = layers.Dropout(0.5)
    number = int(alone.name.rpartition("_")[2])
    np.random.seed(5)
    state, expected = np.random.get_state()[1].copy(), [twin.train_on_batch(x, y) for _ in range(3)]
    found = []
    for _ in range(3):
        registry.table(model)
        registry.table(alone, input_shape=(None, 3))
        registry.table("Dropout")
        found.append(model.train_on_batch(x, y))
    assert found == expected
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert not alone.built and devices.current().name == "cpu"
    assert layers.Dropout(0.5).name == f"dropout_{number + 1}"


@pytest.mark.parametrize("setting, value", [("check_numbers", True), ("debug_level", 3)])
def test_settings_that_look_into_launches_see_none(setting, value, monkeypatch, capsys):
    rows = registry.table("Conv2D")
    monkeypatch.setattr(config, setting, value)
    assert registry.table("Conv2D") == rows
    assert capsys.readouterr() == ("", "") and getattr(config, setting) == value
