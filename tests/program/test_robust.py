"""Programs and what comes between their steps: interrupts, exceptions, kernels and settings that change, a Numba that
is called otherwise. What is left is what the same number of steps op by op leaves."""

import gc
import signal
import threading
import tracemalloc
import warnings
import weakref

import numba
import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys

from numba_layers import backend as K
from numba_layers import config, devices, registry
from numba_layers.backend.random import forget_streams
from numba_layers.callbacks import Callback
from numba_layers.devices.array import allocation
from numba_layers.errors import NumbaLayersError, OutOfRangeError
from numba_layers.kernels.cpu import native, threads
from numba_layers.kernels.cpu.compile import CpuKernel
from numba_layers.layers import Dense, Dropout, Flatten, Lambda
from numba_layers.models import Sequential, many
from numba_layers.ops._op import op
from numba_layers.program.record import Recorder

random = np.random.RandomState(5)
X = random.normal(size=(64, 6)).astype("float32")
Y = random.normal(size=(64, 3)).astype("float32")

compiled = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="there is no machine code")


def test_new_memory_in_the_place_of_old_is_looked_at_freely():
    """Identities of memory come again: what is known of one that is gone is of no other."""
    recorder = Recorder(devices.current(), [])
    recorder.empty((3,), "float32")     # gone at once
    known, = recorder._numbers.values()
    array = np.arange(3)
    recorder._numbers[id(allocation(array))] = known
    recorder.looked_at(array)
    assert recorder.refusal is None


@pytest.fixture(autouse=True)
def programs_afterwards():
    yield
    config.set_programs(True)
    config.set_winograd(True)


def dense(units=5, **options):
    np.random.seed(3)
    forget_streams()
    made = Sequential([Dense(units, activation="tanh", input_shape=(6,)), Dropout(0.3), Dense(3)])
    made.compile("adam", "mse", **options)
    return made


def bits(model):
    return [array.tobytes() for array in (*model.get_weights(), *model.optimizer.get_weights())]


def trained(steps, make=dense):
    """A model after so many steps on the same batch, op by op."""
    config.set_programs(False)
    try:
        made = make()
        for _ in range(steps):
            made.train_on_batch(X[:8], Y[:8])
        return made
    finally:
        config.set_programs(True)


# ---- interrupts --------------------------------------------------------------------------------------------


class Interrupted(Exception):
    pass


@compiled
@pytest.mark.parametrize("call", [0, 1, 5, 8, 40])
def test_an_interrupt_leaves_whole_steps(call, monkeypatch, unproven):
    """Also in the first runs, in which Python times each launch: what is left of a step is made up for."""
    made = dense()
    for _ in range(2):
        made.train_on_batch(X[:8], Y[:8])
    next(iter(made._programs)).compiled._rounds = 0     # the proof was the first run
    run, calls = native.run, []

    def interrupted(*arguments):
        run(*arguments)
        calls.append(arguments)
        if len(calls) == call + 1:
            raise Interrupted

    monkeypatch.setattr(native, "run", interrupted)
    with pytest.raises(Interrupted):
        for _ in range(60):
            made.train_on_batch(X[:8], Y[:8])
    monkeypatch.undo()
    steps = int(made.optimizer.iterations)
    assert steps >= 3
    assert bits(made) == bits(trained(steps))
    made.train_on_batch(X[:8], Y[:8])
    assert bits(made) == bits(trained(steps + 1))


@compiled
def test_calls_of_fit_are_short(monkeypatch, unproven):
    """What Ctrl-C and the bar wait for: a native call, whose length follows the time of a step."""
    made, now, plans = dense(), [0.0], []
    monkeypatch.setattr(many.time, "perf_counter", lambda: now[0])
    steps = many.ManySteps._steps

    def slow(self, order, done, wanted):
        now[0] += wanted * seconds
        plans.append(wanted)
        return steps(self, order, done, wanted)

    monkeypatch.setattr(many.ManySteps, "_steps", slow)
    x, y = np.tile(X, (40, 1)), np.tile(Y, (40, 1))
    for seconds in (0.0001, 0.003, 0.03, 0.5):
        plans.clear()
        made.fit(x, y, batch_size=2, epochs=1, verbose=0)
        assert sum(plans) >= 1280
        assert max(plans) * seconds <= max(0.04, seconds) and max(plans[8:]) * seconds > min(0.005, seconds)


