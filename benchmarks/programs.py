"""Whole networks beside PyTorch's and JAX's, float32, 2 threads: a step of training, one sample predicted, and memory.

    pip install ".[bench,threads]" && python benchmarks/programs.py [--rows tiny,mnist_mlp] [--threads 1]

Each side has a process of its own, as many processors as threads, and takes its turns in one run: a pause, as many
calls as will count, and those that count. The table shows the fastest turn and the median one of each side; theirs /
ours and bars are of the medians. Compiling is apart. First come the variants of a peer that were tried; the fastest has
the turns.

PyTorch is eager, with its images channels first or last, its weights updated one by one, by its `foreach` or by its
`fused` optimizer. JAX has the whole step jitted and its state donated, as a tree of arrays or as one array, and for
dropout the faster of two generators. The batches of both lie ready, as they want them, and go by in order; `fit`
gathers its own, shuffled. `--check` trains all from the same weights on the same batches first, and prints the losses.

- `a step, in fit`: of an epoch of as many steps as make a turn; the loss is read at its end.
- `train_on_batch`: the loss is read after each step.
- `one sample`: from an array of NumPy to one. `as_function` is beside the peers' predictions too.
- `the kernels of a step alone`: the launches of a step as they are replayed, without batches and figures.
- `training, peak memory`: by how much a process grows at most, from when libraries are imported and the batches are
  there, while it makes the network and trains it; what a compiler takes is in it (Linux tells this).
- `start`: what `startup.py` prints.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from _networks import DESCRIBED, NETWORKS
from _program_worker import serve
from _sides import Side

TURN, FEW = 0.1, 4      # seconds of a turn, about, but it has a few calls at least
TRAINED = 3     # epochs in which memory is measured
CHECKED = 5     # epochs whose losses are compared
PEERS = {"PyTorch": "_by_torch", "JAX": "_by_jax"}
WORK = {"train": "a step, in fit", "read": "a step, train_on_batch, its loss read", "predict": "one sample, predict",
        "function": "one sample, as_function, from Python", "compiled": "one sample, as_function, inside @njit",
        "kernels": "the kernels of a step alone", "memory": "training, peak memory"}
SMALL = "read", "function", "compiled", "kernels"       # of the tiny network alone
# Bars beside those of a peer: theirs / ours of all peers; our own seconds, at most; `fit` / its kernels, at most.
BEST, SECONDS, FIT = "best of both", "seconds", "fit / kernels"
BARS = {("tiny", "train"): {"PyTorch": 30, "JAX": 8}, ("tiny", "predict"): {"PyTorch": 2, "JAX": 1},
        ("tiny", "function"): {"JAX": 3}, ("tiny", "compiled"): {SECONDS: 2e-6}, ("tiny", "kernels"): {FIT: 1.6},
        ("chain", "train"): {"PyTorch": 4, "JAX": 3}, ("mnist_mlp", "train"): {BEST: 1.3},
        ("mnist_cnn", "train"): {BEST: 3}, ("convolutions", "train"): {BEST: 2.6}, ("autoencoder", "train"): {BEST: 2}}
BARS_OF_ALL = {"predict": {BEST: 1.5}, "memory": {BEST: 1 / 0.6}}


def fastest(side, name, steps):
    """{variant: seconds of a step} of the ways in which a library can train a network, the fastest first."""
    variants = side.ask("variants", name)
    if len(variants) == 1:
        return {variants[0]: None}
    seconds = {}
    for variant in variants:
        side.ask("make", name, variant)
        seconds[variant] = min(side.ask("once", "train", steps) for _ in range(3))
    return dict(sorted(seconds.items(), key=lambda pair: pair[1]))


def measure(sides, name, options):
    """Yield the rows of a network, dicts."""
    steps = 3 if options.small else NETWORKS[name].steps
    tried = {who: fastest(one, name, max(1, steps // 4)) for who, one in sides.items()}
    chosen = {who: next(iter(variants)) for who, variants in tried.items()}
    for who, seconds in tried.items():
        if len(seconds) > 1:
            print(f"  {who}, tried: " + "; ".join(f"{variant} {digits(1e6 * one)} us" for variant, one in
                                                  seconds.items()), flush=True)
    can = {who: one.ask("make", name, chosen[who]) for who, one in sides.items()}
    if options.check:
        check(sides, name, steps)
    for work in [work for work in WORK if work in options.work.split(",") and (name == "tiny" or work not in SMALL)]:
        if work == "memory" and not Path("/proc/self/clear_refs").exists():
            print(f"  {WORK[work]}: left out, this system does not tell it", flush=True)
        elif work not in ("memory", *can["ours"]):
            print(f"  {WORK[work]}: left out, this version cannot", flush=True)
        elif work == "memory":
            yield row(name, work, memory(sides, name, chosen, options), tried)
        elif work == "kernels":
            both = {"ours": sides["ours"], FIT: sides["ours"]}
            yield row(name, work, race(both, {"ours": "kernels", FIT: "train"}, steps, options.rounds), tried)
        else:
            works = {who: work if work in can[who] else "predict" for who in sides}
            most = steps if work in ("train", "read") else 1_000_000
            yield row(name, work, race(sides, works, most, options.rounds), tried)


def race(sides, work, most, rounds):
    """Name of a side -> seconds a call in each round, the sides in turn.

    work: what, by name of a side. most: calls in a turn.
    """
    calls, times = {}, {name: [] for name in sides}
    for name, one in sides.items():
        one.ask("turn", work[name], min(most, FEW))
        calls[name] = min(most, max(FEW, int(TURN / one.ask("turn", work[name], min(most, FEW)))))
    for _ in range(rounds):
        for name, one in sides.items():
            times[name].append(one.ask("turn", work[name], calls[name]))
    return times


def memory(sides, name, chosen, options):
    """Name of a side -> bytes in each of some processes."""
    grown = {who: [] for who in sides}
    for _ in range(options.processes):
        for who in sides:
            fresh = start(who, options)
            grown[who].append(fresh.ask("memory", name, chosen[who], TRAINED))
            fresh.close()
    return grown


def check(sides, name, steps):
    """Print the losses of all sides, in training from the same weights on the same batches."""
    weights = sides["ours"].ask("weights")
    print(f"  losses of the first {CHECKED} epochs from the same weights")
    for who, one in sides.items():
        losses = one.ask("losses", weights, steps, CHECKED)
        print(f"    {who:10}" + "".join(f"{loss:10.5f}" for loss in losses), flush=True)


def row(name, work, figures, tried):
    """What the table says of a network and a kind of work; figures: of each side in each round."""
    found = {"network": name, "work": work, "least": {who: min(values) for who, values in figures.items()},
             "median": {who: float(np.median(values)) for who, values in figures.items()},
             "variants": tried, "bars": BARS.get((name, work), BARS_OF_ALL.get(work, {}))}
    found["ratios"] = {who: value / found["median"]["ours"] for who, value in found["median"].items() if who != "ours"}
    found["passed"] = {who: passes(found, who, bar) for who, bar in found["bars"].items()
                       if who == SECONDS or who in found["ratios"] or who == BEST and found["ratios"]}
    return found


def passes(row, who, bar):
    """Is a bar reached? Medians count."""
    if who == SECONDS:
        return row["median"]["ours"] <= bar
    if who == FIT:
        return row["ratios"][FIT] <= bar
    return (min(row["ratios"].values()) if who == BEST else row["ratios"][who]) >= bar


def line(row):
    """A row as a line of the table."""
    scale, unit = (1e-6, "MB") if row["work"] == "memory" else (1e6, "us")
    cells = [f"  {WORK[row['work']]}".ljust(46) + unit]
    for who in ("ours", *PEERS):
        cells.append("".join(f"{digits(scale * row[kind][who]) if who in row[kind] else '-':>9}"
                             for kind in ("least", "median")))
    for who in PEERS:
        cells.append(f"{row['ratios'][who]:7.2f}" if who in row["ratios"] else f"{'-':>7}")
    words = {SECONDS: lambda bar: f"at most {1e6 * bar:g} us",
             FIT: lambda bar: f"{FIT} at most {bar}, is {row['ratios'][FIT]:.2f}"}
    bars = [words.get(who, lambda bar, who=who: f"{who} {bar:.3g}")(bar) for who, bar in row["bars"].items()]
    missed = [who for who, reached in row["passed"].items() if not reached]
    return " ".join(cells) + "  " + ", ".join(bars) + ("  MISSED: " + ", ".join(missed) if missed else "")


def digits(number):
    """Three or four of them."""
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f}"


def start(who, options):
    return Side(serve, PEERS.get(who, "_by_numba_layers"), options.threads, options.small)


def started(names, options):
    """Name -> side, without those that are not installed."""
    found = {}
    for who in names:
        try:
            found[who] = start(who, options)
        except ImportError as error:
            print(f"{who} is left out: {error}")
    return found


def limited(threads):
    """This process and those that it starts have so many processors and threads."""
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(variable, None)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ.update(NUMBA_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads),
                      XLA_FLAGS="" if threads > 1 else "--xla_cpu_multi_thread_eigen=false")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", metavar="NAMES", help=f"of {', '.join(NETWORKS)}, start; default: all")
    parser.add_argument("--work", default=",".join(WORK), metavar="NAMES", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2, help="of each side (default: 2)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each side (default: 15)")
    parser.add_argument("--processes", type=int, default=2, help="of each side, for memory (default: 2)")
    parser.add_argument("--peers", default=",".join(PEERS), help="default: PyTorch,JAX")
    parser.add_argument("--json", metavar="FILE", help="write the table to a file as well")
    parser.add_argument("--check", action="store_true", help="compare the losses of all sides first")
    parser.add_argument("--small", action="store_true", help="few samples, to try the script; its times mean nothing")
    options = parser.parse_args(arguments)
    names = options.rows.split(",") if options.rows else [*NETWORKS, "start"]
    for name in names:
        if name not in NETWORKS and name != "start":
            parser.error(f"--rows: there is no {name!r} among {', '.join(NETWORKS)}, start")
    limited(options.threads)
    sides = started(["ours", *filter(None, options.peers.split(","))], options)
    table = {"threads": options.threads, "about": [one.about for one in sides.values()], "rows": []}
    print("\n".join(table["about"]))
    print(f"{'':49}{'ours':>18} {'PyTorch':>18} {'JAX':>18} {'theirs / ours':>15}  at least", flush=True)
    for name in names:
        if name == "start":
            subprocess.run([sys.executable, str(Path(__file__).with_name("startup.py"))], check=True)
            continue
        print(f"{name}: {DESCRIBED[name]}")
        for found in measure(sides, name, options):
            table["rows"].append(found)
            print(line(found), flush=True)
            if options.json:
                Path(options.json).write_text(json.dumps(table, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
