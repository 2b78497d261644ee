"""From starting Python to the end of the first training step of mnist_mlp, kernels warm in the cache, beside PyTorch's.

    python benchmarks/startup.py [--runs 7]

Each run is a fresh process; the two take turns. The first run of ours, which may compile, is not counted.
"""

import argparse
import importlib.util
import subprocess
import sys
import time

import numpy as np

OURS = """
import numpy as np
from numba_layers.layers import Dense, Dropout
from numba_layers.models import Sequential
model = Sequential([Dense(512, activation="relu", input_shape=(784,)), Dropout(0.2),
                    Dense(512, activation="relu"), Dropout(0.2), Dense(10, activation="softmax")])
model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
model.train_on_batch(np.zeros((128, 784)), np.eye(10)[np.zeros(128, int)])
"""

TORCH = """
import torch
from torch import nn
model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.2),
                      nn.Linear(512, 10))
optimizer = torch.optim.RMSprop(model.parameters())
nn.CrossEntropyLoss()(model(torch.zeros(128, 784)), torch.zeros(128, dtype=torch.long)).backward()
optimizer.step()
"""


def seconds(script):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", script], check=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(",")[0])
    parser.add_argument("--runs", type=int, default=7, help="processes of each (default: 7)")
    runs = parser.parse_args().runs
    contenders = {"numba_layers": OURS, "import numba alone": "import numba"}
    if importlib.util.find_spec("torch"):
        contenders["PyTorch"] = TORCH
    for script in contenders.values():
        seconds(script)
    times = {name: [] for name in contenders}
    for _ in range(runs):
        for name, script in contenders.items():
            times[name].append(seconds(script))
    print(f"{'start to first training step':30} {'min s':>7} {'median':>7}")
    for name, values in times.items():
        print(f"{name:30} {min(values):7.2f} {np.median(values):7.2f}")


if __name__ == "__main__":
    main()
