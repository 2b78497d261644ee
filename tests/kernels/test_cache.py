"""The kernel cache: hits where nothing changed, misses where anything did, no harm from files or folders."""

import ctypes
import ctypes.util
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numba import prange
from numba.core.cpu import CPUContext

import numba_layers
from numba_layers.kernels import cache, level, store
from numba_layers.kernels.cpu.compile import CpuKernel, inlined

PACKAGE = Path(numba_layers.__file__).parent


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def doubled(x, y):
    for i in prange(x.size):
        y[i] = x[i] + x[i]


def launched(function=doubled, name="doubled", x=3.0, **options):
    """What a newly made kernel answers to one number, and its hits: each call is like a new process."""
    kernel = CpuKernel(function, name, options)
    y = np.zeros(1, np.float32)
    kernel.serial(np.full(1, x, np.float32), y)
    return y[0], getattr(kernel.serial._cache, "hits", None)


def test_second_time_hits(folder):
    assert launched() == (6, 0)
    assert launched() == (6, 1)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("damage", [
    lambda content: content[:-100], lambda content: content[:20], lambda content: b"",
    lambda content: b"garbage" * 100,
    lambda content: content[:99] + bytes([content[99] ^ 1]) + content[100:]])
def test_damaged_file_is_replaced(folder, damage):
    launched()
    file, = folder.iterdir()
    good = file.read_bytes()
    file.write_bytes(damage(good))
    assert launched() == (6, 0)
    assert launched() == (6, 1)
    assert [file.name] == [found.name for found in folder.iterdir()]


def test_valid_checksum_of_something_else(folder):
    launched()
    file, = folder.iterdir()
    file.write_bytes(store.content_of(b"not a pickle", store.read_about(file)))
    assert launched() == (6, 0)
    assert launched() == (6, 1)


def test_a_file_says_what_it_is(folder):
    """In its second line, as JSON: the level, the versions that can use it, and the kernel's types."""
    launched()
    file, = folder.iterdir()
    said = json.loads(file.read_bytes().split(b"\n", 2)[1])
    assert said == store.read_about(file)
    assert (said["kernel"], said["target"], said["level"], said["cpu"]) == ("doubled", "cpu", level.NAME, level.CPU)
    assert said["versions"]["python"].startswith(sys.implementation.cache_tag) and "float32" in said["signature"]
    assert store.NAME.fullmatch(file.name)


def test_folder_that_cannot_be_made(folder):
    folder.write_text("a file in its place")
    assert launched() == (6, 0)
    assert launched() == (6, 0)


@pytest.mark.parametrize("function", ["replace", "utime"])
def test_folder_that_cannot_be_written(folder, monkeypatch, function):
    def refuse(*arguments, **options):
        raise PermissionError("read-only")

    launched()
    monkeypatch.setattr(os, function, refuse)
    assert launched() == (6, 1)
    assert launched(fastmath=False) == (6, 0)
    assert not list(folder.glob("*.part"))


def test_no_cache(monkeypatch):
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", "")
    assert launched() == (6, None)


def test_options_are_part_of_a_kernel(folder):
    def is_nan(x, y):
        for i in prange(x.size):
            y[i] = 1 if math.isnan(x[i]) else 0

    launched(is_nan, "is_nan", math.nan, fastmath=True)
    assert launched(is_nan, "is_nan", math.nan, fastmath=False) == (1, 0)
    assert launched(is_nan, "is_nan", math.nan) == (1, 0)


def plus(number):
    def kernel(x, y):
        for i in prange(x.size):
            y[i] = x[i] + number
    return kernel


def through(formula):
    def kernel(x, y):
        for i in prange(x.size):
            y[i] = formula(x[i])
    return kernel


def test_closures_are_part_of_a_kernel(folder):
    assert [launched(plus(number), "generated") for number in (1, 2, 2)] == [(4, 0), (5, 0), (5, 1)]


def test_formulas_are_part_of_a_kernel(folder):
    def power(exponent):
        return inlined(lambda x: x**exponent)

    kernels = [through(power(exponent)) for exponent in (2, 3, 3)]
    assert [launched(kernel, "generated") for kernel in kernels] == [(9, 0), (27, 0), (27, 1)]


def test_generated_source(folder):
    def generated(operation):
        namespace = {"__name__": __name__, "prange": prange}
        exec(f"def kernel(x, y):\n    for i in prange(x.size):\n        y[i] = x[i] {operation}", namespace)
        return namespace["kernel"]

    operations = "+ 1", "* 5", "* 5"
    answers = [launched(generated(operation), "kernel") for operation in operations]
    assert answers == [(4, 0), (15, 0), (15, 1)]