@compiled
def test_ctrl_c_in_fit(unproven):
    """It takes effect after the native call under way, and leaves whole steps, which the counter tells."""
    made = dense()
    x, y = np.tile(X[:8], (400, 1)), np.tile(Y[:8], (400, 1))
    fit(made, x, y)
    sent = []

    def send():
        sent.append(int(made.optimizer.iterations))
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.2, send)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            fit(made, x, y, epochs=10**6)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    steps = int(made.optimizer.iterations)
    assert steps - sent[0] <= 2 * many.MOST
    again = dense()
    fit(again, x, y, epochs=steps // 400)
    for _ in range(steps % 400):
        again.train_on_batch(X[:8], Y[:8])
    assert steps > 400 and bits(made) == bits(again)


# ---- exceptions --------------------------------------------------------------------------------------------


class Raises(Callback):
    def __init__(self, hook, at):
        super().__init__()
        self.left = at
        setattr(self, hook, self._count)

    def _count(self, *arguments):
        self.left -= 1
        if self.left < 0:
            raise Interrupted


class RaisesAfterBatches(Callback):
    at = 5

    def on_batch_end(self, batch, logs=None):
        if batch == self.at:
            raise Interrupted


def failing_generator(model):
    def batches():
        for number in range(6):
            yield X[8 * number:8 * number + 8], Y[8 * number:8 * number + 8]
        raise Interrupted

    model.fit_generator(batches(), steps_per_epoch=8, epochs=1, verbose=0, workers=0)


FAILURES = {
    "on_epoch_begin": lambda model: fit(model, epochs=3, callbacks=[Raises("on_epoch_begin", 1)]),
    "on_epoch_end": lambda model: fit(model, epochs=3, callbacks=[Raises("on_epoch_end", 1)]),
    "on_batch_end": lambda model: fit(model, epochs=3, callbacks=[RaisesAfterBatches()]),
    "generator": failing_generator,
}


def fit(model, x=X, y=Y, **options):
    return model.fit(x, y, **({"batch_size": 8, "verbose": 0, "shuffle": False} | options))


@pytest.mark.parametrize("failure", FAILURES)
def test_the_next_fit_after_an_exception(failure):
    found = []
    for allowed in (True, False):
        config.set_programs(allowed)
        made = dense()
        fit(made, epochs=2)
        with pytest.raises(Interrupted):
            FAILURES[failure](made)
        history = fit(made, epochs=2).history["loss"]
        found.append([np.float64(history).tobytes(), *bits(made), made.predict(X).tobytes()])
    assert found[0] == found[1]


class Batches(Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_batch_begin(self, batch, logs=None):
        self.seen.append(("begin", batch))

    def on_batch_end(self, batch, logs=None):
        self.seen.append((batch, logs["size"], logs["loss"], logs["mean_absolute_error"]))


def test_callbacks_that_listen_to_batches():
    """They are called once for each, and the figures are those of a fit without them."""
    heard, alone = dense(metrics=["mae"]), dense(metrics=["mae"])
    callback = Batches()
    histories = [fit(heard, X[:60], Y[:60], epochs=3, callbacks=[callback]).history,
                 fit(alone, X[:60], Y[:60], epochs=3).history]
    assert histories[0] == histories[1]
    assert bits(heard) == bits(alone)
    ends = [entry for entry in callback.seen if entry[0] != "begin"]
    assert [(batch, size) for batch, size, *_ in ends] == [(number, 8 if number < 7 else 4) for number in range(8)] * 3
    assert len(callback.seen) == 2 * len(ends)
    for epoch in range(3):
        sizes, losses = np.array([(size, loss) for _, size, loss, _ in ends[8 * epoch:8 * epoch + 8]]).T
        np.testing.assert_allclose(np.average(losses, weights=sizes), histories[0]["loss"][epoch], rtol=1e-6)


def test_fit_takes_programs_of_single_batches_where_many_steps_are_none(replays):
    """Row numbers are compared with their range before a step, which they are not yet known within."""
    table = K.variable(random.normal(size=(7, 3)))
    made = Sequential([Lambda(lambda x: K.gather(table, x), input_shape=(4,), dtype="int32"), Flatten(), Dense(3)])
    made.compile("adam", "mse")
    rows = np.random.RandomState(1).randint(0, 7, (64, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(made, rows, epochs=2)
    assert len(replays) == 13 and not any(program.gathers for program in replays)
    rows[20] = 7
    with pytest.raises(OutOfRangeError, match="7 is out of range"):
        fit(made, rows)
    assert int(made.optimizer.iterations) == 18     # the batches before


# ---- what changes between steps ----------------------------------------------------------------------------


def test_numbers_are_checked_after_programs_were_made(monkeypatch):
    made = Sequential([Dense(4, input_shape=(6,), name="first"), Lambda(K.log, name="logarithm"), Dense(3)])
    made.compile("sgd", "mse")
    for _ in range(4):
        made.predict(X[:8])
    monkeypatch.setattr(config, "check_numbers", True)
    with pytest.raises(NumbaLayersError, match="logarithm"):
        made.predict(-np.abs(X[:8]))
        made.predict(np.abs(X[:8]))


@compiled
def test_the_number_of_threads_changes(unproven):
    with threads.launching():
        most = numba.get_num_threads()
    found = []
    try:
        for counts in ([most] * 8, [1, most] * 4, [most, 1] * 4, [1] * 8):
            made = dense(units=2000)
            for number, count in enumerate(counts):
                numba.set_num_threads(count)
                rows = slice(8 * number, 8 * number + 8)
                made.train_on_batch(X[rows], Y[rows])
            found.append([*bits(made), made.predict(X).tobytes()])
    finally:
        numba.set_num_threads(most)
    assert found[0] == found[1] == found[2] == found[3]


def test_settings_change(replays):
    """Another setting is another program, and the first one serves again afterwards."""
    made = dense()
    for _ in range(3):
        made.train_on_batch(X[:8], Y[:8])
    config.set_winograd(False)
    for _ in range(3):
        made.train_on_batch(X[:8], Y[:8])
    config.set_winograd(True)
    made.train_on_batch(X[:8], Y[:8])
    assert len(replays) == 3 and replays[0] is not replays[1] and replays[0] is replays[2]
    assert bits(made) == bits(trained(7))


SLOPE = 2.0


def steeper(x, y):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = x[i, j] * SLOPE


@op
def scaled(run, x):
    return run("steeper", x, out=x.shape), None


@pytest.fixture
def registered():
    """Registers a kernel of the user's, again with each call."""
    def register():
        made = CpuKernel(steeper, "steeper", {})
        registry.register_kernel(made.name, "cpu", made)
        return made

    yield register
    registry.loaded("cpu").pop("steeper")


@compiled
@pytest.mark.parametrize("how", ["recompiled", "registered"])
def test_a_kernel_that_is_another_is_not_run_as_it_was(how, registered, monkeypatch, replays):
    kernel = registered()
    model = Sequential([Lambda(scaled, input_shape=(6,))])
    function = model.as_function(batch_size=8)
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(X[:8]), 2 * X[:8])
        np.testing.assert_array_equal(function(X[:8]), 2 * X[:8])
    monkeypatch.setitem(globals(), "SLOPE", 3.0)
    if how == "recompiled":
        kernel.sliced.recompile()
    else:
        registered()
    stale = replays[-1]
    for _ in range(4):
        np.testing.assert_array_equal(model.predict(X[:8]), 3 * X[:8])
        np.testing.assert_array_equal(function(X[:8]), 3 * X[:8])
    assert replays[-1] is not stale and list(model._programs) == [replays[-1]]


# ---- a Numba that calls its code otherwise -----------------------------------------------------------------


@compiled
def test_programs_are_replayed_launch_by_launch_where_machine_code_is_called_otherwise(monkeypatch, replays):
    native.usable.cache_clear()
    monkeypatch.setattr(native, "_answers_right", lambda: False)
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            made = dense()
            for _ in range(5):
                made.train_on_batch(X[:8], Y[:8])
            fit(made, X[:8], Y[:8], epochs=3)
            predicted = [made.predict(X).tobytes() for _ in range(4)]
    finally:
        monkeypatch.undo()
        native.usable.cache_clear()
    told = [str(warning.message) for warning in seen if "machine code" in str(warning.message)]
    assert len(told) == 1 and numba.__version__ in told[0]
    assert replays and all(program.compiled is None for program in replays)
    expected = trained(8)
    assert bits(made) == bits(expected) and predicted == [expected.predict(X).tobytes()] * 4


# ---- memory ------------------------------------------------------------------------------------------------


def arrays_alive():
    """Bytes of NumPy's arrays that were made since tracemalloc began."""
    gc.collect()
    only = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([only]).traces)


def used_and_dropped():
    made = dense(units=300)
    for _ in range(3):
        made.train_on_batch(X[:8], Y[:8])
        made.predict(X[:8])
    fit(made)
    step = K.function([made.input], [K.mean(made.output)])
    for _ in range(3):
        step([X[:8]])
    programs = [*made._programs, *step._programs]
    assert len(programs) == 4
    return [weakref.ref(one) for one in (made, *programs)]


@compiled
def test_programs_of_models_that_are_gone_leave_no_memory(unproven):
    """The issue's measure is a thousand models and 50 MB; what is left of each is told by its references."""
    used_and_dropped()
    tracemalloc.start()
    try:
        before, left = arrays_alive(), []
        for _ in range(5):
            left += used_and_dropped()
        assert arrays_alive() - before < 5000
        assert [reference() for reference in left] == [None] * 25
    finally:
        tracemalloc.stop()


@compiled
def test_a_step_allocates_nothing(monkeypatch, unproven):
    """But for a few numbers: the same for any size, and nothing of the device."""
    peaks, empty, allocated = [], devices.Cpu.empty, []
    for size in (8, 64):
        made = dense(units=500)
        for _ in range(16):
            made.train_on_batch(X[:size], Y[:size])
        monkeypatch.setattr(devices.Cpu, "empty", lambda *given: allocated.append(given) or empty(*given))
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(5):
                made.train_on_batch(X[:size], Y[:size])
            now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            monkeypatch.undo()
        peaks.append(peak)
    assert not allocated
    assert max(peaks) < 20_000 < X.nbytes * 500


@compiled
@pytest.mark.parametrize("units", [20, 3000], ids=["on the stack", "in a block"])
def test_a_function_with_out_allocates_nothing(units):
    model = dense(units)
    function = model.as_function(batch_size=64)
    out = np.empty((64, 3), np.float32)

    @numba.njit
    def loop(x, out, times):
        for _ in range(times):
            function(x, out)

    taken = []
    loop(X, out, 1)
    _nrt_python.memsys_enable_stats()
    try:
        for times in (1, 100):
            before = rtsys.get_allocation_stats().mi_alloc
            loop(X, out, times)
            taken.append(rtsys.get_allocation_stats().mi_alloc - before)
    finally:
        _nrt_python.memsys_disable_stats()
    assert taken == [2, 2]      # the two arrays that Python hands over
    assert out.tobytes() == model.predict(X, batch_size=64).tobytes()
