"""Convolutions and pooling beside PyTorch's on the CPU, float32: forward, and forward with the gradients to x, weight
and bias.

    python benchmarks/convolution.py [--threads 2] [--rounds 15] [--only resnet64,stem] [--isa avx2]

Each side has a process of its own, with its own threads and its own settings of the memory, and both wait for their
turns in one run: a pause, in which the other's threads fall asleep (PyTorch's spin after their work and would take our
cores), some milliseconds of calls that do not count, in which the system spreads threads that woke on one core, and as
many that do. PyTorch has a turn with its images channels first and one with channels last, and the faster counts.
Before the clock starts, results and gradients are compared. The table shows, of all rounds, the fastest turns; `ratio`
is theirs / ours of these, `median` that of the median turns. `--isa avx2` has both sides use no wider instructions.

A fraction of the peak compares with our register tile on numbers that stay in the first-level cache: multiply-adds and
nothing else, measured in the same rounds. Operations are counted as the direct algorithm has them, those at the border
included, three times for forward and backward; where Winograd's algorithm does with fewer, it may exceed 100 %.
In a row with a low peak the machine had other work to do, which PyTorch's threads suffer from most: measure it again,
with --only.
"""

import argparse
import contextlib
import os
import time

import numpy as np
from _convolutions import CASES, NARROW, compare, described, memory_formats, numbers, operations, ours, theirs
from _sides import Side

