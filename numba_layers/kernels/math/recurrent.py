"""Recurrent cells as scalar formulas, and the activations that their kernels know by number.

Each activation has its slope in terms of its output, so that a kernel keeps outputs alone until it goes back. Numbers
are places in `ops.recurrent.FUSED`.
"""

import math

from . import activations
from .fma import fma
from .scalar import formula, tanh

LINEAR, TANH, SIGMOID, HARD_SIGMOID, RELU, SOFTSIGN, ELU, SELU, SOFTPLUS = range(9)


@formula
def relu(x):
    return activations.relu(x, type(x)(0), type(x)(math.inf), type(x)(0))


@formula
def relu_slope(y):
    return activations.relu_slope(y, type(y)(0), type(y)(math.inf), type(y)(0))


@formula
def elu(x):
    return activations.elu(x, type(x)(1))


@formula
def elu_slope(y):
    return activations.elu_slope(y, type(y)(1))


@formula
def activated(code, x):
    """The activation number `code` of x."""
    if code == TANH:
        return tanh(x)
    if code == SIGMOID:
        return activations.sigmoid(x)
    if code == HARD_SIGMOID:
        return activations.hard_sigmoid(x)
    if code == RELU:
        return relu(x)
    if code == SOFTSIGN:
        return activations.softsign(x)
    if code == ELU:
        return elu(x)
    if code == SELU:
        return activations.selu(x)
    if code == SOFTPLUS:
        return activations.softplus(x)
    return x


@formula
def slope(code, y):
    """The slope of activation number `code` where its output is y."""
    if code == TANH:
        return activations.tanh_slope(y)
    if code == SIGMOID:
        return activations.sigmoid_slope(y)
    if code == HARD_SIGMOID:
        return activations.hard_sigmoid_slope(y)
    if code == RELU:
        return relu_slope(y)
    if code == SOFTSIGN:
        return activations.softsign_slope(y)
    if code == ELU:
        return elu_slope(y)
    if code == SELU:
        return activations.selu_slope(y)
    if code == SOFTPLUS:
        return activations.softplus_slope(y)
    return type(y)(1)


# ---- cells, after the gates' activations -------------------------------------------------------------------


@formula
def lstm_cell(c, i, f, candidate):
    """c' = f c + i candidate."""
    return fma(f, c, i * candidate)


@formula
def gru_state(h, z, candidate):
    """h' = z h + (1 - z) candidate."""
    return fma(z, h, (type(z)(1) - z) * candidate)


@formula
def times(x, y):
    return x * y


@formula
def times_rest(x, y):
    """x (1 - y)."""
    return x * (type(y)(1) - y)


@formula
def times_difference(x, y, z):
    """x (y - z)."""
    return x * (y - z)
