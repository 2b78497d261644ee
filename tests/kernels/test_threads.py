"""Threads of the CPU's kernels, on each threading layer: launches at once, forks, quotas, number of threads.

Each test is a process of its own, because a process keeps the layer it started with.
"""

import os
import platform
import textwrap
import threading

import pytest

from numba_layers.kernels.cpu import threads
from tests.threads import LAYERS, run_on

PRELUDE = """
import os, threading
import numba
import numpy as np
from numba_layers import registry
from numba_layers.kernels.cpu import threads

kernel = registry.kernel("square_forward", "cpu")
x = np.linspace(-3, 3, 100_001, dtype=np.float32)     # large enough to be divided among threads

def right():
    y = np.empty_like(x)
    kernel(x, y)
    return bool((y == x * x).all())
"""


def run(script, layer="default", **settings):
    """What `script`, behind the prelude, prints on a threading layer."""
    return run_on(layer, PRELUDE + textwrap.dedent(script), **settings)


@pytest.mark.parametrize("layer", LAYERS)
def test_launches_at_once(layer):
    """Python threads may launch at the same time; bare Numba aborts on workqueue."""
    script = """
        wrong = []
        def work():
            wrong.extend(1 for _ in range(300) if not right())
        right()
        workers = [threading.Thread(target=work) for _ in range(4)]
        for thread in workers: thread.start()
        for thread in workers: thread.join()
        print(len(wrong), numba.threading_layer())
    """
    assert run(script, layer, NUMBA_NUM_THREADS="2") == ["0", layer]


@pytest.mark.parametrize("layer", LAYERS)
def test_first_launch_by_many_threads(layer):
    """Threads that all come first start Numba's threads once, and compile once."""
    script = """
        answers = []
        workers = [threading.Thread(target=lambda: answers.append(right())) for _ in range(4)]
        for thread in workers: thread.start()
        for thread in workers: thread.join()
        print(answers.count(True), len(kernel.sliced.signatures))
    """
    assert run(script, layer) == ["4", "1"]


@pytest.mark.parametrize("layer", LAYERS)
def test_fork_after_use(layer):
    """A forked child computes, in its first thread and in others, and can ask for the number of threads."""
    script = """
        import multiprocessing
        right()
        def child(queue):
            answers = [right()]
            numba.set_num_threads(1)
            with threads.launching():
                answers.append(numba.get_num_threads() == 1)
            answers.append(right())
            thread = threading.Thread(target=lambda: answers.append(right()))
            thread.start()
            thread.join()
            queue.put((answers, threads.serial()))
        fork = multiprocessing.get_context("fork")
        queue = fork.Queue()
        process = fork.Process(target=child, args=(queue,))
        process.start()
        answers, serial = queue.get(timeout=60)
        process.join()
        print(answers.count(True), serial, process.exitcode, right())
    """
    assert run(script, layer, NUMBA_NUM_THREADS="2") == ["4", str(layer == "omp"), "0", "True"]


@pytest.mark.parametrize("layer", LAYERS)
def test_pool_of_forked_processes(layer):
    script = """
        import multiprocessing
        right()
        def work(_):
            return right()
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(*pool.map(work, range(4)))
    """
    assert run(script, layer) == ["True"] * 4


def test_fork_while_another_thread_launches():
    """The lock that a launch on workqueue holds is free in the child."""
    script = """
        right()
        with threads.launching():
            pid = [None]
            def fork():
                pid[0] = os.fork()
                if pid[0] == 0:
                    os._exit(0 if right() else 1)
            thread = threading.Thread(target=fork)
            thread.start()
            thread.join()
            print(os.waitpid(pid[0], 0)[1])
    """
    assert run(script, "workqueue") == ["0"]


