"""The GPU as a device, on drivers that are faked and on a real one."""

import gc
import threading

import numpy as np
import pytest

from numba_layers import devices
from numba_layers.devices import _upload
from numba_layers.devices._pool import ROUND, SLAB
from numba_layers.devices.gpu import Gpu, GpuArray
from numba_layers.errors import DeviceError, DtypeError
from tests.devices.fake_driver import CUresult, FakeDriver

TYPES = ["float32", "float64", "int32", "int64", "bool", "uint8"]


def numbers(shape, dtype="float32"):
    return (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)


# ---- memory ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (2, 3, 4), (70000,)])
def test_there_and_back(gpu, shape, dtype):
    x = numbers(shape, dtype)
    there = gpu.put(x)
    assert (there.shape, there.dtype, there.address % ROUND) == (shape, x.dtype, 0)
    x_before = x.copy()
    x[...] = 0      # the copy is not of what is written afterwards
    back = there.numpy()
    np.testing.assert_array_equal(back, x_before)
    assert back.dtype == x.dtype and back.flags.c_contiguous and back.flags.writeable


def test_many_small_arrays_keep_their_numbers(gpu):
    """More than the pinned memory of uploads holds, so that it is written again while copies wait."""
    count = 4 * _upload.HALF // _upload.SMALL
    there = [gpu.put(np.full(_upload.SMALL // 4, k, np.float32)) for k in range(count)]
    for k, array in enumerate(there):
        assert set(array.numpy()) == {k}


def test_memory_is_used_again(gpu):
    def step():
        """A step of training: the addresses of its arrays, which die with it."""
        arrays = [gpu.empty((100, k), "float32") for k in range(1, 20)]
        return {array.address for array in [*arrays, gpu.put(np.ones(9)), *arrays[3:5]]}

    first = step()
    held = gpu._pool.held
    assert len(first) == 20
    assert all(step() == first for _ in range(5))
    assert gpu._pool.held == held


def test_a_view_keeps_the_memory(gpu):
    x = gpu.put(numbers((4, 5)))
    row, address = x[2], x.address
    del x
    assert gpu.empty((4, 5), "float32").address != address
    np.testing.assert_array_equal(row.numpy(), numbers((4, 5))[2])
    del row
    gc.collect()
    assert gpu.empty((4, 5), "float32").address in (address, address + ROUND)


VIEWS = {
    "transposed": lambda x: x.transpose(2, 0, 1), "row": lambda x: x[1], "column": lambda x: x[:, 1, 2],
    "reversed": lambda x: x[::-1, :, ::-2], "one": lambda x: x[1, 2, 3, ...], "part": lambda x: x[1:, 1:3, 2:],
    "flat": lambda x: x.reshape(-1), "shape": lambda x: x.reshape((6, 4)), "new axis": lambda x: x[:, None],
    "part of the transposed": lambda x: x.transpose(1, 0, 2)[1:, 0], "none": lambda x: x[:0],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views(gpu, view):
    x = numbers((2, 3, 4))
    there = gpu.put(x)
    seen, wanted = view(there), view(x)
    assert (seen.shape, seen.strides) == (wanted.shape, wanted.strides)
    np.testing.assert_array_equal(seen.numpy(), wanted)
    assert seen.numpy().flags.c_contiguous
    if wanted.size:
        distance = wanted.__array_interface__["data"][0] - x.__array_interface__["data"][0]
        assert seen.address == there.address + distance
    new = -1 - wanted
    seen[...] = new
    wanted[...] = new
    np.testing.assert_array_equal(there.numpy(), x)


@pytest.mark.parametrize("value", [0, 1, 3.5, -1])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_filling(gpu, dtype, value):
    value = abs(value) if dtype == "uint8" else value
    x = numbers((3, 40), dtype)
    there = gpu.put(x)
    for part in (slice(None), 1, (slice(None), slice(2, 30))):
        there[part] = value
        x[part] = value
        np.testing.assert_array_equal(there.numpy(), x)


def test_permuted_arrays_are_copied_on_the_gpu(gpu):
    x = gpu.put(numbers((2, 3, 4)))
    y = gpu.empty((4, 2, 3), "float32")
    y.transpose(1, 2, 0)[...] = x.transpose(0, 1, 2)      # axes in another order in memory: by the host
    np.testing.assert_array_equal(y.numpy(), numbers((2, 3, 4)).transpose(2, 0, 1))
    z = gpu.empty((2, 3, 4), "float32")
    assert z.transpose(2, 0, 1)._copied(x.transpose(2, 0, 1))
    np.testing.assert_array_equal(z.numpy(), x.numpy())
    assert z[0]._copied(x[1])
    np.testing.assert_array_equal(z.numpy(), x.numpy()[[1, 1]])


def test_copies_that_overlap_go_by_the_host(gpu):
    x = gpu.put(numbers(100))
    assert not x[1:]._copied(x[:-1])
    x[1:] = x[:-1]
    np.testing.assert_array_equal(x.numpy(), [0, *range(99)])
    x[...] = x
    assert not x._copied(devices.DeviceArray(np.ones(100, np.float32)))
    assert not x._copied(gpu.put(np.ones(100)))


def test_threads_use_one_gpu(gpu):
    found = {}

    def work():
        with devices.device("cuda"):
            found["sum"] = devices.current().put(np.ones(10)).numpy().sum()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == {"sum": 10}


def test_threads_that_copy_at_once(gpu):
    found = {}

    def work(k):
        found[k] = [gpu.put(np.full(1000, 100 * k + i, np.float32)) for i in range(100)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, arrays in found.items():
        for i, array in enumerate(arrays):
            assert set(array.numpy()) == {100 * k + i}


def test_out_of_memory():
    gpu = Gpu(FakeDriver(total=SLAB + (10 << 20)))
    held = [gpu.empty(2 << 20, "uint8") for _ in range(32)]
    with pytest.raises(DeviceError) as error:
        gpu.empty((1000, 25), "float64").address, gpu.empty(40 << 20, "float32")
    message = str(error.value)
    for words in ("167.77 MB are asked for", "10.49 MB of 77.59 MB are free", "67.11 MB are in use", "batch_size"):
        assert words in message
    gpu.empty(9 << 20, "uint8")      # beyond the slab's size what is left can still be had
    del held
    assert gpu.empty(70 << 20, "uint8").size == 70 << 20    # what is free is given back for a larger piece


# ---- other libraries ---------------------------------------------------------------------------------------


class Other:
    """What other libraries' arrays show of theirs."""

    def __init__(self, array, **changes):
        self.__cuda_array_interface__ = array.__cuda_array_interface__ | changes
        self.kept = array


def test_interface(gpu):
    x = gpu.put(numbers((3, 4)))
    about = x.__cuda_array_interface__
    assert about == {"shape": (3, 4), "typestr": "<f4", "data": (x.address, False), "strides": None, "version": 3,
                     "stream": int(gpu.stream)}
    assert x.transpose().__cuda_array_interface__["strides"] == (4, 16)
    assert x[1:].__cuda_array_interface__["data"] == (x.address + 16, False)
    assert x[:0].__cuda_array_interface__["data"] == (0, False)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_arrays_of_others(gpu, view):
    x = gpu.put(numbers((2, 3, 4)))
    mine = gpu.adopt(Other(view(x)))
    assert type(mine) is GpuArray
    np.testing.assert_array_equal(mine.numpy(), view(numbers((2, 3, 4))))
    mine[...] = 7
    assert (view(x).numpy() == 7).all()
    assert mine.size == 0 or mine.address == view(x).address


def test_arrays_of_others_are_kept(gpu):
    other = Other(gpu.put(numbers(10)), stream=1)
    mine = gpu.adopt(other)[2:]
    del other
    gpu.put(np.zeros(10, "float32"))
    np.testing.assert_array_equal(mine.numpy(), numbers(10)[2:])
    assert gpu.adopt(mine) is mine


def test_what_others_ask_of_their_stream_comes_first(gpu):
    x, stream = gpu.put(numbers(1000, "uint8")), gpu.new_stream(beside=True)
    gpu.synchronize()
    gpu.checked(gpu.driver.cuMemsetD8Async(x.address, 9, 1000, stream))
    assert set(gpu.adopt(Other(x, stream=int(stream))).numpy()) == {9}


def test_arrays_of_others_that_may_only_be_read(gpu):
    x = gpu.put(numbers(10))
    assert not gpu.adopt(Other(x, data=(x.address, True))).flags.writeable


@pytest.mark.parametrize("typestr, name", [("<f2", "float16"), ("<c8", "complex64"), ("<i2", "int16")])
def test_types_of_others(gpu, typestr, name):
    x = gpu.put(numbers(10))
    with pytest.raises(DtypeError, match=f"of {name}. Convert the Other to one of: bool, float32"):
        gpu.adopt(Other(x, typestr=typestr))


def test_arrays_of_other_gpus(fake, monkeypatch):
    x = fake.put(numbers(10))
    monkeypatch.setattr(fake.driver, "cuPointerGetAttribute", lambda *_: (CUresult.CUDA_SUCCESS, 1))
    with pytest.raises(DeviceError, match="lies on GPU 1, kernels run on GPU 0"):
        fake.adopt(Other(x))


# ---- kernels -----------------------------------------------------------------------------------------------

@pytest.fixture
def kernels():
    """The kernels of these tests, where they can be compiled."""
    pytest.importorskip("numba_cuda")
    from tests.devices import kernels
    return kernels


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_follow_each_other(gpu, kernels, dtype):
    shifted = kernels.kernel(gpu, kernels.shifted)
    x = gpu.put(numbers(1000, dtype))
    y, z = gpu.empty(1000, dtype), gpu.empty((10, 100), dtype)
    shifted(x, np.dtype(dtype).type(3), y)
    shifted(y, np.dtype(dtype).type(-1), z.reshape(-1))
    x[...] = 0      # after the kernels, though they may not have begun
    np.testing.assert_array_equal(z.numpy(), (1 - (numbers(1000, dtype) * 3 + 1)).reshape(10, 100))
    assert len(shifted._ready) == 1


def test_memory_of_arrays_that_died_is_theirs_until_kernels_are_done(gpu, kernels):
    shifted = kernels.kernel(gpu, kernels.shifted)
    last = gpu.put(np.zeros(300, np.float32))
    for _ in range(6):
        y = gpu.empty(300, "float32")
        shifted(last, np.float32(2), y)
        last = y
    assert set(last.numpy()) == {63}


def test_arrays_of_two_axes_and_views(gpu, kernels):
    transposed = kernels.kernel(gpu, kernels.transposed)
    x = gpu.put(numbers((5, 6, 7)))
    y = gpu.empty((7, 6), "float32")
    transposed(x[3], y)
    np.testing.assert_array_equal(y.numpy(), numbers((5, 6, 7))[3].T)


def test_launching_from_a_new_thread(gpu, kernels):
    shifted, x, y = kernels.kernel(gpu, kernels.shifted), gpu.put(numbers(9)), gpu.empty(9, "float32")
    shifted(x, np.float32(1), y)
    ready, arguments = next(iter(shifted._ready.values())), (x, np.float32(2), y)
    thread = threading.Thread(target=gpu.launch, args=(ready, 1, 32, arguments))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(y.numpy(), numbers(9) * 2 + 1)


def test_numbers_and_tuples(gpu, kernels):
    listed = kernels.kernel(gpu, kernels.listed)
    y = gpu.empty(11, "float64")
    listed(True, np.int32(-2), -(1 << 40), np.float32(0.1), 0.1, (-5, np.int64(6)), gpu.empty((0,), "float32"),
           (1 << 50, 0, -1), y)
    wanted = [1, -2, -(1 << 40), float(np.float32(0.1)), 0.1, -5, 6, 1 << 50, 0, -1, 0]
    np.testing.assert_array_equal(y.numpy(), wanted)
    listed(np.bool_(False), np.int32(7), 2, np.float32(-3), 1e300, (0, 1), gpu.empty((9,), "float32"), (1, 2, 3), y)
    np.testing.assert_array_equal(y.numpy(), [0, 7, 2, -3, 1e300, 0, 1, 1, 2, 3, 9])


def test_grids_and_blocks_of_three_axes(gpu, kernels):
    placed = kernels.kernel(gpu, kernels.placed, lambda y: ((2, 1, 3), (4, 2, 2)))
    y = gpu.empty((6, 16), "int64")
    placed(y)
    block, thread = np.indices((6, 16))
    np.testing.assert_array_equal(y.numpy(), block // 2 * 100 + thread // 8 * 10 + thread // 4 % 2)


@pytest.mark.parametrize("extra", [0, 50 << 10])
def test_dynamic_shared_memory(gpu, kernels, extra):
    backwards = kernels.kernel(gpu, kernels.reversed_in_blocks, lambda x, y: (4, 64, 64 * 4 + extra))
    x, y = gpu.put(numbers(256)), gpu.empty(256, "float32")
    backwards(x, y)
    np.testing.assert_array_equal(y.numpy(), numbers(256).reshape(4, 64)[:, ::-1].reshape(-1))


def test_launches_that_cannot_be(gpu, kernels):
    for launch in (lambda x, y: (1, 64, 1 << 20), lambda x, y: (1, 2048), lambda x, y: ((1, 1 << 20), 32)):
        with pytest.raises(DeviceError, match=r"reversed_in_blocks \(.*kernels.py:\d+\) cannot be launched on .*bytes"):
            kernels.kernel(gpu, kernels.reversed_in_blocks, launch)(gpu.put(numbers(64)), gpu.empty(64, "float32"))


def test_arrays_of_the_host_are_named(gpu, kernels):
    shifted = kernels.kernel(gpu, kernels.shifted)
    with pytest.raises(DeviceError, match="shifted: x is a ndarray, the kernel runs on the GPU.*put"):
        shifted(numbers(10), np.float32(1), gpu.empty(10, "float32"))


def test_machine_code_is_for_the_very_gpu():
    assert Gpu(FakeDriver(capability=(8, 9))).capability == (8, 9)
    assert Gpu(FakeDriver(capability=(9, 0))).capability == (9, 0, "a")
    assert Gpu(FakeDriver(capability=(12, 0))).capability == (12, 0, "a")


def test_gpus_newer_than_numba(fake, kernels, monkeypatch):
    def cubin(self, signature, capability):
        raise ValueError("compute_130")

    shifted = kernels.kernel(fake, kernels.shifted)
    monkeypatch.setattr(type(shifted), "cubin", cubin)
    with pytest.raises(DeviceError, match="shifted cannot be compiled for Fake GPU.*pip install -U"):
        shifted(fake.put(numbers(10)), np.float32(1), fake.empty(10, "float32"))


def test_a_kernel_that_goes_wrong(fake, kernels):
    shifted, beyond = kernels.kernel(fake, kernels.shifted), kernels.kernel(fake, kernels.beyond)
    x = fake.put(numbers(10))
    beyond(fake.empty(10, "float32"))
    shifted(x, np.float32(1), fake.empty(10, "float32"))
    for use in (fake.synchronize, x.numpy, lambda: fake.put(numbers(10)), lambda: shifted(x, np.float32(1), x)):
        with pytest.raises(DeviceError) as error:
            use()
        message = str(error.value)
        assert "launched last is shifted (" in message and "NUMBA_LAYERS_DEVICE=emulated" in message
    assert fake.driver.fault.kernel == "beyond"


def test_debugging_finds_the_kernel_that_goes_wrong(fake, kernels, monkeypatch):
    monkeypatch.setattr("numba_layers.config.debug_level", 2)
    with pytest.raises(DeviceError, match="launched last is beyond"):
        kernels.kernel(fake, kernels.beyond)(fake.empty(10, "float32"))


def test_a_forked_process(fake, monkeypatch):
    monkeypatch.setattr(fake.driver, "_sticky", CUresult.CUDA_ERROR_NOT_INITIALIZED)
    with pytest.raises(DeviceError, match="forked.*spawn"):
        fake.synchronize()


def test_nothing_waits_but_reading(fake, kernels):
    shifted = kernels.kernel(fake, kernels.shifted)

    def step():
        x, y = fake.put(numbers(100)), fake.empty(100, "float32")
        y[...] = 0
        shifted(x, np.float32(2), y)
        x[...] = y
        return x

    step()
    before = fake.driver.calls.copy()
    for _ in range(3):
        last = step()
    after = fake.driver.calls - before
    assert set(after) == {"cuMemcpyHtoDAsync", "cuMemsetD8Async", "cuMemcpyDtoDAsync", "cuLaunchKernel"}
    last.numpy()
    assert fake.driver.calls["cuStreamSynchronize"] == before["cuStreamSynchronize"] + 1


# ---- the next batch ----------------------------------------------------------------------------------------


def batches(count):
    """Host arrays of several types, some in another order of memory; the last batch is smaller."""
    for k in range(count):
        rows = 5 if k == count - 1 else 20
        yield [np.full((30, rows), k, np.float32).T, np.full(rows, k, np.int64), None, np.full((rows, 1), k % 2 == 0)]


@pytest.mark.parametrize("ahead", [False, True], ids=["when asked", "one ahead"])
def test_feeding(gpu, kernels, ahead):
    """Each batch is whole when its kernel runs, though its host arrays change and the next ones come."""
    shifted = kernels.kernel(gpu, kernels.shifted)
    results, following = [], None
    for arrays in [*batches(12), None]:
        batch = following if ahead else None
        if arrays is not None:
            following = gpu.feed(arrays)
            assert [None if array is None else array.shape for array in following] == [
                None if array is None else array.shape for array in arrays]
            for array in arrays:
                if array is not None:
                    array[...] = 77
            batch = batch if ahead else following
        if batch is not None:
            x, labels, none, flags = batch
            results.append((gpu.empty(x.size, "float32"), gpu.empty(labels.size, "int64"),
                            gpu.empty(flags.shape, "bool")))
            shifted(x.reshape(-1), np.float32(1), results[-1][0])
            shifted(labels, 1, results[-1][1])
            results[-1][2][...] = flags
        del batch
        x = labels = flags = None
    assert len(results) == 12
    for k, (y, labels, flags) in enumerate(results):
        assert set(y.numpy()) == set(labels.numpy()) == {k + 1} and set(flags.numpy()[:, 0]) == {k % 2 == 0}


def test_feeding_keeps_few_blocks_and_waits_for_no_kernel_of_the_last_batch(fake):
    """The fake GPU does nothing until somebody waits: what a copy waited for is gone from the kernels' queue."""
    def copied():
        queue = fake.driver._objects[fake.stream].queue
        return sum("_copy" in getattr(work, "__qualname__", "") for work in queue)

    for k in range(12):
        batch = fake.feed([np.full(1000, k, np.float32)])
        fake.driver.cuStreamSynchronize(fake._feed._stream)
        assert copied() <= 1 and (copied() == 1 or k < 3)     # the last batch's, which the new one passes by
        fake.copy(fake.empty(1000, "float32").address, batch[0].address, 4000)
        if k == 5:
            used = fake._pool.used
    assert fake._pool.used == used


def test_batches_wait_for_kernels_that_read_what_lay_there_before(gpu):
    x, y = gpu.put(np.ones(5000, np.float32)), gpu.empty(5000, "float32")
    address = x.address
    y[...] = x
    del x
    [batch] = gpu.feed([np.zeros(5000, np.float32)])
    assert batch.address == address and set(y.numpy()) == {1} and set(batch.numpy()) == {0}


def test_batches_hold_as_long_as_they_live(gpu):
    kept = [gpu.feed([np.full(100, k, np.float32)]) for k in range(8)]
    for k, (array,) in enumerate(kept):
        assert set(array.numpy()) == {k}


def test_feeding_what_is_there_already_or_nothing_or_much(gpu, monkeypatch):
    x = gpu.put(numbers(4))
    assert gpu.feed([None, x, None])[1] is x
    [nothing] = gpu.feed([np.empty((0, 3), np.float32)])
    assert nothing.shape == (0, 3)
    monkeypatch.setattr(_upload, "LARGEST", 1000)
    [much] = gpu.feed([numbers((30, 40))])
    np.testing.assert_array_equal(much.numpy(), numbers((30, 40)))


# ---- everything together -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_network_trains_as_on_the_cpu(gpu, kernels_for):
    from numba_layers.layers import Dense, Dropout
    from numba_layers.models import Sequential

    kernels_for(gpu)
    x = np.random.RandomState(3).uniform(-1, 1, (50, 4)).astype("float32")
    y = (x[:, :1] * x[:, 1:2] > 0).astype("float32")

    def trained(device):
        with devices.device(device):
            np.random.seed(5)
            model = Sequential([Dense(8, activation="tanh", input_shape=(4,)), Dropout(0.2),
                                Dense(1, activation="sigmoid")])
            model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
            history = model.fit(x, y, batch_size=16, epochs=2, verbose=0).history
            return history["loss"], model.predict(x), model.get_weights()

    expected, found = trained("cpu"), trained("cuda")
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4)
    for weight, wanted in zip(found[2], expected[2], strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-3, atol=1e-5)
