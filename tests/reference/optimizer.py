"""Update rules in plain NumPy, with the defaults of Keras 2.2.5.

Each function gives a rule, `rule(weights, gradients) -> new weights`, that remembers its slots.
"""

from types import SimpleNamespace

import numpy as np


def sgd(lr=0.01):
    return lambda w, g: w - lr * g


def rmsprop(lr=0.001, rho=0.9, epsilon=1e-7):
    s = SimpleNamespace(a=0)

    def rule(w, g):
        s.a = rho * s.a + (1 - rho) * g**2
        return w - lr * g / (np.sqrt(s.a) + epsilon)

    return rule


def adagrad(lr=0.01, epsilon=1e-7):
    s = SimpleNamespace(a=0)

    def rule(w, g):
        s.a = s.a + g**2
        return w - lr * g / (np.sqrt(s.a) + epsilon)

    return rule


def adadelta(lr=1.0, rho=0.95, epsilon=1e-7):
    s = SimpleNamespace(a=0, d=0)

    def rule(w, g):
        s.a = rho * s.a + (1 - rho) * g**2
        step = g * np.sqrt(s.d + epsilon) / np.sqrt(s.a + epsilon)
        s.d = rho * s.d + (1 - rho) * step**2
        return w - lr * step

    return rule


def adam(lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s = SimpleNamespace(t=0, m=0, v=0)

    def rule(w, g):
        s.t += 1
        s.m = beta_1 * s.m + (1 - beta_1) * g
        s.v = beta_2 * s.v + (1 - beta_2) * g**2
        rate = lr * np.sqrt(1 - beta_2**s.t) / (1 - beta_1**s.t)
        return w - rate * s.m / (np.sqrt(s.v) + epsilon)

    return rule


def adamax(lr=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s = SimpleNamespace(t=0, m=0, u=0)

    def rule(w, g):
        s.t += 1
        s.m = beta_1 * s.m + (1 - beta_1) * g
        s.u = np.maximum(beta_2 * s.u, abs(g))
        return w - lr / (1 - beta_1**s.t) * s.m / (s.u + epsilon)

    return rule


def nadam(lr=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-7, schedule_decay=0.004):
    s = SimpleNamespace(t=0, m=0, v=0, product=1)

    def schedule(t):
        return beta_1 * (1 - 0.5 * 0.96 ** (t * schedule_decay))

    def rule(w, g):
        s.t += 1
        s.product *= schedule(s.t)
        s.m = beta_1 * s.m + (1 - beta_1) * g
        s.v = beta_2 * s.v + (1 - beta_2) * g**2
        now = (1 - schedule(s.t)) * g / (1 - s.product)
        mean = schedule(s.t + 1) * s.m / (1 - s.product * schedule(s.t + 1))
        return w - lr * (now + mean) / (np.sqrt(s.v / (1 - beta_2**s.t)) + epsilon)

    return rule