def test_kernel_without_source_file_is_not_kept(folder):
    namespace = {"__name__": "of a notebook"}
    exec("def kernel(x, y):\n    y[0] = x[0]", namespace)
    assert launched(namespace["kernel"], "kernel") == (3, None)
    assert not folder.exists()


@pytest.mark.parametrize("size", [3, 100_000])
def test_kernel_without_source_is_launched(folder, size):
    """By one thread where it is small, by Numba's own parallel form where it is large."""
    namespace = {"__name__": "of a notebook", "prange": prange}
    exec("def kernel(x, y):\n    for i in prange(x.size):\n        y[i] = x[i] + 1", namespace)
    kernel, x = CpuKernel(namespace["kernel"], "kernel", {}), np.arange(size, dtype=np.float32)
    y = np.empty_like(x)
    kernel(x, y)
    np.testing.assert_array_equal(y, x + 1)
    assert not kernel.divisible and len(kernel.parallel.signatures) == (size > 3)


def test_addresses_of_this_process_are_not_kept(folder):
    cosine = ctypes.CDLL(ctypes.util.find_library("m")).cos
    cosine.argtypes, cosine.restype = [ctypes.c_double], ctypes.c_double
    assert launched(through(cosine), "cosine", 0) == (1, 0)
    assert launched(through(cosine), "cosine", 0) == (1, 0)


def test_stale_files_go(folder):
    folder.mkdir()
    files = {}
    for name, age in [("old.kernel", 91), ("old.part", 91), ("new.kernel", 89), ("old.txt", 91)]:
        files[name] = folder / name
        files[name].touch()
        os.utime(files[name], (time.time() - 86400 * age,) * 2)
    launched()
    left = {name for name, file in files.items() if file.exists()}
    assert left == {"new.kernel", "old.txt"}


def test_use_keeps_a_file_young(folder):
    launched()
    file, = folder.iterdir()
    os.utime(file, (0, 0))
    launched()
    assert file.stat().st_mtime > time.time() - 3600


def test_flush(folder):
    launched()
    launched(name="doubled_twice")
    kernel = CpuKernel(doubled, "doubled", {})
    kernel.serial._cache.flush()
    assert [file.name.partition("-")[0] for file in folder.iterdir()] == ["doubled_twice"]


FACTOR = 2.0


def multiplied(x, y):
    for i in prange(x.size):
        y[i] = x[i] * FACTOR


def test_a_recompiled_kernel_is_kept_as_what_it_is_now(folder, monkeypatch):
    kernel = CpuKernel(multiplied, "multiplied", {})
    x, y = np.full(1, 3, np.float32), np.zeros(1, np.float32)
    kernel.serial(x, y)
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    kernel.serial.recompile()
    kernel.serial(x, y)
    assert y == 15 and launched(multiplied, "multiplied") == (15, 1)
    monkeypatch.undo()
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", str(folder))
    assert launched(multiplied, "multiplied")[0] == 6


@pytest.mark.parametrize("missing", [False, True])
def test_numbas_library_is_loaded_where_a_kernel_needs_it(folder, monkeypatch, missing):
    loads = []
    launched()
    monkeypatch.setattr(CPUContext, "refresh", lambda self: loads.append(self))
    monkeypatch.setattr(cache, "address_of_symbol", lambda name: None if missing else 1)
    assert launched() == (6, 1)
    assert len(loads) == missing


# ---- a package of its own, that processes import and tests edit --------------------------------------------

HELPER = """
from .compile import inlined

@inlined
def step(x):
    return x + 1
"""
SAMPLE = """
from numba import prange
from numba.core.cpu import CPUContext

from . import constants
from ._helper import step
from .compile import cpu_kernel

@cpu_kernel
def advance(x, y):
    for i in prange(x.size):
        y[i] = step(x[i]) * constants.FACTOR
"""
LAUNCH = """
import json
import numpy as np
from numba_layers import registry
x = np.arange(3, dtype=np.float32)
y = np.empty_like(x)
kernel = registry.kernel("advance", "cpu")
kernel.serial(x, y)
print(json.dumps([y.tolist(), kernel.serial._cache.hits]))
"""


@pytest.fixture
def package(tmp_path, folder):
    """The house without its kernels, and one kernel that imports a formula and a constant."""
    copy = tmp_path / "numba_layers"
    for name in ("__init__", "_version", "absent", "config", "errors", "locks", "registry", "kernels/__init__",
                 "kernels/cache", "kernels/inlining", "kernels/level", "kernels/store", "kernels/cpu/__init__",
                 "kernels/cpu/compile", "kernels/cpu/native", "kernels/cpu/objects", "kernels/cpu/slices",
                 "kernels/cpu/threads"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGE / f"{name}.py", copy / f"{name}.py")
    target = copy / "kernels" / "cpu"
    (target / "_helper.py").write_text(HELPER)
    (target / "constants.py").write_text("FACTOR = 10\n")
    (target / "sample.py").write_text(SAMPLE)
    (target / "unrelated.py").write_text("")
    return target


