"""NUMBA_LAYERS_DEBUG and NUMBA_LAYERS_CHECK, as the table in `config.py` says."""

import os
import re
import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np
from numba_layers import ops
x = np.array([[1, 2, 4]], np.float32)
for _ in range(2):
    y = ops.exp(ops.log(x))
    y = ops.square(y)
"""


def run(script=SCRIPT, code=0, **settings):
    """What a process prints to its two outputs."""
    finished = subprocess.run([sys.executable, "-c", script], env={**os.environ, **settings}, text=True,
                              capture_output=True, timeout=300)
    assert finished.returncode == code, finished.stderr
    return finished.stdout.splitlines(), finished.stderr.splitlines()


def told(lines, pattern):
    """Names of the kernels in the lines that match, in order."""
    found = [re.fullmatch(r"(\w+): " + pattern, line) for line in lines]
    return [match[1] for match in found if match]


KERNELS = ["log_forward", "exp_forward", "square_forward"]


def test_silent():
    assert run(NUMBA_LAYERS_DEBUG="0") == run(NUMBA_LAYERS_DEBUG="") == ([], [])


def test_1_names_kernels_as_they_compile_or_load(tmp_path):
    for verb in ("compiled", "loaded"):
        output, errors = run(NUMBA_LAYERS_DEBUG="1", NUMBA_LAYERS_CACHE_DIR=str(tmp_path))
        assert told(errors, rf"{verb} in \d+ ms") == KERNELS
        assert len(errors) == 3 and not output


def test_2_times_every_launch():
    _, errors = run(NUMBA_LAYERS_DEBUG="2")
    assert told(errors, r"\d+\.\d{3} ms") == KERNELS
    assert told(errors, r"(compiled|loaded) in \d+ ms") == KERNELS


def test_3_prints_shapes_and_ranges():
    _, errors = run(NUMBA_LAYERS_DEBUG="3")
    assert told(errors, r"float32\(3,\) \[\S+, \S+\], float32\(3,\) \[\S+, \S+\]") == KERNELS * 2
    assert "log_forward: float32(3,) [1, 4], float32(3,) [0, 1.386]" in errors
    assert told(errors, r"\d+\.\d{3} ms") == KERNELS


@pytest.mark.parametrize("value", ["-1", "0"])
def test_check_names_the_kernel(value):
    script = SCRIPT.replace("1, 2, 4", f"1, {value}, 4")
    assert run(script, NUMBA_LAYERS_CHECK="0") == run(script) == ([], [])
    _, errors = run(script, code=1, NUMBA_LAYERS_CHECK="1")
    assert "kernel log_forward wrote numbers that are not finite" in errors[-1]


def test_check_lets_finite_numbers_pass():
    assert run(NUMBA_LAYERS_CHECK="1") == ([], [])


def test_check_sees_every_output_of_a_kernel():
    script = """
import numpy as np
from numba_layers import registry
from numba_layers.ops._op import run
def divide(x, y, z): y[:], z[:] = 1 / x, x
registry.register_kernel("divide", "cpu", divide)
run("divide", np.float32([0, 1]), out=[(2,), (2,)], dtype=np.dtype("float32"))
"""
    _, errors = run(script, code=1, NUMBA_LAYERS_CHECK="1", PYTHONWARNINGS="ignore")
    assert "kernel divide wrote numbers that are not finite" in errors[-1]


def test_check_finds_the_first_nan_of_a_convolution_where_it_is():
    """Winograd's algorithm, fast enough to be chosen, would write it to outputs whose window does not see the pixel."""
    script = """
import numpy as np
from numba_layers import Tape, Tensor, config, ops
config.set_winograd(True)
x, weight = np.ones((8, 16, 16, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
with Tape() as tape:
    x, weight = Tensor(x), Tensor(weight)
    y = ops.conv(x, weight)
tape.gradient(y, [x, weight])
x.data[3, 4, 5, 6] = np.nan
try:
    y = ops.conv(x, weight)
finally:
    config.check_numbers = False
    wrong = ops.conv(x, weight).numpy()
    print(int(np.isnan(wrong).any(-1).sum()))
"""
    output, errors = run(script, code=1, NUMBA_LAYERS_CHECK="1", NUMBA_LAYERS_DEBUG="2")
    assert "kernel convolve wrote numbers that are not finite" in errors[-1]
    kernels = told(errors, r"(?:compiled in |loaded in )?[\d.]+ ms")
    checked = kernels[:kernels.index("winograd_weight")]
    assert {"convolve", "convolve_backward_weight"} <= set(checked)
    assert not [name for name in checked if name.startswith("winograd")]
    assert int(output[0]) > 9


def test_3_and_check_with_truth_values_and_nothing():
    script = """
import numpy as np
from numba_layers import ops
x = np.array([1, 2], np.float32)
ops.where(ops.less(x, 1.5), x, 0.0)
ops.exp(np.zeros((0, 3), np.float32))
"""
    _, errors = run(script, NUMBA_LAYERS_DEBUG="3", NUMBA_LAYERS_CHECK="1")
    assert any("bool(2,) [0, 1]" in line for line in errors)
    assert "exp_forward: float32(0,), float32(0,)" in errors


def test_no_home():
    """A user without a home folder computes without cache."""
    script = """
import os
from pathlib import Path
for name in ("NUMBA_LAYERS_CACHE_DIR", "XDG_CACHE_HOME", "KERAS_HOME"):
    os.environ.pop(name, None)
def home():
    raise RuntimeError("no home")
Path.home = home
"""
    assert run(script + SCRIPT) == ([], [])


def test_debugging_where_threads_cannot_be_used():
    """The child runs what its parent compiled."""
    script = """
import os
from numba_layers import ops
ops.exp([1.0])
pid = os.fork()
if pid == 0:
    ops.exp([1.0])
    os._exit(0)
os.waitpid(pid, 0)
"""
    _, errors = run(script, NUMBA_LAYERS_DEBUG="1", NUMBA_THREADING_LAYER="omp")
    assert told(errors, r"(compiled|loaded) in \d+ ms") == ["exp_forward"]


def test_bad_level():
    _, errors = run("from numba_layers import config", code=1, NUMBA_LAYERS_DEBUG="loud")
    assert "NUMBA_LAYERS_DEBUG" in errors[-1]
