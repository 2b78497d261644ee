"""Boston housing: the median price of homes in 506 towns, in thousands of dollars, from 13 figures of each.

Reference: Harrison & Rubinfeld 1978, "Hedonic prices and the demand for clean air".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._files import checked_fraction, locate, numbers, read_parts, shuffled

if TYPE_CHECKING:
    from typing import Any

    from ..typing import FilePath

NAMES = ("boston_housing.npz",)
SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(path: FilePath = "boston_housing.npz", test_split: float = 0.2,
              seed: int = 113) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """((x_train, y_train), (x_test, y_test)): x (n, 13) float64, y (n,) float64.

    path: file in ~/.keras/datasets.
    test_split: part of the towns held back, in [0, 1). seed: of the shuffle before that.
    Raises: DataError when the file cannot be had or read.
    """
    checked_fraction("test_split", test_split)
    file = locate(path, NAMES, SHA256)
    x, y = shuffled(np.random.RandomState(seed), *numbers(file, *read_parts(file, "x", "y")))
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])
