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
import math
import os
import time
from collections import namedtuple

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--rounds", type=int, default=15)
arguments.add_argument("--only", default="", metavar="NAMES", help="rows of the table, with commas between")
options = arguments.parse_args()

os.environ["NUMBA_NUM_THREADS"] = str(options.threads)

import numba  # noqa: E402 - after the setting above
import numpy as np  # noqa: E402
import torch  # noqa: E402

from numba_layers import Tape, Tensor, ops  # noqa: E402
from numba_layers.kernels.cpu import _threads, _tile  # noqa: E402

Case = namedtuple("Case", "name batch channels size filters window stride pad kind", defaults=("conv",))
CASES = [
    Case("mnist1", 32, 1, (28, 28), 32, 3, 1, 0),
    Case("mnist2", 32, 32, (26, 26), 32, 3, 1, 0),
    Case("resnet64", 8, 64, (56, 56), 64, 3, 1, 1),
    Case("resnet128", 8, 128, (28, 28), 128, 3, 1, 1),
    Case("resnet256", 8, 256, (14, 14), 256, 3, 1, 1),
    Case("stem", 1, 3, (224, 224), 64, 7, 2, 3),
    Case("pointwise", 8, 64, (56, 56), 256, 1, 1, 0),
    Case("strided", 16, 64, (32, 32), 64, 3, 2, 1),
    Case("depthwise", 8, 128, (28, 28), 128, 3, 1, 1, "depthwise"),
    Case("transposed", 8, 64, (14, 14), 32, 4, 2, 1, "transposed"),
    Case("3d", 2, 8, (16, 32, 32), 16, 3, 1, 1),
    Case("1d", 32, 64, (256,), 64, 5, 1, 2),
]
PAUSE, TURN = 0.1, 0.02         # seconds between turns and of a turn, about
ERROR = 1e-4                    # of the largest number: how far the two may differ
CALLS, DEPTH = 64, 4096         # of the tile whose speed is the peak; its rows are read again and again


def described(case):
    window = "x".join([str(case.window)] * len(case.size))
    text = f"{case.batch} x {case.channels} x {'x'.join(map(str, case.size))}, {window}, {case.filters}"
    return text + (f", /{case.stride}" if case.stride > 1 else "")


def operations(case, out):
    """Multiplications and additions forward, for outputs of the spatial sizes `out`."""
    pixels = case.batch * math.prod(case.size if case.kind == "transposed" else out)
    pairs = case.channels if case.kind == "depthwise" else case.channels * case.filters
    return 2 * pixels * pairs * case.window ** len(case.size)


def numbers(case):
    """x (batch, channels, *size), weight in PyTorch's order, bias: the same for everyone."""
    random = np.random.default_rng(0)
    maps = {"conv": (case.filters, case.channels), "depthwise": (case.filters, 1),
            "transposed": (case.channels, case.filters)}[case.kind]
    shapes = (case.batch, case.channels, *case.size), (*maps, *[case.window] * len(case.size)), (case.filters,)
    return [random.standard_normal(shape, np.float32) for shape in shapes]


def ours(case, x, weight, bias, grad):
    """(forward, forward and backward); images and gradients with the channels last."""
    spatial = range(2, x.ndim)
    order = (*spatial, 0, 1) if case.kind == "depthwise" else (*spatial, 1, 0)
    x, weight, bias = (Tensor(np.ascontiguousarray(array)) for array in
                       (x.transpose(0, *spatial, 1), weight.transpose(order), bias))
    grad = Tensor(np.ascontiguousarray(grad.transpose(0, *spatial, 1)))
    function = {"conv": ops.conv, "depthwise": ops.depthwise_conv, "transposed": ops.conv_transpose}[case.kind]
    geometry = {"strides": case.stride, "padding": [(case.pad, case.pad)] * len(case.size)}
    if case.kind == "transposed":
        geometry["output_size"] = grad.shape[1:-1]

    def forward():
        return function(x, weight, bias, **geometry)

    def both():
        with Tape() as tape:
            y = forward()
        return y, *tape.gradient(y, [x, weight, bias], grad)

    return forward, both


def theirs(case, x, weight, bias, grad, order):
    """(forward, forward and backward) in the memory format `order`."""
    functional = torch.nn.functional
    x, weight, bias, grad = (torch.from_numpy(array) for array in (x, weight, bias, grad))
    x, weight, grad = (tensor.contiguous(memory_format=order) for tensor in (x, weight, grad))
    inputs = [tensor.detach().clone().requires_grad_() for tensor in (x, weight, bias)]
    geometry = {"stride": case.stride, "padding": case.pad}
    if case.kind == "depthwise":
        geometry["groups"] = case.channels
    kind = "conv_transpose" if case.kind == "transposed" else "conv"
    function = getattr(functional, f"{kind}{len(case.size)}d")

    def forward():
        with torch.no_grad():
            return function(x, weight, bias, **geometry)

    def both():
        y = function(*inputs, **geometry)
        return y.detach(), *torch.autograd.grad(y, inputs, grad)

    return forward, both


def memory_formats(case):
    """The name and PyTorch's format of each order of axes in memory that it knows for these images."""
    last = {2: torch.channels_last, 3: torch.channels_last_3d}.get(len(case.size))
    return {"first": torch.contiguous_format} | ({"last": last} if last else {})


def compare(case, mine, their):
    """Results and gradients of both are the same numbers."""
    spatial = range(2, 2 + len(case.size))
    order = (*spatial, 0, 1) if case.kind == "depthwise" else (*spatial, 1, 0)
    orders = {"y": (0, *spatial, 1), "x": (0, *spatial, 1), "weight": order, "bias": (0,)}
    for (what, order), result, expected in zip(orders.items(), mine, their):
        expected = expected.numpy().transpose(order)
        error = np.abs(result.data - expected).max() / np.abs(expected).max()
        if not error < ERROR:
            raise SystemExit(f"{case.name}: {what} differs from PyTorch's by {error:.1e} of its largest number")


@numba.njit(parallel=True)
def multiply_adds(a, b, start, tiles):
    """CALLS tiles for each thread, by the same few rows of b."""
    for task in numba.prange(tiles.shape[0]):
        for _ in range(CALLS):
            _tile.tile_of(_tile.VECTORS, _tile.at(a, 0), (1, 1, 0, 0, 0), _tile.at(b, 0), (0, 0), (1, 1, DEPTH),
                          _tile.at(start, 0), (0, 0), False,
                          _tile.at(tiles, task * tiles.shape[1]), (tiles.shape[2], _tile.GROUP * tiles.shape[2]))


def peak():
    """A function that does some multiply-adds, and how many operations these are."""
    width = _tile.VECTORS * _tile.VECTOR_BYTES // 4
    arrays = [np.ones(size, np.float32) for size in (_tile.ROWS, width, width)]
    tiles = np.empty((options.threads, _tile.ROWS * width, width), np.float32)
    return lambda: multiply_adds(*arrays, tiles), 2 * options.threads * CALLS * DEPTH * _tile.ROWS * width


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
    x, weight, bias = numbers(case)
    formats = memory_formats(case)
    y = theirs(case, x, weight, bias, x, torch.contiguous_format)[0]()
    grad = np.random.default_rng(1).standard_normal(y.shape, np.float32)
    mine = ours(case, x, weight, bias, grad)
    their = [theirs(case, x, weight, bias, grad, order) for order in formats.values()]
    compare(case, mine[1](), their[0][1]())
    multiply, work = peak()
    count = operations(case, y.shape[2:])
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
    with _threads.launching():
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
