"""Kernels compiled ahead, in as many processes as there are processors: `compile_ahead`.

Numba compiles one function at a time in a process, whatever its threads. So this process and helpers, other processes
of the same Python that import nothing of the user's, take kernels off one list, the dearest first; helpers leave theirs
in the cache, from which this process loads them. Where there can be no helpers (no cache, no executable, one
processor), or one of them ends, its kernels are compiled here.
"""

import contextlib
import importlib
import json
import os
import pickle
import subprocess
import sys
import threading
import time
import warnings
from collections import deque

import numba

from .. import config, registry
from . import level
from .cache import digest, surroundings
from .cpu import threads

PATIENCE = 1.0      # seconds of compiling after which a bar is shown
HELPER = 1.0        # seconds after which a helper begins to compile: less than that is done here
# Seconds that kernels take to compile on one core, roughly: those that take longer than most, and the others
DEAR = {"convolve": 2.9, "convolve_backward_weight": 2.3, "depthwise": 1.6, "max_pool_backward": 1.2,
        "max_pool_forward": 1.1, "dense_forward": 1.0, "winograd_backward_points": 1.0, "winograd_convolve": 1.0,
        "convolve_small_c_out": 0.9, "lstm_backward": 2.4, "lstm_forward": 1.5, "gru_backward": 1.6, "gru_forward": 1.0,
        "gru_reset_after_backward": 1.4, "gru_reset_after_forward": 1.0, "simple_rnn_backward": 0.9,
        "simple_rnn_forward": 0.9, "matmul_nt": 0.8, "matmul_tn": 0.8, "depthwise_backward_weight": 0.8}
USUAL = 0.3
GREETING = "numba_layers compiles "


def compile_ahead(wanted, verbose=1):
    """Compile those of the CPU's kernels in `wanted` that are in no cache; returns how many.

    wanted: (kernel's name, types) pairs, the types being those of its arguments, as `types_of` gives them.
    verbose: 1 shows a bar of what is left, once it takes over a second; 0 none.
    """
    if numba.config.DISABLE_JIT:
        return 0
    work = _Work(sorted(_lacking(wanted), key=lambda one: -seconds(one[0])))
    if not work.left:
        return 0
    cost = sum(seconds(name) for name, _ in work.left)
    helpers = min(processors() - 1, len(work.left) - 1, int(cost / max(HELPER, seconds(work.left[0][0]))))
    with _bar(len(work.left), verbose) as work.compiled, contextlib.ExitStack() as running:
        if helpers > 0 and _keeps():
            for _ in range(helpers):
                running.enter_context(_Helper(work))
        work.do_all(_compile)
    return work.done


def seconds(name):
    """How long a kernel takes to compile, roughly."""
    return DEAR.get(name, USUAL)


def types_of(arguments):
    """Numba's types of a launch's arguments, for `compile_ahead`."""
    return tuple(map(numba.typeof, arguments))


def processors():
    """How many processors this process may use."""
    able = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(able, threads.quota() or able)


def _lacking(wanted):
    """Of `wanted`, each once, what is neither compiled in this process nor kept in a cache."""
    return [(name, types) for name, types in dict.fromkeys(wanted) if not registry.kernel(name, "cpu").has(types)]


def _compile(name, types):
    """Compile, or load, a kernel; whether it is in the cache then."""
    kernel = registry.kernel(name, "cpu")
    kernel.compile(types)
    return kernel.is_kept(types)


def _keeps():
    """Whether what helpers compile can come here: through the cache."""
    folder = config.cache_directory()
    if folder is None:
        return False
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return os.access(folder, os.W_OK)


