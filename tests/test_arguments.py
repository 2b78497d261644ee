"""Arguments as users write them: what is taken, what is refused and how."""

import numpy as np
import pytest

from numba_layers.arguments import element_type, fraction, real, sizes, whole
from numba_layers.errors import ArgumentError, UnknownNameError


@pytest.mark.parametrize("value, number", [(3, 3), (3.0, 3), (np.int8(3), 3), (np.float32(3), 3), (True, 1), (-2, -2)])
def test_whole(value, number):
    assert whole(value, "n") == number
    assert type(whole(value, "n")) is int


@pytest.mark.parametrize("value", ["3", None, 2.5, float("nan"), float("inf"), [3], 3j, b"3"])
def test_not_whole(value):
    with pytest.raises(ArgumentError, match="n must be a whole number, got "):
        whole(value, "n")


def test_bounds():
    with pytest.raises(ArgumentError, match="n must be a whole number of at least 1, got 0"):
        whole(0, "n", least=1)
    for value in (1, 1.0, -0.1, float("nan"), float("inf")):
        with pytest.raises(ArgumentError, match=r"rate must lie in \[0, 1\), got "):
            fraction(value, "rate")
    assert fraction(np.float32(0.5), "rate") == 0.5


@pytest.mark.parametrize("value", ["1.0", None, [1.0, 2.0], 1j])
def test_not_real(value):
    with pytest.raises(ArgumentError, match="factor must be a number, got "):
        real(value, "factor")


@pytest.mark.parametrize("value, shape", [
    (3, (3,)), ((3, None), (3, None)), ([2.0, np.int64(4)], (2, 4)), ((), ()), (np.array([2, 3]), (2, 3))])
def test_sizes(value, shape):
    assert sizes(value, "shape") == shape


@pytest.mark.parametrize("value", ["ab", None, (-1,), (1.5,), ((3,),), {3}])
def test_not_sizes(value):
    with pytest.raises(ArgumentError, match=r"shape must list whole numbers of at least 0 like \(28, 28\), None"):
        sizes(value, "shape")


def test_sizes_that_may_not_be_open():
    with pytest.raises(ArgumentError, match="shape must list whole numbers of at least -1 like"):
        sizes((None, 3), "shape", least=-1, open_sizes=False)


def test_element_types():
    assert element_type(np.float32, "dtype") == element_type("float32", "dtype") == "float32"
    for wrong in ("float16", "complex64", "flaot32", str, 3):
        with pytest.raises(UnknownNameError, match="unknown dtype .* Legal: bool, float32"):
            element_type(wrong, "dtype")