@pytest.mark.parametrize("layer", LAYERS)
def test_fork_while_another_thread_compiles(layer):
    """The fork waits for the function being compiled; the child compiles and launches its own kernels."""
    script = """
        import signal, time
        begun, codes = threading.Event(), []
        def compile_many():
            for name in ("square_forward", "exp_forward", "tanh_forward", "sqrt_forward"):
                begun.set()
                registry.kernel(name, "cpu")(x, np.empty_like(x))
        thread = threading.Thread(target=compile_many)
        thread.start()
        begun.wait()
        for delay in (0, 0.3, 0.6):
            time.sleep(delay)
            pid = os.fork()
            if pid == 0:
                signal.alarm(60)
                os._exit(0 if right() else 1)
            codes.append(os.waitpid(pid, 0)[1])
        thread.join()
        print(*codes)
    """
    assert run(script, layer, NUMBA_LAYERS_CACHE_DIR="")[-3:] == ["0"] * 3


def test_launching_may_be_held_around_launches():
    assert run("""
        with threads.launching():
            print(right())
    """, "workqueue") == ["True"]


QUOTA = """
    threads.quota = lambda: 1
    counts = []
    def work():
        right()
        counts.append(numba.get_num_threads())
    work()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    print(*counts)
"""


def test_quota_holds_in_every_thread():
    assert run(QUOTA) == ["1", "1"]


def test_users_number_of_threads_goes_before_the_quota():
    assert run(QUOTA, NUMBA_NUM_THREADS="2") == ["2", "2"]


def test_set_num_threads_is_respected():
    script = """
        right()
        numba.set_num_threads(1)
        right()
        print(numba.get_num_threads())
    """
    assert run(script, NUMBA_NUM_THREADS="2") == ["1"]


@pytest.mark.parametrize("files, cpus", [
    ({"cpu.max": "max 100000\n"}, None), ({"cpu.max": "150000 100000\n"}, 2),
    ({"cpu.max": "10000 100000\n"}, 1),
    ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
    ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ({"cpu.max": "nonsense"}, None), ({}, None)])
def test_quota(files, cpus, tmp_path, monkeypatch):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(threads, "CGROUP", tmp_path)
    assert threads.quota() == cpus


@pytest.mark.parametrize("policy", [None, "active"])
def test_waiting_threads_sleep_unless_the_user_says_otherwise(policy):
    """OMP_WAIT_POLICY is passive while OpenMP reads it, then what it was."""
    script = """
        seen = []
        launch = threads.parallel._launch_threads
        def spy():
            seen.append(os.environ.get("OMP_WAIT_POLICY"))
            launch()
        threads.parallel._launch_threads = spy
        right()
        print(seen[0], os.environ.get("OMP_WAIT_POLICY"))
    """
    settings = {"OMP_WAIT_POLICY": policy} if policy else {}
    assert run(script, **settings) == [policy or "passive", str(policy)]


def test_number_of_threads_changes_no_bit():
    script = """
        x = np.random.RandomState(7).standard_normal((1, 50_000)).astype(np.float32)
        answers = set()
        for count in (1, 2, 3):
            numba.set_num_threads(count)
            out = np.empty((1, 7), np.float32)
            registry.kernel("sum_rows", "cpu")(x, out)
            answers.add(out.tobytes())
        print(len(answers))
    """
    assert run(script, NUMBA_NUM_THREADS="3") == ["1"]


def test_each_python_thread_is_made_ready():
    with threads.launching():
        pass
    seen = []
    thread = threading.Thread(target=lambda: seen.append(threads.this.limited))
    thread.start()
    thread.join()
    assert threads.this.limited and seen == [False]


@pytest.mark.skipif("glibc" not in platform.libc_ver()[0] or any(name.startswith("MALLOC_") for name in os.environ),
                    reason="GNU's C library is told to keep memory, unless the environment tells it something")
def test_freed_memory_is_kept():
    """Arrays of a step come back at the next without a page fault."""
    script = """
        import resource
        right()

        def step():
            arrays = [np.ones(1_000_000) for _ in range(6)]

        def faults():
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

        step()
        before = faults()
        for _ in range(10):
            step()
        print(faults() - before)
    """
    assert int(run(script)[0]) < 1000      # of 120,000 without
