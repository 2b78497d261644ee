"""The GPU's tile engine: each tile in each form, TF32 and bfloat16, which tile a launch takes, awkward memory."""

import numpy as np
import pytest

from numba_layers import config, devices, registry
from numba_layers.errors import ArgumentError, UnknownNameError
from numba_layers.kernels.cpu.micro.vector import FUSED
from tests.kernels.test_matmul import FORMS, assert_near, laid, operands, product

SHAPES = [(130, 33, 140), (70, 5, 9), (4, 0, 4)]
# Of numbers from a normal distribution: the root mean square of errors over that of results. At most: the factors'
# rounding, relative to the sum of the products' sizes.
ERROR = {"tf32": 3.2e-4, "bf16": 2.5e-3}
LARGEST = {"tf32": 2.0**-10, "bf16": 2.0**-7}


@pytest.fixture(autouse=True)
def gpu(device):
    if device == "cpu":
        pytest.skip("tiles of the GPU")


@pytest.fixture
def precision():
    """`set_matmul_precision` for one test."""
    yield config.set_matmul_precision
    config.set_matmul_precision("float32")


def kernel(name, variant):
    return registry.kernel(name, "cuda").variants[variant]


def by_tile(tile, form, a, b, like=lambda device, array: device.put(array)):
    """a @ b by one tile, on an output full of NaN; `like` puts an array on the device."""
    device = devices.current()
    y = like(device, np.full((len(a), b.shape[1]), np.nan, a.dtype))
    kernel(f"matmul_{form}", tile)(like(device, laid(a, form[0] == "t")), like(device, laid(b, form[1] == "t")), y)
    return y.numpy()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("tile", ["128", "64"])
def test_fp32_tiles(tile, form, random):
    for m, k, n in SHAPES:
        a, b = operands(random, m, k, n, "float32")
        y = by_tile(tile, form, a, b)
        assert_near(y, a.astype(np.float64) @ b, a, b)
        with devices.device("cpu"):
            assert not FUSED or np.array_equal(y, product(form, a, b))   # the same chains of multiply-adds


def test_fp32_tile_of_float64(random):
    a, b = operands(random, 70, 33, 68, "float64")
    assert_near(by_tile("64", "nn", a, b), a @ b, a, b)


@pytest.mark.parametrize("tile, form", [
    ("tf32_128", "nn"), ("tf32_64", "nn"), ("tf32_64", "nt"), ("tf32_64", "tn"),
    ("bf16_128", "nn"), ("bf16_64", "nn"), ("bf16_64", "nt"), ("bf16_64", "tn")])
def test_tiles_of_tensor_cores(tile, form, random):
    precision = tile[:4]
    for m, k, n in SHAPES:
        a, b = operands(random, m, k, n, "float32")
        error = by_tile(tile, form, a, b) - a.astype(np.float64) @ b
        assert np.all(abs(error) <= (LARGEST[precision] + (k + 2) * 2.0**-23) * (abs(a.astype(np.float64)) @ abs(b)))
        assert error.std() <= ERROR[precision] * np.sqrt(k)


@pytest.mark.parametrize("tile", ["tf32_64", "bf16_64"])
def test_rounded_numbers_are_multiplied_exactly(tile, random):
    a, b = (random.randint(-64, 65, shape).astype("float32") for shape in ((20, 40), (40, 30)))
    assert np.array_equal(by_tile(tile, "nn", a, b), a @ b)


def test_bias_and_relu_of_tensor_cores(device, random):
    x, weight = operands(random, 66, 40, 34, "float32")
    bias = random.standard_normal(34).astype("float32")
    put = devices.current().put
    y = put(np.full((66, 34), np.nan, "float32"))
    kernel("dense_forward", "tf32_64")(put(x), put(weight), put(bias), True, y)
    np.testing.assert_allclose(y.numpy(), np.maximum(x.astype(np.float64) @ weight + bias, 0), atol=2e-2)


def inside(device, array):
    """`array` on the device, from the second number of a longer one on."""
    return device.put(np.append(np.zeros(1, array.dtype), array))[1:].reshape(array.shape)


@pytest.mark.parametrize("form", FORMS)
def test_arrays_that_begin_anywhere(form, random):
    a, b = operands(random, 36, 40, 44, "float32")
    y = by_tile("32", form, a, b, inside)
    assert np.array_equal(y, by_tile("32", form, a, b))
    assert_near(y, a.astype(np.float64) @ b, a, b)


def test_any_number_of_blocks(monkeypatch, random):
    a, b = operands(random, 80, 9, 70, "float32")
    many = by_tile("32", "nn", a, b)
    monkeypatch.setattr(kernel("matmul_nn", "32"), "launch", lambda *arguments: (2, 256))
    assert np.array_equal(by_tile("32", "nn", a, b), many)


def test_any_number_of_blocks_for_a_batch(monkeypatch, random):
    a, b = random.standard_normal((5, 3, 4)).astype("float32"), random.standard_normal((5, 4, 6)).astype("float32")
    many = product("nn", a, b, "batch_matmul")
    monkeypatch.setattr(kernel("batch_matmul_nn", "32"), "launch", lambda *arguments: ((1, 2), 256))
    assert np.array_equal(product("nn", a, b, "batch_matmul"), many)


# ---- the choice --------------------------------------------------------------------------------------------


def chosen(name, *shapes, dtype="float32"):
    """The variant of a kernel for arrays of these shapes, the output's last."""
    return registry.kernel(name, "cuda").choose(*(np.broadcast_to(np.zeros((), dtype), shape) for shape in shapes))


@pytest.mark.parametrize("m, n, dtype, tile", [
    (100, 100, "float32", "32"), (640, 640, "float32", "64"), (1280, 1280, "float32", "128"),
    (1280, 1280, "float64", "64"), (0, 5, "float32", "32")])
def test_larger_results_take_larger_tiles(m, n, dtype, tile):
    assert chosen("matmul_nn", (m, 8), (8, n), (m, n), dtype=dtype) == tile
    assert chosen("dense_forward", (m, 8), (8, n), (m, n), dtype=dtype) == tile


def test_the_batch_counts_for_the_tile():
    assert chosen("batch_matmul_nt", (100, 64, 8), (100, 64, 8), (100, 64, 64)) == "64"


@pytest.mark.parametrize("name", ["tf32", "bf16"])
def test_precision_chooses_tensor_cores(name, precision, monkeypatch):
    precision(name)
    assert chosen("matmul_nn", (1280, 8), (8, 1280), (1280, 1280)) == f"{name}_128"
    assert chosen("matmul_nn", (640, 8), (8, 640), (640, 640)) == f"{name}_64"
    assert chosen("matmul_nn", (64, 8), (8, 64), (64, 64)) == "32"
    assert chosen("matmul_nn", (1280, 8), (8, 1280), (1280, 1280), dtype="float64") == "64"
    monkeypatch.setattr(devices.current(), "capability", (7, 5))
    assert chosen("matmul_nn", (1280, 8), (8, 1280), (1280, 1280)) == "128"


def test_unknown_precision():
    with pytest.raises(UnknownNameError, match="tf32"):
        config.set_matmul_precision("tf23")


def test_unknown_precision_of_the_environment(monkeypatch):
    monkeypatch.setenv("NUMBA_LAYERS_MATMUL_PRECISION", "half")
    with pytest.raises(ArgumentError, match="float32, tf32 or bf16"):
        config._matmul_precision()
