"""Convolutions beside PyTorch's on the CPU, float32: forward, and forward with the gradients to x, weight and bias.

    python benchmarks/convolution.py [--threads 2] [--rounds 15] [--only resnet64,stem]

All run in this process, in turn: a pause, in which the other's threads fall asleep (PyTorch's spin after their work and
would take our cores), one call that does not count, then some milliseconds of calls. PyTorch has a turn with its images
channels first and one with channels last, and the faster counts. Before the clock starts, results and gradients are
compared. The table shows, of all rounds, the fastest turns; `median` is theirs / ours of the median turns.

A share of the peak compares with our register tile on numbers that stay in the first-level cache: multiply-adds and
nothing else, measured in the same rounds. Operations are counted as the direct algorithm has them, those at the border
included, three times for forward and backward; where Winograd's algorithm does with fewer, the share may exceed 100 %.
In a row with a low peak the machine had other work to do, which PyTorch's threads suffer from most: measure it again,
with --only.
"""

import argparse
import os
import time

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--rounds", type=int, default=15)
arguments.add_argument("--only", default="", metavar="NAMES", help="rows of the table, with commas between")
options = arguments.parse_args()

os.environ["NUMBA_NUM_THREADS"] = str(options.threads)

import numba  # noqa: E402 - after the setting above
import numpy as np  # noqa: E402
import torch  # noqa: E402
from _convolutions import CASES, compare, described, memory_formats, numbers, operations, ours, theirs  # noqa: E402

from numba_layers.kernels.cpu import threads  # noqa: E402
from numba_layers.kernels.cpu.micro import gemm  # noqa: E402

PAUSE, TURN = 0.1, 0.02         # seconds between turns and of a turn, about
CALLS, DEPTH = 64, 4096         # of the tile whose speed is the peak; its rows are read again and again


@numba.njit(parallel=True)
def multiply_adds(a, b, start, tiles):
    """CALLS tiles for each thread, by the same few rows of b."""
    for task in numba.prange(tiles.shape[0]):
        for _ in range(CALLS):
            gemm.tile_of(gemm.VECTORS, gemm.at(a, 0), (1, 1, 0, 0, 0), gemm.at(b, 0), (0, 0), (1, 1, DEPTH),
                          gemm.at(start, 0), (0, 0), False,
                          gemm.at(tiles, task * tiles.shape[1]), (tiles.shape[2], gemm.GROUP * tiles.shape[2]))


def peak():
    """A function that does some multiply-adds, and how many operations these are."""
    width = gemm.VECTORS * gemm.VECTOR_BYTES // 4
    arrays = [np.ones(size, np.float32) for size in (gemm.ROWS, width, width)]
    tiles = np.empty((options.threads, gemm.ROWS * width, width), np.float32)
    return lambda: multiply_adds(*arrays, tiles), 2 * options.threads * CALLS * DEPTH * gemm.ROWS * width


def turn(function, calls):
    """Seconds a call, after a pause and one call more."""
    time.sleep(PAUSE)
    function()
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def race(contenders):
    """Seconds a call of each contender in each round: (contender, round)."""
    calls = [max(1, int(TURN / turn(function, 2))) for function in contenders]
    rounds = [[turn(*contender) for contender in zip(contenders, calls)] for _ in range(options.rounds)]
    return np.array(rounds).T


def measure(case):
    """Print the rows of a case; ((fastest, median) theirs / ours forward, the same for both ways)."""
    arrays = numbers(case)
    formats = memory_formats(torch, case)
    mine = ours(case, *arrays)
    their = [theirs(torch, case, *arrays, order) for order in formats.values()]
    compare(case, mine[1](), their[0][1]())
    multiply, work = peak()
    count = operations(case)
    ratios = []
    for which, (name, ways) in enumerate({"forward": 1, "and back": 3}.items()):
        times = race([mine[which], multiply, *(pair[which] for pair in their)])
        fastest, median = times.min(axis=1), np.median(times, axis=1)
        ratios.append([values[2:].min() / values[0] for values in (fastest, median)])
        speed, limit = ways * count / fastest[0], work / fastest[1]
        columns = dict(zip(formats, fastest[2:]))
        head = (case.name, described(case)) if ways == 1 else ("", "")
        print(f"{head[0]:11}{head[1]:31}{name:9}{1e3 * fastest[0]:8.2f}{1e3 * columns['first']:8.2f}"
              + (f"{1e3 * columns['last']:8.2f}" if "last" in columns else f"{'-':>8}")
              + f"{ratios[-1][0]:8.2f}{ratios[-1][1]:8.2f}{speed / 1e9:9.0f}{speed / limit:7.0%}{limit / 1e9:7.0f}",
              flush=True)
    return ratios


def main():
    names = [case.name for case in CASES]
    chosen = options.only.split(",") if options.only else names
    for name in chosen:
        if name not in names:
            arguments.error(f"there is no '{name}' among {', '.join(names)}")
    torch.set_num_threads(options.threads)
    with threads.launching():
        print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; Numba {numba.__version__}, "
              f"{numba.threading_layer()}, {numba.get_num_threads()} threads; float32")
    print(f"{'':51}{'ms: ours':>8}{'first':>8}{'last':>8}{'ratio':>8}{'median':>8}{'GFLOP/s':>9}{'share':>7}"
          f"{'peak':>7}")
    ratios = np.array([measure(case) for case in CASES if case.name in chosen])
    means = np.exp(np.log(ratios).mean(axis=0))
    for name, (fastest, median) in zip(("forward", "and back"), means):
        print(f"geometric mean, {name:59}{fastest:8.2f}{median:8.2f}")


if __name__ == "__main__":
    main()
