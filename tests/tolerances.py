"""How far results may be from a reference, for each float type: named here, once."""

import numpy as np

RELATIVE = {"float32": 3e-6, "float64": 1e-13}
ABSOLUTE = {"float32": 1e-6, "float64": 1e-14}


def assert_close(actual, desired, factor=1):
    """`actual` (a Tensor or array of floats) equals `desired` as well as its type allows, times `factor`."""
    actual = np.asarray(actual)
    name = str(actual.dtype)
    np.testing.assert_allclose(actual, desired, factor * RELATIVE[name], factor * ABSOLUTE[name])
