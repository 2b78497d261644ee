"""Interrupts a training at random moments and looks at what is left: `python -m tests.interrupts KIND SECONDS SEED`.

KIND: `signals`, by a timer, or `lines`, Ctrl-C or a MemoryError at any line of the package. Prints each problem, then
how many trainings were interrupted.
"""

import random
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

import numba_layers
from numba_layers import backend as K
from numba_layers import optimizers, thread_state
from numba_layers.layers import Conv1D, Dense, Dropout, Flatten, Input, Lambda, Reshape
from numba_layers.models import Model, Sequential, load_model
from numba_layers.utils import Sequence
from tests.written import Momentum

PACKAGE = str(Path(numba_layers.__file__).parent)
X, Y = (np.random.RandomState(0).rand(24, size).astype("float32") for size in (6, 2))


class Batches(Sequence):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[8 * index:8 * index + 8], Y[8 * index:8 * index + 8]


def deferred():
    """Built and compiled by the first fit."""
    model = Sequential([Dense(4, activation="tanh", kernel_regularizer="l2"), Dropout(0.3),
                        Dense(2, kernel_constraint="maxnorm")])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def functional(optimizer="adam"):
    inputs = Input((6,))
    hidden = Lambda(lambda x: K.dropout(x, 0.2))(Dense(4, activation="relu")(inputs))
    model = Model(inputs, Dense(2)(hidden))
    model.compile(optimizer, "mse")
    return model


def written():
    return functional(Momentum())


def convolution():
    model = Sequential([Reshape((6, 1), input_shape=(6,)), Conv1D(3, 2, activation="relu"), Flatten(), Dense(2)])
    model.compile(optimizers.SGD(0.01, momentum=0.9, clipnorm=1.0), "mse")
    return model


class Net(Model):
    """Built from its first data."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = Dense(4, activation="relu"), Dense(2)

    def call(self, inputs):
        return self.last(self.hidden(inputs))


def written_as_class():
    model = Net()
    model.compile("rmsprop", "mse")
    return model


def fit(model):
    model.fit(X, Y, batch_size=8, verbose=0, validation_split=0.3)


def fit_generator(model):
    model.fit_generator(Batches(), verbose=0)


def fit_generator_between_steps(model):
    model.fit_generator(Batches(), verbose=0, workers=0)


def batches(model):
    model.train_on_batch(X, Y)
    model.predict(X)
    model.evaluate(X, Y, verbose=0)


def train_function(model):
    """A step as reinforcement learning scripts make it."""
    loss = K.mean(K.square(model.output))
    weights = model.trainable_weights
    step = K.function(model.inputs, K.gradients(loss, weights), updates=optimizers.Adam().get_updates(loss, weights))
    for _ in range(3):
        step([X])
    model.train_on_batch(X, Y)


JOBS = [(deferred, fit), (functional, fit), (written, fit), (convolution, fit_generator), (written_as_class, fit),
        (functional, fit_generator_between_steps), (functional, batches), (functional, train_function)]


def at_line(number, job, model):
    """Run `job`, with an error at the line of the package that is `number`th to run; how many ran."""
    lines = 0

    def of_package(frame, event, argument):
        return on_line if frame.f_code.co_filename.startswith(PACKAGE) else None

    def on_line(frame, event, argument):
        nonlocal lines
        if event == "line":
            lines += 1
            if lines == number:
                raise KeyboardInterrupt if number % 2 else MemoryError
        return on_line

    sys.settrace(of_package)
    try:
        job(model)
    finally:
        sys.settrace(None)
    return lines


def at_time(delay, job, model):
    """Run `job`, with a signal `delay` seconds after it began; how long it took."""
    start = time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, delay)
    try:
        job(model)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return time.perf_counter() - start


def state():
    return [values for _, values in thread_state.noted()]


CLEAN = thread_state.noted()


def problems(make, job, model):
    """What is wrong after an interrupt: state left behind, or a model that does not train, save and resume."""
    if state() != [values for _, values in CLEAN]:
        yield f"left in this thread: {state()}"
    for thread in threading.enumerate():
        if thread.name == "batches" and thread.ident is not None:   # one interrupted before its start stays in the list
            thread.join(5)      # it ends with the batch at hand
            if thread.is_alive():
                yield "a thread is left"
    job(model)
    other = make()
    job(other)
    for what, of in {"weights": lambda one: [weight.shape for weight in one.get_weights()],
                     "optimizer state": lambda one: [weight.shape for weight in one.optimizer.get_weights()],
                     "layers": lambda one: [type(layer) for layer in one.layers],
                     "nodes": lambda one: [len(layer.inbound_nodes) for layer in one.layers]}.items():
        if of(model) != of(other):
            yield f"{what}: {of(model)}, without an interrupt {of(other)}"
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        yield "NaN"
    if make in (deferred, convolution):
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder) / "model.h5")
            again = load_model(Path(folder) / "model.h5")
        for one in (model, again):
            np.random.seed(5)
            fit(one)
        if any((a != b).any() for a, b in zip(model.get_weights(), again.get_weights())):
            yield "saved and loaded it goes on with other bits"


def main(kind, seconds, seed):
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    run = {"lines": at_line, "signals": at_time}[kind]
    chance, interrupted = random.Random(int(seed)), 0
    for make, job in JOBS:
        job(make())         # loads and compiles kernels
    whole = {(make, job): run(0, job, make()) for make, job in JOBS}
    end = time.time() + float(seconds)
    while time.time() < end:
        make, job = chance.choice(JOBS)
        moment = whole[make, job] * chance.random() * chance.choice((0.3, 1))      # its beginning has more that is rare
        moment = int(moment) + 1 if kind == "lines" else max(moment, 1e-6)
        model = make()
        try:
            run(moment, job, model)
            continue
        except (KeyboardInterrupt, MemoryError) as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
        except BaseException as error:
            print(f"{make.__name__}, {job.__name__}: came out as {type(error).__name__}: {error}")
            continue
        interrupted += 1
        try:
            found = list(problems(make, job, model))
        except Exception:
            found = [traceback.format_exc(limit=-4)]
        for problem in found:
            print(f"{make.__name__}, {job.__name__}, interrupted in {where.filename}:{where.lineno}: {problem}")
        thread_state.restore(CLEAN)         # so that one fault is not told of again and again
    print(interrupted)


if __name__ == "__main__":
    main(*sys.argv[1:])
