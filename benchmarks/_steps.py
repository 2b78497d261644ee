"""A table of training steps of small scripts: `SIDES[who](ROWS[name], steps)` of a module gives `train(count)`."""

import argparse
import contextlib
import importlib
import os
import time

import numpy as np
from _sides import Side

PAUSE, TURN = 0.05, 0.15    # seconds


def serve(pipe, who, module):
    """Answer questions: (row's name, steps) makes a network, (None, steps) trains and tells seconds a step."""
    try:
        __import__({"ours": "numba_layers", "PyTorch": "torch", "JAX": "jax"}[who])
        pipe.send(who)
    except ImportError as error:
        pipe.send(error)
        return
    script, train = importlib.import_module(module), None
    with contextlib.suppress(EOFError):
        while True:
            name, steps = pipe.recv()
            if name:
                train = script.SIDES[who](script.ROWS[name], steps)
                train(steps)
                pipe.send(name)
                continue
            time.sleep(PAUSE)
            train(steps)
            start = time.perf_counter()
            train(steps)
            pipe.send((time.perf_counter() - start) / steps)


def measured(sides, name, rounds, small):
    """Name of a side -> seconds a step in each round."""
    times = {who: [] for who in sides}
    for side in sides.values():
        side.ask(name, 4)
    slowest = max(side.ask(None, 4) for side in sides.values())
    steps = 4 if small else max(4, min(200, int(TURN / slowest)))
    for side in sides.values():
        side.ask(name, steps)
    for _ in range(rounds):
        for who, side in sides.items():
            times[who].append(side.ask(None, steps))
    return times


def compare(about, module):
    """Print the table of a script, whose name as a module is `module`."""
    script = importlib.import_module(module)
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=",".join(script.ROWS), metavar="NAMES", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--small", action="store_true", help="few steps, to try the script")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])
    threads = str(options.threads)
    os.environ.update(NUMBA_NUM_THREADS=threads, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads)
    sides = {}
    for who in script.SIDES:
        try:
            sides[who] = Side(serve, who, module)
        except ImportError as error:
            print(f"{who} is left out: {error}")
    print(f"{'us a step: least, median':44}" + "".join(f"{who:>20}" for who in sides) + "   theirs / ours")
    for name in options.rows.split(","):
        times = measured(sides, name, options.rounds, options.small)
        medians = {who: np.median(values) for who, values in times.items()}
        line = script.described(name).ljust(44)
        line += "".join(f"{1e6 * min(values):10.0f}{1e6 * medians[who]:10.0f}" for who, values in times.items())
        print(line + "".join(f"   {who} {medians[who] / medians['ours']:.2f}" for who in medians if who != "ours"),
              flush=True)
    for side in sides.values():
        side.close()
