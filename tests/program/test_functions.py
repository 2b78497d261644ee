"""Models as functions of jitted code: values, gradients, steps; from Python, in `@njit`, in `prange`."""

import numba
import numpy as np
import pytest

from numba_layers.errors import DtypeError, ShapeError
from numba_layers.layers import Conv2D, Dense, Dropout, Embedding, Flatten, Input, concatenate
from numba_layers.models import Model, Sequential

random = np.random.RandomState(5)
X = random.normal(size=(40, 6)).astype("float32")
Y = random.normal(size=(40, 3)).astype("float32")
IMAGES = random.normal(size=(4, 6, 6, 2)).astype("float32")

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="there is no jitted code")


def dense(optimizer="adam"):
    model = Sequential([Dense(5, activation="tanh", input_shape=(6,)), Dropout(0.3), Dense(3)])
    model.compile(optimizer, "mse")
    return model


def conv():
    return Sequential([Conv2D(3, 3, activation="relu", input_shape=(6, 6, 2)), Flatten(), Dropout(0.5), Dense(2)])


def two_by_two():
    inputs = [Input((6,)), Input((3,))]
    hidden = Dense(4, activation="tanh")(concatenate(inputs))
    return Model(inputs, [Dense(3)(hidden), Dense(1)(hidden)])


@pytest.mark.parametrize("make, x", [(dense, X[:1]), (dense, X[:8]), (conv, IMAGES)], ids=["one", "eight", "images"])
def test_answers_what_predict_does(make, x):
    model = make()
    function = model.as_function(batch_size=len(x))
    out = np.empty_like(model.predict(x))
    assert function(x).tobytes() == model.predict(x).tobytes()
    assert function(x, out) is not None and out.tobytes() == model.predict(x).tobytes()


def test_several_inputs_and_outputs():
    model = two_by_two()
    answers = model.as_function(batch_size=40)((X, Y))
    assert [one.tobytes() for one in answers] == [one.tobytes() for one in model.predict([X, Y], batch_size=40)]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_gradient_by_finite_differences(batch_size, float64):
    model = dense()
    function = model.as_function(batch_size=batch_size)
    x, seed = random.normal(size=(batch_size, 6)), random.normal(size=(batch_size, 3))
    along, step = random.normal(size=x.shape), 1e-6
    expected = (np.sum((function(x + step * along) - function(x - step * along)) * seed)) / (2 * step)
    assert np.isclose(np.sum(function.gradient(x, seed) * along), expected, rtol=1e-6)


def test_follows_the_weights():
    model = dense()
    function = model.as_function(batch_size=8)
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert function(X[:8]).tobytes() == model.predict(X[:8]).tobytes()
    model.set_weights([np.full_like(weight, 0.25) for weight in model.get_weights()])
    assert function(X[:8]).tobytes() == model.predict(X[:8]).tobytes()


def test_in_parallel_without_allocating():
    model = dense()
    function = model.as_function()

    @numba.njit(parallel=True)
    def all_of(x, y):
        for i in numba.prange(len(x)):
            function(x[i:i + 1], y[i:i + 1])

    x = np.tile(X, (200, 1))
    found = np.empty((len(x), 3), np.float32)
    all_of(x, found)
    assert found.tobytes() == np.concatenate([function(one[None]) for one in x]).tobytes()


@pytest.mark.parametrize("x, error", [
    (X[:3], ShapeError), (X[:8].astype("float64"), DtypeError), (X[0], DtypeError), ([1.0], DtypeError),
    (np.asfortranarray(X[:8]), DtypeError), (X[:16:2], DtypeError),
], ids=["rows", "float64", "axes", "list", "columns first", "not contiguous"])
def test_wrong_arguments(x, error):
    function = dense().as_function(batch_size=8)
    with pytest.raises(error, match="as_function of model"):
        function(x)

    @numba.njit
    def called(x):
        return function(x)

    if not isinstance(x, list):
        with pytest.raises((numba.TypingError, ValueError), match="as_function of model"):
            called(x)


def test_x_may_be_read_only_and_out_may_not():
    function, x, out = dense().as_function(batch_size=8), X[:8].copy(), np.empty((8, 3), np.float32)
    expected = function(x)
    x.flags.writeable = out.flags.writeable = False
    assert np.array_equal(function(x), expected)
    with pytest.raises(DtypeError, match="C-contiguous arrays"):
        function(x, out)


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_a_step_is_train_on_batch(optimizer):
    """Dropout included: the same bits."""
    found = []
    for compiled in (True, False):
        np.random.seed(3)
        model = dense(optimizer)
        step = model.as_step(batch_size=8) if compiled else model.train_on_batch
        losses = [step(X[start:start + 8], Y[start:start + 8]) for start in range(0, 32, 8)]
        found.append([np.float32(losses).tobytes(), *(weight.tobytes() for weight in model.get_weights()),
                      int(model.optimizer.iterations)])
    assert found[0] == found[1]


def test_a_step_counts_weights_of_samples():
    weights = random.uniform(0, 2, 8).astype("float32")
    found = []
    for compiled in (True, False):
        np.random.seed(3)
        model = dense()
        step = model.as_step(batch_size=8, sample_weight=True) if compiled else model.train_on_batch
        found.append([np.float32(step(X[:8], Y[:8], weights)), *model.get_weights()])
    assert all(np.array_equal(one, other) for one, other in zip(*found))


def test_an_embedding_in_a_function():
    """A number without a row, which jitted code cannot refuse, gives NaN."""
    model = Sequential([Embedding(7, 3, input_length=4), Flatten(), Dense(2)])
    model.compile("adam", "mse")
    x = random.randint(0, 7, (5, 4))
    function = model.as_function(batch_size=5)
    assert function(x).tobytes() == model.predict(x).tobytes()
    x[3, 2], x[1, 0] = 2**40, -1
    np.testing.assert_array_equal(np.isnan(function(x))[:, 0], [False, True, False, True, False])
    before = model.get_weights()[0]
    model.as_step(batch_size=5)(x % 7, Y[:5, :2].copy())
    assert (model.get_weights()[0] != before).any()


def test_making_functions_changes_nothing():
    model = dense()
    model.train_on_batch(X[:8], Y[:8])
    before = [*model.get_weights(), *model.optimizer.get_weights()]
    model.as_function(batch_size=8).gradient(X[:8], Y[:8])
    model.as_step(batch_size=8)
    after = [*model.get_weights(), *model.optimizer.get_weights()]
    assert all(np.array_equal(one, other) for one, other in zip(before, after))


def test_code_that_holds_one_is_not_cached(tmp_path):
    """Addresses of this process in a cache would be those of another one."""
    import importlib.util

    path = tmp_path / "calls.py"
    path.write_text("import numba\n\ndef made(function):\n    @numba.njit(cache=True)\n    def call(x):\n"
                    "        return function(x)\n    return call\n")
    spec = importlib.util.spec_from_file_location("calls", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    one, other = dense(), dense()
    for model in (one, other):
        call = module.made(model.as_function(batch_size=8))
        assert call(X[:8]).tobytes() == model.predict(X[:8]).tobytes()
        assert not call.stats.cache_hits
