"""Recurrent layers beside PyTorch's and JAX's, float32, 2 threads: a step of training with Adam.

    pip install ".[bench,threads]" && python benchmarks/recurrent.py [--rows lstm_128,gru_64] [--threads 1]

Each side has a process of its own and takes its turns in one run: a pause, as many steps as will count, and those that
count. The table shows the fastest turn and the median one of each side; theirs / ours are of the medians. Compiling is
apart. Gates are sigmoids and GRUs reset behind the product, as PyTorch has them. PyTorch is eager, its optimizer
`fused`; JAX has the whole step jitted and its state donated, the inputs projected before the scan, which is unrolled by
as many steps as is fastest. The batches of both lie ready; `fit` gathers its own.
"""

import os
import time
from collections import namedtuple

import numpy as np
from _steps import compare

UNROLLED = 1, 5             # steps of JAX's scan that are tried

Row = namedtuple("Row", "cell units features time batch")
ROWS = {"lstm_128": Row("lstm", 128, 128, 80, 32), "lstm_32": Row("lstm", 32, 32, 20, 16),
        "gru_64": Row("gru", 64, 64, 20, 128), "simple_rnn_64": Row("simple_rnn", 64, 64, 40, 64)}
GATES = {"lstm": 4, "gru": 3, "simple_rnn": 1}
RATE = 1e-3


def samples(row, steps):
    """(x, y) of so many batches."""
    random = np.random.default_rng(0)
    x = random.standard_normal((row.batch * steps, row.time, row.features), np.float32)
    return x, x.mean((1, 2))[:, None] * 10


# ---- the sides: `train(steps)` by a row's name ------------------------------------------------------------------


def ours(row, steps):
    from numba_layers import layers
    from numba_layers.models import Sequential

    kind, options = {"lstm": (layers.LSTM, {"recurrent_activation": "sigmoid"}),
                     "gru": (layers.GRU, {"recurrent_activation": "sigmoid", "reset_after": True}),
                     "simple_rnn": (layers.SimpleRNN, {})}[row.cell]
    model = Sequential([kind(row.units, input_shape=(row.time, row.features), **options), layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = samples(row, steps)

    def train(count):
        some = slice(count * row.batch)
        model.fit(x[some], y[some], batch_size=row.batch, epochs=1, shuffle=False, verbose=0)

    train.model = model
    return train


def by_torch(row, steps):
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            kind = {"lstm": nn.LSTM, "gru": nn.GRU, "simple_rnn": nn.RNN}[row.cell]
            self.recurrent, self.dense = kind(row.features, row.units, batch_first=True), nn.Linear(row.units, 1)

        def forward(self, x):
            state = self.recurrent(x)[1]
            return self.dense((state[0] if row.cell == "lstm" else state)[-1])

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    network = Network()
    optimizer, loss_of = torch.optim.Adam(network.parameters(), RATE, fused=True), nn.MSELoss()
    batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in cut(row, steps)]

    def train(count):
        for x, y in batches[:count]:
            optimizer.zero_grad()
            loss_of(network(x), y).backward()
            optimizer.step()

    return train


def by_jax(row, steps):
    import jax

    batches = [tuple(map(jax.device_put, pair)) for pair in cut(row, steps)]
    found = {}
    for unroll in UNROLLED:
        train = _jax_trainer(row, unroll, batches)
        train(2)
        start = time.perf_counter()
        train(min(4, steps))
        found[time.perf_counter() - start] = train
    return found[min(found)]


def _jax_trainer(row, unroll, batches):
    import jax
    import jax.numpy as jnp

    gates = GATES[row.cell]
    keys = jax.random.split(jax.random.key(0), 3)
    weights = {"kernel": 0.1 * jax.random.normal(keys[0], (row.features, gates * row.units)),
               "recurrent": 0.1 * jax.random.normal(keys[1], (row.units, gates * row.units)),
               "bias": jnp.zeros(gates * row.units), "dense": 0.1 * jax.random.normal(keys[2], (row.units, 1)),
               "last": jnp.zeros(1)}

    def cell(recurrent, state, z):
        if row.cell == "lstm":
            h, c = state
            i, f, g, o = jnp.split(z + h @ recurrent, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return jax.nn.sigmoid(o) * jnp.tanh(c), c
        h, sums = state[0], state[0] @ recurrent
        if row.cell == "simple_rnn":
            return (jnp.tanh(z + sums),)
        (zu, zr, zg), (su, sr, sg) = jnp.split(z, 3, 1), jnp.split(sums, 3, 1)
        u, r = jax.nn.sigmoid(zu + su), jax.nn.sigmoid(zr + sr)
        return (u * h + (1 - u) * jnp.tanh(zg + r * sg),)

    def loss_of(weights, x, y):
        z = (x @ weights["kernel"] + weights["bias"]).swapaxes(0, 1)
        start = (jnp.zeros((x.shape[0], row.units)),) * (2 if row.cell == "lstm" else 1)
        last, _ = jax.lax.scan(lambda state, z: (cell(weights["recurrent"], state, z), None), start, z, unroll=unroll)
        return jnp.mean((last[0] @ weights["dense"] + weights["last"] - y) ** 2)

    def step(state, x, y):
        weights, means, squares, t = state
        grads, t = jax.grad(loss_of)(weights, x, y), t + 1
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, grads)
        squares = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, squares, grads)
        rate = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, means, squares)
        return weights, means, squares, t

    step = jax.jit(step, donate_argnums=0)
    zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
    kept = [(weights, *zeros, jnp.zeros(()))]

    def train(count):
        state = kept.pop()
        for x, y in batches[:count]:
            state = step(state, x, y)
        kept.append(jax.block_until_ready(state))

    return train


def cut(row, steps):
    """The batches of an epoch."""
    return list(zip(*(np.split(array, steps) for array in samples(row, steps))))


SIDES = {"ours": ours, "PyTorch": by_torch, "JAX": by_jax}


def described(name):
    """What a line of the table begins with."""
    row = ROWS[name]
    return f"{name:14} {row.features} -> {row.units}, {row.time} steps, batch {row.batch}"


if __name__ == "__main__":
    compare(__doc__, "recurrent")
