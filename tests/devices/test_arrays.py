"""Arrays of devices with memory of their own, on the emulated GPU; `test_gpu` has the same views on a GPU's."""

import numpy as np
import pytest

from numba_layers import devices
from numba_layers.devices import DeviceArray
from numba_layers.errors import DeviceError


@pytest.fixture(autouse=True)
def emulated():
    with devices.device("emulated"):
        yield devices.current()


@pytest.fixture
def x():
    return np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "bool", "uint8"])
def test_there_and_back(emulated, dtype):
    x = np.array([[0, 1, 2]], dtype)
    there = emulated.put(x)
    assert isinstance(there, DeviceArray) and there.dtype == x.dtype
    x[0, 0] = 1
    np.testing.assert_array_equal(there.numpy(), np.array([[0, 1, 2]], dtype))


def test_attributes_are_those_of_numpy(emulated, x):
    there = emulated.put(x).transpose(1, 0, 2)
    x = x.transpose(1, 0, 2)
    for name in ("shape", "dtype", "ndim", "size", "nbytes", "strides"):
        assert getattr(there, name) == getattr(x, name)
    assert len(there) == 3 and there.flags.c_contiguous == x.flags.c_contiguous is False


def test_put_copies_arrays_in_any_order_of_memory(emulated, x):
    there = emulated.put(x.transpose(2, 0, 1)[::-1])
    assert there.flags.c_contiguous
    np.testing.assert_array_equal(there.numpy(), x.transpose(2, 0, 1)[::-1])


def test_numbers(emulated):
    there = emulated.put(np.array([2.5, 3], np.float32))
    assert there[0].item() == float(there[0]) == 2.5 and int(there[1]) == 3
    assert there[0].shape == ()
    with pytest.raises(ValueError):
        there.item()


def test_numpy_takes_them(emulated, x):
    there = emulated.put(x)
    np.testing.assert_array_equal(np.asarray(there), x)
    assert np.asarray(there, np.float64).dtype == np.float64
    assert float(np.sum(there)) == x.sum()
    assert repr(emulated.put(np.ones(2, np.float32))) == "EmulatedArray([1. 1.], float32)"


def test_setting_parts(emulated, x):
    there = emulated.put(x)
    there[0, 1:] = 5
    there[1] = emulated.put(x)[0]
    there[..., 3] = np.array([7, 8, 9])
    x[1], x[0, 1:] = x[0].copy(), 5
    x[..., 3] = [7, 8, 9]
    np.testing.assert_array_equal(there.numpy(), x)


def test_reshaping_never_copies(emulated, x):
    there = emulated.put(x)
    there.reshape(4, -1)[0, 0] = 100
    assert there[0, 0, 0].item() == 100
    with pytest.raises((ValueError, AttributeError)):
        there.transpose(2, 1, 0).reshape(-1)


def test_constants_are_copied_once(emulated):
    first = emulated.constant(np.arange(5))
    assert emulated.constant(np.arange(5)) is first
    assert emulated.constant(np.arange(5.0)) is not first
    assert emulated.constant(np.arange(5).reshape(1, 5)) is not first


def test_arrays_of_a_gpu_are_out_of_reach():
    class Elsewhere:
        __cuda_array_interface__ = {}

    with pytest.raises(DeviceError, match="numba_layers.set_device"):
        devices.current().adopt(Elsewhere())
