"""Random bits and what kernels make of them."""

import numpy as np
import pytest

from numba_layers import devices, registry
from numba_layers.kernels.math import philox
from tests.kernels.launching import launch
from tests.reference import random as reference
from tests.threads import on_one_and_all

KEY = np.array([0xFEDCBA9876543210, 0x123456789ABCDEF0, 7], np.uint64)   # 64 bits of seed and stream


def draw(name, size, dtype, key=KEY, location=0, width=1):
    y = np.full(size, np.nan, dtype)
    launch(name, key, y.dtype.type(location), y.dtype.type(width), y)
    return y


def drop(x, rate, key=KEY):
    y = np.full_like(x, np.nan)
    launch("dropout_forward", x, key, np.uint64(rate * 2**32), x.dtype.type(1 / (1 - rate)), y)
    return y


@pytest.mark.parametrize("counter, key, wanted", [   # Random123's kat_vectors
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0],
     [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]),
])
def test_known_answers(counter, key, wanted):
    function = getattr(philox.philox, "py_func", philox.philox)
    assert [int(word) for word in function(*map(np.uint64, counter + key))] == wanted
    assert list(reference.philox(counter, key)) == wanted


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 7, 100])
def test_uniform(size, device, dtype):
    tolerance = {"float32": 2.0**-24, "float64": 0}[dtype]
    y = draw("random_uniform", size, dtype)
    np.testing.assert_allclose(y, reference.uniform(KEY, size), 0, tolerance)


@pytest.mark.parametrize("size", [1, 2, 4, 103])
def test_normal(size, device, dtype):
    tolerance = {"float32": 1e-4, "float64": 1e-6}[dtype]
    y = draw("random_normal", size, dtype)
    np.testing.assert_allclose(y, reference.normal(KEY, size), 0, tolerance)


def moments(x):
    """Mean, variance, skewness and kurtosis."""
    z = (x - x.mean()) / x.std()
    return [x.mean(), x.var(), (z**3).mean(), (z**4).mean()]


@pytest.mark.parametrize("name, wanted", [
    ("random_uniform", [0.5, 1 / 12, 0, 1.8]), ("random_normal", [0, 1, 0, 3]),
    ("random_truncated_normal", [0, 0.7737, 0, 2.3656])])
def test_moments(name, wanted, dtype):
    x = draw(name, 200_003, dtype).astype("float64")
    np.testing.assert_allclose(moments(x), wanted, atol=0.03)
    np.testing.assert_allclose(draw(name, 9, dtype, location=-3, width=2), 2 * x[:9] - 3, rtol=1e-5)
    if name == "random_truncated_normal":
        assert 1.999 < abs(x).max() <= 2


@pytest.mark.parametrize("size", [0, 1, 3, 4, 103])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout(size, rate, device, dtype, random):
    x = random.standard_normal(size).astype(dtype)
    np.testing.assert_allclose(drop(x, rate), reference.dropout(x, rate, KEY), rtol=1e-6)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 103])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_alpha_dropout(size, rate, device, dtype, random):
    x, y = random.standard_normal(size).astype(dtype), np.full(size, np.nan, dtype)
    numbers = np.array([1.5, 0.25, -2], dtype)
    launch("alpha_dropout_forward", x, KEY, np.uint64(rate * 2**32), *numbers, y)
    kept = reference.dropout(np.ones(size), rate, KEY) > 0
    np.testing.assert_allclose(y, np.where(kept, 1.5 * x + 0.25, -2), rtol=1e-6, atol=1e-6)


def test_dropped_share_and_independence():
    ones = np.ones(1_000_001, "float32")
    masks = [drop(ones, 0.3, np.array(key, np.uint64)) > 0 for key in
             [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)]]
    for mask in masks:
        assert abs(mask.mean() - 0.7) < 0.002
        assert abs(np.corrcoef(mask[1:], mask[:-1])[0, 1]) < 0.004
    assert abs(np.corrcoef(masks) - np.eye(4)).max() < 0.004


def test_nan_is_dropped(device, dtype):
    x = np.full(64, np.nan, dtype)
    np.testing.assert_array_equal(np.isnan(drop(x, 0.5)), drop(np.ones(64, dtype), 0.5) > 0)


@pytest.mark.parametrize("name, last_bits", [
    ("random_uniform", 0), ("random_normal", 8), ("random_truncated_normal", 8)])
@pytest.mark.parametrize("size", [1, 6, 1003])
def test_same_numbers_as_on_the_cpu(name, last_bits, size, device, dtype):
    y = draw(name, size, dtype)
    with devices.device("cpu"):
        truth = draw(name, size, dtype)
    np.testing.assert_array_max_ulp(y, truth, last_bits)


@pytest.mark.parametrize("threshold", [0, 2**30, np.uint64(2**31), 2**32])
def test_same_mask_as_on_the_cpu(threshold, device, dtype, random):
    x = random.standard_normal(1003).astype(dtype)
    y, truth = np.empty_like(x), np.empty_like(x)
    launch("dropout_forward", x, KEY, threshold, x.dtype.type(1.5), y)
    with devices.device("cpu"):
        launch("dropout_forward", x, KEY, threshold, x.dtype.type(1.5), truth)
    np.testing.assert_array_equal(y, truth)
    assert abs((y == 0).mean() - threshold / 2**32) < 0.05
    numbers = np.array([1.5, 0.25, -2], dtype)
    launch("alpha_dropout_forward", x, KEY, threshold, *numbers, y)
    np.testing.assert_array_equal(y == -2, truth == 0)


def test_views_that_no_16_bytes_divide(device, dtype, random):
    """Four numbers are moved at once only where they begin at a multiple of 16 bytes."""
    there = devices.current().empty(1003, dtype)
    key = KEY if device == "cpu" else devices.current().put(KEY)
    registry.kernel("random_uniform", devices.target())(key, there.dtype.type(0), there.dtype.type(1), there[1:])
    np.testing.assert_array_equal(np.asarray(there)[1:], draw("random_uniform", 1002, dtype))


@pytest.mark.parametrize("name", ["random_uniform", "random_normal", "random_truncated_normal"])
def test_same_bits_on_any_number_of_threads(name, dtype):
    np.testing.assert_array_equal(*on_one_and_all(lambda: draw(name, 10_001, dtype)))


def test_same_mask_on_any_number_of_threads(dtype):
    np.testing.assert_array_equal(*on_one_and_all(lambda: drop(np.ones(10_001, dtype), 0.4)))


def test_keys(device):
    stream, key = np.array([2**64 - 1, 7, 2**32 - 1], np.uint64), np.zeros(3, np.uint64)
    for step in range(2):
        launch("next_key", stream, key, written=2)
        assert key.tolist() == [2**64 - 1, 7, 2**32 - 1 + step] and stream.tolist() == [*key[:2], key[2] + 1]
