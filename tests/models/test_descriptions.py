"""Models to descriptions and back: the user's own parts, shared layers, inputs, types; copies; what is not there."""

import json

import h5py
import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from numba_layers.errors import DataError, NumbaLayersError, UnknownNameError
from numba_layers.layers import (
    Activation,
    Conv2D,
    Dense,
    Input,
    InputLayer,
    Lambda,
    Layer,
    TimeDistributed,
)
from numba_layers.models import (
    Model,
    Sequential,
    clone_model,
    load_model,
    model_from_config,
    model_from_json,
)
from numba_layers.utils import CustomObjectScope

X = np.random.RandomState(0).standard_normal((4, 3)).astype("float32")


class Scale(Layer):
    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor

    def build(self, input_shape):
        self.offset = self.add_weight(name="offset", shape=(input_shape[-1],), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.factor + self.offset

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


def swish(x):
    return x * K.sigmoid(x)


def halves(shape, dtype=None):
    return np.full(shape, 0.5)


def sizes(weights):
    return 0.5 * K.sum(K.abs(weights))


def unit(weights):
    return K.clip(weights, 0, 1)


OWN = {function.__name__: function for function in (swish, halves, sizes, unit)} | {"Scale": Scale}


def ways(model, tmp_path, custom_objects=None):
    """The model by every way back from its description, with its weights."""
    model.save(tmp_path / "model.h5")
    again = [load_model(tmp_path / "model.h5", custom_objects), model_from_json(model.to_json(), custom_objects),
             type(model).from_config(model.get_config(), custom_objects)]
    with CustomObjectScope(custom_objects or {}):
        again += [load_model(tmp_path / "model.h5"), clone_model(model)]
    again.append(clone_model(model))
    for one in again:
        one.set_weights(model.get_weights())
        yield one


def same(model, tmp_path, x, custom_objects=None):
    """Every way back computes the same; descriptions are the same again; the summaries too."""
    expected = model.predict(x)
    for again in ways(model, tmp_path, custom_objects):
        np.testing.assert_array_equal(again.predict(x), expected)
        assert again.get_config() == model.get_config()
        told = {one: [] for one in (model, again)}
        for one, lines in told.items():
            one.summary(print_fn=lines.append)
        assert told[again] == told[model]


@pytest.mark.parametrize("layer", [
    lambda: Activation(swish, input_shape=(3,)), lambda: Dense(2, activation=swish, input_shape=(3,)),
    lambda: Dense(2, kernel_initializer=halves, input_shape=(3,)), lambda: Scale(3.0, input_shape=(3,)),
    lambda: Dense(2, kernel_regularizer=sizes, bias_constraint=unit, input_shape=(3,)),
    lambda: Dense(2, activity_regularizer=sizes, input_shape=(3,)), lambda: Lambda(swish, input_shape=(3,)),
    lambda: Sequential([Scale(input_shape=(3,)), Dense(2, activation=swish)])])
def test_own_parts(layer, tmp_path):
    same(Sequential([layer()]), tmp_path, X, OWN)


def test_own_parts_inside_of_wrappers(tmp_path):
    x = Input((5, 3))
    inner = Sequential([Dense(3, activation=swish, input_shape=(3,)), Scale()])
    same(Model(x, TimeDistributed(inner)(TimeDistributed(Scale())(x))), tmp_path, np.ones((2, 5, 3)), OWN)


def test_unknown_parts_say_how_to_know_them():
    model = Sequential([Dense(2, kernel_initializer=halves, input_shape=(3,), name="mine")])
    with pytest.raises(UnknownNameError, match="\"mine\".*'halves'.*pass custom_objects={'halves'"):
        model_from_json(model.to_json())
    with pytest.raises(UnknownNameError, match="'Scale'.*pass custom_objects={'Scale': Scale}"):
        model_from_json(Sequential([Scale(input_shape=(3,))]).to_json())
    with pytest.raises(NumbaLayersError, match="custom_objects must be a dictionary"):
        model_from_json(model.to_json(), custom_objects=halves)


class Broken(Layer):
    def call(self, inputs):
        raise ZeroDivisionError("mine")


def test_errors_of_own_code_come_out_as_they_are(tmp_path):
    description = json.loads(Sequential([Dense(2, input_shape=(3,))]).to_json())
    description["config"]["layers"].append({"class_name": "Broken", "config": {"name": "b"}})
    with pytest.raises(ZeroDivisionError, match="mine"):
        model_from_json(json.dumps(description), {"Broken": Broken})


def test_names_of_a_lambda(tmp_path):
    """A lambda's globals: np, K and the custom objects; where one is missing the error says so, not that the file is
    damaged."""
    there = {"factor": 3.0}
    function = eval("lambda x: factor * K.exp(x) + np.float32(1)", there | {"K": K, "np": np})
    Sequential([Lambda(function, input_shape=(3,))]).save(tmp_path / "model.h5")
    here = load_model(tmp_path / "model.h5", custom_objects={"factor": 5.0})
    np.testing.assert_allclose(here.predict(X), 5 * np.exp(X) + 1, rtol=1e-6)


def test_arrays_as_arguments(tmp_path):
    arguments = {"by": np.array([1.0, 2.0, 3.0]), "parts": [np.array([1, 2])], "n": 2}
    model = Sequential([Lambda(swish_by, arguments=arguments, input_shape=(3,))])
    same_values = model.predict(X)
    model.save(tmp_path / "model.h5")
    for again in (load_model(tmp_path / "model.h5", {"swish_by": swish_by}),
                  model_from_json(model.to_json(), {"swish_by": swish_by})):
        np.testing.assert_array_equal(again.predict(X), same_values)
        assert again.layers[0].arguments["by"].dtype == np.float64
        assert isinstance(again.layers[0].arguments["parts"][0], np.ndarray)
    # as Keras 2.2.5 writes them
    text = model.to_json().replace(', "dtype": "float64"', "")
    np.testing.assert_array_equal(model_from_json(text, {"swish_by": swish_by}).predict(X), same_values)


def swish_by(x, by, parts, n):
    assert by.shape == (3,) and parts[0].shape == (2,)
    return x * by * n


# -- graphs and inputs -----------------------------------------------------------------------------------------------

def applied_twice():
    x, layer = Input((3,)), Dense(3)
    return Model(x, layer(layer(x)))


def applied_thrice_between():
    x, layer, other = Input((3,)), Dense(3, activation="tanh"), Dense(3)
    return Model(x, other(layer(layer(other(layer(x))))))


def model_applied_twice():
    x, model = Input((3,)), Sequential([Dense(3, input_shape=(3,), activation="tanh"), Dense(3)])
    return Model(x, model(model(x)))


def deferred():
    model = Sequential([Dense(4, activation="relu"), Dense(2)])
    model.build((None, 3))
    return model


@pytest.mark.parametrize("make", [
    applied_twice, applied_thrice_between, model_applied_twice, deferred,
    lambda: Sequential([InputLayer(input_shape=(3,), name="first"), Dense(2)]),
    lambda: Sequential([InputLayer(batch_input_shape=(4, 3)), Dense(2, activation="relu"), Dense(1)]),
    lambda: Sequential([Sequential([InputLayer(input_shape=(3,)), Dense(2)]), Dense(1)])])
def test_graphs(make, tmp_path):
    same(make(), tmp_path, X)


def test_build_input_shape():
    """Keras 2.2.5 writes it for a Sequential whose layers say no shape."""
    dense = {"class_name": "Dense", "config": {"units": 2}}
    model = Sequential.from_config({"name": "s", "layers": [dense], "build_input_shape": [None, 3]})
    assert model.input_shape == (None, 3) and model.count_params() == 8


@pytest.mark.parametrize("make", [applied_twice, deferred, model_applied_twice])
def test_clone_with_input_tensors(make):
    model, entry = make(), Input((3,), name="mine")
    clone = clone_model(model, input_tensors=entry)
    clone.set_weights(model.get_weights())
    assert clone.input is entry
    np.testing.assert_array_equal(clone.predict(X), model.predict(X))


def test_clone_on_values_and_layers():
    model = applied_twice()
    fixed = clone_model(model, input_tensors=[K.variable(X)])
    fixed.set_weights(model.get_weights())
    np.testing.assert_allclose(K.eval(fixed.output), model.predict(X), rtol=1e-5)
    x = Input((5,))
    behind = clone_model(model, Dense(3)(x))
    assert Model(x, behind.output).predict(np.ones((2, 5))).shape == (2, 3)
    assert clone_model(Sequential([Dense(2)]), Input((3,))).predict(X).shape == (4, 2)
    with pytest.raises(NumbaLayersError, match="cannot begin behind"):
        clone_model(deferred(), Dense(3)(x))


def test_a_clone_has_weights_of_its_own():
    model = Sequential([Scale(input_shape=(3,)), Conv1 := Dense(2), Lambda(lambda x: x * 2)])
    clone = clone_model(model)
    assert type(clone.layers[0]) is Scale and clone.layers[1] is not Conv1
    assert clone.layers[2].function is model.layers[2].function
    assert not {id(weight) for weight in clone.weights} & {id(weight) for weight in model.weights}


# -- types -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make", [
    applied_twice, deferred, lambda: Sequential([Conv2D(2, 2, input_shape=(4, 4, 1)), Scale()])])
