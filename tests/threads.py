"""The same work on one thread and on all; scripts on a threading layer of their own."""

import os
import subprocess
import sys

import numba
import pytest

from numba_layers.kernels.cpu import threads


def on_one_and_all(function):
    """Answers of `function()` on one thread and on as many as there are."""
    with threads.launching():
        most = numba.get_num_threads()
    try:
        answers = []
        for count in (1, most):
            numba.set_num_threads(count)
            answers.append(function())
        return answers
    finally:
        numba.set_num_threads(most)


LAYERS = ["tbb", "omp", "workqueue"]


def run_on(layer, script, **settings):
    """What a process prints that runs `script` on a threading layer; it must end well, and soon."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("OMP_WAIT_POLICY", "NUMBA_NUM_THREADS")}
    environment |= {"NUMBA_THREADING_LAYER": layer, **settings}
    finished = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True,
                              timeout=120)
    if "No threading layer could be loaded" in finished.stderr:
        pytest.skip(f"no {layer} here")
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()
