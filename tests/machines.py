"""A test file on smaller machines: its kernels compiled for other vectors than this machine's."""

import os
import subprocess
import sys

import numba
import pytest

SMALLER = pytest.mark.parametrize("features", ["-avx512f,+avx2,+fma", ""])     # AVX2; no fused multiply-add


def passes_with(features, path):
    """Whether the tests in a file, but the slow ones, pass with kernels for the `features` of a processor."""
    if "+avx2" in features and "+avx2" not in numba.core.codegen.get_host_cpu_features():
        pytest.skip("no AVX2 here")
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features,
                                "NUMBA_LAYERS_CACHE_DIR": "", "TEST_DEVICES": "cpu"}
    tests = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", path]
    run = subprocess.run(tests, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    return True
