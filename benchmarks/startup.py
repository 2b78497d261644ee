"""From starting Python to the end of the first training step, kernels in the cache or not, beside PyTorch and JAX.

    python benchmarks/startup.py [--runs 7] [--cold]

Each run is a fresh process that trains one step of mnist_mlp; the contenders take turns, and a first run of each, which
may compile, is not counted. `--cold` measures what is compiled once instead: from an empty cache to the first training
step of mnist_cnn, and `python -m numba_layers warm`, all kernels; both on all processors.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
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

JAX = """
import jax
import jax.numpy as jnp
keys = jax.random.split(jax.random.PRNGKey(0), 3)
sizes = [(784, 512), (512, 512), (512, 10)]
weights = [(jax.random.normal(key, size) / 25, jnp.zeros(size[1])) for key, size in zip(keys, sizes)]

def loss_of(weights, x, y, key):
    for w, b in weights[:-1]:
        key, now = jax.random.split(key)
        x = jax.nn.relu(x @ w + b)
        x = jnp.where(jax.random.bernoulli(now, 0.8, x.shape), x / 0.8, 0)
    w, b = weights[-1]
    return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(x @ w + b), axis=-1))

@jax.jit
def update(weights, squares, key, x, y):
    loss, grads = jax.value_and_grad(loss_of)(weights, x, y, key)
    squares = jax.tree.map(lambda s, g: 0.9 * s + 0.1 * g * g, squares, grads)
    return loss, jax.tree.map(lambda w, g, s: w - 0.001 * g / (jnp.sqrt(s) + 1e-7), weights, grads, squares), squares

x, y = jnp.zeros((128, 784)), jnp.eye(10)[jnp.zeros(128, int)]
jax.block_until_ready(update(weights, jax.tree.map(jnp.zeros_like, weights), keys[0], x, y))
"""

CNN = """
import numpy as np
from numba_layers.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from numba_layers.models import Sequential
model = Sequential([Conv2D(32, 3, activation="relu", input_shape=(28, 28, 1)), Conv2D(32, 3, activation="relu"),
                    MaxPooling2D(2), Dropout(0.25), Flatten(), Dense(128, activation="relu"), Dropout(0.5),
                    Dense(10, activation="softmax")])
model.compile("adadelta", "categorical_crossentropy", metrics=["accuracy"])
model.train_on_batch(np.zeros((128, 28, 28, 1)), np.eye(10)[np.zeros(128, int)])
"""


def seconds(*arguments, **settings):
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, env=os.environ | settings)
    return time.perf_counter() - start


def warm_starts(runs):
    """Print the time of each contender's start, and what ours takes beyond `import numba`."""
    contenders = {"numba_layers": OURS, "import numba alone": "import numba"}
    contenders |= {name: script for name, module, script in (("PyTorch", "torch", TORCH), ("JAX", "jax", JAX))
                   if importlib.util.find_spec(module)}
    for script in contenders.values():
        seconds("-c", script)
    times = {name: [] for name in contenders}
    for _ in range(runs):
        for name, script in contenders.items():
            times[name].append(seconds("-c", script))
    print(f"{'start to first training step':30} {'min s':>7} {'median':>7} {'/ ours':>7}")
    ours = times["numba_layers"]
    for name, values in times.items():
        print(f"{name:30} {min(values):7.2f} {np.median(values):7.2f} {np.median(values) / np.median(ours):7.2f}")
    beyond = np.subtract(ours, times["import numba alone"])
    print(f"{'numba_layers beyond numba':30} {min(beyond):7.2f} {np.median(beyond):7.2f}")


def cold_starts():
    """Print how long it takes from an empty cache to the first training step of mnist_cnn, and to have all kernels."""
    for name, arguments in (("mnist_cnn, empty cache", ("-c", CNN)),
                            ("warm: all kernels", ("-m", "numba_layers", "warm"))):
        with tempfile.TemporaryDirectory() as folder:
            print(f"{name:30} {seconds(*arguments, NUMBA_LAYERS_CACHE_DIR=folder):7.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(",")[0])
    parser.add_argument("--runs", type=int, default=7, help="processes of each (default: 7)")
    parser.add_argument("--cold", action="store_true", help="mnist_cnn from an empty cache, and `warm`")
    options = parser.parse_args()
    cold_starts() if options.cold else warm_starts(options.runs)


if __name__ == "__main__":
    main()
