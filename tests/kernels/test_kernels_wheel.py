"""The wheel of compiled kernels: installed, a training of what it was built from compiles nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import numba_layers
from numba_layers.kernels import level

ROOT = Path(numba_layers.__file__).parents[1]
SCRIPT = """
import numpy as np
from numba_layers.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from numba_layers.models import Sequential
model = Sequential([Conv2D(4, 3, activation="relu", input_shape=(10, 10, 1)), MaxPooling2D(2), Dropout(0.25), Flatten(),
                    Dense(3, activation="softmax")])
model.compile("adadelta", "categorical_crossentropy", metrics=["accuracy"])
model.fit(np.ones((8, 10, 10, 1)), np.eye(3)[np.zeros(8, int)], epochs=1, batch_size=4, verbose=0)
"""


def python(*arguments, **settings):
    """(output, errors) of a Python of its own, which must end well."""
    ended = subprocess.run([sys.executable, *map(str, arguments)], env=os.environ | settings, capture_output=True,
                           text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, ended.stderr


def trained(cache, **settings):
    """The verbs of what a training says of its kernels, each once: 'compiled' or 'loaded'."""
    _, told = python("-c", SCRIPT, NUMBA_LAYERS_DEBUG="1", NUMBA_LAYERS_CACHE_DIR=str(cache), **settings)
    verbs = re.findall(r"^\w+: (compiled|loaded) ", told, re.M)
    assert len(verbs) > 10
    return set(verbs)


@pytest.mark.slow
@pytest.mark.skipif(level.NAME not in level.LEVELS, reason="kernels of this processor alone do not travel")
def test_an_installed_wheel_leaves_nothing_to_compile(tmp_path):
    assert "compiled" in trained(tmp_path / "warm")
    python("packaging/kernels_wheel.py", "--level", level.NAME, "--cache", tmp_path / "warm", tmp_path / "dist")
    [wheel] = (tmp_path / "dist").iterdir()
    assert wheel.name.startswith(f"numba_layers_kernels-{numba_layers.__version__}+{level.NAME.replace('-', '.')}-cp3")
    python("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check",
           "--target", tmp_path / "site", wheel)
    installed = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path / "site")])}
    assert trained(tmp_path / "fresh", **installed) == {"loaded"}
    assert not (tmp_path / "fresh").exists()
    shown, _ = python("-m", "numba_layers", "cache", NUMBA_LAYERS_CACHE_DIR=str(tmp_path / "fresh"), **installed)
    assert f"installed in {tmp_path / 'site' / 'numba_layers_kernels'}: " in shown

    damaged = next((tmp_path / "site" / "numba_layers_kernels").glob("*_forward-*.kernel"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    before = damaged.read_bytes()
    assert trained(tmp_path / "fresh", **installed) == {"compiled", "loaded"}
    assert damaged.read_bytes() == before       # what is installed belongs to who installed it


def test_a_cache_without_kernels_of_the_level(tmp_path):
    ended = subprocess.run([sys.executable, "packaging/kernels_wheel.py", "--level", "x86-64-v2", "--cache", tmp_path,
                            tmp_path / "dist"], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 2
    assert f"kernels_wheel: {tmp_path} has no kernels for x86-64-v2 that can be used" in ended.stderr