def test_a_float64_model_stays_one(make, tmp_path):
    config.set_floatx("float64")
    try:
        model = make()
        model.compile("adam", "mse")
        shape = (2, *model.input_shape[1:])
        x, y = np.random.rand(*shape), np.zeros((2, *model.output_shape[1:]))
        model.train_on_batch(x, y)
        model.save(tmp_path / "model.h5")
        expected = model.predict(x)
    finally:
        config.set_floatx("float32")
    again = load_model(tmp_path / "model.h5", {"Scale": Scale})
    assert {weight.dtype.name for weight in (*again.weights, *model_from_json(model.to_json(), OWN).weights)} == {
        "float64"}
    np.testing.assert_array_equal(again.predict(x), expected)
    assert again.train_on_batch(x, y) == model.train_on_batch(x, y)
    assert config.floatx() == "float32"


# -- weights of models inside of models --------------------------------------------------------------------------------

def nested(frozen=False, names=("b1", "b2", "b3"), wrapped=False):
    """A model in a model in a model whose layers have one shape; frozen: the first of them, or 'all'."""
    base = Sequential([Dense(4, input_shape=(4,), name=name, activation="tanh") for name in names], name="base")
    base.layers[0].trainable = frozen is not True
    base.trainable = frozen != "all"
    x = Input((4,))
    net = Model(x, base(x), name="net")
    outer = Input((2, 4) if wrapped else (4,))
    inside = TimeDistributed(net, name="each")(outer) if wrapped else net(outer)
    return Model(outer, Dense(2, name="top")(inside))


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("written", [False, True, "all"])
@pytest.mark.parametrize("read", [False, True, "all"])
def test_weights_go_where_they_were_whatever_is_frozen(written, read, wrapped, tmp_path):
    model = nested(written, wrapped=wrapped)
    x = np.random.rand(3, *model.input_shape[1:])
    model.save_weights(tmp_path / "weights.h5")
    again = [nested(read, wrapped=wrapped), nested(read, ("x", "y", "z"), wrapped=wrapped),
             nested(read, wrapped=wrapped)]
    again[0].load_weights(tmp_path / "weights.h5")
    again[1].load_weights(tmp_path / "weights.h5")
    again[2].load_weights(tmp_path / "weights.h5", by_name=True)
    for one in again:
        np.testing.assert_array_equal(one.predict(x), model.predict(x))


