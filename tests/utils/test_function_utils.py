"""Functions of Lambda layers as text and back."""

import base64
import json
import marshal
import sys

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers.errors import DataError, UnknownNameError
from numba_layers.layers import Lambda
from numba_layers.models import Sequential, model_from_json
from numba_layers.utils.function_utils import dump_function, load_function, safe_mode

ADDED = 3


def test_a_lambda_with_defaults_and_a_closure():
    factor = 3
    again = load_function(*dump_function(lambda x, more=2: factor * x + more))
    assert again(5) == 17 and again(5, more=0) == 15


def from_elsewhere(function):
    """What a file of another process holds for a lambda: code that this process never wrote."""
    code = function.__code__.replace(co_filename="elsewhere")
    return dump_function(function)[0] | {"code": base64.b64encode(marshal.dumps(code)).decode()}


def test_a_lambda_finds_the_names_given():
    description = from_elsewhere(lambda x: there + more + x)   # noqa: F821
    with safe_mode(False):
        assert load_function(description, "lambda", {"more": 2}, names={"there": 4})(1) == 7


def test_code_of_a_file_is_not_run_unasked():
    description = from_elsewhere(lambda x: x)
    with pytest.raises(DataError, match="not run unasked.*custom_objects={'shift': function}.*safe_mode=False"):
        load_function(description, "lambda", instead="shift")
    assert load_function(description, "lambda", {"shift": abs}, instead="shift") is abs
    with safe_mode(False):
        with safe_mode(None):
            assert load_function(description, "lambda")(3) == 3
        with safe_mode(True), pytest.raises(DataError, match="not run unasked"):
            load_function(description, "lambda")


def test_a_lambda_of_this_process_is_its_own_code_again():
    """Nothing of the description is run, so names are those of the lambda's own module, or custom objects."""
    description, kind = dump_function(lambda x: np.add(x, ADDED))
    assert load_function(description, kind)(1) == 1 + ADDED
    assert load_function(description, kind, {"ADDED": 5})(1) == 6


@pytest.mark.parametrize("damage", [
    {"code": "AAAA"}, {"code": base64.b64encode(marshal.dumps((lambda x: x).__code__)[:-9]).decode()},
    {"code": base64.b64encode(marshal.dumps(5)).decode()}, {"code": "x"}, {"closure": [1]}, {"defaults": 5}])
def test_damaged_bytecode(damage):
    with safe_mode(False), pytest.raises(DataError, match="damaged"):
        load_function(from_elsewhere(lambda x: x) | damage, "lambda")


@pytest.mark.parametrize("description", [
    None, 5, "c29tZXRoaW5n", ["c29tZXRoaW5n", None, None], {}, {"code": 5, "python": [*sys.version_info[:2]]}])
def test_what_is_no_description_of_ours_is_bytecode_of_elsewhere(description):
    with safe_mode(False), pytest.raises(DataError, match="another Python"):
        load_function(description, "lambda")


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
    description = model.get_config()
    description["layers"][0]["config"]["function"] = from_elsewhere(lambda x: K.exp(x))
    text = json.dumps({"class_name": "Sequential", "config": description})
    again = model_from_json(text, safe_mode=False)
    np.testing.assert_allclose(again.predict(np.zeros((2, 3))), np.ones((2, 3)))
