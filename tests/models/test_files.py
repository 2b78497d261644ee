"""Files of the real Keras 1.2.2 and 2.2.5 load, predict and train on as they did there; ours are whole or absent."""

import base64
import json
import marshal
import shutil
import sys
import tracemalloc
from contextlib import suppress

import h5py
import numpy as np
import pytest

from numba_layers import config
from numba_layers.errors import ArgumentError, DataError, NumbaLayersError, ShapeError
from numba_layers.layers import Conv2D, Convolution2D, Dense, Dropout, Flatten, Lambda, TimeDistributed
from numba_layers.layers.serialization import serialize
from numba_layers.models import Model, Sequential, clone_model, load_model, model_from_config, model_from_json
from tests.reference.recorded import FIGURES, cases

pytestmark = pytest.mark.usefixtures("device")   # each test runs on each device

CASES = cases("models") + cases("normalization_models")


@pytest.fixture(params=CASES, ids=str)
def case(request):
    before = config.keras_version()
    config.set_keras_version("1.2.2" if request.param.generation == 1 else "2.2.5")
    yield request.param
    config.set_keras_version(before)


def series(case, name):
    found = []
    while f"{case.key}/{name}{len(found)}" in case._arrays:
        found.append(case._arrays[f"{case.key}/{name}{len(found)}"])
    return found


def one_or_all(arrays):
    return arrays if len(arrays) > 1 else arrays[0]


def as_list(value):
    return value if isinstance(value, list) else [value]


def path(case, kind):
    return FIGURES / f"keras{case.generation}" / f"{case.key}_{kind}.h5"


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=3e-5, atol=3e-6)


def test_load_model(case):
    model = load_model(path(case, "model"))
    for actual, expected in zip(model.get_weights(), series(case, "float32/weights"), strict=True):
        np.testing.assert_array_equal(actual, expected)
    predicted = as_list(model.predict(one_or_all(series(case, "in/x"))))
    for actual, expected in zip(predicted, series(case, "float32/predicted"), strict=True):
        close(actual, expected)
    assert model.metrics_names == case.facts["metrics_names"]
    assert model.count_params() == case.facts["parameters"]


def test_training_goes_on(case):
    """One more update gives Keras's weights: the optimizer's moments and count came along."""
    if case.key == "core":
        pytest.skip("its Dropout draws other masks")
    model = load_model(path(case, "model"))
    figures = model.train_on_batch(one_or_all(series(case, "in/x")), one_or_all(series(case, "in/y")))
    close(figures, case.answer("next_batch", "float32"))
    for actual, expected in zip(model.get_weights(), series(case, "float32/next_weights"), strict=True):
        close(actual, expected)


