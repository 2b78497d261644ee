"""Copies and fills by launches: arrays with any strides against NumPy, on every device."""

import numpy as np
import pytest

from numba_layers import devices
from numba_layers.autograd.tensor import Tensor, Variable
from numba_layers.backend.updates import carry_out
from numba_layers.ops import _op
from numba_layers.ops._op import contiguous, copied, copy_into, fill_array

VIEWS = {
    "whole": lambda x: x,
    "turned": lambda x: x.transpose(2, 0, 1),
    "every other": lambda x: x[:, ::2, 1:],
    "backwards": lambda x: x[::-1, :, ::-2],
    "new axes": lambda x: x[None, :, :, None],
    "a row": lambda x: x[1, :, 2],
    "a number": lambda x: x[1:2, 2, 3],
    "nothing": lambda x: x[2:2],
}


@pytest.fixture
def launched(monkeypatch):
    """Names of the kernels launched."""
    names = []
    launch = _op.launch

    def noting(name, *arguments, **options):
        names.append(name)
        launch(name, *arguments, **options)

    monkeypatch.setattr(_op, "launch", noting)
    return names


def there(array):
    """A copy of the array on the current device."""
    return devices.current().put(array)


def host(array):
    return np.array(array)


@pytest.mark.parametrize("to", VIEWS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_copies_between_views(to, dtype, device, launched, random):
    x = random.uniform(-9, 9, (3, 5, 4)).astype(dtype)
    for of in VIEWS:
        y = np.zeros((3, 5, 4), dtype)
        wanted, found = y.copy(), there(y)
        if VIEWS[of](x).shape != VIEWS[to](y).shape:
            continue
        VIEWS[to](wanted)[...] = VIEWS[of](x)
        copy_into(VIEWS[to](found), Tensor(VIEWS[of](there(x))))
        np.testing.assert_array_equal(host(found), wanted)
    assert set(launched) <= {"copy_block"} and (launched or to == "nothing")


@pytest.mark.parametrize("shape", [(), (1,), (4,), (5, 1), (1, 5, 4), (1, 1, 1, 4)])
@pytest.mark.parametrize("to", ["whole", "turned back"])
def test_copies_that_broadcast_and_cast(shape, to, device, launched, random):
    x = random.uniform(-9, 9, shape).astype("float64")
    y = np.zeros((3, 5, 4), "float32")
    wanted, found = y.copy(), there(y if to == "whole" else np.ascontiguousarray(y.transpose(2, 0, 1)))
    found = found if to == "whole" else found.transpose(1, 2, 0)
    wanted[...] = x
    copy_into(found, Tensor(there(x)))
    np.testing.assert_array_equal(host(found), wanted)
    assert launched == ["cast", "copy_block"]


def test_copies_that_do_not_broadcast(device):
    with pytest.raises(ValueError, match="broadcast"):
        copy_into(there(np.zeros((2, 3), "float32")), Tensor(there(np.zeros((3, 2), "float32"))))


@pytest.mark.parametrize("view", VIEWS)
def test_fills(view, device, launched, random):
    x = random.standard_normal((3, 5, 4)).astype("float32")
    wanted, found = x.copy(), there(x)
    VIEWS[view](wanted)[...] = 2.5
    fill_array(VIEWS[view](found), 2.5)
    np.testing.assert_array_equal(host(found), wanted)
    assert launched in (["fill"], ["copy_block"]) or view == "nothing"


@pytest.mark.parametrize("view", VIEWS)
def test_contiguous_arrays(view, device, launched, random):
    x = random.standard_normal((3, 5, 4)).astype("float32")
    seen = VIEWS[view](there(x))
    found = contiguous(seen)
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(host(found), VIEWS[view](x))
    assert (found is seen) == (not launched)


def test_what_no_kernel_reads_numpy_copies(launched):
    pairs = np.zeros(4, [("a", "i1"), ("b", "<f4")])
    pairs["b"] = range(4)
    kept = np.zeros(4, "float32")
    kept[...] = 1
    kept.flags.writeable = False
    half = np.arange(6, dtype="float16").reshape(2, 3).T
    assert not launched
    np.testing.assert_array_equal(contiguous(pairs["b"]), range(4))
    assert contiguous(kept) is not kept and contiguous(kept).flags.writeable
    np.testing.assert_array_equal(contiguous(half), half)
    assert not launched


def test_variables_take_tensors_by_launches(device, launched):
    variable = Variable(there(np.zeros((2, 3), "float32")))
    memory = variable.data
    variable.assign(Tensor(there(np.arange(6, dtype="int64").reshape(2, 3))))
    assert variable.data is memory and launched == ["cast"]
    np.testing.assert_array_equal(host(variable.data), [[0, 1, 2], [3, 4, 5]])
    variable.assign(np.float32(7))
    assert launched == ["cast"] and (host(variable.data) == 7).all()


def test_new_values_are_all_of_the_old_ones(device):
    one, other = (Variable(there(np.full(3, number, "float32"))) for number in (1, 2))
    mean = Tensor(there(np.full(3, 1.5, "float32")))
    third = Variable(there(np.zeros(3, "float32")))
    carry_out([one, other, third], [Tensor(other.data.reshape(3)), Tensor(one.data), mean])
    assert [host(variable.data)[0] for variable in (one, other, third)] == [2, 1, 1.5]
    new = copied(one)
    one.assign(np.zeros(3))
    assert host(new.data)[0] == 2
