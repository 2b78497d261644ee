"""The derivative of each operation by each of its arguments.

A rule takes `e`, which writes steps (`derive.Writer`), the operation's result y and its arguments, and answers one
factor for each argument; None where the slope is 0 everywhere. Where a function has a kink, the slope is that of `ops`.
"""

import math

from .language import Number

ONE = Number(1.0)


def _constant(value):
    return Number(float(value))


RULES = {
    "copy": lambda e, y, x: [ONE],
    "add": lambda e, y, a, b: [ONE, ONE],
    "subtract": lambda e, y, a, b: [ONE, _constant(-1)],
    "multiply": lambda e, y, a, b: [b, a],
    "negative": lambda e, y, x: [_constant(-1)],
    "abs": lambda e, y, x: [e("sign", x)],
    "square": lambda e, y, x: [e.multiply(_constant(2), x)],
    "reciprocal": lambda e, y, x: [e.negative(e.multiply(y, y))],
    "sqrt": lambda e, y, x: [e.divide(_constant(0.5), y)],
    "cbrt": lambda e, y, x: [e.divide(_constant(1 / 3), e.multiply(y, y))],
    "exp": lambda e, y, x: [y],
    "exp2": lambda e, y, x: [e.multiply(y, _constant(math.log(2)))],
    "expm1": lambda e, y, x: [e.add(y, ONE)],
    "log": lambda e, y, x: [e("reciprocal", x)],
    "log2": lambda e, y, x: [e.divide(_constant(1 / math.log(2)), x)],
    "log10": lambda e, y, x: [e.divide(_constant(1 / math.log(10)), x)],
    "log1p": lambda e, y, x: [e("reciprocal", e.add(x, ONE))],
    "sin": lambda e, y, x: [e("cos", x)],
    "cos": lambda e, y, x: [e.negative(e("sin", x))],
    "tan": lambda e, y, x: [e.add(e.multiply(y, y), ONE)],
    "asin": lambda e, y, x: [_one_over_root(e, e.subtract(ONE, e.multiply(x, x)))],
    "acos": lambda e, y, x: [e.negative(_one_over_root(e, e.subtract(ONE, e.multiply(x, x))))],
    "atan": lambda e, y, x: [e("reciprocal", e.add(e.multiply(x, x), ONE))],
    "sinh": lambda e, y, x: [e("cosh", x)],
    "cosh": lambda e, y, x: [e("sinh", x)],
    "tanh": lambda e, y, x: [e.subtract(ONE, e.multiply(y, y))],
    "asinh": lambda e, y, x: [_one_over_root(e, e.add(e.multiply(x, x), ONE))],
    "acosh": lambda e, y, x: [_one_over_root(e, e.subtract(e.multiply(x, x), ONE))],
    "atanh": lambda e, y, x: [e("reciprocal", e.subtract(ONE, e.multiply(x, x)))],
    "sigmoid": lambda e, y, x: [e.multiply(y, e.subtract(ONE, y))],
    "softplus": lambda e, y, x: [e("sigmoid", x)],
    "erf": lambda e, y, x: [_bell(e, x, 2 / math.sqrt(math.pi))],
    "erfc": lambda e, y, x: [_bell(e, x, -2 / math.sqrt(math.pi))],
    "power": lambda e, y, a, b: [e.multiply(b, e.power(a, e.subtract(b, ONE))), _slope_by_exponent(e, y, a, b)],
    "atan2": lambda e, y, a, b: [e.divide(b, _squares(e, a, b)), e.negative(e.divide(a, _squares(e, a, b)))],
    "hypot": lambda e, y, a, b: [e.divide(a, y), e.divide(b, y)],
    "copysign": lambda e, y, a, b: [e.multiply(e("sign", a), e("copysign", ONE, b)), None],
    "fmod": lambda e, y, a, b: [ONE, e.negative(e("trunc", e.divide(a, b)))],
    "mod": lambda e, y, a, b: [ONE, e.negative(e("floor", e.divide(a, b)))],
    "logaddexp": lambda e, y, a, b: [e("exp", e.subtract(a, y)), e("exp", e.subtract(b, y))],
}
CONSTANT = frozenset(("sign", "floor", "ceil", "rint", "trunc", "floor_divide", "real"))     # slope 0


def _one_over_root(e, x):
    return e("reciprocal", e("sqrt", x))


def _bell(e, x, factor):
    return e.multiply(_constant(factor), e("exp", e.negative(e.multiply(x, x))))


def _squares(e, a, b):
    return e.add(e.multiply(a, a), e.multiply(b, b))


def _slope_by_exponent(e, y, a, b):
    """y log a, 0 where a is not positive."""
    if isinstance(b, Number):
        return None
    positive = e("greater", a, _constant(0), kind="bool")
    return e("select", positive, e.multiply(y, e("log", a)), _constant(0))


# Operations that choose: the tangent of the result is chosen from those of the arguments, dx.


def _chosen(e, y, arguments, tangents):
    return e.select(arguments[0], tangents[1], tangents[2])


def _larger(e, y, arguments, tangents):
    return e.select(e("greater_equal", *arguments, kind="bool"), *tangents)


def _smaller(e, y, arguments, tangents):
    return e.select(e("less_equal", *arguments, kind="bool"), *tangents)


def _clipped(e, y, arguments, tangents):
    x, low, high = arguments
    rest = e.select(e("greater", x, high, kind="bool"), tangents[2], tangents[0])
    return e.select(e("less", x, low, kind="bool"), tangents[1], rest)


def _quotient(e, y, arguments, tangents):
    return e.divide(e.subtract(tangents[0], e.multiply(y, tangents[1])), arguments[1])


TANGENTS = {"select": _chosen, "maximum": _larger, "minimum": _smaller, "clip": _clipped, "divide": _quotient}
