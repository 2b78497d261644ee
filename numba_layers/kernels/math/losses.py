"""Losses of an element and their gradients, which kernels of every target inline; t is the target, y the output.

A gradient is that of the loss by y, times `scale`, what the element counts for. Where an output is limited to
[low, high], its gradient outside is 0.
"""

from .scalar import clip, formula, log, sign


@formula
def squared_error(t, y):
    """(y - t)²"""
    difference = y - t
    return difference * difference


@formula
def squared_error_gradient(scale, t, y):
    """scale 2 (y - t)"""
    return type(scale)(2) * scale * (y - t)


@formula
def absolute_error(t, y):
    """|y - t|"""
    return abs(y - t)


@formula
def absolute_error_gradient(scale, t, y):
    """scale sign(y - t)"""
    return scale * sign(y - t)


@formula
def binary_crossentropy(t, y, low, high):
    """-t log p - (1 - t) log(1 - p) with p = y limited"""
    one, p = type(y)(1), clip(y, low, high)
    return -(t * log(p) + (one - t) * log(one - p))


@formula
def binary_crossentropy_gradient(scale, t, y, low, high):
    """scale (y - t) / (y (1 - y)), 0 where y is limited"""
    slope = (y - t) / (y * (type(y)(1) - y))
    return type(y)(0) if y < low or y > high else scale * slope


# ---- of a row of classes: q is y over the row's sum ---------------------------------------------------------


@formula
def log_likelihood(t, q, low, high):
    """t log q with q limited: the row's loss is minus their sum"""
    return t * log(clip(q, low, high))


@formula
def log_likelihood_gradient(scale, t, q, kept, low, high):
    """scale (kept - t / q), without t / q where q is limited; kept: the row's sum of the targets whose q is not."""
    return scale * (kept - (type(q)(0) if q < low or q > high else t / q))


@formula
def kept_reciprocal(x, y, low, high):
    """1 / x, or 0 where y is limited"""
    return type(x)(0) if y < low or y > high else type(x)(1) / x
