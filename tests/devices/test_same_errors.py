"""A GPU, with a driver that is faked, and the emulated one refuse the same things in the same words."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numba_layers import devices, ops, registry  # noqa: E402
from numba_layers.autograd.tensor import Tensor  # noqa: E402
from numba_layers.devices.gpu import Gpu  # noqa: E402
from numba_layers.errors import ArgumentError, DeviceError, DtypeError, OutOfRangeError  # noqa: E402
from numba_layers.kernels.cuda.toolchain.target import CudaKernel, elements  # noqa: E402
from tests.devices import fake_driver  # noqa: E402

X = np.arange(12, dtype="float32").reshape(3, 4)


@pytest.fixture
def gpus(monkeypatch, kernels_for):
    """Names of both."""
    monkeypatch.setitem(devices._opened, "cuda", Gpu(fake_driver.FakeDriver()))
    kernels_for(devices._opened["cuda"])
    return "emulated", "cuda"


def here(array=X):
    return devices.current().put(array)


def run(name, *arguments):
    registry.kernel(name, "cuda")(*arguments)


def launched(shape):
    """A kernel with a launch shape of its own."""
    kernel = registry.kernel("exp_forward", "cuda")
    made = CudaKernel(kernel.function, "exp_forward", elements, kernel.options)
    made.launch = lambda *arguments: shape
    made(here(X.ravel()), here(X.ravel()))


def copy(start=0, shape=(1,) * 8):
    run("copy_block", here(X.ravel()), shape, start, (1,) * 8, 0, (1,) * 8, here(X.ravel()))


REFUSED = {
    "objects": (lambda: here(X.astype(object)), DtypeError, "no memory for arrays of type object"),
    "objects in a batch": (lambda: devices.current().feed([X, None, X.astype(object)]), DtypeError, "type object"),
    "objects in an op": (lambda: ops.relu(Tensor(X.astype(object))), DtypeError, "type object"),
    **{f"{dtype} {name}": (lambda op=op, dtype=dtype: op(Tensor(X.astype(dtype))), DtypeError, "does not take arrays")
       for dtype in ("float16", "complex64", "longdouble", ">f4", "U3")
       for name, op in {"negative": ops.negative, "rows": lambda x: ops.gather(x, [0])}.items()},
    "product of integers": (lambda: ops.matmul(*[Tensor(X[:, :3].astype(int))] * 2), DtypeError, "matmul_nn"),
    "too large": (lambda: devices.current().empty((2**16, 2**16), "uint8"), DeviceError, "count up to 4294967295"),
    "far too large": (lambda: devices.current().empty((10**30,), "float32"), DeviceError, "count up to 4294967295"),
    "too large a result": (lambda: ops.upsample(X[None, ..., None], size=10**6), DeviceError, "count up to"),
    "below zero": (lambda: devices.current().empty((-1, 3), "float32"), ValueError, "negative dimensions"),
    "an array of the host": (lambda: run("exp_forward", X.ravel(), here(X.ravel())), DeviceError, "x is a ndarray"),
    "a result in the host": (lambda: run("exp_forward", here(X.ravel()), X.ravel()), DeviceError, "y is a ndarray"),
    "a number beyond 64 bits": (lambda: copy(10**30), DeviceError, "arguments do not fit"),
    "a fraction for a size": (lambda: copy(shape=(1.5,) * 8), DeviceError, "arguments do not fit"),
    "threads": (lambda: launched((1, 2048)), DeviceError, r"exp_forward \(.*py:\d+\) cannot be launched on"),
    "shared memory": (lambda: launched((1, 64, 1 << 20)), DeviceError, "cannot be launched on .* shared memory"),
    "blocks": (lambda: launched(((1, 1 << 20), 32)), DeviceError, "cannot be launched on .* grid .1, 1048576"),
    "a list as index": (lambda: here()[[0, 1]], ArgumentError, "indexed by ints, slices"),
    "a mask as index": (lambda: here()[X > 2], ArgumentError, "indexed by ints, slices"),
    "an array as index of what is set": (lambda: here().__setitem__(np.array([0]), 1), ArgumentError, "K.gather"),
    "an index outside": (lambda: here()[3], IndexError, "out of bounds"),
    "a row that is not there": (lambda: ops.gather(here(), np.array([3])), OutOfRangeError, "index 3 is out of"),
    "another size": (lambda: here().reshape(5, 5), ValueError, "reshape"),
    "a part of another size": (lambda: here().__setitem__(0, np.zeros(3)), ValueError, "broadcast"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what, gpus):
    """In the same words, but for the GPU's name and its driver's why a launch cannot be."""
    call, error, words = REFUSED[what]
    said = []
    for name in gpus:
        with devices.device(name), pytest.raises(error, match=words) as raised:
            call()
        said.append(str(raised.value))
    assert said[0] == said[1] or "cannot be launched" in words


EMPTY = X[:0]
NOTHING = {
    "sum": (lambda: ops.sum(EMPTY, axis=0), np.zeros(4)), "relu": (lambda: ops.relu(EMPTY), EMPTY),
    "dense": (lambda: ops.dense(EMPTY, X.T), np.zeros((0, 3))),
    "no terms": (lambda: ops.dense(np.ones((2, 0), "float32"), np.ones((0, 3), "float32")), np.zeros((2, 3))),
    "conv": (lambda: ops.conv(np.ones((0, 5, 5, 2), "float32"), np.ones((3, 3, 2, 2), "float32")),
             np.ones((0, 3, 3, 2))),
    "rows outside": (lambda: ops.gather(here(), here(np.array([3, -1]))), np.full((2, 4), np.nan)),
    "integer rows outside": (lambda: ops.gather(here(X.astype(int)), here(np.array([3, 0]))), [[0] * 4, [0, 1, 2, 3]]),
}


@pytest.mark.parametrize("what", NOTHING)
def test_results(what, gpus):
    """Of no samples, and of indices that nobody looks at because they lie on the GPU."""
    call, wanted = NOTHING[what]
    for name in gpus:
        with devices.device(name):
            np.testing.assert_array_equal(call().numpy(), wanted)
