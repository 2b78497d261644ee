"""Models in several threads and processes at once, on each threading layer: the figures of doing one after the other.

Each test is a process of its own, because a process keeps the threading layer it started with.
"""

import textwrap

import pytest

from tests.threads import LAYERS, run_on

PRELUDE = """
import multiprocessing, sys, threading
import numba
import numpy as np
from numba_layers.kernels.cpu import threads
from numba_layers import backend as K
from numba_layers import optimizers
from numba_layers.layers import Dense, Dropout, Input
from numba_layers.models import Model, Sequential

random = np.random.RandomState(0)
x = random.standard_normal((600, 40)).astype("float32")
y = random.randint(0, 5, 600)

def model(seed):
    np.random.seed(seed)
    made = Sequential([Dense(64, activation="relu", input_shape=(40,)), Dropout(0.3), Dense(5, activation="softmax")])
    made.compile("adam", "sparse_categorical_crossentropy")
    return made

def train(made):
    made.fit(x, y, epochs=3, batch_size=50, shuffle=False, verbose=0)
    return [weight.tobytes() for weight in made.get_weights()]
"""


def run(script, layer="default", **settings):
    """What `script`, behind the prelude, prints on a threading layer with two threads."""
    return run_on(layer, PRELUDE + textwrap.dedent(script), **({"NUMBA_NUM_THREADS": "2"} | settings))


@pytest.mark.parametrize("layer", LAYERS)
def test_threads_predict_while_another_trains(layer):
    """Two threads share a model, two more have one each, a fifth trains: all as in turn."""
    script = """
        shared, first, second = model(1), model(2), model(3)
        trained = train(model(4))
        wrong = []

        def predict(made, answer):
            wrong.extend(1 for _ in range(20) if made.predict(x, batch_size=100).tobytes() != answer)

        def again(made):
            if train(made) != trained:
                wrong.append("training")

        expected = [made.predict(x, batch_size=100).tobytes() for made in (shared, first, second)]
        jobs = [(predict, shared, expected[0])] * 2 + [(predict, first, expected[1]), (predict, second, expected[2]),
                                                       (again, model(4))]
        threads = [threading.Thread(target=job, args=arguments) for job, *arguments in jobs]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(wrong), numba.threading_layer())
    """
    assert run(script, layer) == ["0", layer]


@pytest.mark.parametrize("layer", LAYERS)
def test_prediction_in_a_forked_process(layer):
    """After a training, a child made by fork predicts as its parent does, and can go on training."""
    script = """
        made = model(1)
        train(made)
        fork = multiprocessing.get_context("fork")
        queue = fork.Queue()

        def child():
            predicted = made.predict(x)
            train(made)
            queue.put((predicted, made.predict(x)))

        process = fork.Process(target=child)
        process.start()
        predicted, trained = queue.get(timeout=60)
        process.join()
        print((predicted == made.predict(x)).all(), process.exitcode)
        train(made)
        print((trained == made.predict(x)).all(), len(list(made._programs)) > 1)
    """
    assert run(script, layer) == ["True", "0", "True", "True"]


@pytest.mark.parametrize("layer", LAYERS)
def test_same_bits_for_one_thread_and_two(layer):
    script = """
        answers = []
        with threads.launching():      # starts the layer asked for
            pass
        for threads in (1, 2):
            numba.set_num_threads(threads)
            made = model(1)
            answers.append((train(made), made.predict(x).tobytes()))
        print(answers[0] == answers[1])
    """
    assert run(script, layer) == ["True"]


def test_layers_give_the_same_bits():
    """A training does not depend on the threading layer either."""
    script = """
        import hashlib
        print(hashlib.sha256(b"".join(train(model(1)))).hexdigest())
    """
    answers = {run(script, layer)[0] for layer in ("omp", "workqueue")}
    assert len(answers) == 1


def test_a_pool_predicts():
    script = """
        made = model(1)
        train(made)

        def work(part):
            return made.predict(part).tobytes()

        parts = np.split(x, 4)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(work, parts) == [work(part) for part in parts])
    """
    assert run(script) == ["True"]


@pytest.mark.parametrize("layer", LAYERS)
def test_forks_while_another_thread_trains(layer):
    """A child cut off from threads in the midst of a launch predicts on its own."""
    script = """
        import os, signal
        made, other, codes = model(1), model(2), []
        train(other)
        expected, stop = made.predict(x), []

        def busy():
            while not stop:
                other.train_on_batch(x, y)

        def child():
            signal.alarm(60)
            predicted = made.predict(x)
            other.train_on_batch(x, y)      # its lock was another thread's at the fork
            os._exit(0 if (predicted == expected).all() else 1)

        thread = threading.Thread(target=busy)
        thread.start()
        for _ in range(25):
            pid = os.fork()
            if pid == 0:
                child()
            codes.append(os.waitpid(pid, 0)[1])
        stop.append(True)
        thread.join()
        print(set(codes))
    """
    assert run(script, layer)[-1] == "{0}"


STEPS = """
    K.set_floatx("float64")

    def linear(y_true, y_pred):
        return K.mean(y_pred, axis=-1)

    def line(optimizer, kernel=None):
        inputs = Input((40,))
        shared = kernel or Dense(30, use_bias=False)
        made = Model(inputs, shared(inputs))
        made.compile(optimizer, linear)
        return made, shared

    batches = [random.standard_normal((16, 40)) for _ in range(4)]
    targets, steps = np.zeros((16, 30)), 60

    def together(jobs):
        threads = [threading.Thread(target=lambda job=job, batch=batch: [job(batch) for _ in range(steps)])
                   for job, batch in zip(jobs, batches)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
"""


@pytest.mark.parametrize("script", ["""
    optimizer = optimizers.SGD(lr=1.0)
    made, kernel = line(optimizer)
    before, jobs = kernel.get_weights()[0], [lambda batch: made.train_on_batch(batch, targets)] * 4
    """, """
    optimizer = optimizers.SGD(lr=1.0)
    models = [line(optimizer)]
    models += [line(optimizer, models[0][1]) for _ in range(3)]
    kernel = models[0][1]
    before = kernel.get_weights()[0]
    jobs = [lambda batch, made=made: made.train_on_batch(batch, targets) for made, _ in models]
    """, """
    made, kernel = line("sgd")
    optimizer = optimizers.SGD(lr=1.0)
    train = [K.function([made.input], [], updates=optimizer.get_updates(K.mean(made.output), [kernel.kernel]))
             for _ in range(4)]
    before, jobs = kernel.get_weights()[0], [lambda batch, step=step: step([batch]) for step in train]
    """], ids=["one model", "models that share", "functions"])
def test_threads_that_train_lose_no_update(script):
    """The loss is linear, so that the sum of all steps is known whatever their order."""
    script = STEPS + textwrap.dedent(script).replace("\n", "\n    ") + """
    together(jobs)
    moved = before - kernel.get_weights()[0]
    expected = steps * sum(batch.mean(0) for batch in batches)[:, None] / 30
    print(np.allclose(moved, np.broadcast_to(expected, moved.shape)),
          int(optimizer.iterations))
    """
    assert run(script) == ["True", "240"]
