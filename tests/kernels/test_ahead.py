"""Kernels compiled ahead in several processes: all of them, whatever becomes of helpers, and nothing of the user's."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numba
import pytest

from numba_layers.kernels.recorded import recorded

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
SETUP = """
import json, os, sys, time
from numba_layers import registry
from numba_layers.kernels import ahead
ahead.processors = lambda: 3
ahead.HELPER = 0.01
wanted = [(name, types) for name, types in registry.recorded() if name in
          ("sign_forward", "abs_forward", "square_forward", "negative_forward", "softsign_forward", "sqrt_forward")]
print("begins", flush=True)
"""
SLOW = """
def slow(name, types, compile=ahead._compile):
    time.sleep(1)       # in this process alone, so that helpers come in time
    return compile(name, types)
ahead._compile = slow
"""
COMPILE = """
count = ahead.compile_ahead(wanted)
here = sum(bool(registry.kernel(name, "cpu").sliced.overloads) for name, _ in wanted)
print(json.dumps([count, here, ahead.compile_ahead(wanted)]))
"""


def process(tmp_path, script, **settings):
    """A process that runs a script from a file."""
    (tmp_path / "script.py").write_text(script)
    return subprocess.Popen([sys.executable, tmp_path / "script.py"], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True,
                            env=os.environ | {"NUMBA_LAYERS_CACHE_DIR": str(tmp_path / "cache")} | settings)


def ended(tmp_path, script, **settings):
    """(lines that it prints, what it says of errors): a script that ends well."""
    running = process(tmp_path, script, **settings)
    output, errors = running.communicate(timeout=300)
    assert running.returncode == 0, errors
    return output.splitlines(), errors


def kept(tmp_path):
    """How many kernels are in the cache, but for what programs call them by."""
    return sum("trampoline" not in file.name for file in (tmp_path / "cache").glob("*"))


def test_in_several_processes(tmp_path):
    """Each kernel is compiled once and kept; the user's own script is not run again for it, though it has no guard."""
    lines, _ = ended(tmp_path, SETUP + SLOW + COMPILE, NUMBA_LAYERS_DEBUG="1")
    assert lines[0] == "begins" and len(lines) == 2
    count, here, again = json.loads(lines[1])
    assert (count, again) == (6, 0)
    assert kept(tmp_path) == 6
    assert here < 6
    again, _ = ended(tmp_path, SETUP + COMPILE)
    assert json.loads(again[1]) == [0, 0, 0]


@pytest.mark.parametrize("setup, settings, files", [
    ("ahead.spawn().set_executable('absent')", {}, 6),
    ("ahead.spawn().set_executable('/bin/cat')", {}, 6),                             # which is no Python
    ("sys.frozen = True", {}, 6),
    ("ahead._PROGRAM = ahead._PROGRAM.replace('serve()', 'os._exit(1)')", {}, 6),
    ("import numba; numba.config.BOUNDSCHECK = 1", {}, 6),                           # of which no helper would know
    ("ahead.processors = lambda: 1", {}, 6),
    ("", {"NUMBA_LAYERS_CACHE_DIR": ""}, 0)])
def test_without_helpers(tmp_path, setup, settings, files):
    lines, _ = ended(tmp_path, f"{SETUP}{setup}\n{COMPILE}", **settings)
    assert json.loads(lines[-1]) == [6, 6, 0]
    assert kept(tmp_path) == files


def test_helpers_that_end_while_they_compile(tmp_path):
    broken = ("ahead._PROGRAM = ahead._PROGRAM.replace('import serve', 'import serve, compile_ahead as one')"
              ".replace('serve()', 'import os, numba_layers.kernels.ahead as a; a._compile = lambda *k: os._exit(1)\\n"
              "serve()')")
    lines, _ = ended(tmp_path, f"{SETUP}{broken}\n{COMPILE}")
    assert json.loads(lines[-1]) == [6, 6, 0]


