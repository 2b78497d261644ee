"""Buffers of kernels at their edges, on each machine's vectors: see `walls`."""

import os
import subprocess
import sys

import numba
import pytest

from tests.machines import SMALLER, needs, passes_with

SEED, COUNT = 8, 1      # random geometries beside the edges; a longer run is `python -m tests.kernels.walls SEED COUNT`
MACHINES = [            # features, machine whose tiles they are, and the tile: bytes in a vector, rows
    ("+avx512f,+avx2,+fma", "", (64, 8)), ("-avx512f,+avx2,+fma", "", (32, 4)), ("", "", (16, 4)),
    ("", "aarch64", (16, 8)),
]


@pytest.mark.skipif(sys.platform == "win32", reason="walls are made of mprotect")
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="machine code's buffers")
@pytest.mark.parametrize("features, machine, tile", MACHINES)
def test_buffers_between_walls(features, machine, tile):
    """Every buffer full, one number more than it holds, and random geometries; numbers are exact."""
    needs(features)
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features, "NUMBA_NUM_THREADS": "3",
                                "NUMBA_LAYERS_CACHE_DIR": ""}
    command = [sys.executable, "-m", "tests.kernels.walls", str(SEED), str(COUNT), *([machine] if machine else [])]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split("walls: ")[1].strip() == f"vectors of {tile[0]} bytes, {tile[1]} rows"


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="vectors differ in compiled code only")
@SMALLER
def test_a_sample_of_kernels_on_smaller_machines(features):
    """Loops that LLVM turns into vectors; the register tiles' own tests have a slow one each that does the same."""
    folder = os.path.dirname(__file__)
    names = "rows", "reduction", "pool", "depthwise", "optimizer"
    only = "(test_softmax or test_columns or test_sum or test_forward or test_updates or change_no_bit) and float32"
    assert passes_with(features, *(os.path.join(folder, f"test_{name}.py") for name in names), only=only)
