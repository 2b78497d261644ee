"""Launches that wait for their kernels: computed as ever, seen by nobody, and made before anyone looks."""

import cProfile
import sys
from functools import partial

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import optimizers, registry
from numba_layers.autograd.graph import is_symbolic
from numba_layers.errors import DtypeError
from numba_layers.layers import Dense, Dot, Dropout, Flatten, Input, Lambda, Reshape, TimeDistributed
from numba_layers.models import Model, Sequential
from numba_layers.program import waiting
from numba_layers.program.others import reaches_others
from numba_layers.program.record import Recorder
from tests.program.test_situations import SITUATIONS, X, Y, both_ways, programs_afterwards  # noqa: F401

registry.kernels("cpu")


@pytest.fixture
def others(monkeypatch):
    """Whether steps reached code of others, one after the other."""
    found = []

    def reaches(body):
        found.append(reaches_others(body))
        return found[-1]

    monkeypatch.setattr(waiting, "reaches_others", reaches)
    return found


@pytest.fixture
def waited(monkeypatch):
    """No kernel is ready, and memory holds no numbers until a launch writes them; answers what was compiled ahead."""
    from numba_layers.kernels.cpu.compile import CpuKernel
    compiled, empty = [], Recorder.empty

    def spoiled(recorder, shape, dtype):
        array = empty(recorder, shape, dtype)
        array[...] = np.nan if array.dtype.kind == "f" else 77
        return array

    monkeypatch.setattr(CpuKernel, "is_ready", lambda kernel, arguments: False)
    monkeypatch.setattr(Recorder, "empty", spoiled)
    monkeypatch.setattr(registry, "compile_ahead", lambda wanted, verbose: compiled.append((len(wanted), verbose)))
    return compiled


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_the_same_bits(situation, waited, others):
    ours, expected = both_ways(situation)
    assert [one.tobytes() for one in ours] == [other.tobytes() for other in expected]
    assert waited or all(others)


def model(*layers, metrics=()):
    made = Sequential([Dense(4, input_shape=(6,)), *layers, Dropout(0.3), Dense(3)])
    made.compile("sgd", "mse", metrics=list(metrics))
    return made


def test_users_functions_see_numbers(waited):
    """They look at arrays, also at those that their own ops have made, and run once a step."""
    seen = []

    def look(x):
        if is_symbolic(x):
            return x
        y = K.exp(x)
        seen.append((x.data.copy(), y.data.copy()))
        return y

    def largest(y_true, y_pred):
        return K.constant(0. if is_symbolic(y_pred) else y_pred.data.max())

    made = model(Lambda(look), metrics=[largest])
    expected = X[:8] @ made.get_weights()[0] + made.get_weights()[1]
    with pytest.warns(UserWarning, match="not as a program"):
        figures = made.train_on_batch(X[:8], Y[:8])
        [(x, y)] = seen
        made.fit(X, Y, batch_size=8, verbose=0)
    np.testing.assert_allclose(x, expected, rtol=1e-5)
    np.testing.assert_allclose(y, np.exp(expected), rtol=1e-5)
    assert np.isfinite(figures).all()
    assert not waited


class Twice(Dense):
    def call(self, x):
        return 2 * super().call(x)


class Slow(optimizers.SGD):
    pass


def own(x, y=None):
    return x if y is None else K.mean(x - y, axis=-1)


PACKAGE = [
    lambda: Dense(3, activation="relu", kernel_regularizer="l2", bias_constraint="maxnorm"),
    lambda: Sequential([Reshape((2, 2), input_shape=(4,)), TimeDistributed(Dense(3)), Flatten()]),
]
OTHERS = [
    lambda: Lambda(own),
    lambda: Lambda(partial(own, y=None)),
    lambda: Twice(3),
    lambda: Sequential([Dense(3, input_shape=(4,)), Sequential([Lambda(own, input_shape=(3,))])]),
    lambda: Sequential([Reshape((2, 2), input_shape=(4,)), TimeDistributed(Twice(3)), Flatten()]),
    lambda: Dense(3, activation=own),
    lambda: Dense(3, kernel_regularizer=lambda w: K.sum(w)),
    lambda: Dense(3, bias_constraint=own),
]


@pytest.mark.parametrize("layer, options, reached", [
    *[(layer, {}, False) for layer in PACKAGE],
    *[(layer, {}, True) for layer in OTHERS],
    (PACKAGE[0], {"metrics": ["mae", own]}, True),
    (PACKAGE[0], {"loss": own}, True),
    (PACKAGE[0], {"optimizer": Slow()}, True),
])
def test_whose_code_a_step_reaches(layer, options, reached, others):
    made = Sequential([Dense(4, input_shape=(6,)), layer(), Dense(3)])
    made.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    made.train_on_batch(X[:8], Y[:8])
    assert set(others) <= {reached}
    assert reaches_others(made) == reached


def test_what_fails_names_its_layer(waited):
    """And leaves no launches behind."""
    a, b = Input((2, 2), dtype="int64"), Input((2, 2), dtype="int64")
    product = Model([a, b], Dot(axes=(2, 1), name="product")([a, b]))
    numbers = np.ones((3, 2, 2), int)
    with pytest.raises(DtypeError, match='^Dot "product": kernel batch_matmul_nn does not take'):
        product.predict([numbers, numbers])
    made = model()
    assert np.isfinite(made.train_on_batch(X[:8], Y[:8]))


def test_an_interrupted_step_is_not_made(waited, monkeypatch):
    made = model()
    before = made.get_weights()

    def interrupted(wanted, verbose):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(registry, "compile_ahead", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.train_on_batch(X[:8], Y[:8])
    assert all((one == other).all() for one, other in zip(made.get_weights(), before))
    assert np.isfinite(made.train_on_batch(X[:8], Y[:8]))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="profilers hear of calls in a way of their own")
def test_nothing_waits_under_a_profiler(waited):
    made = model()
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        made.train_on_batch(X[:8], Y[:8])
    finally:
        profiler.disable()
    assert not waited


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_whether_there_is_a_bar(waited, verbose, capsys):
    made = model()
    made.fit(X, Y, verbose=verbose)
    made.evaluate(X, Y, verbose=verbose)
    made.predict(X, verbose=verbose)
    assert {shown for _, shown in waited} == {min(verbose, 1)}
    waited.clear()
    made.train_on_batch(X[:3], Y[:3])
    assert {shown for _, shown in waited} == {1}
