"""Winograd's matrices make a convolution, and its gradient; what the targets' transforms are made from."""

import numpy as np
import pytest

from numba_layers.kernels.math import winograd
from numba_layers.kernels.math.winograd import MATRICES


def matrices(*kinds):
    return [np.array(MATRICES[getattr(winograd, kind)]) for kind in kinds]


def correlated(x, window):
    views = np.lib.stride_tricks.sliding_window_view(x, window.shape)
    return np.einsum("ijpq,pq->ij", views, window)


def both_axes(matrix, x):
    return matrix @ x @ matrix.T


@pytest.mark.parametrize("m", [2, 4])
def test_blocks_of_outputs(m, random):
    inputs, weights, outputs = matrices(f"INPUT_{m}", f"WEIGHT_{m}", f"OUTPUT_{m}")
    x, window = random.standard_normal((m + 2, m + 2)), random.standard_normal((3, 3))
    y = both_axes(outputs, both_axes(weights, window) * both_axes(inputs, x))
    np.testing.assert_allclose(y, correlated(x, window), atol=1e-12)


def test_gradient_of_the_window(random):
    inputs, gradients, windows = matrices("INPUT_4", "GRADIENT_4", "WINDOW_4")
    x, grad_y = random.standard_normal((6, 6)), random.standard_normal((4, 4))
    grad = both_axes(windows, both_axes(inputs, x) * both_axes(gradients, grad_y))
    np.testing.assert_allclose(grad, correlated(x, grad_y), atol=1e-12)


@pytest.mark.parametrize("kind", MATRICES)
def test_pairs_of_rows_are_sums_and_differences(kind):
    matrix = np.array(MATRICES[kind])
    for r, equal, opposite in winograd.pairs(matrix.tolist()):
        np.testing.assert_array_equal(matrix[r:r + 2], [np.add(equal, opposite), np.subtract(equal, opposite)])
