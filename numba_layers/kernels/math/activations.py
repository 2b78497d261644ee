"""Activations as scalar formulas, each followed by its slope in terms of its output y, or of its input x."""

import math

from .fma import fma
from .scalar import clip, erf, exp, expm1, formula, log1p, maximum, square, tanh


@formula
def tanh_slope(y):
    """1 - y² for y = tanh x."""
    return type(y)(1) - y * y


@formula
def sigmoid(x):
    """1 / (1 + e**-x), from e**-|x|, which does not overflow."""
    e = exp(-abs(x))
    numerator = type(x)(1) if x > type(x)(0) else e
    return fma(-numerator, e / (type(x)(1) + e), numerator)


@formula
def sigmoid_slope(y):
    return y * (type(y)(1) - y)


@formula
def hard_sigmoid(x):
    """0.2 x + 0.5 limited to [0, 1]."""
    return clip(type(x)(0.2) * x + type(x)(0.5), type(x)(0), type(x)(1))


@formula
def hard_sigmoid_slope(y):
    return type(y)(0.2) if type(y)(0) < y < type(y)(1) else type(y)(0)


@formula
def relu(x, alpha, max_value, threshold):
    """x above threshold, but at most max_value (infinity: no maximum); else alpha (x - threshold)."""
    if x <= threshold:
        return alpha * (x - threshold) if alpha != type(x)(0) else type(x)(0)   # 0 * -infinity is no number
    return max_value if x > max_value else x


@formula
def relu_slope(x, alpha, max_value, threshold):
    """With threshold = 0 and alpha >= 0, the output y serves as well as x."""
    if x > threshold:
        return type(x)(1) if x < max_value else type(x)(0)
    return alpha


@formula
def elu(x, alpha):
    """x where positive, else alpha (e**x - 1)."""
    return x if x > type(x)(0) else alpha * expm1(x)


@formula
def elu_slope(y, alpha):
    """For alpha >= 0."""
    return type(y)(1) if y > type(y)(0) else y + alpha


@formula
def selu(x):
    """Scaled elu that keeps zero mean and unit variance. Reference: Klambauer et al. 2017, eq. 2."""
    return type(x)(SELU_SCALE) * elu(x, type(x)(SELU_ALPHA))


@formula
def selu_slope(y):
    return type(y)(SELU_SCALE) if y > type(y)(0) else y + type(y)(SELU_SCALE * SELU_ALPHA)


SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


@formula
def softplus(x):
    """log(1 + e**x), from e**-|x|, which does not overflow."""
    return maximum(x, type(x)(0)) + log1p(exp(-abs(x)))


@formula
def softplus_slope(y):
    """1 - e**-y, the sigmoid of x."""
    return -expm1(-y)


@formula
def softsign(x):
    """x / (1 + |x|)."""
    return x / (type(x)(1) + abs(x))


@formula
def softsign_slope(y):
    """(1 - |y|)**2."""
    return square(type(y)(1) - abs(y))


@formula
def prelu(x, alpha):
    """x where positive, else alpha x."""
    return x if x > type(x)(0) else alpha * x


@formula
def prelu_slope(x, alpha):
    """By x: 1 where positive, alpha where negative, 0 at 0, as TensorFlow has it."""
    if x > type(x)(0):
        return type(x)(1)
    return alpha if x < type(x)(0) else type(x)(0)


@formula
def swish(x):
    """x / (1 + e**-x)."""
    return x * sigmoid(x)


@formula
def swish_slope(x):
    """s (1 + x (1 - s)) for s = sigmoid x."""
    s = sigmoid(x)
    return s + x * s * (type(x)(1) - s)


@formula
def gelu(x):
    """x times the fraction of a normal distribution below x."""
    return type(x)(0.5) * x * (type(x)(1) + erf(x * type(x)(SQRT_HALF)))


@formula
def gelu_slope(x):
    """The fraction below x, and x times the density at x."""
    density = type(x)(NORMAL_DENSITY) * exp(type(x)(-0.5) * square(x))
    return type(x)(0.5) * (type(x)(1) + erf(x * type(x)(SQRT_HALF))) + x * density


SQRT_HALF, NORMAL_DENSITY = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)


@formula
def mish(x):
    """x tanh(log(1 + e**x))."""
    return x * tanh(softplus(x))


@formula
def mish_slope(x):
    """t + x s (1 - t²) for t = tanh(softplus x), s = sigmoid x."""
    t = tanh(softplus(x))
    return t + x * sigmoid(x) * (type(x)(1) - t * t)


# ---- softmax: of a number x in its row, whose largest is `highest` ------------------------------------------


@formula
def softmax_gradient(y, grad, total):
    """The gradient by x, total = Σ y grad over the row."""
    return y * (grad - total)


@formula
def log_softmax(x, highest, logarithm):
    """x - highest - logarithm, in this order: highest may be large. logarithm = log Σ e**(x - highest) over the row."""
    return x - highest - logarithm


@formula
def log_softmax_gradient(y, grad, total):
    """The gradient by x, total = Σ grad over the row."""
    return grad - exp(y) * total