KERAS_NAMES = [      # what Keras 2.2.5 and 1.2.2 wrote for `nested(frozen=True)`, the first of a process and the second
    ["b2/kernel:0", "b2/bias:0", "b3/kernel:0", "b3/bias:0", "b1/kernel:0", "b1/bias:0"],
    ["b2_1/kernel:0", "b2_1/bias:0", "b3_1/kernel:0", "b3_1/bias:0", "b1_1/kernel:0", "b1_1/bias:0"],
    ["b2_W", "b2_b", "b3_W", "b3_b", "b1_W", "b1_b"]]


@pytest.mark.parametrize("names", KERAS_NAMES)
@pytest.mark.parametrize("read", [False, True, "all"])
def test_names_in_files_of_keras_tell(names, read, tmp_path):
    model = nested()
    values = dict(zip(("b1", "b1b", "b2", "b2b", "b3", "b3b"), model.layers[1].get_weights()))
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.attrs["layer_names"] = [b"in", b"net", b"top"]
        file.attrs["keras_version"] = b"1.2.2" if names[0].endswith("W") else b"2.2.5"
        file.attrs["backend"] = b"tensorflow"
        for layer, weights in (("in", {}), ("net", dict(zip(names, (values[key] for key in (
                "b2", "b2b", "b3", "b3b", "b1", "b1b"))))), ("top", dict(zip("kb", model.layers[2].get_weights())))):
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in weights]
            for name, value in weights.items():
                group[name] = value
    again = nested(read)
    again.load_weights(tmp_path / "weights.h5")
    x = np.random.rand(3, 4)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_order_of_get_weights_is_that_of_keras():
    """Trained weights come first in a model inside of a model, as Keras 2.2.5 has it."""
    names = [weight.name for weight in nested(frozen=True).layers[1].weights]
    assert [name.partition("/")[0] for name in names] == ["b2", "b2", "b3", "b3", "b1", "b1"]


