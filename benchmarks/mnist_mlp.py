"""A training step of Keras's mnist_mlp beside PyTorch's and JAX's: 784-512-512-10, batch 128, RMSprop.

    pip install "numba_layers[bench,threads]" && python benchmarks/mnist_mlp.py [--steps 200]

All run in this process on 2 threads, in turn, on the same random images; a step is forward, backward and update, the
loss read back. Compile time is apart: each is warmed up first.
"""

from _training import race

BATCH, FEATURES, UNITS, CLASSES, RATE, DROPOUT = 128, 784, 512, 10, 0.001, 0.2


def keras(units=UNITS):
    """The compiled model of Keras's own script."""
    from numba_layers.layers import Dense, Dropout
    from numba_layers.models import Sequential
    from numba_layers.optimizers import RMSprop

    model = Sequential([
        Dense(units, activation="relu", input_shape=(FEATURES,)), Dropout(DROPOUT),
        Dense(units, activation="relu"), Dropout(DROPOUT),
        Dense(CLASSES, activation="softmax"),
    ])
    model.compile(RMSprop(lr=RATE), "categorical_crossentropy")
    return model


def ours():
    return keras().train_on_batch


def torch_module(units=UNITS):
    """The same network for PyTorch, and a function that makes its optimizer."""
    import torch
    from torch import nn

    module = nn.Sequential(
        nn.Linear(FEATURES, units), nn.ReLU(), nn.Dropout(DROPOUT),
        nn.Linear(units, units), nn.ReLU(), nn.Dropout(DROPOUT),
        nn.Linear(units, CLASSES),
    )
    return module, lambda weights: torch.optim.RMSprop(weights, lr=RATE, alpha=0.9)


def torch_eager():
    import torch

    torch.set_num_threads(2)
    module, optimizer_of = torch_module()
    optimizer = optimizer_of(module.parameters())
    loss_of = torch.nn.CrossEntropyLoss()

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(module(torch.from_numpy(x)), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def jax_jit():
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(jax.random.PRNGKey(0), 4)
    sizes = [(FEATURES, UNITS), (UNITS, UNITS), (UNITS, CLASSES)]
    weights = [(jax.random.normal(key, size) * size[0] ** -0.5, jnp.zeros(size[1])) for key, size in zip(keys, sizes)]
    squares = jax.tree.map(jnp.zeros_like, weights)

    def loss_of(weights, x, y, key):
        for (w, b), layer_key in zip(weights[:-1], jax.random.split(key, 2)):
            x = jax.nn.relu(x @ w + b)
            x = jnp.where(jax.random.bernoulli(layer_key, 1 - DROPOUT, x.shape), x / (1 - DROPOUT), 0)
        w, b = weights[-1]
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(x @ w + b), axis=-1))

    @jax.jit
    def update(weights, squares, key, x, y):
        key, now = jax.random.split(key)
        loss, grads = jax.value_and_grad(loss_of)(weights, x, y, now)
        squares = jax.tree.map(lambda s, g: 0.9 * s + 0.1 * g * g, squares, grads)
        weights = jax.tree.map(lambda w, g, s: w - RATE * g / (jnp.sqrt(s) + 1e-7), weights, grads, squares)
        return weights, squares, key, loss

    state = [weights, squares, keys[3]]

    def step(x, y):
        state[0], state[1], state[2], loss = update(*state, x, y)
        return float(loss)

    return step


if __name__ == "__main__":
    race(__doc__, "mnist_mlp", {"numba_layers": ours, "PyTorch eager": torch_eager, "JAX jit": jax_jit},
         shape=(BATCH, FEATURES), classes=CLASSES, steps=200)
