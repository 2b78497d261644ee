"""Functions of Lambda layers as text and back."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers.errors import DataError, UnknownNameError
from numba_layers.layers import Lambda
from numba_layers.models import Sequential, model_from_json
from numba_layers.utils.function_utils import dump_function, load_function


def test_a_lambda_with_defaults_and_a_closure():
    factor = 3
    again = load_function(*dump_function(lambda x, more=2: factor * x + more))
    assert again(5) == 17 and again(5, more=0) == 15


def test_a_lambda_finds_the_names_given():
    description, kind = dump_function(lambda x: there + x)   # noqa: F821
    assert load_function(description, kind, names={"there": 4})(1) == 5


def test_a_named_function_is_looked_up():
    def twice(x):
        return 2 * x

    assert dump_function(twice) == ("twice", "function")
    assert load_function("twice", "function", {"twice": twice}) is twice
    with pytest.raises(UnknownNameError, match="'twise'.*Did you mean 'twice'"):
        load_function("twise", "function", {"twice": twice})


def test_bytecode_of_another_python():
    description, kind = dump_function(lambda x: x)
    with pytest.raises(DataError, match="another Python"):
        load_function(description | {"python": [2, 7]}, kind)


def test_a_lambda_layer_from_a_file_finds_the_backend():
    model = Sequential([Lambda(lambda x: K.exp(x), input_shape=(3,))])
    again = model_from_json(model.to_json())
    np.testing.assert_allclose(again.predict(np.zeros((2, 3))), np.ones((2, 3)))