@pytest.mark.parametrize("start", ["multiprocessing.get_context('fork').Process(target=work, daemon=True)",
                                   "multiprocessing.get_context('fork').Process(target=work)"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_in_children(tmp_path, start):
    """Daemons may not have children by multiprocessing; they have helpers all the same."""
    work = "\n".join("    " + line for line in COMPILE.splitlines())
    lines, _ = ended(tmp_path, f"{SETUP}{SLOW}def work():{work}\n    sys.stdout.flush()\nimport multiprocessing\n"
                               f"child = {start}\nchild.start()\nchild.join()\nassert not child.exitcode")
    count, here, again = json.loads(lines[-1])
    assert (count, again) == (6, 0) and here < 6


@pytest.mark.parametrize("verbose, words", [(1, ["Compiling", "6/6", "_forward, ", "0 left"]), (0, [])])
def test_the_bar(tmp_path, verbose, words):
    """It has the names of kernels and how many are left, once it takes longer than a moment."""
    _, errors = ended(tmp_path, f"{SETUP}ahead.PATIENCE = 0\nahead.compile_ahead(wanted, verbose={verbose})")
    assert all(word in errors for word in words) and bool(errors) == bool(words)


TELLING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)     # which a shell's jobs in the background ignore
started = ahead._started
def telling():
    helper = started()
    print(helper.pid, flush=True)
    return helper
ahead._started = telling
"""


def assert_ended(helpers):
    for helper in helpers:
        with pytest.raises(ProcessLookupError):
            for _ in range(100):        # who adopts a dead process may take a moment to bury it
                os.kill(helper, 0)
                time.sleep(0.1)


def interrupted(running, cache):
    """Ctrl-C once some kernels are compiled: (process numbers of the helpers, what it printed, its errors)."""
    assert running.stdout.readline() == "begins\n"
    helpers = [int(running.stdout.readline()) for _ in range(2)]
    while len(list(cache.glob("*.kernel"))) < 3:
        assert running.poll() is None
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    return helpers, *running.communicate(timeout=120)


def test_interrupted(tmp_path):
    """Ctrl-C ends it and its helpers, and what was compiled by then is whole."""
    running = process(tmp_path, SETUP + SLOW + TELLING + "wanted = registry.recorded()" + COMPILE)
    helpers, _, errors = interrupted(running, tmp_path / "cache")
    assert "KeyboardInterrupt" in errors and running.returncode
    assert_ended(helpers)


FIRST = """
import hashlib
import numpy as np
from numba_layers.layers import Dense
from numba_layers.models import Sequential
np.random.seed(3)
model = Sequential([Dense(4, activation="softsign", input_shape=(3,)), Dense(2)])
model.compile("sgd", "mae")
def weights():
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()
def train():
    model.fit(np.ones((12, 3)), np.ones((12, 2)), batch_size=4, shuffle=False, verbose=0)
    jitted = [kernel.sliced for kernel in registry.kernels("cpu").values() if "sliced" in vars(kernel)]
    compiled = sum(len(one.overloads) - getattr(one._cache, "hits", 0) for one in jitted)
    return sum(len(one.overloads) for one in jitted), compiled, weights()
"""


def test_a_model_trains_first(tmp_path):
    """Its kernels are compiled by helpers, without anyone asking, to the same bits as alone; then nothing is left."""
    def trained(*before, **settings):
        lines, _ = ended(tmp_path, "".join([SETUP, *before, FIRST, "print(json.dumps(train()))"]), **settings)
        return json.loads(lines[-1])

    needed, compiled, weights = trained(SLOW)
    assert needed > 12 and compiled < needed * 3 / 4
    assert trained() == [needed, 0, weights]
    assert trained(NUMBA_LAYERS_CACHE_DIR="/dev/null/nowhere") == [needed, needed, weights]


def test_a_first_training_is_interrupted(tmp_path):
    """Then no step was made, helpers have ended, and nothing lies about; training anew goes as if nothing had been."""
    script = f"""{SETUP}{SLOW}{TELLING}{FIRST}
before = weights()
try:
    train()
except KeyboardInterrupt:
    print(weights() == before, flush=True)
    ahead.processors, ahead._compile = lambda: 1, compile_here
print(json.dumps(train()))
"""
    running = process(tmp_path, script.replace("def slow", "compile_here = ahead._compile\ndef slow"))
    helpers, output, errors = interrupted(running, tmp_path / "cache")
    assert not running.returncode, errors
    unchanged, trained = output.splitlines()
    assert unchanged == "True"
    assert json.loads(trained)[2] == json.loads(ended(tmp_path, f"{SETUP}{FIRST}print(json.dumps(train()))")[0][-1])[2]
    assert not list((tmp_path / "cache").glob("*.part"))
    assert_ended(helpers)


def test_dear_kernels_exist():
    from numba_layers.kernels import ahead
    names = {name for name, _ in recorded()}
    assert set(ahead.DEAR) <= names and all(cost > ahead.USUAL for cost in ahead.DEAR.values())
    assert not re.search("[^a-z0-9_]", "".join(names))
