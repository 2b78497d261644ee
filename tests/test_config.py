"""keras.json is read by the rules of the setters: what they refuse is ignored, with a warning."""

import os
import subprocess
import sys

import pytest

from numba_layers import config
from numba_layers.errors import ArgumentError

DEFAULTS = "float32", 1e-7, None


@pytest.fixture
def taken(tmp_path, monkeypatch):
    """`taken(text)`: (floatx, epsilon, chosen data format) after a keras.json of that text was read."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def take(text):
        (tmp_path / "keras.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        monkeypatch.setattr(config, "_settings", config._Settings())
        config._take_keras_json()
        return config.floatx(), config.epsilon(), config.chosen_data_format()

    return take


@pytest.mark.parametrize("text, expected", [
    ('{"floatx": "float64", "epsilon": 0.001, "image_data_format": "channels_first", "backend": "theano"}',
     ("float64", 0.001, "channels_first")),
    ('{"image_dim_ordering": "th", "epsilon": null}', ("float32", 1e-7, "channels_first")),
    ('{"image_dim_ordering": "th", "image_data_format": "channels_last"}', ("float32", 1e-7, "channels_last"))])
def test_keras_json(text, expected, taken, recwarn):
    assert taken(text) == expected and not recwarn


@pytest.mark.parametrize("name, value", [
    ("epsilon", value)
    for value in ("1" + "0" * 400, "Infinity", "NaN", "true", "0", "1", "5", "-0.1", '"0.1"', "[0.1]", "{}")
] + [(name, value) for name in ("floatx", "image_data_format", "image_dim_ordering")
     for value in ('["th"]', '{"a": 1}', "5", "true", '"tff"')] + [("floatx", '"float16"')])
def test_values_out_of_range_are_ignored(name, value, taken):
    with pytest.warns(UserWarning, match=rf"keras\.json: {name} is ignored"):
        assert taken(f'{{"{name}": {value}}}') == DEFAULTS


@pytest.mark.parametrize("text", ["", "{", "[]", "5", b"\xff\xfe{}", '{"epsilon": 1' + "0" * 5000 + "}", "[" * 100_000])
def test_a_damaged_keras_json_is_a_warning(text, taken):
    with pytest.warns(UserWarning, match=r"keras\.json is damaged .* and ignored"):
        assert taken(text) == DEFAULTS


def test_what_is_no_file_is_not_read(tmp_path):
    """A pipe would wait for ever."""
    os.mkfifo(tmp_path / "keras.json")
    subprocess.run([sys.executable, "-W", "error", "-c", "import numba_layers.config"], check=True, timeout=60,
                   env=os.environ | {"KERAS_HOME": str(tmp_path)})


@pytest.mark.parametrize("value", [0, 1, -1, float("nan"), float("inf"), 10**400, True, "0.1", None, [0.1]])
def test_epsilon_lies_between_0_and_1(value):
    with pytest.raises(ArgumentError, match=r"\(0, 1\), got"):
        config.set_epsilon(value)
