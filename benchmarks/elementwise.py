"""Elementwise kernels: bandwidth beside copies, transcendental functions beside NumPy, users' formulas beside ours.

    python benchmarks/elementwise.py

Each figure is the least time of many launches, the contenders taking turns. Bandwidth counts the bytes of all
operands, read or written once. NumPy runs on one thread whatever the number of ours.
"""

import math
import time

import numba
import numpy as np

from numba_layers.kernels.cpu import threads
from numba_layers.ops._broadcast import broadcast
from numba_layers.registry import formulas, kernel

MEBIBYTES = 64   # an array far larger than the caches
ROUNDS = 40


def race(contenders, rounds=ROUNDS):
    """Name -> least seconds of `rounds` turns; the first turn, which compiles, does not count."""
    best = dict.fromkeys(contenders, float("inf"))
    for turn in range(rounds + 1):
        for name, contender in contenders.items():
            start = time.perf_counter()
            contender()
            if turn:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def bandwidth():
    """GB/s, also relative to our own parallel copy (`cast` to the same type): memory is the limit of both."""
    size = MEBIBYTES * 2**20 // 4
    x, y, z = (np.random.default_rng(seed).standard_normal(size, np.float32) for seed in range(3))
    zero, one, limit = np.float32([0, 1, np.inf])
    _, *same = broadcast("add", x, y)
    _, *scalar = broadcast("add", x, x[:1])
    arrays = {   # how many arrays each reads and writes
        "np.copyto": 2, "copy": 2, "fill": 1, "relu_forward": 2, "relu_backward": 3, "sigmoid_forward": 2,
        "sigmoid_backward": 3, "exp_forward": 2, "tanh_forward": 2, "add_forward": 3, "multiply_forward": 3,
        "add_forward, scalar": 2}
    times = race({
        "np.copyto": lambda: np.copyto(z, x),
        "copy": lambda: kernel("cast", "cpu")(x, z),
        "fill": lambda: kernel("fill", "cpu")(one, z),
        "relu_forward": lambda: kernel("relu_forward", "cpu")(x, zero, limit, zero, z),
        "relu_backward": lambda: kernel("relu_backward", "cpu")(x, y, zero, limit, zero, z),
        "sigmoid_forward": lambda: kernel("sigmoid_forward", "cpu")(x, z),
        "sigmoid_backward": lambda: kernel("sigmoid_backward", "cpu")(x, y, z),
        "exp_forward": lambda: kernel("exp_forward", "cpu")(x, z),
        "tanh_forward": lambda: kernel("tanh_forward", "cpu")(x, z),
        "add_forward": lambda: kernel("add_forward", "cpu")(x, y, *same, z),
        "multiply_forward": lambda: kernel("multiply_forward", "cpu")(x, y, *same, z),
        "add_forward, scalar": lambda: kernel("add_forward", "cpu")(x, x[:1], *scalar, z),
    })
    speeds = {name: arrays[name] * 4 * size / seconds / 1e9 for name, seconds in times.items()}
    print(f"\n{numba.get_num_threads()} threads, arrays of {MEBIBYTES} MiB        GB/s   of copy")
    for name, speed in speeds.items():
        print(f"{name:28}{speed:14.1f}{speed / speeds['copy']:10.2f}")


def transcendental(size):
    """ns an element of exp, sigmoid and tanh of float32 numbers in (-10, 10)."""
    x = np.random.default_rng(0).uniform(-10, 10, size).astype(np.float32)
    y = np.empty_like(x)
    print(f"\n{numba.get_num_threads()} threads, {size} elements    ours, ns   NumPy, ns   times as fast")
    for name, peer in {"exp": lambda: np.exp(x, y), "sigmoid": lambda: 1 / (1 + np.exp(-x)),
                       "tanh": lambda: np.tanh(x, y)}.items():
        ours = kernel(f"{name}_forward", "cpu")
        times = race({"ours": lambda ours=ours: ours(x, y), "numpy": peer}, 400 if size < 10**6 else ROUNDS)
        print(f"{name:28}{times['ours'] / size * 1e9:12.3f}{times['numpy'] / size * 1e9:12.3f}"
              f"{times['numpy'] / times['ours']:16.2f}")


def tanh(x):
    return math.tanh(x)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def softsign(x):
    return x / (1 + abs(x))


def own_formulas(size):
    """A user's scalar functions beside the package's kernels of the same: ns an element, and own / package's."""
    x, grad = np.random.default_rng(0).uniform(-5, 5, (2, size)).astype(np.float32)
    y, out = np.empty_like(x), np.empty_like(x)
    print(f"\n{numba.get_num_threads()} threads, {size} elements    own, ns   package, ns   own / package")
    for function in (tanh, sigmoid, softsign):
        name, found = function.__name__, formulas().scalar(function, 1, {})
        kernel(f"{name}_forward", "cpu")(x, y)
        for way, by in (("forward", ()), ("backward", (0,))):
            title, places = found.kernel(by)
            given = [(x, y)[place] for place in places] + [grad] * len(by)
            theirs = (y, grad) if by else (x,)
            times = race({"own": lambda title=title, given=given: kernel(title, "cpu")(*given, out),
                          "package": lambda way=way, theirs=theirs, name=name: kernel(f"{name}_{way}", "cpu")(
                              *theirs, out)}, 400 if size < 10**6 else ROUNDS)
            print(f"{f'{name}, {way}':28}{times['own'] / size * 1e9:11.3f}{times['package'] / size * 1e9:14.3f}"
                  f"{times['own'] / times['package']:16.2f}")


if __name__ == "__main__":
    with threads.launching():
        available = numba.get_num_threads()
    for count in sorted({1, available}):
        numba.set_num_threads(count)
        bandwidth()
        transcendental(2**16)
        transcendental(MEBIBYTES * 2**18)
        own_formulas(2**16)
        own_formulas(2**22)
