"""The kernels of pooling beside plain loops: channels around the width of a vector, borders, ties, NaN, threads."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.kernels.launching import launch
from tests.reference import pool as reference
from tests.reference.conv import borders, output_sizes
from tests.threads import on_one_and_all
from tests.tolerances import assert_close

# sizes of the image, window, strides, padding
GEOMETRIES = [
    ((1,), (1,), (1,), "valid"), ((6,), (2,), (2,), "valid"), ((150,), (3,), (2,), "same"), ((7,), (2,), (3,), "valid"),
    ((4, 6), (2, 2), (2, 2), "valid"), ((5, 7), (2, 2), (2, 2), "same"), ((5, 7), (3, 3), (1, 1), "same"),
    ((6, 5), (3, 2), (2, 1), "same"), ((9, 8), (2, 3), (4, 5), "same"), ((5, 4), (3, 3), (2, 2), ((2, 1), (0, 2))),
    ((20, 19), (18, 17), (1, 1), "valid"),          # more taps than a byte counts
    ((3, 4, 5), (2, 2, 2), (2, 2, 2), "valid"), ((3, 4, 5), (2, 3, 1), (1, 2, 3), "same"),
]
geometries = pytest.mark.parametrize("sizes, window, strides, padding", GEOMETRIES)
quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def seen(array):
    """`array` with three spatial axes."""
    return array.reshape(len(array), *[1] * (5 - array.ndim), *array.shape[1:])


def numbers(sizes, window, strides, padding):
    """Window, strides and pixels before the image, three of each."""
    before = [pair[0] for pair in borders(sizes, window, strides, padding, (1,) * len(sizes))]
    front = 3 - len(sizes)
    return (1,) * front + window, (1,) * front + strides, (0,) * front + tuple(before)


class Pool:
    """The kernels on images of one geometry; outputs start full of rubbish."""

    def __init__(self, *geometry, marks=np.uint8):
        self.geometry, self.marks = geometry, marks
        self.out = output_sizes(*geometry, (1,) * len(geometry[0]))
        self.numbers = numbers(*geometry)
        self.options = {"pool_size": geometry[1], "strides": geometry[2], "padding": geometry[3]}

    def launch(self, name, *inputs):
        """Inputs: arrays and numbers, then the shape of the output; or a list of (shape, type)."""
        *inputs, shape = inputs
        outputs = [np.full(one, 7, kind) for one, kind in
                   (shape if isinstance(shape, list) else [(shape, inputs[0].dtype)])]
        given = [seen(entry) if isinstance(entry, np.ndarray) else entry for entry in inputs]
        launch(name, *given, *self.numbers, *map(seen, outputs), written=len(outputs))
        return outputs if isinstance(shape, list) else outputs[0]

    def outputs_of(self, x):
        return len(x), *self.out, x.shape[-1]

    def largest(self, x):
        shape = self.outputs_of(x)
        return self.launch("max_pool_forward", x, [(shape, x.dtype), (shape, self.marks)])


@geometries
@pytest.mark.parametrize("channels", [1, 3, 16, 37])
def test_largest(sizes, window, strides, padding, channels, device, dtype, random):
    pool = Pool(sizes, window, strides, padding, marks=np.uint8 if np.prod(window) <= 256 else np.int32)
    x = random.randint(0, 30, (2, *sizes, channels)).astype(dtype)      # with many ties
    y, taps = pool.largest(x)
    np.testing.assert_array_equal(y, reference.max_pool(x, **pool.options))
    grad = random.standard_normal(y.shape).astype(dtype)
    grad_x = pool.launch("max_pool_backward", grad, taps, x.shape)
    assert_close(grad_x, reference.max_pool_backward(x, grad, **pool.options), 10)
    np.testing.assert_array_equal(pool.launch("max_pool_gather", x, taps, y.shape), y)


@geometries
@pytest.mark.parametrize("channels", [1, 3, 16, 37])
def test_sum(sizes, window, strides, padding, channels, device, dtype, random):
    pool = Pool(sizes, window, strides, padding)
    x = random.uniform(0.5, 1.5, (2, *sizes, channels)).astype(dtype)
    scale = x.dtype.type(0.3)
    y = pool.launch("sum_pool_forward", x, scale, pool.outputs_of(x))
    assert_close(y, 0.3 * reference.pool(np.sum, x.astype("float64"), **pool.options), 10)
    grad = random.uniform(0.5, 1.5, y.shape).astype(dtype)
    grad_x = np.zeros(x.shape)
    for place, pixels in reference.windows(sizes, **pool.options):
        grad_x[pixels] += 0.3 * grad[place].reshape(2, *[1] * len(sizes), channels)
    assert_close(pool.launch("sum_pool_backward", grad, scale, x.shape), grad_x, 10)


@quick
@given(st.data())
def test_any_geometry(device, data):
    rank = data.draw(st.integers(1, 3))
    several = lambda least, most: st.tuples(*[st.integers(least, most)] * rank)     # noqa: E731
    window, strides = data.draw(several(1, 4)), data.draw(several(1, 5))
    padding = data.draw(st.sampled_from(["valid", "same"]))
    sizes = tuple(size + (k - 1) * (padding == "valid") for size, k in zip(data.draw(several(1, 6)), window))
    pool = Pool(sizes, window, strides, padding)
    x = np.random.RandomState(3).randint(-4, 5, (data.draw(st.integers(1, 2)), *sizes, 5)).astype("float32")
    y, taps = pool.largest(x)
    np.testing.assert_array_equal(y, reference.max_pool(x, **pool.options))
    np.testing.assert_array_equal(pool.launch("max_pool_backward", y, taps, x.shape),
                                  reference.max_pool_backward(x, y, **pool.options))
    np.testing.assert_array_equal(pool.launch("sum_pool_forward", x, np.float32(1), y.shape),
                                  reference.pool(np.sum, x, **pool.options))


@pytest.mark.parametrize("channels", [1, 21])
@pytest.mark.parametrize("pixels, wanted", [
    ([1, 5, 5, 2], 1), ([np.nan, 5, 6, 2], 0), ([1, 5, np.nan, np.nan], 2), ([1, 5, 6, np.nan], 3),
    ([-np.inf] * 4, 0), ([-np.inf, -np.inf, -3, -np.inf], 2), ([np.inf, np.nan, np.inf, 0], 1), ([-0.0, 0.0, 0, 0], 0)])
def test_first_of_the_largest(pixels, wanted, channels, device, dtype):
    pool = Pool((2, 2), (2, 2), (2, 2), "valid")
    x = np.repeat(np.array(pixels, dtype).reshape(1, 2, 2, 1), channels, axis=3)
    y, taps = pool.largest(x)
    np.testing.assert_array_equal(taps, np.full((1, 1, 1, channels), wanted))
    np.testing.assert_array_equal(y, np.full((1, 1, 1, channels), pixels[wanted], dtype))


def test_nothing_reads_beside_the_channels(device, dtype):
    """NaN in the neighbours of a pixel's channels does not leak through the mask of the last vector."""
    pool = Pool((1, 3), (1, 1), (1, 2), "valid")
    x = np.full((1, 1, 3, 5), np.nan, dtype)
    x[:, :, ::2] = 1
    np.testing.assert_array_equal(pool.largest(x)[0], 1)
    np.testing.assert_array_equal(pool.launch("sum_pool_forward", x, x.dtype.type(1), (1, 1, 2, 5)), 1)


def test_empty_batch(device):
    pool = Pool((4, 4), (2, 2), (2, 2), "valid")
    y, taps = pool.largest(np.empty((0, 4, 4, 3), "float32"))
    assert y.shape == (0, 2, 2, 3)
    assert pool.launch("max_pool_backward", y, taps, (0, 4, 4, 3)).shape == (0, 4, 4, 3)


@pytest.mark.parametrize("sizes, window, strides", [((40, 41), (3, 3), (2, 1)), ((500,), (4,), (3,))])
def test_threads_change_no_bit(sizes, window, strides, random):
    pool = Pool(sizes, window, strides, "same")
    x = random.standard_normal((3, *sizes, 9)).astype("float32")
    grad = random.standard_normal(pool.outputs_of(x)).astype("float32")

    def everything():
        y, taps = pool.largest(x)
        return [y, taps, pool.launch("max_pool_backward", grad, taps, x.shape),
                pool.launch("sum_pool_forward", x, np.float32(0.1), y.shape),
                pool.launch("sum_pool_backward", grad, np.float32(0.1), x.shape)]

    for one, all_of_them in zip(*on_one_and_all(everything)):
        np.testing.assert_array_equal(one, all_of_them)