def test_load_weights(case):
    model = model_from_json(case.facts["json"])
    model.load_weights(path(case, "weights"))
    for actual, expected in zip(model.get_weights(), series(case, "float32/weights"), strict=True):
        np.testing.assert_array_equal(actual, expected)
    by_name = model_from_json(case.facts["json"])
    by_name.load_weights(path(case, "model"), by_name=True)
    for actual, expected in zip(by_name.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_layers_and_json(case):
    model = model_from_json(case.facts["json"])
    if case.generation == 2:
        assert [layer.name for layer in model.layers] == case.facts["layers"]
        ours = json.loads(model.to_json())
        assert ours["class_name"] == json.loads(case.facts["json"])["class_name"]
        assert ours["config"] == case.facts["config"]
    again = model_from_json(model.to_json())
    assert again.get_config() == model.get_config()


def test_summary(case, capsys):
    if case.generation == 1:
        pytest.skip("Keras 2's table is the one printed")
    model = load_model(path(case, "model"))
    model.summary()
    assert capsys.readouterr().out.splitlines() == case.facts["summary"].splitlines()


def test_round_trip(case, tmp_path):
    model = load_model(path(case, "model"))
    model.save(tmp_path / "again.h5")
    again = load_model(tmp_path / "again.h5")
    x, y = one_or_all(series(case, "in/x")), one_or_all(series(case, "in/y"))
    for actual, expected in zip(as_list(again.predict(x)), as_list(model.predict(x)), strict=True):
        np.testing.assert_array_equal(actual, expected)
    if case.key != "core":
        assert again.train_on_batch(x, y) == model.train_on_batch(x, y)
        for actual, expected in zip(again.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(actual, expected)


# -- what may go wrong ---------------------------------------------------------------------------------------------

@pytest.fixture
def model():
    return Sequential([Dense(4, input_shape=(3,), name="first"), Dropout(0.5), Dense(2, name="second")])


def test_missing_file(model, tmp_path):
    with pytest.raises(DataError, match="no file .*absent.h5"):
        model.load_weights(tmp_path / "absent.h5")
    with pytest.raises(DataError, match="no file"):
        load_model(tmp_path / "absent.h5")


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_damaged_file(model, tmp_path, damage):
    file = tmp_path / "weights.h5"
    model.save_weights(file)
    content = file.read_bytes()
    file.write_bytes({"truncated": content[:len(content) // 2], "text": b"not HDF5" * 100, "empty": b""}[damage])
    before = model.get_weights()
    with pytest.raises(DataError, match="damaged|no HDF5"):
        model.load_weights(file)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_wrong_shapes_set_nothing(model, tmp_path):
    other = Sequential([Dense(4, input_shape=(3,), name="first"), Dense(5, name="second")])
    other.save_weights(tmp_path / "other.h5")
    before = model.get_weights()
    with pytest.raises(ShapeError, match=r'Dense "second".*\(4, 2\).*\(4, 5\)'):
        model.load_weights(tmp_path / "other.h5")
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)
    model.load_weights(tmp_path / "other.h5", by_name=True, skip_mismatch=True)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


def test_number_of_layers(model, tmp_path):
    Sequential([Dense(4, input_shape=(3,))]).save_weights(tmp_path / "short.h5")
    with pytest.raises(ShapeError, match="weights for 1 layers.*the model has 2"):
        model.load_weights(tmp_path / "short.h5")


def test_file_without_architecture(model, tmp_path):
    model.save_weights(tmp_path / "weights.h5")
    with pytest.raises(DataError, match="only weights"):
        load_model(tmp_path / "weights.h5")


def test_existing_file_is_kept(model, tmp_path):
    model.save(tmp_path / "model.h5")
    with pytest.raises(ArgumentError, match="exists already"):
        model.save(tmp_path / "model.h5", overwrite=False)


def test_interrupted_save_leaves_the_file_before(model, tmp_path, monkeypatch):
    file = tmp_path / "model.h5"
    model.save(file)
    content = file.read_bytes()

    def fail(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(h5py.Group, "create_dataset", fail)
    with pytest.raises(KeyboardInterrupt):
        model.save(file)
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_lambda_round_trip(tmp_path):
    factor = 3.0
    model = Sequential([Lambda(lambda x, shift=1.0: x * factor + shift, input_shape=(2,))])
    model.save(tmp_path / "lambda.h5")
    x = np.ones((1, 2), "float32")
    np.testing.assert_array_equal(load_model(tmp_path / "lambda.h5").predict(x), [[4, 4]])
    np.testing.assert_array_equal(clone_model(model).predict(x), [[4, 4]])


RAN = []


def with_code(layer, key):
    """The description of `layer` (a Lambda, perhaps in another layer), with code of elsewhere as its `key`."""
    code = eval("lambda x: (RAN.append(1), x)[1]").__code__.replace(co_filename="elsewhere")
    description = serialize(layer)
    inner = description["config"].get("layer", description)["config"]
    inner[key] = {"code": base64.b64encode(marshal.dumps(code)).decode(), "defaults": None, "closure": None,
                  "python": [*sys.version_info[:2]]}
    inner[f"{key}_type"] = "lambda"
    return {"class_name": "Sequential", "config": {"name": "net", "layers": [description]}}


def loads(description, folder):
    """Every way to a model from a description that a file holds."""
    with h5py.File(folder / "code.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(description)
        file.create_group("model_weights").attrs["layer_names"] = np.array([b"own"])
        file["model_weights"].create_group("own").attrs["weight_names"] = np.empty(0, "S1")
    return [lambda **options: load_model(folder / "code.h5", **options),
            lambda **options: model_from_json(json.dumps(description), **options),
            lambda **options: model_from_config(description, **options),
            lambda **options: Sequential.from_config(description["config"], **options)]


@pytest.mark.parametrize("layer", [lambda: Lambda(double, name="own", input_shape=(2,)),
                                   lambda: TimeDistributed(Lambda(double, name="own"), input_shape=(3, 2))])
@pytest.mark.parametrize("key", ["function", "output_shape"])
def test_code_in_files_is_run_only_when_asked(layer, key, tmp_path):
    shape = (1, 3, 2) if "layer" in layer().get_config() else (1, 2)
    names = {"double": double, "RAN": RAN}
    for load in loads(with_code(layer(), key), tmp_path):
        RAN.clear()
        if key == "function":
            with pytest.raises(DataError, match="not run unasked.*{'own': function}.*safe_mode=False"):
                load(custom_objects=names)
        again = load(custom_objects=names | {"own": double})
        np.testing.assert_array_equal(again.predict(np.ones(shape)), np.full(shape, 2))
        assert not RAN
        load(custom_objects=names, safe_mode=False)
        assert RAN


def double(x):
    return x * 2


def test_named_functions_are_custom_objects(tmp_path):
    def my_loss(y_true, y_pred):
        return (y_true - y_pred) ** 2

    model = Sequential([Lambda(double, input_shape=(2,)), Dense(1)])
    model.compile("sgd", my_loss)
    model.save(tmp_path / "named.h5")
    with pytest.raises(ValueError, match="double"):
        load_model(tmp_path / "named.h5")
    again = load_model(tmp_path / "named.h5", custom_objects={"double": double, "my_loss": my_loss})
    x = np.ones((3, 2), "float32")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


@pytest.mark.parametrize("names", [
    ["block/conv", "block"], ["a", "a/b"], ["a", "a/a"], ["a/a/kernel:0", "a"], ["..", "../x"], ["ä\N{SNOWMAN}"],
    ["x" * 70_000, "y" * 64_000]], ids=lambda names: names[0][:10])
def test_odd_names_of_layers_come_back(names, tmp_path):
    model = Sequential([Dense(3, input_shape=(3,), name=name) for name in names])
    model.save(tmp_path / "odd.h5")
    again = load_model(tmp_path / "odd.h5")
    assert [layer.name for layer in again.layers] == names
    again.load_weights(tmp_path / "odd.h5", by_name=True)
    model.save_weights(tmp_path / "weights.h5")
    again.load_weights(tmp_path / "weights.h5")
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("names", [["/"], ["."], ["a//b"], ["/a"], ["a/"], ["./a"], ["a\0b"], ["\ud800"],
                                   ["a", "a/a/kernel:0"]])
def test_odd_names_of_layers_that_no_file_can_hold(names, tmp_path):
    model = Sequential([Dense(3, input_shape=(3,), name=name) for name in names])
    (tmp_path / "odd.h5").write_bytes(b"before")
    for save in (model.save, model.save_weights):
        with pytest.raises(ArgumentError, match="Dense .* cannot be saved .*another name"):
            save(tmp_path / "odd.h5")
    assert (tmp_path / "odd.h5").read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1
    assert [layer.name for layer in model_from_json(model.to_json()).layers] == names


def test_odd_names_of_weights_come_back(tmp_path):
    class Odd(Dense):
        def build(self, input_shape):
            for name in ("/", "a//b", "kernel", "kernel", "a", "a/b:0", "kernel:0_2", "\ud800"):
                self.add_weight(shape=(2,), name=name)
            super().build(input_shape)

    model = Sequential([Odd(3, input_shape=(3,))])
    model.save(tmp_path / "odd.h5")
    for a, b in zip(model.get_weights(), load_model(tmp_path / "odd.h5", {"Odd": Odd}).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_long_lists_of_names_are_split(tmp_path):
    layers = [Dense(1, input_shape=(1,), name=f"{number:0>900}") for number in range(80)]
    model = Sequential(layers)
    model.save_weights(tmp_path / "long.h5")
    with h5py.File(tmp_path / "long.h5") as file:
        assert "layer_names0" in file.attrs and "layer_names" not in file.attrs
    before = model.get_weights()
    model.load_weights(tmp_path / "long.h5")
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


ODD = [5, -1, 1.5, 2j, True, float("nan"), "text", b"\xff\xfe", "", h5py.Empty("f4"), [1.0, float("nan")], [[1, 2]],
       [b"a", b"a"], np.arange(5), "[" * 5000, "{}", "[]", "null", '{"class_name": 5, "config": 5}', np.zeros(0),
       [2**63]]


def attributes(path):
    """Name -> place of every attribute in a file; of a name that occurs often, the last place."""
    with h5py.File(path) as file:
        found = dict.fromkeys(file.attrs, "/")
        file.visititems(lambda place, part: found.update(dict.fromkeys(part.attrs, place)))
    return found


def test_attributes_of_every_kind_are_taken_or_refused(tmp_path):
    model = Sequential([Convolution2D(2, 3, 3, input_shape=(3, 8, 8), dim_ordering="th"), Flatten(),
                        Sequential([Dense(4, input_shape=(72,)), Dropout(0.5)])])
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((2, 3, 8, 8)), np.ones((2, 4)))
    model.save(tmp_path / "whole.h5")
    places = attributes(tmp_path / "whole.h5")
    assert {*places} >= {"model_config", "training_config", "layer_names", "weight_names", "order"}
    for name, place in places.items():
        for value in ODD:
            shutil.copy(tmp_path / "whole.h5", tmp_path / "odd.h5")
            with h5py.File(tmp_path / "odd.h5", "r+") as file:
                file[place].attrs[name] = value
            for load in (load_model, model.load_weights):
                with suppress(NumbaLayersError):
                    load(tmp_path / "odd.h5")


def declaring(layer, change):
    """A saved model of a few numbers whose architecture says more."""
    def make(path):
        Sequential([Dense(3, input_shape=(4,))]).save(path)
        description = {"class_name": "Sequential", "config": [serialize(layer)]}
        change(description["config"][0]["config"])
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = json.dumps(description)
    return make


def packed(path):
    """Architecture and weights agree, on zeros of which 64 MB take 64 KB."""
    Sequential([Dense(4, input_shape=(4,), name="own")]).save(path)
    declaring(Dense(4, input_shape=(4,), name="own"), lambda own: own.update(
        units=4000, batch_input_shape=(None, 4000)))(path)
    with h5py.File(path, "r+") as file:
        del file["model_weights"]
        layer = file.create_group("model_weights/own")
        file["model_weights"].attrs["layer_names"] = np.array([b"own"])
        layer.attrs["weight_names"] = np.array([b"kernel", b"bias"])
        layer.create_dataset("kernel", data=np.zeros((4000, 4000), "f4"), compression="gzip")
        layer.create_dataset("bias", data=np.zeros(4000, "f4"))


MORE = {
    "units": declaring(Dense(4, input_shape=(4,)), lambda own: own.update(units=10**9)),
    "inputs": declaring(Dense(4, input_shape=(4,)), lambda own: own.update(batch_input_shape=(None, 10**12))),
    "beyond 64 bits": declaring(Dense(4, input_shape=(4,)), lambda own: own.update(units=10**20)),
    "windows": declaring(Conv2D(4, 3, input_shape=(9, 9, 3)), lambda own: own.update(kernel_size=(10**5, 10**5))),
    "in a layer": declaring(TimeDistributed(Dense(4), input_shape=(4, 3)),
                            lambda own: own["layer"]["config"].update(units=10**8)),
    "packed": packed,
}


@pytest.mark.parametrize("name", MORE)
def test_an_architecture_that_is_larger_than_its_file(name, tmp_path):
    MORE[name](tmp_path / "more.h5")
    tracemalloc.start()
    try:
        with pytest.raises(NumbaLayersError, match="made to take memory|units must be at most"):
            load_model(tmp_path / "more.h5")
        assert tracemalloc.get_traced_memory()[1] < 8e6
    finally:
        tracemalloc.stop()


def test_loading_takes_the_files_content_and_a_little(tmp_path):
    Sequential([Dense(1500, input_shape=(1500,)), Dense(700)]).save(tmp_path / "large.h5")
    state = np.random.get_state()[1].copy()
    load_model(tmp_path / "large.h5")       # what is imported on the way counts only once
    tracemalloc.start()
    model = load_model(tmp_path / "large.h5")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * sum(weight.nbytes for weight in model.get_weights()) + 1500 * 1500 * 4
    np.testing.assert_array_equal(np.random.get_state()[1], state)      # nothing was drawn


def test_weights_that_a_file_does_not_hold_are_drawn(tmp_path):
    class Hiding(Dense):
        """Keeps a weight to itself."""

        def build(self, input_shape):
            self.own = self.add_weight(shape=(3,), initializer="ones", name="own")
            self._trainable_weights.remove(self.own)
            super().build(input_shape)

    Sequential([Hiding(3, input_shape=(3,))]).save(tmp_path / "hiding.h5")
    again = load_model(tmp_path / "hiding.h5", {"Hiding": Hiding})
    np.testing.assert_array_equal(again.layers[0].own.value, [1, 1, 1])


def test_a_model_is_a_layer_of_another(tmp_path):
    inner = Sequential([Dense(3, input_shape=(2,))])
    model = Model(inner.input, Dense(1)(inner(inner.input)))
    model.save(tmp_path / "outer.h5")
    x = np.ones((2, 2), "float32")
    np.testing.assert_array_equal(load_model(tmp_path / "outer.h5").predict(x), model.predict(x))
