"""CUDA graphs: launches that are asked for by one call, and programs that are replayed so."""

import gc
import threading

import numpy as np
import pytest

from numba_layers import config, devices
from numba_layers.errors import DeviceError
from tests.devices.fake_driver import CUresult, FakeDriver

pytest.importorskip("numba_cuda")


@pytest.fixture
def kernels():
    from tests.devices import kernels
    return kernels


def numbers(size=300):
    return np.arange(size, dtype=np.float32)


def made(gpu, launches):
    """A graph of (kernel, arguments) pairs, and its nodes."""
    graph = gpu.graph()
    nodes = [graph.add(*launch) for launch in launches]
    graph.finish()
    return graph, nodes


def test_launches_follow_each_other_as_often_as_asked(gpu, kernels):
    shifted = kernels.kernel(gpu, kernels.shifted)
    x, y = gpu.put(numbers()), gpu.empty(300, "float32")
    graph, nodes = made(gpu, [(shifted, (x, np.float32(2), y)), (shifted, (y, np.float32(3), x))])
    assert None not in nodes and set(x.numpy() - numbers()) == {0}     # nothing ran
    graph.run(2)
    wanted = numbers()
    for _ in range(2):
        wanted = 3 * (2 * wanted + 1) + 1
    np.testing.assert_array_equal(x.numpy(), wanted)
    x[...] = 1      # graphs, copies and launches in one order
    graph.run()
    shifted(x, np.float32(0.5), y)
    assert set(y.numpy()) == {6}


def test_launches_wait_for_those_that_write_what_they_use_or_use_what_they_write(gpu, kernels, monkeypatch):
    """The fake runs the latest first of those that wait for no other."""
    shifted, waits = kernels.kernel(gpu, kernels.shifted), []
    add = gpu.driver.cuGraphAddKernelNode
    monkeypatch.setattr(gpu.driver, "cuGraphAddKernelNode", lambda graph, before, count, parameters: (
        waits.append(count), add(graph, before, count, parameters))[1])
    arrays = x, y, z, parts = gpu.put(numbers()), *(gpu.empty(300, "float32") for _ in range(3))
    graph, _ = made(gpu, [
        (shifted, (x, np.float32(2), y)), (shifted, (x, np.float32(3), z)),         # nothing to wait for
        (shifted, (y, np.float32(1), x)),                                           # both: they read x, one wrote y
        (shifted, (x[:100], np.float32(1), parts[:100])), (shifted, (z[100:], np.float32(1), parts[100:])),
        (shifted, (parts[50:150], np.float32(2), y[:100])),                         # both
        (shifted, (y, np.float32(1), z))])                                          # that: for the others it waits
    assert waits == [0, 0, 2, 1, 1, 2, 1]
    graph.run()
    x, y, z = numbers(), 2 * numbers() + 1, 3 * numbers() + 1
    x = y + 1
    parts = np.concatenate([x[:100] + 1, z[100:] + 1])
    y[:100] = 2 * parts[50:150] + 1
    for found, wanted in zip(arrays, (x, y, y + 1, parts)):
        np.testing.assert_array_equal(found.numpy(), wanted)


def test_one_call_of_the_driver_a_run(fake, kernels):
    shifted = kernels.kernel(fake, kernels.shifted)
    x, y = fake.put(numbers()), fake.empty(300, "float32")
    graph, _ = made(fake, [(shifted, (x, np.float32(2), y)), (shifted, (y, np.float32(3), x))])
    before = fake.driver.calls.copy()
    graph.run(5)
    assert fake.driver.calls - before == {"cuGraphLaunch": 5}


def test_kernels_without_anything_to_write_have_no_node(gpu, kernels):
    shifted = kernels.kernel(gpu, kernels.shifted)
    nothing, x, y = gpu.empty(0, "float32"), gpu.put(numbers()), gpu.empty(300, "float32")
    graph, nodes = made(gpu, [(shifted, (nothing, np.float32(2), nothing)), (shifted, (x, np.float32(2), y))])
    assert nodes[0] is None and nodes[1] is not None
    graph.run()
    np.testing.assert_array_equal(y.numpy(), 2 * numbers() + 1)
    empty, _ = made(gpu, [])
    empty.run()


