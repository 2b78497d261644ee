"""A network learns how a pendulum moves while it is simulated: `python examples/train_in_simulation.py`.

The simulation and the training are one loop that Numba compiles. Every 32 steps it has seen a batch, trains on it, and
forgets it: no data set is made.
"""

import math
import time

import numpy as np
from numba import njit

from numba_layers.layers import Dense
from numba_layers.models import Sequential
from numba_layers.optimizers import Adam

BATCH, STEPS, SECONDS = 32, 640_000, 0.05

np.random.seed(4)
network = Sequential([Dense(32, activation="tanh", input_dim=3), Dense(32, activation="tanh"), Dense(1)])
network.compile(Adam(lr=0.003), "mse")
learn = network.as_step(batch_size=BATCH)


@njit
def acceleration(angle, spin, torque):
    """Of a pendulum with friction, in rad/s²."""
    return torque - 4 * math.sin(angle) - 0.3 * spin


@njit
def simulate(steps, seed):
    """Let it swing, pushed at random, and learn on the way. Answers the loss of each batch."""
    np.random.seed(seed)
    x, y = np.empty((BATCH, 3), np.float32), np.empty((BATCH, 1), np.float32)
    losses = np.empty(steps // BATCH)
    angle, spin, torque = 0.0, 0.0, 0.0
    for step in range(steps):
        if step % 10 == 0:
            torque = np.random.uniform(-3, 3)
        if abs(angle) > 3 or step % 200 == 0:
            angle, spin = np.random.uniform(-3, 3), np.random.uniform(-2, 2)
        row = step % BATCH
        x[row] = angle, spin, torque
        y[row, 0] = acceleration(angle, spin, torque)
        spin += SECONDS * y[row, 0]
        angle += SECONDS * spin
        if row == BATCH - 1:
            losses[step // BATCH] = learn(x, y)
    return losses


simulate(BATCH, 0)              # compiles
before = time.perf_counter()
losses = simulate(STEPS, 1)
taken = time.perf_counter() - before
for part in np.array_split(losses, 5):
    print(f"loss {part.mean():.5f}")
print(f"{STEPS:,} steps of the pendulum and {len(losses):,} of training in {taken:.2f} s: "
      f"{1e6 * taken / len(losses):.1f} us for a batch of {BATCH} and its step")

seen = np.random.uniform(-2, 2, (1000, 3))
true = np.array([acceleration(*row) for row in seen])
error = np.abs(network.predict(seen)[:, 0] - true).mean()
print(f"in places that it has not seen its error is {error:.3f} rad/s², of {np.abs(true).mean():.1f} on average")
