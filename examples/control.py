"""A network balances a pole on a cart, in a loop that Numba compiles: `python examples/control.py`.

Many carts start at once in `prange`, and each asks the network for its push up to 200 times. Better weights are found
by random search: the compiled loop reads them where they are, so nothing is compiled again.

Reference: Barto, Sutton & Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning control
problems".
"""

import math
import time

import numpy as np
from numba import njit, prange

from numba_layers.layers import Dense
from numba_layers.models import Sequential

STEPS, SECONDS = 200, 0.02      # of a rollout; of a step
SEARCHED, ROLLOUTS = 60, 10_000

np.random.seed(2)
network = Sequential([Dense(16, activation="tanh", input_dim=4), Dense(1, activation="tanh")])
push = network.as_function(batch_size=1)


@njit
def balanced(start):
    """For how many steps the pole stands, from a start of (place, its rate, angle, its rate)."""
    state, out = np.empty((1, 4), np.float32), np.empty((1, 1), np.float32)
    state[0] = start
    for step in range(STEPS):
        push(state, out)
        place, speed, angle, spin = state[0]
        if abs(angle) > 0.21 or abs(place) > 2.4:
            return step
        force = (10 * out[0, 0] + 0.05 * spin * spin * math.sin(angle)) / 1.1
        turn = (9.8 * math.sin(angle) - math.cos(angle) * force) / (2 / 3 - math.cos(angle) ** 2 * 0.05 / 1.1)
        state[0, 0] = place + SECONDS * speed
        state[0, 1] = speed + SECONDS * (force - 0.05 * turn * math.cos(angle) / 1.1)
        state[0, 2] = angle + SECONDS * spin
        state[0, 3] = spin + SECONDS * turn
    return STEPS


@njit(parallel=True)
def fitness(starts):
    """The steps that a cart lasts, as a mean over many starts."""
    total = 0
    for i in prange(starts.shape[0]):
        total += balanced(starts[i])
    return total / starts.shape[0]


starts = np.random.uniform(-0.1, 0.1, (ROLLOUTS, 4)).astype("float32")
best, most = network.get_weights(), fitness(starts[:200])
print(f"at first a pole stands for {most:.0f} of {STEPS} steps")
for _ in range(SEARCHED):
    network.set_weights([weight + 0.5 * np.random.randn(*weight.shape) for weight in best])
    steps = fitness(starts[:200])
    if steps > most:
        best, most = network.get_weights(), steps
network.set_weights(best)

before = time.perf_counter()
steps = fitness(starts)
taken = time.perf_counter() - before
print(f"after {SEARCHED} trials it stands for {steps:.0f} steps, as a mean of {ROLLOUTS:,} starts")
print(f"{ROLLOUTS:,} rollouts in {taken:.2f} s: {1e9 * taken / (ROLLOUTS * steps):.0f} ns a step, with the network")
