"""NumPy's answer for each reduction, by name, in float64 where the reduction adds or multiplies."""

import numpy as np


def logsumexp(x, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


REDUCTION = {
    "sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "any": np.any, "all": np.all,
    "mean": np.mean, "var": np.var, "std": np.std, "logsumexp": logsumexp,
}
POSITION = {"argmax": np.argmax, "argmin": np.argmin}


def running(combine, neutral, x, axis, exclusive, reverse):
    """Running combination along `axis`, one slice after the other."""
    x = np.moveaxis(x, axis, 0)
    total = np.full(x.shape[1:], neutral, x.dtype)
    out = np.empty_like(x)
    for i in range(len(x))[::-1] if reverse else range(len(x)):
        before = total
        total = combine(total, x[i])
        out[i] = before if exclusive else total
    return np.moveaxis(out, 0, axis)


def cumsum(x, axis, exclusive=False, reverse=False):
    return running(np.add, 0, x, axis, exclusive, reverse)


def cumprod(x, axis, exclusive=False, reverse=False):
    return running(np.multiply, 1, x, axis, exclusive, reverse)


def l2_normalize(x, axis=None):
    return x / np.sqrt(np.maximum(np.sum(x * x, axis=axis, keepdims=True), 1e-12))
