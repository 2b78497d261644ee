"""The kernels of a step within an epoch: rows gathered by the order of samples, figures kept, batches counted."""

import numpy as np
import pytest

from tests.kernels.launching import launch


@pytest.mark.parametrize("columns", [1, 3, 64, 700])
@pytest.mark.parametrize("kinds", [("float32", "float32"), ("uint8", "float32"), ("float64", "float32"),
                                   ("int64", "int64")], ids=str)
def test_gather_batch(columns, kinds, device, random):
    x, order = (9 * random.rand(30, columns)).astype(kinds[0]), random.permutation(30)
    for number in 0, 2, 4:
        y = np.full((6, columns), 7, kinds[1])
        launch("gather_batch", x, order, np.array([number, 0]), y)
        np.testing.assert_array_equal(y, x[order[6 * number:6 * number + 6]].astype(kinds[1]))


def test_figures_are_kept_and_batches_counted(device, dtype):
    counters, kept, wanted = np.array([5, 5]), np.zeros((3, 2)), np.zeros((3, 2))
    for row in range(3):
        for column in range(2):
            wanted[row, column] = 0.5 + row - column
            launch("keep_figure", np.array([0.5 + row - column], dtype), counters, column, kept)
        launch("next_batch", counters)
    np.testing.assert_array_equal(kept, wanted)
    assert counters.tolist() == [8, 5]
