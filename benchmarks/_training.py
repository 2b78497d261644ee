"""Training steps of one network by several libraries, in turn."""

import argparse
import os
import time

for _variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(_variable, None)
os.environ.setdefault("NUMBA_NUM_THREADS", "2")

import numpy as np  # noqa: E402 - after the settings above

PAUSE = 0.02   # seconds before each turn: threads of the one before spin for a while


def race(description, title, makers, shape, classes, steps):
    """Print how long a step takes by each of `makers` (name -> function that makes one), on random x of `shape`.

    A step takes images, channels or features last, and one-hot classes; it trains and returns the loss.
    """
    parser = argparse.ArgumentParser(description=description.partition(":")[0])
    parser.add_argument("--steps", type=int, default=steps, help=f"steps of each, in turn (default: {steps})")
    steps = parser.parse_args().steps
    random = np.random.RandomState(0)
    x = random.uniform(0, 1, shape).astype("float32")
    y = np.eye(classes, dtype="float32")[random.randint(0, classes, len(x))]
    contenders = {}
    for name, make in makers.items():
        try:
            contenders[name] = make()
        except ImportError as error:
            print(f"{name}: left out ({error})")
    times = {name: [] for name in contenders}
    for step in contenders.values():
        for _ in range(10):
            step(x, y)
    for _ in range(steps):
        for name, step in contenders.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            step(x, y)
            times[name].append(1e3 * (time.perf_counter() - start))
    mine = np.median(next(iter(times.values())))
    print(f"{title + ', a training step':28} {'min ms':>8} {'median':>8} {'theirs/ours (median)':>22}")
    for name, values in times.items():
        print(f"{name:28} {min(values):8.2f} {np.median(values):8.2f} {np.median(values) / mine:22.2f}")
