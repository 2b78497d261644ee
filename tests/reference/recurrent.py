"""Recurrent layers by loops: sample by sample, step by step."""

import numpy as np

from tests.reference import activation as activations


def activated(name, x):
    return x if name == "linear" else getattr(activations, name)(x)


def all_steps(step, z, states, mask, backwards):
    """(outputs, *last states) of step(z of one sample and step, *its states) -> new states."""
    batch, time, _ = z.shape
    outputs, last = np.zeros((batch, time, states[0].shape[1]), z.dtype), [state.copy() for state in states]
    for n in range(batch):
        for t in range(time):
            source = time - 1 - t if backwards else t
            if mask is not None and not mask[n, source]:
                outputs[n, t] = outputs[n, t - 1] if t else 0
                continue
            for state, new in zip(last, step(z[n, source], *[state[n] for state in last])):
                state[n] = new
            outputs[n, t] = last[0][n]
    return outputs, *last


def lstm(z, recurrent, h0, c0, mask=None, activation="tanh", recurrent_activation="hard_sigmoid", backwards=False):
    def step(z, h, c):
        i, f, g, o = np.split(z + h @ recurrent, 4)
        i, f, o = (activated(recurrent_activation, gate) for gate in (i, f, o))
        c = f * c + i * activated(activation, g)
        return o * activated(activation, c), c

    return all_steps(step, z, (h0, c0), mask, backwards)


def gru(z, recurrent, recurrent_bias, h0, mask=None, activation="tanh", recurrent_activation="hard_sigmoid",
        reset_after=False, backwards=False):
    units = recurrent.shape[0]
    bias = np.zeros(3 * units, z.dtype) if recurrent_bias is None else recurrent_bias

    def step(z, h):
        sums = h @ recurrent + bias
        u, r = np.split(activated(recurrent_activation, z[:2 * units] + sums[:2 * units]), 2)
        inner = r * sums[2 * units:] if reset_after else (r * h) @ recurrent[:, 2 * units:]
        g = activated(activation, z[2 * units:] + inner)
        return (u * h + (1 - u) * g,)

    return all_steps(step, z, (h0,), mask, backwards)


def simple_rnn(z, recurrent, h0, mask=None, activation="tanh", backwards=False):
    return all_steps(lambda z, h: (activated(activation, z + h @ recurrent),), z, (h0,), mask, backwards)
