"""Normalisation by NumPy's sums, in the precision of what is given."""

import numpy as np


def moments(x):
    """Mean and variance of each column."""
    return x.mean(axis=0), x.var(axis=0)


def normalized(x, mean, variance, gamma, beta, epsilon):
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def batch_gradients(x, gamma, epsilon, grad):
    """Gradients by x, gamma and beta of `normalized` by the columns' own moments."""
    inverse = 1 / np.sqrt(x.var(axis=0) + epsilon)
    unit = (x - x.mean(axis=0)) * inverse
    by_x = gamma * inverse * (grad - grad.mean(axis=0) - unit * (grad * unit).mean(axis=0))
    return by_x, (grad * unit).sum(axis=0), grad.sum(axis=0)


def layer_gradients(x, gamma, epsilon, grad):
    """Gradients by x and gamma of rows normalised by their own moments."""
    inverse = 1 / np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
    unit = (x - x.mean(axis=1, keepdims=True)) * inverse
    inner = grad * gamma
    by_x = inverse * (inner - inner.mean(axis=1, keepdims=True) - unit * (inner * unit).mean(axis=1, keepdims=True))
    return by_x, (grad * unit).sum(axis=0)


def moving_average(average, value, updates, momentum, factor, debiased):
    rate = (1 - momentum) / (1 - momentum**(updates + 1) if debiased else 1)
    return average + rate * (factor * value - average)