def test_arrays_elsewhere(gpu, kernels):
    """What was asked for before reads where it was told to read then."""
    listed = kernels.kernel(gpu, kernels.transposed)
    x, other = gpu.put(numbers(12).reshape(3, 4)), gpu.put(-numbers(24).reshape(6, 4))
    outs = [gpu.empty((4, 3), "float32") for _ in range(3)]
    graph, [node] = made(gpu, [(listed, (x, outs[0]))])
    graph.run()
    graph.move(node, 1, outs[1].address)
    graph.run()
    graph.move(node, 0, other[3:].address)
    graph.move(node, 1, outs[2].address)
    graph.run()
    for out, wanted in zip(outs, [x, x, other[3:]]):
        np.testing.assert_array_equal(out.numpy(), wanted.numpy().T)


def test_dynamic_shared_memory_and_grids(gpu, kernels):
    backwards = kernels.kernel(gpu, kernels.reversed_in_blocks, lambda x, y: (4, 64, 64 * 4 + (50 << 10)))
    placed = kernels.kernel(gpu, kernels.placed, lambda y: ((2, 1, 3), (4, 2, 2)))
    x, y, places = gpu.put(numbers(256)), gpu.empty(256, "float32"), gpu.empty((6, 16), "int64")
    graph, _ = made(gpu, [(backwards, (x, y)), (placed, (places,))])
    graph.run()
    np.testing.assert_array_equal(y.numpy(), numbers(256).reshape(4, 64)[:, ::-1].reshape(-1))
    block, thread = np.indices((6, 16))
    np.testing.assert_array_equal(places.numpy(), block // 2 * 100 + thread // 8 * 10 + thread // 4 % 2)


def test_other_threads_launch_and_allocate_meanwhile(gpu, kernels):
    shifted = kernels.kernel(gpu, kernels.shifted)
    x, y = gpu.put(numbers()), gpu.empty(300, "float32")
    graph, found = gpu.graph(), []

    def other():
        with devices.device("cuda"):
            z = gpu.empty(300, "float32")
            shifted(gpu.put(numbers()), np.float32(3), z)
            found.append(z.numpy())

    graph.add(shifted, (x, np.float32(2), y))
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    graph.add(shifted, (y, np.float32(2), x))
    graph.finish()
    graph.run()
    np.testing.assert_array_equal(found[0], 3 * numbers() + 1)
    np.testing.assert_array_equal(x.numpy(), 4 * numbers() + 3)


def test_graphs_that_died_are_freed_when_what_they_launched_is_done(fake, kernels):
    shifted = kernels.kernel(fake, kernels.shifted)
    x, y = fake.put(numbers()), fake.empty(300, "float32")
    graph, nodes = made(fake, [(shifted, (x, np.float32(2), y))])
    graph.run()
    assert fake.driver.graphs == 2
    del graph, nodes
    gc.collect()
    assert fake.driver.graphs == 0
    np.testing.assert_array_equal(y.numpy(), 2 * numbers() + 1)


def test_an_interrupt_while_a_graph_is_made(fake, kernels):
    """It leaves no graph, and a stream that runs as before."""
    shifted = kernels.kernel(fake, kernels.shifted)
    x, y = fake.put(numbers()), fake.empty(300, "float32")

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(fake, [(shifted, (x, np.float32(2), y)), (interrupted, ())])
    gc.collect()
    assert fake.driver.graphs == 0 and devices.current() is fake
    shifted(x, np.float32(5), y)
    np.testing.assert_array_equal(y.numpy(), 5 * numbers() + 1)


def test_a_kernel_that_goes_wrong_in_a_graph(fake, kernels):
    shifted, beyond = kernels.kernel(fake, kernels.shifted), kernels.kernel(fake, kernels.beyond)
    x = fake.empty(10, "float32")
    graph, _ = made(fake, [(beyond, (x,)), (shifted, (x, np.float32(1), x))])
    graph.run()
    with pytest.raises(DeviceError, match=r"launched last is shifted \(.*earlier one may be the cause"):
        fake.synchronize()
    assert fake.driver.fault.kernel == "beyond"


# ---- programs ----------------------------------------------------------------------------------------------

X = np.random.RandomState(3).uniform(-1, 1, (22, 4)).astype("float32")
Y = (X[:, :1] * X[:, 1:2] > 0).astype("float32")


@pytest.fixture(autouse=True)
def programs_afterwards():
    yield
    config.set_programs(True)


def model():
    from numba_layers.layers import Dense, Dropout
    from numba_layers.models import Sequential

    np.random.seed(5)
    made = Sequential([Dense(3, activation="tanh", input_shape=(4,)), Dropout(0.2), Dense(1, activation="sigmoid")])
    made.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return made


def trained(one, x=X, **options):
    """Figures of single steps, of a fit, and of predictions; and the weights: their bytes."""
    figures = [one.train_on_batch(X[start:start + 8], Y[start:start + 8]) for start in (0, 3, 6, 9)]
    history = one.fit(x, Y, batch_size=4, epochs=3, verbose=0, **options).history
    figures += [history["loss"], history["acc"], *(one.predict(X[start:start + 5]) for start in range(4))]
    return [np.asarray(entry).tobytes() for entry in figures + one.get_weights()]


def op_by_op(**options):
    config.set_programs(False)
    found = trained(model(), **options)
    config.set_programs(True)
    return found


@pytest.fixture(scope="module")
def expected():
    """What comes out op by op, with emulated kernels."""
    with devices.device("emulated"):
        return op_by_op()


def runs(one):
    """The runs that are ready, of all programs."""
    return [run for program in one._programs for run in program._free]


def test_programs_are_replayed_as_graphs_to_the_same_bits_as_op_by_op(gpu, kernels_for, expected):
    kernels_for(gpu)
    one = model()
    found = trained(one)
    assert {key[0] for key, _ in one._programs.items()} == {"train", "many", "predict"}
    assert len(runs(one)) == 4 and all(run.graph for run in runs(one))
    assert found == (expected if type(gpu.driver) is FakeDriver else op_by_op())


@pytest.mark.slow
@pytest.mark.parametrize("gpu", ["fake", pytest.param("real", marks=pytest.mark.cuda)], indirect=True)
def test_convolutions_as_graphs(gpu, kernels_for):
    from numba_layers.layers import Conv2D, Conv2DTranspose, Dense, Dropout, Flatten, MaxPooling2D, SeparableConv2D
    from numba_layers.models import Sequential

    kernels_for(gpu)
    random = np.random.RandomState(0)
    x, y = random.rand(20, 8, 8, 3).astype("float32"), np.eye(5, dtype="float32")[random.randint(0, 5, 20)]

    def learnt():
        np.random.seed(3)
        one = Sequential([
            Conv2D(6, 3, padding="same", activation="relu", input_shape=(8, 8, 3)), SeparableConv2D(4, 3, strides=2),
            Conv2DTranspose(3, 3, activation="elu"), MaxPooling2D(2), Dropout(0.3), Flatten(),
            Dense(5, activation="softmax")])
        one.compile("adadelta", "categorical_crossentropy", metrics=["accuracy"])
        history = one.fit(x, y, batch_size=6, epochs=3, verbose=0).history
        found = [history["loss"], history["acc"], *(one.predict(x[:6]) for _ in range(3)), *one.get_weights()]
        return [np.asarray(entry).tobytes() for entry in found], one

    found, one = learnt()
    assert all(run.graph for run in runs(one)) and len(runs(one)) == 3
    config.set_programs(False)
    assert found == learnt()[0]


def test_a_step_is_one_call_allocates_nothing_and_waits_for_nothing(fake, kernels_for):
    kernels_for(fake)
    one = model()
    batches = [one._batch([X[start:start + 8], Y[start:start + 8]], [None]) for start in (0, 8)]
    for _ in range(4):
        figures = one._train_step(batches[0])
    before, held, used = fake.driver.calls.copy(), fake._pool.held, fake._pool.used
    for _ in range(3):
        figures = one._train_step(batches[0])
    assert fake.driver.calls - before == {"cuGraphLaunch": 3, "cuMemcpyDtoDAsync": 3 * len(figures)}
    assert (fake._pool.held, fake._pool.used) == (held, used)
    before = fake.driver.calls.copy()
    one._train_step(batches[1])     # of another place: the launches that read it are told
    told = (fake.driver.calls - before)["cuGraphExecKernelNodeSetParams"]
    assert 2 <= told < len(next(iter(one._programs)).launches)


def test_many_steps_are_asked_for_before_a_figure_is_read(fake, kernels_for, monkeypatch):
    from numba_layers.models import many

    kernels_for(fake)
    monkeypatch.setattr(many, "SHORT", 1000)
    one, options = model(), {"batch_size": 4, "verbose": 0}
    one.fit(X[:20], Y[:20], epochs=2, **options)
    before = fake.driver.calls.copy()
    one.fit(X[:20], Y[:20], epochs=3, **options)
    calls = fake.driver.calls - before
    assert calls["cuGraphLaunch"] == 15 and calls["cuStreamSynchronize"] <= 5      # 1, 2 and 2; then 5 steps


def test_an_input_that_is_a_variable_of_the_program(fake, kernels_for):
    """Launches are put in order by what they read and write where inputs lay when the graph was made."""
    from numba_layers.autograd.tensor import Tensor
    from numba_layers.ops import add
    from numba_layers.ops._op import copy_into
    from numba_layers.program import Programs

    kernels_for(fake)
    variable, found = fake.put(np.zeros(300, np.float32)), []

    def body(x):
        y = add(Tensor(x), Tensor(variable))
        z = add(Tensor(x), y)
        copy_into(variable, y)
        return [z]

    programs = Programs(fake)
    for _ in range(4):
        found = programs.run("step", body, [fake.put(np.ones(300, np.float32))], [variable])
    assert set(found[0].numpy()) == {5} and set(variable.numpy()) == {4}
    found = programs.run("step", body, [variable], [variable])
    assert set(found[0].numpy()) == {12} and set(variable.numpy()) == {8}


def test_data_that_a_callback_changes(fake, kernels_for):
    from numba_layers.callbacks import LambdaCallback

    def changing():
        x = X.copy()
        return {"x": x, "callbacks": [LambdaCallback(on_epoch_end=lambda epoch, logs: np.negative(x, out=x))]}

    kernels_for(fake)
    assert trained(model(), **changing()) == op_by_op(**changing())


@pytest.mark.parametrize("limit", ["RESIDENT", "MOST"])
def test_data_that_is_too_large_comes_batch_by_batch(fake, kernels_for, expected, monkeypatch, limit):
    from numba_layers.devices import gpu

    kernels_for(fake)
    monkeypatch.setattr(gpu, limit, 0)
    one = model()
    assert trained(one) == expected
    assert {key[0] for key, _ in one._programs.items()} == {"train", "predict"}


def test_a_driver_that_makes_no_graphs(fake, kernels_for, expected, monkeypatch):
    """Programs run launch by launch, and one warning says why."""
    kernels_for(fake)
    monkeypatch.setattr(fake.driver, "cuGraphInstantiate", lambda *_: (CUresult.CUDA_ERROR_INVALID_VALUE, None))
    one = model()
    with pytest.warns(UserWarning, match="replayed launch by launch, which is slower: .*INVALID_VALUE") as warned:
        assert trained(one) == expected
    assert len(warned) == 1
    assert len(runs(one)) == 4 and not any(run.graph for run in runs(one))
    gc.collect()
    assert fake.driver.graphs == 0


def test_models_that_died_leave_no_graph_and_no_memory(fake, kernels_for):
    kernels_for(fake)

    def life():
        one = model()
        for _ in range(3):
            one.train_on_batch(X[:8], Y[:8])
        return fake.driver.graphs

    assert life() == 2
    gc.collect()
    used = fake._pool.used
    life()
    gc.collect()
    assert fake.driver.graphs == 0 and fake._pool.used <= used


def test_a_program_is_profiled_as_a_graph(fake, kernels_for):
    kernels_for(fake)
    one = model()
    weights = one.get_weights()
    for _ in range(3):
        one.predict_on_batch(X[:8])
    table = one.program("predict").profile(X[:8])
    assert table.together > 0 and len(table.rows) == len(one.program("predict").launches)
    assert [np.array_equal(*pair) for pair in zip(weights, one.get_weights())] == [True] * 4
    assert one.memory_report().weights == sum(weight.nbytes for weight in weights)