PAUSE, TURN = 0.1, 0.04         # seconds between turns and of a turn, about
CALLS, DEPTH = 64, 4096         # of the tile whose speed is the peak; its rows are read again and again
SETTINGS = {"avx2": {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2,+lzcnt,+popcnt",
                     "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}, "all": {}}


class Ours:
    """What numba_layers has to call in a process of its own."""

    def __init__(self, count):
        import numba

        from numba_layers.kernels.cpu import threads
        with threads.launching():
            self.about = f"Numba {numba.__version__}, {numba.threading_layer()}, {numba.get_num_threads()} threads"
        self._peak, self._work = peak(count)

    def contenders(self, case):
        """Name -> (forward, forward and backward)."""
        return {"ours": ours(case, *numbers(case)), "peak": (self._peak, self._peak)}

    def results(self, contenders):
        """Name -> arrays; of the peak, how many operations it is."""
        return {"ours": [tensor.numpy() for tensor in contenders["ours"][1]()], "peak": self._work}


class Theirs:
    """The same of PyTorch."""

    def __init__(self, count):
        import torch
        torch.set_num_threads(count)
        self.torch = torch
        self.about = (f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, "
                      f"{torch.backends.cpu.get_cpu_capability()}")

    def contenders(self, case):
        return {name: theirs(self.torch, case, *numbers(case), order=order)
                for name, order in memory_formats(self.torch, case).items()}

    def results(self, contenders):
        return {name: [tensor.numpy() for tensor in both()] for name, (_, both) in contenders.items()}


def peak(count):
    """A function that does some multiply-adds on `count` threads, and how many operations these are."""
    import numba

    from numba_layers.kernels.cpu.micro.gemm import GROUP, NR_VECTORS, tile_of
    from numba_layers.kernels.cpu.micro.vector import MR, VECTOR_BYTES, Operand, at

    @numba.njit(parallel=True)
    def multiply_adds(a, b, start, tiles):
        """CALLS tiles for each thread, by the same few rows of b."""
        for task in numba.prange(tiles.shape[0]):
            for _ in range(CALLS):
                tile_of(NR_VECTORS, Operand(at(a, 0), (1, 1, 0, 0, 0)), Operand(at(b, 0), (0, 0)), (1, 1, DEPTH),
                        Operand(at(start, 0), (0, 0)),
                        Operand(at(tiles, task * tiles.shape[1]), (tiles.shape[2], GROUP * tiles.shape[2])), False)

    width = NR_VECTORS * VECTOR_BYTES // 4
    arrays = [np.ones(size, np.float32) for size in (MR, width, width)]
    tiles = np.empty((count, MR * width, width), np.float32)
    return lambda: multiply_adds(*arrays, tiles), 2 * count * CALLS * DEPTH * MR * width


def turn(function, calls):
    """Seconds a call, after a pause and as many calls more."""
    time.sleep(PAUSE)
    for _ in range(calls):
        function()
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def serve(pipe, kind, count):
    """In a side's process: answer with what it is; for a case, with its results; else with the seconds of a turn."""
    side = kind(count)
    pipe.send(side.about)
    with contextlib.suppress(EOFError):     # the end of the run
        while True:
            case, *asked = pipe.recv()
            if case:
                contenders = side.contenders(case)
                pipe.send(side.results(contenders))
            else:
                name, way, calls = asked
                pipe.send(turn(contenders[name][way], calls))


def race(contenders, way, rounds):
    """Seconds a call of each contender, (side, name), in each round: (contender, round)."""
    calls = [max(1, int(TURN / side.ask(None, name, way, 2))) for side, name in contenders]
    return np.array([[side.ask(None, name, way, some) for (side, name), some in zip(contenders, calls)]
                     for _ in range(rounds)]).T


def measure(case, mine, their, rounds):
    """Print the rows of a case; ((fastest, median) theirs / ours forward, the same for both ways)."""
    result, expected = mine.ask(case), their.ask(case)
    for arrays in expected.values():
        compare(case, result["ours"], arrays)
    contenders = [(mine, "ours"), (mine, "peak"), *((their, name) for name in expected)]
    ratios = []
    for which, (name, ways) in enumerate({"forward": 1, "and back": 3}.items()):
        times = race(contenders, which, rounds)
        fastest, median = times.min(axis=1), np.median(times, axis=1)
        ratios.append([values[2:].min() / values[0] for values in (fastest, median)])
        speed, limit = ways * operations(case) / fastest[0], result["peak"] / fastest[1]
        columns = dict(zip(expected, fastest[2:]))
        head = (case.name, described(case)) if ways == 1 else ("", "")
        print(f"{head[0]:11}{head[1]:31}{name:9}{1e3 * fastest[0]:8.3f}{1e3 * columns['first']:8.3f}"
              + (f"{1e3 * columns['last']:8.3f}" if "last" in columns else f"{'-':>8}")
              + f"{ratios[-1][0]:8.2f}{ratios[-1][1]:8.2f}{speed / 1e9:9.0f}{speed / limit:7.0%}{limit / 1e9:7.0f}",
              flush=True)
    return ratios


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--only", default="", metavar="NAMES", help="rows of the table, with commas between")
    arguments.add_argument("--isa", default="all", choices=list(SETTINGS), help="the widest instructions")
    options = arguments.parse_args()
    cases = {case.name: case for case in [*CASES, *NARROW]}
    chosen = options.only.split(",") if options.only else list(cases)
    for name in chosen:
        if name not in cases:
            arguments.error(f"there is no '{name}' among {', '.join(cases)}")
    os.environ.update({"NUMBA_NUM_THREADS": str(options.threads)} | SETTINGS[options.isa])
    mine, their = Side(serve, Ours, options.threads), Side(serve, Theirs, options.threads)
    print(f"{their.about}; {mine.about}; float32")
    print(f"{'':51}{'ms: ours':>8}{'first':>8}{'last':>8}{'ratio':>8}{'median':>8}{'GFLOP/s':>9}{'of peak':>8}"
          f"{'peak':>6}")
    ratios = np.array([measure(cases[name], mine, their, options.rounds) for name in chosen])
    means = np.exp(np.log(ratios).mean(axis=0))
    for name, (fastest, median) in zip(("forward", "and back"), means):
        print(f"geometric mean, {name:59}{fastest:8.2f}{median:8.2f}")


if __name__ == "__main__":
    main()
