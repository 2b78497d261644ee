"""Formulas of normalisation that both targets take."""

from .scalar import expm1, formula, log


@formula
def moving_rate(momentum, count, debiased):
    """How far a moving average goes towards a new value after `count` updates: 1 - momentum.

    debiased: divided by 1 - momentum**(count + 1), so that what the average was before its first update counts for
    nothing. Reference: Kingma & Ba 2015, "Adam", §3.
    """
    rate = type(momentum)(1) - momentum
    if debiased and rate > type(momentum)(0):
        return -rate / expm1(log(momentum) * type(momentum)(count + 1))
    return rate


@formula
def slopes_of(gamma, inverse, total, product, count):
    """(s, by_mean, by_distance) with which the gradient by x is s grad + by_mean + by_distance (x - mean).

    inverse: 1 / sqrt(variance + epsilon). total, product: Σ grad and Σ grad (x - mean) inverse over `count` numbers.
    Reference: Ioffe & Szegedy 2015, "Batch Normalization", §3.
    """
    scale = gamma * inverse
    number = type(gamma)(count)
    return scale, -scale * total / number, -scale * inverse * product / number
