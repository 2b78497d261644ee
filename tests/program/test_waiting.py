"""Launches that wait for their kernels: computed as ever, seen by nobody, and made before anyone looks."""

import cProfile
import sys

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import registry
from numba_layers.autograd.graph import is_symbolic
from numba_layers.errors import DtypeError
from numba_layers.layers import Dense, Dot, Dropout, Input, Lambda
from numba_layers.models import Model, Sequential
from numba_layers.program.record import Recorder
from numba_layers.program.waiting import HEARS
from tests.program.test_situations import SITUATIONS, X, Y, both_ways, programs_afterwards  # noqa: F401

pytestmark = pytest.mark.skipif(not HEARS, reason="kernels of a first step are compiled one by one on this Python")
registry.kernels("cpu")


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
def test_the_same_bits(situation, waited):
    ours, expected = both_ways(situation)
    assert [one.tobytes() for one in ours] == [other.tobytes() for other in expected]
    assert waited


def model(function, metrics=()):
    made = Sequential([Dense(4, input_shape=(6,)), Lambda(function), Dropout(0.3), Dense(3)])
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

    made = model(look, [largest])
    expected = X[:8] @ made.get_weights()[0] + made.get_weights()[1]
    with pytest.warns(UserWarning, match="not as a program"):
        figures = made.train_on_batch(X[:8], Y[:8])
        [(x, y)] = seen
        made.fit(X, Y, batch_size=8, verbose=0)
    np.testing.assert_allclose(x, expected, rtol=1e-5)
    np.testing.assert_allclose(y, np.exp(expected), rtol=1e-5)
    assert np.isfinite(figures).all()
    assert len(waited) >= 3          # before the Lambda, before the metric, at the end


def test_what_fails_names_its_layer(waited):
    """And leaves nothing behind: neither launches nor someone who is told of calls."""
    a, b = Input((2, 2), dtype="int64"), Input((2, 2), dtype="int64")
    product = Model([a, b], Dot(axes=(2, 1), name="product")([a, b]))
    numbers = np.ones((3, 2, 2), int)
    with pytest.raises(DtypeError, match='^Dot "product": kernel batch_matmul_nn does not take'):
        product.predict([numbers, numbers])
    assert sys.getprofile() is None
    made = model(lambda x: x)
    assert np.isfinite(made.train_on_batch(X[:8], Y[:8]))
    assert sys.getprofile() is None


def test_an_interrupted_step_is_not_made(waited, monkeypatch):
    made = model(lambda x: x)
    before = made.get_weights()

    def interrupted(wanted, verbose):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(registry, "compile_ahead", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.train_on_batch(X[:8], Y[:8])
    assert sys.getprofile() is None
    assert all((one == other).all() for one, other in zip(made.get_weights(), before))
    assert np.isfinite(made.train_on_batch(X[:8], Y[:8]))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="profilers hear of calls in a way of their own")
def test_nothing_waits_under_a_profiler(waited):
    made = model(lambda x: x)
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        made.train_on_batch(X[:8], Y[:8])
    finally:
        profiler.disable()
    assert not waited


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_whether_there_is_a_bar(waited, verbose, capsys):
    made = model(lambda x: x)
    made.fit(X, Y, verbose=verbose)
    made.evaluate(X, Y, verbose=verbose)
    made.predict(X, verbose=verbose)
    assert {shown for _, shown in waited} == {min(verbose, 1)}
    waited.clear()
    made.train_on_batch(X[:3], Y[:3])
    assert {shown for _, shown in waited} == {1}
