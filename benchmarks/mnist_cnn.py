"""A training step of Keras's mnist_cnn beside PyTorch's and JAX's: two convolutions, two dense layers, batch 128.

    pip install "numba_layers[bench,threads]" && python benchmarks/mnist_cnn.py [--steps 50]

Convolutions of 32 filters of 3 x 3, max pooling, dropout 0.25, dense 128, dropout 0.5, dense 10; Adadelta. All run in
this process on 2 threads, in turn, on the same random images; a step is forward, backward and update, the loss read
back. PyTorch takes its turns with images channels first and channels last. Compile time is apart: each is warmed up.
"""

import math

from _training import race

BATCH, SIZE, CLASSES, FILTERS, UNITS = 128, 28, 10, 32, 128
PIXELS = ((SIZE - 4) // 2) ** 2      # after pooling
RATE, RHO, EPSILON = 1.0, 0.95, 1e-7


def keras(filters=FILTERS, units=UNITS):
    """The compiled model of Keras's own script."""
    from numba_layers.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
    from numba_layers.models import Sequential
    from numba_layers.optimizers import Adadelta

    model = Sequential([
        Conv2D(filters, 3, activation="relu", input_shape=(SIZE, SIZE, 1)),
        Conv2D(filters, 3, activation="relu"),
        MaxPooling2D(2), Dropout(0.25), Flatten(),
        Dense(units, activation="relu"), Dropout(0.5),
        Dense(CLASSES, activation="softmax"),
    ])
    model.compile(Adadelta(lr=RATE, rho=RHO, epsilon=EPSILON), "categorical_crossentropy")
    return model


def ours():
    return keras().train_on_batch


def torch_module(filters=FILTERS, units=UNITS):
    """The same network for PyTorch, and a function that makes its optimizer."""
    import torch
    from torch import nn

    module = nn.Sequential(
        nn.Conv2d(1, filters, 3), nn.ReLU(), nn.Conv2d(filters, filters, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten(),
        nn.Linear(PIXELS * filters, units), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(units, CLASSES),
    )
    return module, lambda weights: torch.optim.Adadelta(weights, lr=RATE, rho=RHO, eps=EPSILON)


def torch_eager(channels_last):
    import torch

    torch.set_num_threads(2)
    order = torch.channels_last if channels_last else torch.contiguous_format
    module, optimizer_of = torch_module()
    module.to(memory_format=order)
    optimizer = optimizer_of(module.parameters())
    loss_of = torch.nn.CrossEntropyLoss()

    def step(x, y):
        x = torch.from_numpy(x.reshape(BATCH, 1, SIZE, SIZE)).contiguous(memory_format=order)
        optimizer.zero_grad()
        loss = loss_of(module(x), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def jax_jit():
    import jax
    import jax.numpy as jnp
    from jax import lax

    keys = jax.random.split(jax.random.PRNGKey(0), 5)
    shapes = [(3, 3, 1, FILTERS), (3, 3, FILTERS, FILTERS), (PIXELS * FILTERS, UNITS), (UNITS, CLASSES)]
    weights = [(jax.random.normal(key, shape) * math.prod(shape[:-1]) ** -0.5, jnp.zeros(shape[-1]))
               for key, shape in zip(keys, shapes)]
    nothing = jax.tree.map(jnp.zeros_like, weights)

    def conv(x, w):
        return lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def dropped(x, rate, key):
        return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)

    def loss_of(weights, x, y, key):
        one, two = jax.random.split(key)
        for w, b in weights[:2]:
            x = jax.nn.relu(conv(x, w) + b)
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        (w, b), (w_last, b_last) = weights[2:]
        x = dropped(jax.nn.relu(dropped(x, 0.25, one).reshape(BATCH, -1) @ w + b), 0.5, two)
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(x @ w_last + b_last), axis=-1))

    @jax.jit
    def update(weights, squares, moved, key, x, y):
        key, now = jax.random.split(key)
        loss, grads = jax.value_and_grad(loss_of)(weights, x, y, now)
        squares = jax.tree.map(lambda s, g: RHO * s + (1 - RHO) * g * g, squares, grads)
        moves = jax.tree.map(lambda g, s, m: g * jnp.sqrt((m + EPSILON) / (s + EPSILON)), grads, squares, moved)
        moved = jax.tree.map(lambda m, u: RHO * m + (1 - RHO) * u * u, moved, moves)
        weights = jax.tree.map(lambda w, u: w - RATE * u, weights, moves)
        return loss, (weights, squares, moved, key)

    state = [weights, nothing, nothing, keys[4]]

    def step(x, y):
        loss, state[:] = update(*state, x, y)
        return float(loss)

    return step


if __name__ == "__main__":
    race(__doc__, "mnist_cnn", {
        "numba_layers": ours,
        "PyTorch eager, channels first": lambda: torch_eager(False),
        "PyTorch eager, channels last": lambda: torch_eager(True),
        "JAX jit": jax_jit,
    }, shape=(BATCH, SIZE, SIZE, 1), classes=CLASSES, steps=50)
