"""Tests on smaller machines: kernels compiled for other vectors than this machine's."""

import os
import subprocess
import sys

import numba
import pytest

SMALLER = pytest.mark.parametrize("features", ["-avx512f,+avx2,+fma", ""])     # AVX2; no fused multiply-add


def needs(features):
    """Skip a test whose kernels this machine cannot run."""
    have = numba.core.codegen.get_host_cpu_features()
    missing = [feature for feature in features.split(",") if feature.startswith("+") and feature not in have]
    if missing:
        pytest.skip(f"no {missing[0]} here")


def passes_with(features, *paths, only=""):
    """Whether tests in files, but the slow ones, pass with kernels for the `features` of a processor."""
    needs(features)
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features,
                                "NUMBA_LAYERS_CACHE_DIR": "", "TEST_DEVICES": "cpu"}
    tests = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", "-k", only, *paths]
    run = subprocess.run(tests, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    return True
