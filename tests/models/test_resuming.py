"""A training that was saved and loaded in the middle goes on with the bits of one that was not interrupted."""

import json
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import optimizers
from numba_layers.backend.random import forget_streams
from numba_layers.errors import FileError
from numba_layers.layers import (
    Dense,
    Dropout,
    Input,
    Lambda,
    Layer,
    Reshape,
    SpatialDropout1D,
    TimeDistributed,
)
from numba_layers.models import Model, Sequential, load_model
from numba_layers.random import Stream

RULES = {name: getattr(optimizers, name) for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax")}


class Noise(Layer):
    """A layer of the user's own with a stream in a list."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.streams = [Stream(3)]

    def call(self, inputs, training=None):
        return inputs + K.random_normal((4,), seed=11) * float(self.streams[0].next_key()[2] + 1)


def stack(*layers, optimizer="adam"):
    model = Sequential([Dense(4, activation="tanh", input_shape=(6,)), *layers, Dense(2)])
    model.compile(optimizer, "mse")
    return model


def nested(**options):
    inner = Sequential([Dropout(0.3, input_shape=(4,)), Dropout(0.3, seed=2)])
    x = Input((6,))
    model = Model(x, Dense(2)(inner(Dense(4)(x))))
    model.compile("adam", "mse", **options)
    return model


MODELS = {
    **{f"{name} {decay}": lambda make=make, decay=decay: stack(optimizer=make(decay=decay, clipnorm=1.0))
       for name, make in RULES.items() for decay in (0.0, 0.01)},
    "Nadam": lambda: stack(optimizer=optimizers.Nadam()),
    "nesterov": lambda: stack(optimizer=optimizers.SGD(momentum=0.9, nesterov=True)),
    "amsgrad": lambda: stack(optimizer=optimizers.Adam(amsgrad=True)),
    "dropout": lambda: stack(Dropout(0.3)),
    "seeded dropout": lambda: stack(Dropout(0.3, seed=7), Dropout(0.3, seed=7)),
    "nested": nested,
    "wrapped": lambda: stack(Reshape((2, 2)), TimeDistributed(Dropout(0.5)), SpatialDropout1D(0.5), Reshape((4,))),
    "lambda": lambda: stack(Lambda(lambda x: K.in_train_phase(K.dropout(x, 0.5, seed=3), x), name="drop")),
    "lambda without seed": lambda: stack(Lambda(lambda x: K.in_train_phase(K.dropout(x, 0.5), x), name="drop again")),
    "own": lambda: stack(Noise()),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_same_bits_after_a_load(name, tmp_path):
    x, y = np.random.RandomState(0).rand(2, 20, 6)
    y = y[:, :2]
    np.random.seed(1)
    forget_streams()
    model = MODELS[name]()
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    model.save(tmp_path / "model.h5")
    shuffling = np.random.get_state()
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    forget_streams()
    own = {"Noise": Noise, "drop": lambda x: K.in_train_phase(K.dropout(x, 0.5, seed=3), x),
           "drop again": lambda x: K.in_train_phase(K.dropout(x, 0.5), x)}
    again = load_model(tmp_path / "model.h5", own)
    np.random.set_state(shuffling)
    again.fit(x, y, epochs=2, batch_size=8, verbose=0)
    for ours, theirs in zip(again.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(ours, theirs)
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations)


TRAINING = """
import os, signal, sys, threading
import numpy as np
from numba_layers.callbacks import Callback, ModelCheckpoint
from numba_layers.layers import Dense, Dropout
from numba_layers.models import Sequential, load_model

x, y = np.random.RandomState(0).rand(2, 320, 6).astype("float32")
file, stops = sys.argv[1], sys.argv[2] == "stops"

class Stop(Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if stops and epoch == 5:        # in the middle of it, or of those that follow
            threading.Timer(0.003, os.kill, (os.getpid(), signal.SIGKILL)).start()

np.random.seed(1)
if os.path.exists(file):
    model = load_model(file)
else:
    model = Sequential([Dense(5, activation="tanh", input_shape=(6,)), Dropout(0.3), Dense(6)])
    model.compile("adam", "mse")
model.fit(x, y, batch_size=8, verbose=0, shuffle=False, initial_epoch=int(model.optimizer.iterations) // 40, epochs=20,
          callbacks=[ModelCheckpoint(file), Stop()])
assert len(list(model._programs)) == 1
print(*(weight.tobytes().hex() for weight in (*model.get_weights(), *model.optimizer.get_weights())))
"""


def test_a_killed_training_goes_on_with_the_same_bits(tmp_path):
    def run(file, how):
        return subprocess.run([sys.executable, "-c", TRAINING, tmp_path / file, how], capture_output=True, text=True,
                              timeout=120)

    killed = run("model.h5", "stops")
    assert killed.returncode == -signal.SIGKILL and not killed.stdout, killed.stderr
    resumed, whole = run("model.h5", "goes"), run("other.h5", "goes")
    assert resumed.returncode == whole.returncode == 0, resumed.stderr + whole.stderr
    assert resumed.stdout == whole.stdout


@pytest.mark.parametrize("state", [b"\xff", b"[]", b"{}", {"iterations": "x"}, {"iterations": -1},
                                   {"iterations": 1e30}, {"streams": {"/dropout_9/_stream": [1]}},
                                   {"streams": {"/dropout_9/_stream": [1, 2, -3]}}, {"streams": []},
                                   {"draws": {"x": [1, 2, 3]}}])
def test_a_damaged_state_is_named(state, tmp_path):
    stack(Dropout(0.3, name="dropout_9")).save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        if isinstance(state, dict):
            state = json.dumps(json.loads(np.asarray(file["training_state"]).tobytes()) | state).encode()
        del file["training_state"]
        file.create_dataset("training_state", data=np.frombuffer(state, np.uint8))
    with pytest.raises(FileError, match="'training_state' is damaged"):
        load_model(tmp_path / "model.h5")