def test_a_frozen_model_inside_comes_back_frozen(tmp_path):
    model = nested("all")
    model.compile("adam", "mse")
    x, y = np.random.rand(3, 4), np.zeros((3, 2))
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5")
    assert again.train_on_batch(x, y) == model.train_on_batch(x, y)
    for mine, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("damage", [np.float32("nan"), -1])
def test_optimizer_state_that_no_training_leaves_is_refused(damage, tmp_path):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("adam", "mse")
    model.train_on_batch(X, np.zeros((4, 2)))
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        group = file["optimizer_weights"]
        state = group[group.attrs["weight_names"][0 if damage == -1 else 1]]
        state[...] = damage
    with pytest.raises(NumbaLayersError, match="optimizer's state.*NaN or a negative.*compile=False"):
        load_model(tmp_path / "model.h5")
    load_model(tmp_path / "model.h5", compile=False)


# -- files of others ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("begin, words", [
    (b"PK\x03\x04" + bytes(50), "zip archive, as Keras 3 writes"), (b'{"class_name": "Sequential"}', "model_from_json"),
    (b"\x93NUMPY\x01\x00", "array of NumPy")])
def test_files_of_another_kind_are_told_what_they_are(begin, words, tmp_path):
    (tmp_path / "model.h5").write_bytes(begin)
    with pytest.raises(NumbaLayersError) as raised:
        load_model(tmp_path / "model.h5")
    assert words in str(raised.value) and "damaged" not in str(raised.value)


def test_weights_of_keras_3_are_told_what_they_are(tmp_path):
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file.create_group("layers/dense/vars")["0"] = np.zeros((3, 2))
    with pytest.raises(NumbaLayersError, match="stored as Keras 3 does"):
        Sequential([Dense(2, input_shape=(3,))]).load_weights(tmp_path / "model.weights.h5")


def test_a_model_of_tf_keras_is_told_what_it_is(tmp_path):
    Sequential([Dense(2, input_shape=(3,))]).save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        file.attrs["keras_version"] = b"2.11.0"
        file.attrs["model_config"] = file.attrs["model_config"].replace(b'"units"', b'"ragged": false, "units"')
    with pytest.raises(NumbaLayersError, match="'ragged'.*no damage.*tf.keras 2.11.0"):
        load_model(tmp_path / "model.h5")


@pytest.mark.parametrize("version", ["3abc", "²", "2.", "9" * 5000])
def test_versions_that_are_none(version):
    with pytest.raises(UnknownNameError, match="unknown layer 'Missing'"):
        model_from_json(json.dumps({"class_name": "Missing", "config": [], "keras_version": version}))


@pytest.mark.parametrize("kind, entries", [
    ("U9999999", ["a"]), ("V9999999", [1]), ("O", [1]), ("f4,f4", [1]), ("float", [1, [2]]), ("int8", [300]),
    ("int64", [10**40]), ("int8", [np.inf]), (["a"], [1])])
def test_damaged_arrays_in_descriptions(kind, entries):
    array = {"type": "ndarray", "value": entries, "dtype": kind}
    with pytest.raises(DataError, match=r"model_from_json is not JSON, or is damaged: .*[^.]\.$"):
        model_from_json(json.dumps({"class_name": "Lambda", "config": {"arguments": array}}))


def test_a_description_inside_of_itself():
    ring = {"class_name": "Sequential"}
    ring["config"] = [ring]
    with pytest.raises(DataError, match="more than 50 models or layers"):
        model_from_config(ring)


def test_keras_1_calls_the_type_input_dtype():
    description = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {
        "output_dim": 2, "batch_input_shape": [None, 3], "input_dtype": "float64"}}]}
    assert {weight.dtype.name for weight in model_from_json(json.dumps(description)).weights} == {"float64"}
