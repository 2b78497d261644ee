"""Misuse of models: each gives an error that names the model, says what was expected and what came, and the cure."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import h5py
import numpy as np
import pytest
import scipy.sparse

from numba_layers import backend as K
from numba_layers.callbacks import LambdaCallback
from numba_layers.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    FileError,
    GraphError,
    ModelError,
    NumbaLayersError,
    ShapeError,
    UnknownArgumentError,
    UnknownNameError,
)
from numba_layers.layers import Dense, Input, concatenate
from numba_layers.models import Model, Sequential, load_model

X = np.random.RandomState(0).standard_normal((20, 4)).astype("float32")
CLASSES = np.random.RandomState(1).randint(0, 3, 20)
Y = np.eye(3, dtype="float32")[CLASSES]
A, B, LEFT, RIGHT = np.ones((4, 3)), np.ones((4, 2)), np.ones((4, 1)), np.ones((4, 2))


def net(loss="categorical_crossentropy", **options):
    model = Sequential([Dense(5, input_shape=(4,), name="first", activation="relu"),
                        Dense(3, name="second", activation="softmax")], name="net")
    if loss:
        model.compile("sgd", loss, **options)
    return model


def pair(loss="mse", **options):
    """Inputs a (3) and b (2), outputs left (1) and right (2)."""
    a, b = Input((3,), name="a"), Input((2,), name="b")
    model = Model([a, b], [Dense(1, name="left")(concatenate([a, b])), Dense(2, name="right")(b)], name="pair")
    model.compile("sgd", loss, **options)
    return model


def fit(x=X, y=Y, loss="categorical_crossentropy", **options):
    return lambda: net(loss).fit(x, y, **{"verbose": 0} | options)


def fit_pair(x=(A, B), y=(LEFT, RIGHT), **options):
    return lambda: pair().fit(list(x) if isinstance(x, tuple) else x, list(y), verbose=0, **options)


def fit_generator(*batches, steps=1, **options):
    return lambda: net().fit_generator(iter(batches), steps, verbose=0, **options)


def compiled(*arguments, **options):
    return lambda: net(loss=None).compile(*arguments, **options)


def changed(array, value):
    array = array.copy()
    array[2, 1] = value
    return array


SPARSE = "sparse_categorical_crossentropy"
DATA = [
    (fit(x=X[:, :2]), ShapeError, ['model "net", input "first_input"', r"expected shape \(any, 4\), got \(20, 2\)"]),
    (fit(x=X[0]), ShapeError, [r"expected shape \(any, 4\), got \(4,\)", r"single sample.*x\[None\]"]),
    (lambda: net().predict(X[0]), ShapeError, [r"got \(4,\)", r"x\[None\]"]),
    (lambda: net().predict(5), ShapeError, [r"expected shape \(any, 4\), got \(\)"]),
    (lambda: Sequential([Dense(2, input_shape=(784,))], name="net").predict(np.ones((5, 28, 28))), ShapeError,
     ['model "net"', r"expected shape \(any, 784\), got \(5, 28, 28\)", r"x.reshape\(-1, 784\)"]),
    (lambda: Sequential([Dense(2, batch_input_shape=(8, 4))]).predict(X), ShapeError, ["batches of 8", "20 samples"]),
    (fit(x=np.full((20, 4), "a")), DtypeError, ['"net", input "first_input"', "expected numbers", "<U1", "np.asarray"]),
    (fit(x=np.full((20, 4), None)), DtypeError, ["expected numbers", "object"]),
    (fit(x=[[1, 2, 3, 4], [1, 2]], y=Y[:2]), DtypeError, ["different lengths", "Pad them"]),
    (fit(x=[[10**30] * 4] * 20), DtypeError, ["expected numbers", "object"]),
    (fit(x=X + 1j), DtypeError, ["expected numbers", "complex64"]),
    (fit(x=X.astype("M8[s]")), DtypeError, ["expected numbers", "datetime64"]),
    (fit(x="abc"), DtypeError, ["expected numbers", "<U3"]),
    (fit(x=(row for row in X)), DataError, ["expected an array, got a generator", "fit_generator"]),
    (fit(x=None), DataError, ['model "net": x is missing', "input.*first_input", "got None"]),
    (fit(y=None), DataError, ['model "net": y is missing', "output.*second", "got None"]),
    (fit(x=X[:0], y=Y[:0]), DataError, ['model "net"', "no samples"]),
    (lambda: net().predict(X[:0]), DataError, ['model "net"', "no samples"]),
    (lambda: net().evaluate(X[:0], Y[:0], verbose=0), DataError, ["no samples"]),
    (lambda: net().train_on_batch(X[:0], Y[:0]), DataError, ["no samples"]),
    (fit(y=Y[:5]), DataError, ['model "net"', "same number of samples", r"\[5, 20\]"]),
    (fit_pair(x=[A]), DataError, ['model "pair": expected 2 arrays, one for each input', r"\(a, b\), got 1"]),
    (fit_pair(y=(LEFT,)), DataError,
     ['model "pair": expected 2 arrays, one for each output', r"\(left, right\), got 1"]),
    (fit_pair(x={"a": A, "bb": B}), DataError, ['model "pair": no input is named \'bb\'', "Did you mean 'b'"]),
    (fit_pair(x={"a": A}), DataError, ['model "pair"', "input 'b' are missing; given: a"]),
    (fit(y=changed(Y, np.nan)), DataError,
     ['model "net", target of output "second"', "1 of 60 entries are NaN", "Drop"]),
    (fit(y=CLASSES), ShapeError, [r"expected shape \(any, 3\), got \(20,\)", "sparse_cat", "utils.to_categorical"]),
    (fit(loss=SPARSE), ShapeError, [r"expected shape \(any, 1\), got \(20, 3\)", r"y.argmax\(axis=-1\)"]),
    (fit(y=np.arange(20), loss=SPARSE), DataError, ['output "second"', r"lie in 0\.\.2, got 0\.\.19"]),
    (fit(y=CLASSES - 1, loss=SPARSE), DataError, [r"lie in 0\.\.2, got -1\.\.1"]),
    (fit(y=CLASSES + 0.5, loss=SPARSE), DataError, ["class numbers must be whole, got .*5", "'mse'"]),
    (fit(y=np.ones((20, 2)), loss="mse"), ShapeError, [r"expected shape \(any, 3\), got \(20, 2\)"]),
    (fit(class_weight={0: 1.0}), DataError, ['output "second"', "no entry for class 1; it has", r"\[0\]"]),
    (fit(class_weight={0: 1, 1: "a", 2: 1}), ArgumentError, ["weight of class 1 must be a number, got 'a'"]),
    (fit(class_weight="balanced"), DataError, ['model "net": class_weight must be a dictionary', "'balanced'"]),
    (fit_pair(class_weight={"lef": {0: 1}}), DataError, ['model "pair": no output is named \'lef\'', "'left'"]),
    (fit(sample_weight=np.ones(3)), ShapeError, ['sample weights of output "second"', r"\(20,\), got \(3,\)"]),
    (fit(sample_weight=np.ones((20, 3))), ShapeError, [r"got \(20, 3\)", "sample_weight_mode='temporal'"]),
    (fit(sample_weight=np.full(20, np.nan)), DataError, ["20 of 20 are NaN or infinite", "weight 0"]),
    (fit(sample_weight=np.full(20, np.inf)), DataError, ["20 of 20 are NaN or infinite"]),
    (fit(sample_weight=np.full(20, 1e39)), DataError, ["20 of 20 are NaN or infinite"]),
    (fit(class_weight={0: np.nan, 1: 1, 2: 1}), DataError, ["weight of class 0 must be finite, got nan"]),
    (fit(class_weight={0: 1, 1: np.inf, 2: 1}), DataError, ["weight of class 1 must be finite, got inf"]),
    (fit(y=LEFT * 0.5, x=X[:4], loss=lambda t, p: K.mean(p), class_weight={0: 1}), DataError,
     ["must be whole, got 0.5"]),
    (fit(x=np.ma.masked_greater(X, 1)), DataError, ['input "first_input"', "entries are masked", "x.filled"]),
    (fit(y=np.ma.masked_equal(Y, 1)), DataError, ['target of output "second"', "20 of 60 entries are masked"]),
    (fit(sample_weight=np.ma.masked_less(np.arange(20), 3)), DataError, ["sample weights", "3 of 20 entries"]),
    (fit(y=scipy.sparse.csr_matrix(Y)), DtypeError, ["target of output", "sparse matrix", r"y.toarray\(\)"]),
    (fit(y=np.array([None, "1"] * 10, object)), DtypeError, ["expected numbers", "object"]),
    (fit(sample_weight=["a"] * 20), DtypeError, ["sample weights", "expected numbers"]),
    (fit_pair(sample_weight={"lef": np.ones(4)}), DataError, ["no output is named 'lef'", "Did you mean 'left'"]),
]

ARGUMENTS = [
    (fit(batch_size=0), ArgumentError, ["batch_size must be a whole number of at least 1, got 0"]),
    (fit(batch_size="a"), ArgumentError, ["batch_size must be a whole number", "'a'"]),
    (fit(batch_size=2.5), ArgumentError, ["batch_size must be a whole number", "2.5"]),
    (fit(epochs=-1), ArgumentError, ["epochs must be a whole number of at least 0, got -1"]),
    (fit(nb_epoch="3"), ArgumentError, ["epochs must be a whole number", "'3'"]),
    (fit(epochs=1.5), ArgumentError, ["epochs must be a whole number", "1.5"]),
    (fit(initial_epoch=-1), ArgumentError, ["initial_epoch must be a whole number"]),
    (fit(validation_split=1.0), ArgumentError, [r"validation_split must lie in \[0, 1\), got 1.0"]),
    (fit(validation_split="a"), ArgumentError, ["validation_split must be a number, got 'a'"]),
    (fit(x=X[:1], y=Y[:1], validation_split=0.5), DataError, ["leaves none of the 1 samples"]),
    (fit(validation_data=X), DataError, [r"validation_data must be \(x, y\)"]),
    (fit(validation_data=(X[:, :2], Y)), ShapeError, [r"expected shape \(any, 4\), got \(20, 2\)"]),
    (fit(verbose=-1), ArgumentError, ["verbose must be 0", "got -1"]),
    (fit(verbose="auto"), ArgumentError, ["verbose must be 0", "got 'auto'"]),
    (fit(shuffle="yes"), ArgumentError, ["shuffle must be True, False or 'batch', got 'yes'"]),
    (fit(nb_epochs=3), UnknownArgumentError, ["fit: unknown argument 'nb_epochs'", "Did you mean 'nb_epoch'"]),
    (fit(epochs=3, nb_epoch=3), UnknownArgumentError, [r"nb_epoch \(Keras 1\) and epochs", "Keep epochs"]),
    (lambda: net().evaluate(X, Y, batchsize=3), UnknownArgumentError, ["'batchsize'", "Did you mean 'batch_size'"]),
    (lambda: net().predict(X, batchsize=3), UnknownArgumentError, ["'batchsize'", "Did you mean 'batch_size'"]),
    (compiled("adma", "mse"), UnknownNameError, ["unknown optimizer 'adma'", "Did you mean"]),
    (compiled(3, "mse"), ArgumentError, ["optimizer", "got int 3"]),
    (compiled("adam", "mes"), UnknownNameError, ["unknown loss 'mes'", "Did you mean 'mse'"]),
    (compiled("adam"), ArgumentError, ["needs a loss", "loss='mse'"]),
    (compiled("adam", "mse", metrics=["binary_acuracy"]), UnknownNameError,
     ["metric", "Did you mean 'binary_accuracy'"]),
    (compiled("adam", "mse", metric=["acc"]), UnknownArgumentError, ["compile: unknown", "Did you mean 'metrics'"]),
    (compiled("adam", ["mse", "mse"]), ArgumentError, ["loss has 2 entries, the model 1 outputs", "second"]),
    (compiled("adam", "mse", sample_weight_mode="temp"), UnknownNameError, ["'temp'", "Did you mean 'temporal'"]),
    (lambda: pair({"lef": "mse", "right": "mse"}), UnknownNameError, ["'lef'", "Did you mean 'left'"]),
    (lambda: pair([None, None]), ArgumentError, ["no output has a loss", "left, right"]),
    (lambda: pair(loss_weights=[np.inf, 1]), ArgumentError, ["loss weight must be finite, got inf"]),
    (lambda: pair(loss_weights=["a", 1]), ArgumentError, ["loss weight must be a number, got 'a'"]),
    (fit_generator(X), DataError, [r"must give \(inputs, targets\)", "gave ndarray"]),
    (fit_generator([X]), DataError, [r"must give \(inputs, targets\)", "gave list"]),
    (lambda: net().predict_generator(iter([X[:0]] * 9), val_samples=3), DataError, ["batch 0 holds no samples"]),
    (fit_generator(None), DataError, ["gave NoneType"]),
    (fit_generator((X[:, :2], Y)), ShapeError, [r"expected shape \(any, 4\)"]),
    (fit_generator((X[:0], Y[:0])), DataError, ["no samples"]),
    (fit_generator((X, Y), steps=3), DataError, ["ended after 1 batches, 3", "while True"]),
    (fit_generator((X, Y), steps=0), ArgumentError, ["steps_per_epoch must be a whole number of at least 1, got 0"]),
    (fit_generator((X, Y), steps="a"), ArgumentError, ["steps_per_epoch must be a whole number", "'a'"]),
    (fit_generator((X, Y), steps=None), ArgumentError, ["does not say where it ends", "steps_per_epoch="]),
    (fit_generator((X, Y), validation_data=iter([])), ArgumentError, ["validation_steps="]),
    (lambda: net().fit_generator(5, 1), ArgumentError, ["expected a generator or a Sequence, got int: 5"]),
    (lambda: net().predict_generator(iter([None]), 1), DataError, ["x is missing"]),
]


def unbuilt(**options):
    model = Sequential([Dense(2)], name="net")
    model.compile("sgd", "mse")
    return model


def apart():
    a, b = Input((3,), name="one"), Input((3,), name="other")
    return Model(a, Dense(2)(b), name="apart")


def ending_in(function):
    x = Input((3,))
    return Model(x, function(Dense(2)(x)), name="net")


ORDER = [
    (lambda: net(loss=None).fit(X, Y), ModelError,
     ['"net": fit needs a compiled model', r"model.compile\(optimizer, loss\)"]),
    (lambda: net(loss=None).evaluate(X, Y), ModelError, ['"net": evaluate needs a compiled model']),
    (lambda: net(loss=None).train_on_batch(X, Y), ModelError, ['"net": train_on_batch needs a compiled model']),
    (lambda: net(loss=None).fit_generator(iter([(X, Y)]), 1), ModelError, ["fit_generator needs a compiled model"]),
    (lambda: Sequential(name="net").predict(X), ModelError, ['"net" has no input shape', "input_shape="]),
    (lambda: Sequential(name="net").pop(), ModelError, ['"net" has no layers to pop']),
    (lambda: unbuilt().fit(None, Y), ModelError, ['"net" has no input shape']),
    (lambda: unbuilt().fit([[1], [1, 2]], Y), DtypeError, ['"net", x', "different lengths"]),
    (lambda: unbuilt().fit_generator(iter([(X, Y)]), 1), ModelError, ['"net" has no input shape']),
    (lambda: unbuilt().predict_generator(iter([X]), 1), ModelError, ['"net" has no input shape']),
    (lambda: unbuilt().count_params(), ModelError, ['"net" has no weights yet', "input shape"]),
    (lambda: unbuilt().output_shape, GraphError, ['Sequential "net" has no outputs yet', "input_shape="]),
    (lambda: unbuilt().set_weights([X]), ShapeError, ['"net"', "no weights yet"]),
    (lambda: Sequential(Dense(3)), ArgumentError, ["takes a list of layers, got Dense"]),
    (lambda: Sequential([Dense]), ArgumentError, ["add takes a layer, got type"]),
    (lambda: Sequential().add(None), ArgumentError, ["add takes a layer, got NoneType"]),
    (lambda: Sequential([Input((3,))]), ArgumentError, ["add takes a layer, got SymbolicTensor"]),
    (lambda: Sequential([Dense(3, name="a", input_shape=(2,)), Dense(3, name="a")]), ArgumentError,
     ["layer name 'a' is used 2 times", "names of their own"]),
    (apart, GraphError, ['"apart"', "depend on input \"other\"", r"inputs=\[\.\.\.\]"]),
    (lambda: ending_in(lambda x: K.sum(x, axis=-1)), GraphError, ['"net"', "does not come from a layer", "Lambda"]),
    (lambda: ending_in(lambda x: Dense(2)(K.relu(x))), GraphError, ['"net"', "does not come from a layer", "Lambda"]),
    (lambda: Model(X, Dense(2)(Input((4,)))), GraphError, ["input array", "Input"]),
    (lambda: Model(Input((4,)), Dense(2)), GraphError, ["output <Dense", "does not come from a layer"]),
    (lambda: Model(Input((3,)), []), ArgumentError, ["at least one output"]),
    (lambda: (lambda x: Model([x, x], Dense(2)(x)))(Input((2,))), ArgumentError, ["same input is listed twice"]),
    (lambda: net().get_layer("frist"), UnknownNameError, ['model "net"', "Did you mean 'first'"]),
    (lambda: net().get_layer(index=9), ArgumentError, ['"net" has 2 layers', "index 9"]),
]

ROWS = DATA + ARGUMENTS + ORDER
IDS = [f"{kind}-{number}" for kind, rows in (("data", DATA), ("arguments", ARGUMENTS), ("order", ORDER))
       for number in range(len(rows))]


@pytest.mark.parametrize("misuse, error, patterns", ROWS, ids=IDS)
def test_misuse(misuse, error, patterns):
    with pytest.raises(NumbaLayersError) as raised:
        misuse()
    assert isinstance(raised.value, error)
    for pattern in patterns:
        assert raised.match(pattern)


@pytest.mark.parametrize("x", [
    X.tolist(), X.astype("float16"), X.astype("longdouble"), X.astype(">f4"), X > 0, np.full((20, 4), 2**62),
    X.astype("uint8"), np.asfortranarray(X), X[::-1], np.ma.masked_array(X)],
    ids=lambda x: f"{type(x).__name__} {getattr(x, 'dtype', '')}")
def test_numbers_of_any_type_are_data(x):
    model = net()
    before = np.array(x, copy=True)
    np.testing.assert_allclose(model.predict(x), model.predict(np.asarray(x, "float32")), rtol=1e-5)
    assert np.isfinite(model.fit(x, Y.tolist(), verbose=0).history["loss"][0])
    np.testing.assert_array_equal(x, before)


def test_a_batch_larger_than_the_data_is_the_data():
    model = net()
    history = model.fit(X, Y, batch_size=1000, shuffle=False, verbose=0).history
    again = net()
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(X, batch_size=1000), again.predict(X, batch_size=20))
    assert np.isfinite(history["loss"][0])


def test_read_only_data_stay_as_they_are():
    x = X.copy()
    x.flags.writeable = False
    net().fit(x, Y, verbose=0)
    np.testing.assert_array_equal(x, X)


def test_compile_again_changes_the_loss():
    model = net()
    before = model.get_weights()
    model.compile("adam", "mse")
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(((model.predict(X) - Y) ** 2).mean(), rel=1e-5)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_a_refused_fit_changes_nothing():
    model = net()
    before = model.get_weights()
    for wrong in (changed(Y, np.nan), Y[:5], CLASSES):
        with pytest.raises(ValueError):
            model.fit(X, wrong, verbose=0)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_a_generator_that_waits_for_ever_does_not_hold_up_an_error():
    waiting = threading.Event()

    def endless():
        yield X, Y
        waiting.wait(60)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        net().fit_generator(endless(), 2, verbose=0, callbacks=[LambdaCallback(on_batch_end=interrupt)])
    assert time.monotonic() - start < 20
    waiting.set()


def interrupt(batch, logs):
    raise KeyboardInterrupt


# -- files ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("wrong, pattern", [
    (lambda folder: load_model(folder / "absent.h5"), "no file '.*absent.h5'"),
    (lambda folder: net().load_weights(folder), "no file"),
    (lambda folder: net().save(folder), "is a folder. Give the name of a file"),
    (lambda folder: net().save_weights(folder / "absent" / "w.h5"), "no folder '.*absent' to write 'w.h5' in"),
])
def test_files_that_cannot_be(wrong, pattern, tmp_path):
    with pytest.raises(FileError, match=pattern) as raised:
        wrong(tmp_path)
    assert isinstance(raised.value, OSError) and isinstance(raised.value, ValueError)
    assert list(tmp_path.iterdir()) == []


def damage(name):
    """Ways in which a saved model may be wrong though it is HDF5."""
    def change(file):
        weights = file["model_weights"]
        if name == "no layer names":
            del weights.attrs["layer_names"]
        elif name == "no layer":
            del weights["second"]
        elif name == "no weight":
            del weights["second/second"]
        elif name == "other shape":
            del weights["second/second/bias:0"]
            weights["second/second/bias:0"] = np.ones(7)
        elif name == "text for numbers":
            del weights["second/second/bias:0"]
            weights["second/second/bias:0"] = np.array([b"a", b"b", b"c"])
        elif name == "no JSON":
            file.attrs["model_config"] = b'{"class_name": "Sequ'
        elif name == "unknown layer":
            file.attrs["model_config"] = file.attrs["model_config"].replace(b'"Dense"', b'"Dens"')
        elif name == "no layers":
            file.attrs["model_config"] = b'{"class_name": "Sequential", "config": {"name": "net"}}'
        elif name == "unknown loss":
            file.attrs["training_config"] = file.attrs["training_config"].replace(b'"categorical', b'"categorial')
        elif name == "no optimizer":
            file.attrs["training_config"] = b'{"loss": "mse"}'
    return change


@pytest.mark.parametrize("name, pattern", [
    ("no layer names", "weights for 0 layers.*the model has 2"), ("no layer", "model.h5': there is no group 'second'"),
    ("no weight", "no data set 'second/kernel:0'.*damaged"),
    ("other shape", r'Dense "second".*bias has shape \(3,\), the file\'s \(7,\)'),
    ("text for numbers", 'Dense "second".*bias is no array of numbers'), ("no JSON", "'model_config' is not JSON"),
    ("unknown layer", "'Dens'. Did you mean 'Dense'"), ("no layers", "Sequential \"net\".*no 'layers'"),
    ("unknown loss", "unknown loss 'categorial.*Did you mean"),
    ("no optimizer", "training_config.*no 'optimizer_config'")])
def test_damaged_models(name, pattern, tmp_path):
    path = tmp_path / "model.h5"
    net().save(path)
    with h5py.File(path, "a") as file:
        damage(name)(file)
    with pytest.raises(NumbaLayersError) as raised:
        load_model(path)
    assert raised.match(pattern)


def test_damaged_bytes_never_crash(tmp_path):
    """Files with bytes overwritten here and there load or are refused; no weights are set by halves."""
    script = """
        import sys
        import numpy as np
        from numba_layers.errors import NumbaLayersError
        from numba_layers.layers import Dense
        from numba_layers.models import Sequential, load_model
        model = Sequential([Dense(3, input_shape=(4,))])
        model.compile("adam", "mse")
        model.train_on_batch(np.ones((2, 4)), np.ones((2, 3)))
        path = sys.argv[1]
        model.save(path)
        content = np.fromfile(path, np.uint8)
        random = np.random.RandomState(5)
        refused = 0
        for count in range(300):
            damaged = content.copy()
            damaged[random.randint(0, len(content), 1 + count % 30)] = random.randint(0, 256, 1 + count % 30)
            damaged.tofile(path)
            try:
                load_model(path)
            except NumbaLayersError:
                refused += 1
        print(refused)
    """
    finished = subprocess.run([sys.executable, "-c", textwrap.dedent(script), tmp_path / "model.h5"],
                              capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    assert int(finished.stdout) > 250


def test_an_interrupted_process_leaves_whole_files(tmp_path):
    """Ctrl-C in the middle of a fit that saves after each epoch: what is there loads."""
    script = """
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)     # a background job may have been told to ignore it
        import numpy as np
        from numba_layers.callbacks import ModelCheckpoint
        from numba_layers.layers import Dense
        from numba_layers.models import Sequential
        model = Sequential([Dense(50, input_shape=(100,)), Dense(1)])
        model.compile("adam", "mse")
        model.fit(np.ones((64, 100)), np.ones(64), epochs=10**6, verbose=0, callbacks=[ModelCheckpoint(sys.argv[1])])
    """
    path = tmp_path / "model.h5"
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), path], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    errors = ""
    while process.poll() is None and time.monotonic() < deadline + 60:
        process.send_signal(signal.SIGINT)      # again: Python drops the exception of one that meets a finalizer
        with contextlib.suppress(subprocess.TimeoutExpired):
            _, errors = process.communicate(timeout=5)
    process.kill()
    assert process.returncode not in (None, 0) and "KeyboardInterrupt" in errors
    assert os.listdir(tmp_path) == ["model.h5"]
    assert load_model(path).predict(np.ones((1, 100))).shape == (1, 1)
