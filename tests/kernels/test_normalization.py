"""The kernels of normalisation: moments of columns and rows, what is made of them, and gradients."""

import numpy as np
import pytest

from tests.kernels.launching import launch
from tests.reference import normalization as reference
from tests.tolerances import assert_close

EPSILON = 1e-3
# rows, columns, chunks, rows that are folded into one
SIZES = [(1, 1, 1, 1), (7, 3, 1, 1), (600, 5, 3, 1), (64, 300, 2, 1), (513, 64, 4, 1), (96, 4, 2, 8), (300, 1, 3, 4)]


def filled(shape, dtype):
    return np.full(shape, 7, dtype)


def numbers(shape, dtype, random, far=0.0):
    return (random.standard_normal(shape) * random.uniform(0.5, 2, shape[-1:]) + far).astype(dtype)


def moments(x, chunks, fold):
    n, columns = x.shape
    partial = filled((chunks, 2, fold, columns), x.dtype)
    launch("column_moments", x.reshape(n // fold, fold * columns), partial.reshape(chunks, 2, fold * columns))
    mean, variance = filled(columns, x.dtype), filled(columns, x.dtype)
    launch("combine_moments", partial, n, mean, variance, written=2)
    return mean, variance


@pytest.mark.parametrize("n, columns, chunks, fold", SIZES)
def test_moments(n, columns, chunks, fold, device, dtype, random):
    x = numbers((n, columns), dtype, random)
    for ours, theirs in zip(moments(x, chunks, fold), reference.moments(x.astype("float64"))):
        assert_close(ours, theirs, 10)


@pytest.mark.parametrize("first", [0.0, 1000.0])
def test_a_mean_far_from_zero_costs_no_digits(first, device, random):
    """Also where the first number of a chunk, by which others shift, is far from all others."""
    x = (1000 + random.standard_normal((512, 6))).astype("float32")
    x[::256] = first
    for ours, theirs in zip(moments(x, 2, 1), reference.moments(x.astype("float64"))):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5)


@pytest.mark.parametrize("n, columns, chunks, fold", SIZES)
def test_batch_normalize(n, columns, chunks, fold, device, dtype, random):
    x, grad = numbers((n, columns), dtype, random), numbers((n, columns), dtype, random)
    gamma, beta = numbers((columns,), dtype, random), numbers((columns,), dtype, random)
    mean, variance = moments(x, chunks, fold)
    epsilon = x.dtype.type(EPSILON)
    wide = n // fold, fold * columns
    coefficients, y = filled((3, fold, columns), dtype), filled(wide, dtype)
    launch("normalization_coefficients", mean, variance, gamma, beta, epsilon, coefficients)
    launch("batch_normalize_forward", x.reshape(wide), coefficients.reshape(3, -1), y)
    double = [one.astype("float64") for one in (x, gamma, grad)]
    assert_close(y.reshape(x.shape), reference.normalized(double[0], *reference.moments(double[0]), gamma, beta,
                                                          EPSILON), 20)

    partial = filled((chunks, 2, fold, columns), dtype)
    launch("batch_normalize_sums", x.reshape(wide), grad.reshape(wide), coefficients.reshape(3, -1),
           partial.reshape(chunks, 2, -1))
    slopes, by_gamma, by_beta = filled((4, fold, columns), dtype), filled(columns, dtype), filled(columns, dtype)
    launch("normalize_slopes", partial, mean, variance, gamma, epsilon, n, slopes, by_gamma, by_beta, written=3)
    by_x = filled(wide, dtype)
    launch("batch_normalize_backward_x", x.reshape(wide), grad.reshape(wide), slopes.reshape(4, -1), by_x)
    expected = reference.batch_gradients(double[0], double[1], EPSILON, double[2])
    for ours, theirs in zip((by_x.reshape(x.shape), by_gamma, by_beta), expected):
        assert_close(ours, theirs, 100)


@pytest.mark.parametrize("n, columns, chunks", [(1, 1, 1), (5, 3, 2), (40, 200, 3), (3, 2000, 1), (300, 33, 2)])
def test_layer_normalize(n, columns, chunks, device, dtype, random):
    x, grad = numbers((n, columns), dtype, random, far=3), numbers((n, columns), dtype, random)
    gamma, beta = numbers((columns,), dtype, random), numbers((columns,), dtype, random)
    mean, inverse, y = filled(n, dtype), filled(n, dtype), filled(x.shape, dtype)
    launch("layer_normalize_forward", x, gamma, beta, x.dtype.type(EPSILON), mean, inverse, y, written=3)
    double = [one.astype("float64") for one in (x, gamma, grad)]
    rows = double[0].T
    assert_close(y, reference.normalized(rows, *reference.moments(rows), 1, 0, EPSILON).T * gamma + beta, 30)
    by_x, partial = filled(x.shape, dtype), filled((chunks, columns), dtype)
    launch("layer_normalize_backward_x", x, grad, gamma, mean, inverse, by_x)
    launch("layer_normalize_backward_gamma", x, grad, mean, inverse, partial)
    expected = reference.layer_gradients(double[0], double[1], EPSILON, double[2])
    for ours, theirs in zip((by_x, partial.sum(0)), expected):
        assert_close(ours, theirs, 100)


@pytest.mark.parametrize("updates", [0, 1, 50, 10**6])
@pytest.mark.parametrize("debiased", [True, False])
@pytest.mark.parametrize("momentum", [0.875, 0.0])
def test_moving_average(updates, debiased, momentum, device, dtype, random):
    average, value = numbers((37,), dtype, random), numbers((37,), dtype, random)
    moved, number = filled(37, dtype), np.dtype(dtype).type
    launch("moving_average", average, value, np.array([updates]), number(momentum), number(1.5), debiased, moved)
    expected = reference.moving_average(average.astype("float64"), value, updates, momentum, 1.5, debiased)
    assert_close(moved, expected, 10)


@pytest.mark.parametrize("debiased", [True, False])
def test_a_momentum_of_1_moves_nothing(debiased, device, dtype, random):
    average, moved = numbers((37,), dtype, random), filled(37, dtype)
    one = np.dtype(dtype).type(1)
    launch("moving_average", average, average + 1, np.array([3]), one, one, debiased, moved)
    np.testing.assert_array_equal(moved, average)
