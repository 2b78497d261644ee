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
from numba_layers.kernels.cpu import _threads
from numba_layers.layers import Dense, Dropout
from numba_layers.models import Sequential

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
        print(np.allclose(trained, made.predict(x), rtol=1e-4, atol=1e-6))      # omp's child runs serial kernels
    """
    assert run(script, layer) == ["True", "0", "True"]


@pytest.mark.parametrize("layer", LAYERS)
def test_same_bits_for_one_thread_and_two(layer):
    script = """
        answers = []
        with _threads.launching():      # starts the layer asked for
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
