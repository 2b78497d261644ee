"""Odd arguments and damaged descriptions, a seeded sample: each is accepted, or refused by an error of ours."""

import functools
import json
import random

import pytest

from numba_layers.errors import NumbaLayersError
from numba_layers.layers import memory
from numba_layers.utils import CustomObjectScope
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


@pytest.mark.filterwarnings("ignore")
def test_damaged_descriptions():
    """Each entry of three models replaced by odd values, left out or added to: one in sixty of some 21,000."""
    draw = random.Random(8)
    raw = {}
    with CustomObjectScope({"abs": abs}):
        for model in fuzzing.models_to_damage():
            description = model.to_json()
            for path, damage in fuzzing.damages(json.loads(description)):
                if draw.random() < 1 / 60:
                    outcome = fuzzing.outcome(functools.partial(fuzzing.damaged, description, damage))
                    if outcome not in ("accepted", "refused"):
                        raw[path, str(damage.args)] = outcome
    assert not raw


def described(*layer_entries, **more):
    """A functional model's description with an input x, a Dense d behind it, and what is given."""
    return {"class_name": "Model", "config": {
        "name": "net", "input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]], "layers": [
            {"name": "x", "class_name": "InputLayer", "inbound_nodes": [],
             "config": {"name": "x", "batch_input_shape": [None, 3]}},
            {"name": "d", "class_name": "Dense", "config": {"name": "d", "units": 2},
             "inbound_nodes": [[["x", 0, 0, {}]]]}, *layer_entries]} | more}


def changed(*path, to=KeyError):
    description = described()
    here = description
    for key in path[:-1]:
        here = here[key]
    if to is KeyError:
        del here[path[-1]]
    else:
        here[path[-1]] = to
    return description


DENSE = ("config", "layers", 1)


@pytest.mark.parametrize("description, words", [
    (changed(*DENSE, "config", "units"), ["Dense \"d\"", "'units' is missing"]),
    (changed(*DENSE, "config", "units", to="x"), ["Dense \"d\"", "units must be a whole number", "got 'x'"]),
    (changed(*DENSE, "config", "unit", to=3), ["Dense \"d\"", "unknown argument 'unit'", "Did you mean 'units'"]),
    (changed(*DENSE, "config", to=[1]), ["Dense", "options must be a dictionary", "got [1]"]),
    (changed(*DENSE, "class_name", to=["Dense"]), ["'class_name' must be text", "got ['Dense']"]),
    (changed(*DENSE, "config", "kernel_initializer", to={"class_name": "Zeros", "config": {"x": 1}}),
     ["Dense \"d\"", "Zeros: unknown argument 'x'"]),
    (changed(*DENSE, "config", "kernel_initializer", to={"class_name": "VarianceScaling", "config": {"scale": "x"}}),
     ["Dense \"d\"", "VarianceScaling: scale must be a number", "got 'x'"]),
    (changed(*DENSE, "name", to=[]), ["Model \"net\"", "'name' must be text", "got []"]),
    (changed(*DENSE, "inbound_nodes"), ["layer 'd'", "no 'inbound_nodes'"]),
    (changed(*DENSE, "inbound_nodes", to=3), ["layer 'd'", "'inbound_nodes' must be a list", "got 3"]),
    (changed(*DENSE, "inbound_nodes", 0, 0, 1, to=-1), ["Model \"net\"", "two numbers of at least 0", "-1"]),
    (changed(*DENSE, "inbound_nodes", 0, 0, 1, to="x"), ["[layer, node, tensor]", "'x'"]),
    (changed(*DENSE, "inbound_nodes", 0, 0, 1, to=7), ["layer 'd' waits for ['x', 7, 0]", "never made"]),
    (changed(*DENSE, "inbound_nodes", 0, 0, 2, to=99), ["there is no tensor ['x', 0, 99]"]),
    (changed(*DENSE, "inbound_nodes", 0, 0, 3, to={"a": 1}), ["layer 'd'", "argument 'a', which it does not take"]),
    (changed("config", "output_layers", to=[["ghost", 0, 0]]), ["'output_layers'", "'ghost'"]),
    (changed("config", "output_layers"), ["Model \"net\"", "no 'output_layers'"]),
    (changed("config", "layers", to=5), ["Model \"net\"", "'layers' must be a list", "got 5"]),
    (described({"name": "d", "class_name": "Dense", "config": {"units": 2}, "inbound_nodes": []}),
     ["Model \"net\"", "two layers are called 'd'"]),
])
def test_damaged_descriptions_name_the_place(description, words):
    with pytest.raises(NumbaLayersError) as raised:
        fuzzing.models.model_from_config(description)
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize("text, words", [
    ('{"class_name": "Functional", "config": {"name": "m", "layers": [], "input_layers": [], "output_layers": []}, '
     '"keras_version": "2.4.0", "backend": "tensorflow"}', ["tf.keras 2.4.0", "no damage"]),
    (json.dumps({"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
        {"module": "keras.layers", "class_name": "Dense", "registered_name": None, "config": {
            "units": 2, "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "bfloat16"}}}}]}}),
     ["Keras 3", "no damage"]),
    ('{"class_name": "Sequential", "keras_version": "2.3.1", "config": {"name": "s", "layers": [{"class_name": '
     '"Dense", "config": {"units": 2, "no": 1}}]}}', ["Keras 2.3.1", "no damage"]),
    ('{"modelTopology": {"class_name": "Sequential"}, "weightsManifest": []}', ["TensorFlow.js"]),
    ('{"layers": [{"name": "Dense", "output_dim": 3}], "name": "Sequential", "loss": "mse"}', ["Keras 0.x"]),
])
def test_other_dialects_are_told_what_they_are(text, words):
    with pytest.raises(NumbaLayersError) as raised:
        fuzzing.models.model_from_json(text)
    for word in words:
        assert word in str(raised.value)
    assert "damaged" not in str(raised.value)
