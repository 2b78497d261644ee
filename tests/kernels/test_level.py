"""Levels of processors: which one a machine has, what is compiled for it, and who may say otherwise."""

import json
import os
import platform
import subprocess
import sys

import numba
import pytest

from numba_layers import config
from numba_layers.kernels import level
from numba_layers.kernels.cpu.micro import vector

HAVE = set(numba.core.codegen.get_host_cpu_features().split(","))
ON_X86 = pytest.mark.skipif(level.highest(HAVE, platform.machine()) not in ("x86-64-v3", "x86-64-v4"),
                            reason="a machine of x86-64-v3 or -v4 is needed")
LAUNCH = """
import json
import numpy as np
from numba_layers import registry
kernel = registry.kernel("softsign_forward", "cpu")
from numba_layers.kernels import level
from numba_layers.kernels.cpu.micro import vector
x = np.array([-1, 0, 1, 3], np.float32)
y = np.empty_like(x)
kernel(x, y)
from numba import njit
assert njit(lambda x: x + 1)(1) == 2
print(json.dumps([y.tolist(), level.NAME, vector.VECTOR_BYTES, sum(kernel.sliced.stats.cache_hits.values())]))
"""
SOFTSIGN = [-0.5, 0, 0.5, 0.75]
BEFORE = "from numba import njit\nassert njit(lambda x: 2 * x)(3) == 6\n"       # Numba generates code


def answer(tmp_path, script=LAUNCH, fails=False, **settings):
    """What a process of its own prints, from JSON; its last line of error if it is to fail."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_CPU")}
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                           env=environment | {"NUMBA_LAYERS_CACHE_DIR": str(tmp_path)} | settings)
    assert bool(ended.returncode) == fails, ended.stderr
    return ended.stderr.splitlines()[-1] if fails else json.loads(ended.stdout.splitlines()[-1])


def features(*names, but=()):
    return {feature for name in names for feature in level.LEVELS[name]} - set(but) | {"-sse4a"}


@pytest.mark.parametrize("have, machine, wanted", [
    (features("x86-64-v2"), "x86_64", "x86-64-v2"), (features("x86-64-v3"), "AMD64", "x86-64-v3"),
    (features("x86-64-v4"), "x86_64", "x86-64-v4"), (features("armv8"), "arm64", "armv8"),
    (features("armv8") | {"+sve"}, "aarch64", "armv8"), (features("x86-64-v2"), "ppc64le", "host"),
    ({"+sse", "+sse2"}, "x86_64", "host"),
    (features("x86-64-v4", but={"+avx512vl"}), "x86_64", "host"),      # AVX-512 of a kind, which v3 would not use
    (features("x86-64-v3", but={"+movbe"}), "x86_64", "host"),
    (features("x86-64-v3", but={"+fma"}), "x86_64", "x86-64-v2")])
def test_highest(have, machine, wanted):
    assert level.highest(have, machine) == wanted


@pytest.mark.parametrize("name, machine, wanted", [
    ("x86-64-v2", "x86_64", (16, 4)), ("x86-64-v3", "x86_64", (32, 4)), ("x86-64-v4", "x86_64", (64, 8)),
    ("armv8", "aarch64", (16, 8))])
def test_register_tiles_of_a_level(name, machine, wanted):
    """v3 has AVX2's, v4 AVX-512's, each as wide as before with the features of a processor of that level."""
    assert vector.shape(level.LEVELS[name], machine) == wanted


def test_every_level_has_a_name_in_the_settings():
    assert (*level.LEVELS, "host") == config.LEVELS


@ON_X86
def test_numba_compiles_for_the_level(tmp_path):
    """Its setting stands before it generates the first code, and another level's kernels lie beside."""
    best = level.highest(HAVE, platform.machine())
    assert answer(tmp_path) == [SOFTSIGN, best, {"x86-64-v3": 32, "x86-64-v4": 64}[best], 0]
    alone = sorted(tmp_path.iterdir())
    assert answer(tmp_path, NUMBA_LAYERS_LEVEL="x86-64-v2") == [SOFTSIGN, "x86-64-v2", 16, 0]
    both = sorted(tmp_path.iterdir())
    assert len(both) == 2 * len(alone) and set(alone) < set(both)
    assert answer(tmp_path)[3] == answer(tmp_path, NUMBA_LAYERS_LEVEL="x86-64-v2")[3] == 1


@ON_X86
def test_a_user_whose_code_came_first(tmp_path):
    """What Numba generates for the very processor is kept as such; kernels of the level serve it all the same."""
    script = BEFORE + LAUNCH
    assert answer(tmp_path, script)[3] == 0
    assert answer(tmp_path, script)[3] == 1
    assert answer(tmp_path)[3] == 0
    for file in tmp_path.iterdir():
        if '"level": "host"' in file.read_bytes().split(b"\n", 2)[1].decode():
            file.unlink()
    assert answer(tmp_path, script)[3] == 1


@ON_X86
def test_numbas_own_variables_count_more(tmp_path):
    asked = {"NUMBA_LAYERS_LEVEL": "x86-64-v2", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
    assert answer(tmp_path, **asked)[1:3] == ["own", 32]
    of_a_level = dict(zip(("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"), level.processor("x86-64-v3")))
    assert answer(tmp_path, **of_a_level)[1:3] == ["x86-64-v3", 32]


def test_levels_that_cannot_be(tmp_path):
    higher = "armv8" if platform.machine().lower() in ("x86_64", "amd64") else "x86-64-v3"
    error = answer(tmp_path, fails=True, NUMBA_LAYERS_LEVEL=higher)
    assert f"NUMBA_LAYERS_LEVEL: kernels for {higher} do not run on this processor, which has no " in error
    assert level.highest(HAVE, platform.machine()) in error
    error = answer(tmp_path, fails=True, NUMBA_LAYERS_LEVEL="x86-64-v33")
    assert "'x86-64-v33'" in error and "Did you mean 'x86-64-v3'?" in error
