"""What a program knows of a GPU's memory: an allocation is a buffer, whatever slab it lies in."""

import numpy as np
import pytest

from numba_layers import devices, ops
from numba_layers.autograd.tensor import Tensor
from numba_layers.devices.array import allocation, octets, whole
from numba_layers.program import Program
from numba_layers.program.record import CONSTANT, INPUT, TEMPORARY, VARIABLE, Recording


@pytest.fixture(params=["cpu", "emulated", "cuda"])
def device(request, fake, kernels_for):
    """Each kind of device as the current one."""
    kernels_for(fake)
    with devices.device(request.param):
        yield devices.current()


def test_allocations(device):
    x, y = device.empty((4, 5), "float32"), device.empty((4, 5), "float32")
    for view in (x, x[1:], x.transpose(), x.reshape(-1)[3:7]):
        assert allocation(view) is allocation(x) and octets(view).nbytes == whole(view).nbytes == 80
    assert allocation(x) is not allocation(y)
    assert devices.memory(x[2]) == devices.memory(x) != devices.memory(y)
    whole(x[2:])[...] = 0
    assert not np.asarray(x).any()


def test_arrays_fed_together_are_one_allocation(fake):
    x, y = fake.feed([np.ones(10, np.float32), np.zeros(10, np.float32)])
    assert allocation(x) is allocation(y) is not allocation(fake.feed([np.ones(10, np.float32)])[0])
    assert octets(x).nbytes >= 80


def test_each_temporary_is_a_buffer_and_the_plan_lets_them_share_a_slab(device):
    weights = device.put(np.ones((100, 100), np.float32))
    x = device.put(np.ones((100, 100), np.float32))

    def body(x):
        y = Tensor(x)
        for _ in range(4):
            y = ops.tanh(y + Tensor(weights))
        return [y]

    seen = Recording(body, [x], [weights]).seen
    assert [buffer.kind for buffer in seen.buffers if buffer.bytes == 40_000] == [
        INPUT, TEMPORARY, VARIABLE, *[TEMPORARY] * 7]
    assert all(buffer.bytes == 40_000 for buffer in seen.buffers if buffer.kind != CONSTANT)
    program = Program(seen)
    assert 80_000 <= program.plan.size < 81_000
    [answer] = program.run([x])
    np.testing.assert_array_equal(np.asarray(answer), np.asarray(body(x)[0].data))
