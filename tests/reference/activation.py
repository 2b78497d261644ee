"""Activations as their definitions say them."""

import math

import numpy as np

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772   # Klambauer et al. 2017, §2


def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    y = np.where(x <= threshold, alpha * (x - threshold), x)
    return y if max_value is None else np.minimum(y, max_value)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


def selu(x):
    return SELU_SCALE * elu(x, SELU_ALPHA)


def softplus(x):
    return np.logaddexp(x, 0)


def softsign(x):
    return x / (1 + np.abs(x))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def prelu(x, alpha):
    return np.where(x > 0, x, alpha * x)


def swish(x):
    return x * sigmoid(x)


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf, otypes=[float])(x / np.sqrt(2)))


def mish(x):
    return x * np.tanh(softplus(x))


def tanh(x):
    return np.tanh(x)


def softmax(x, axis=-1):
    power = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return power / np.sum(power, axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    x = x - np.max(x, axis=axis, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))
