"""The same bits from the process that compiles and from all others, on any number of threads, in any order of use."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from numba_layers.kernels.cpu.compile import OPTIONS
from numba_layers.kernels.math import fma

ROOT = Path(__file__).resolve().parents[2]


def hashes(cache, *arguments, threads):
    environment = os.environ | {"NUMBA_LAYERS_CACHE_DIR": str(cache), "NUMBA_NUM_THREADS": threads}
    done = subprocess.run([sys.executable, "-m", "tests.kernels.networks", *arguments], cwd=ROOT, env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="of compiled kernels")
def test_training_in_other_processes(tmp_path):
    """Convolutions of each algorithm, dense layers, four losses, five optimizers: weights and losses, bit for bit."""
    compiling = hashes(tmp_path, threads="2")
    assert len(compiling) == 5 and any(tmp_path.iterdir())
    assert hashes(tmp_path, "backwards", threads="5") == compiling
    assert hashes(tmp_path, "serial", threads="1") == compiling


def test_kernels_have_no_leave_to_calculate_otherwise():
    assert not OPTIONS.get("fastmath")
    sources = [file.read_text() for file in Path(fma.__file__).parent.rglob("*.py")]
    assert not any("fastmath=" in source for source in sources)