class _Work:
    """The kernels that are to be compiled, which several threads take one by one."""

    def __init__(self, kernels, compiled=None):
        self.compiled = compiled        # told the name of each that is compiled, and how many are left
        self.left = deque(kernels)
        self.failed = deque()       # which no helper is to try again
        self.taken = 0
        self.done = 0
        self.changed = threading.Condition()

    def take(self, here=False):
        """The next kernel, as (name, types); None where none is left by now. here: for this process, not a helper."""
        with self.changed:
            some = self.failed if here and self.failed else self.left
            self.taken += bool(some)
            return some.popleft() if some else None

    def give(self, kernel, compiled):
        """Say that a kernel which was taken is compiled, or else give it to `do_all`."""
        with self.changed:
            self.taken -= 1
            if compiled:
                self.done += 1
                self.compiled(kernel[0], len(self.left) + len(self.failed) + self.taken)
            else:
                self.failed.append(kernel)
            self.changed.notify_all()

    def do_all(self, compile):
        """Compile in this thread what helpers do not, until all is done."""
        while True:
            kernel = self.take(here=True)
            if kernel is not None:
                compile(*kernel)
                self.give(kernel, True)
                continue
            with self.changed:
                if not (self.left or self.failed or self.taken):
                    return
                if not (self.left or self.failed):
                    self.changed.wait(0.1)      # not for ever, so that Ctrl-C comes through everywhere


class _Helper:
    """A process that compiles into the cache what is left of some work, and the thread that talks to it.

    On leaving the context, the process ends at once.
    """

    def __init__(self, work):
        self._work = work
        self._process = None

    def __enter__(self):
        with contextlib.suppress(OSError, ValueError):
            self._process = _started()
            threading.Thread(target=self._talk, name="compile_ahead", daemon=True).start()
        return self

    def __exit__(self, *error):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()

    def _talk(self):
        """Hand it one kernel after the other. It may end at any moment, and then says nothing."""
        if self._answer(sys.path) != GREETING + _what():
            return
        while (kernel := self._work.take()) is not None:
            answer = self._answer([kernel[0], pickle.dumps(kernel[1]).hex()])
            self._work.give(kernel, answer == "kept")
            if not answer:
                return

    def _answer(self, said):
        """What it answers to `said`, a line for a line; '' where it has ended."""
        try:
            self._process.stdin.write(json.dumps(said) + "\n")
            self._process.stdin.flush()
            return self._process.stdout.readline().strip()
        except (OSError, ValueError):       # of a pipe that is closed
            return ""


# What a helper runs: it takes over where Python looks for modules, and imports this one and nothing of the user's.
_PROGRAM = f"import sys, json\nsys.path[:] = json.loads(sys.stdin.readline())\nfrom {__name__} import serve\nserve()"


def _started():
    """A helper's process. Raises: OSError, ValueError where there cannot be one."""
    executable = spawn().get_executable()       # which programs that embed Python set
    if not executable or getattr(sys, "frozen", False):
        raise OSError("no Python to start")
    environment = os.environ | {"NUMBA_LAYERS_CACHE_DIR": str(config.cache_directory().absolute()),
                                "NUMBA_LAYERS_DEVICE": "cpu", "NUMBA_LAYERS_DEBUG": ""}
    # A session of its own: Ctrl-C comes to this process alone, which then ends it.
    return subprocess.Popen([os.fsdecode(executable), "-c", _PROGRAM], env=environment, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)


def spawn():
    """The module that knows which Python to start; to load it takes a while."""
    return importlib.import_module("multiprocessing.spawn")


def _what():
    """What shapes the code that a process compiles, as text: helpers must agree."""
    return digest(level.NAME, level.CPU, level.FEATURES, surroundings())


def serve():
    """Compile into the cache what comes as lines on the standard input, until it ends: a helper's life."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)       # what others print is no answer

    def answer(text):
        print(text, file=answers, flush=True)

    answer(GREETING + _what())
    for line in sys.stdin:
        name, types = json.loads(line)
        kept = False
        with contextlib.suppress(Exception):        # the process that asked for it will meet it, and say so
            kept = _compile(name, pickle.loads(bytes.fromhex(types)))
        answer("kept" if kept else "lost")


@contextlib.contextmanager
def _bar(total, verbose):
    """Gives a function that is told the name of each kernel that is compiled, and how many are left."""
    if verbose != 1:
        yield lambda name, left: None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # tqdm warns in notebooks without widgets, and then works
        from tqdm.auto import tqdm
    began = time.monotonic()
    with tqdm(total=total, desc="Compiling", unit="kernel", leave=False, delay=PATIENCE, dynamic_ncols=True) as bar:
        def compiled(name, left):
            bar.set_postfix_str(f"{name}, {left} left", refresh=False)
            bar.update()
            if time.monotonic() - began > PATIENCE:
                bar.refresh()
        yield compiled