def started(package, script=LAUNCH, **settings):
    """A process that runs `script` on the package."""
    environment = {**os.environ, "PYTHONPATH": str(package.parents[2]), **settings}
    return subprocess.Popen([sys.executable, "-c", script], env=environment, cwd=package.parents[2],
                            stdout=subprocess.PIPE, text=True)


def answer(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])


NUMBAS_OWN = """
import numba
from numba.core.runtime import rtsys
compiled = rtsys._init
ones = numba.njit(lambda n: np.ones(n))(3)
print(json.dumps([compiled, ones.tolist(), kernel.serial._cache.hits]))
"""


def test_a_warm_start_compiles_nothing_of_numbas_library(package):
    """And what allocates compiles it later."""
    assert answer(started(package)) == [[10, 20, 30], 0]
    assert answer(started(package, LAUNCH + NUMBAS_OWN)) == [False, [1, 1, 1], 1]


def edit(file, before, after):
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_edits(package):
    """An edit of what the kernel imports is seen; an edit elsewhere costs nothing."""
    assert answer(started(package)) == [[10, 20, 30], 0]
    assert answer(started(package)) == [[10, 20, 30], 1]
    edit(package / "unrelated.py", "", "FACTOR = 3\n")
    edit(package.parents[1] / "errors.py", "import", "# a comment\nimport")
    assert answer(started(package)) == [[10, 20, 30], 1]
    edit(package / "_helper.py", "+ 1", "+ 2")
    assert answer(started(package)) == [[20, 30, 40], 0]
    edit(package / "constants.py", "10", "100")
    assert answer(started(package)) == [[200, 300, 400], 0]


def test_settings_of_numba(package):
    overrun = LAUNCH.replace("np.empty_like(x)", "np.empty(2, np.float32)").replace("kernel.serial(x, y)", """
try:
    kernel.serial(x, y)
except IndexError:
    y[:] = -1
""")
    assert answer(started(package))[1] == 0
    assert answer(started(package, NUMBA_NUM_THREADS="1", NUMBA_THREADING_LAYER="workqueue"))[1] == 1
    assert answer(started(package, overrun, NUMBA_BOUNDSCHECK="1")) == [[-1, -1], 0]
    assert answer(started(package, NUMBA_OPT="1"))[1] == 0


def test_two_processes_at_once(package, folder):
    at_once = [started(package) for _ in range(2)]
    assert [answer(process)[0] for process in at_once] == [[10, 20, 30]] * 2
    assert answer(started(package)) == [[10, 20, 30], 1]
    assert [file.suffix for file in folder.iterdir()] == [".kernel"]


def test_loaded_kernel_in_jitted_code(package):
    """A kernel that came from the cache can be called by code compiled later."""
    script = LAUNCH.replace("json.dumps([y", """json.dumps([outer(x).tolist(), y""").replace("print(", """
import numba
advance = kernel.serial
@numba.njit
def outer(x):
    z = np.zeros_like(x)
    advance(x, z)
    return z + np.sort(z)[0]
print(""")
    answer(started(package))
    assert answer(started(package, script)) == [[20, 30, 40], [10, 20, 30], 1]


def test_loading_leaves_numbas_library_alone(package):
    """A warm start loads none of what Numba compiles with, linear algebra least of all."""
    script = LAUNCH + """
import sys
print(json.dumps(['numba.np.linalg' in sys.modules, kernel.serial._cache.hits]))
"""
    assert answer(started(package, script)) == [True, 0]
    assert answer(started(package, script)) == [False, 1]


def test_sources_of_a_room():
    """The sources of a kernel are its module and what that imports."""
    files = cache._with_imports(PACKAGE / "kernels" / "cpu" / "random.py", {PACKAGE / "kernels"}, set())
    names = {str(file.relative_to(PACKAGE / "kernels")) for file in files}
    assert {"cpu/random.py", "math/philox.py", "cpu/compile.py", "cache.py"} <= names
    assert names.isdisjoint({"cpu/matmul.py", "cpu/micro/gemm.py"})


def test_identity_is_the_same_in_every_process():
    script = """
from numba_layers import registry
from numba_layers.kernels import cache, level, store
kernel = registry.kernel("adam_update", "cpu")
print(cache.identity(kernel.name, kernel.function, kernel._options), cache.surroundings())
"""
    first, second = (subprocess.check_output([sys.executable, "-c", script], cwd=PACKAGE.parent,
                                             env={**os.environ, "PYTHONHASHSEED": seed}) for seed in "12")
    assert first == second
