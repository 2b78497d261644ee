"""Arithmetic of floats. Results of 32 bits are rounded once, from float64; subnormal numbers stay (.ftz is ignored).

Approximate functions (ex2.approx, sin.approx ...) give NumPy's nearest value, so their last bits differ from a
GPU's. Reference: PTX ISA, §9.7.3 (floating point) and §9.7.4 (half precision).
"""

import numpy as np

from .table import Operation, instruction, plain
from .types import DTYPES, SMALL_FLOATS, in_float32, unsigned

F64 = np.float64


def two_sum(a, b):
    """The rounded sum and what rounding lost (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a, b):
    """The rounded product of float64 and what rounding lost (Dekker, Veltkamp)."""
    product = a * b
    splitter = F64(134217729)   # 2**27 + 1
    upper_a, upper_b = splitter * a, splitter * b
    upper_a, upper_b = upper_a - (upper_a - a), upper_b - (upper_b - b)
    lower_a, lower_b = a - upper_a, b - upper_b
    lost = ((upper_a * upper_b - product) + upper_a * lower_b + lower_a * upper_b) + lower_a * lower_b
    return product, np.where(np.isfinite(lost), lost, F64(0))


def fma_float32(a, b, c):
    """a b + c rounded once: float64 holds the product exactly."""
    return (a.astype(F64) * b.astype(F64) + c).astype(np.float32)


def fma_float64(a, b, c):
    """a b + c with the product's lost part, so that one rounding remains."""
    product, lost = two_product(a, b)
    total, rest = two_sum(product, c)
    rest = rest + lost
    return np.where(np.isfinite(rest), total + rest, a * b + c)


def rounded(mode, nearest, direction):
    """The neighbour of `nearest` that a mode (rz, rm, rp) wants, where the truth lies in `direction` (its sign)."""
    if mode == "rz":
        away = np.where(nearest > 0, direction < 0, (nearest < 0) & (direction > 0))
        return np.where(away, np.nextafter(nearest, nearest.dtype.type(0)), nearest)
    end = nearest.dtype.type(-np.inf if mode == "rm" else np.inf)
    moves = direction < 0 if mode == "rm" else direction > 0
    return np.where(moves, np.nextafter(nearest, end), nearest)


def _directed(mode, exact):
    """A function that rounds down, up or to 0: `exact` gives a float64 and what it lost."""
    def step(*values):
        narrow = values[0].dtype == np.float32
        total, lost = exact(*(x.astype(F64) for x in values))
        if not narrow:
            return rounded(mode, total, np.where(np.isfinite(lost), lost, F64(0)))
        nearest = total.astype(np.float32)
        gap = total - nearest
        return rounded(mode, nearest, np.where(np.isfinite(gap), np.where(gap == 0, lost, gap), F64(0)))
    return step


def _fma_parts(a, b, c):
    product, lost = two_product(a, b)
    total, rest = two_sum(product, c)
    return two_sum(total, rest + lost)


EXACT = {"add": two_sum, "sub": lambda a, b: two_sum(a, -b), "mul": two_product, "fma": _fma_parts}
NEAREST = {"add": np.add, "sub": np.subtract, "mul": np.multiply}


def _saturated(asked, function):
    """.sat keeps results in [0, 1], NaN as 0; .relu cuts below 0."""
    if "sat" in asked.words:
        return lambda *values: np.fmin(np.fmax(function(*values), np.float32(0)), np.float32(1))
    if "relu" in asked.words:
        return lambda *values: np.maximum(function(*values), np.float32(0))
    return function


@instruction("add", "sub", "mul", "fma", "mad", of="float")
def arithmetic(asked):
    """a + b, a - b, a b, a b + c, in the rounding that the opcode names."""
    name = "fma" if asked.name == "mad" else asked.name
    mode = asked.one_of("rz", "rm", "rp")
    if mode:
        function = _directed(mode, EXACT[name])
    elif name != "fma":
        function = NEAREST[name]
    else:
        function = fma_float64 if asked.type == "f64" else fma_float32
    return plain(asked, in_float32(asked.type, _saturated(asked, function)), 3 if name == "fma" else 2)


FUNCTIONS = {
    "div": np.divide, "rcp": np.reciprocal, "sqrt": np.sqrt, "ex2": np.exp2, "lg2": np.log2, "sin": np.sin,
    "cos": np.cos, "tanh": np.tanh,
    "rsqrt": lambda a: (1 / np.sqrt(a.astype(F64))).astype(a.dtype),
}


@instruction(*FUNCTIONS, of="float")
def function(asked):
    """Quotients, roots, powers of two and angles, to the nearest number whatever the opcode promises."""
    if asked.one_of("rz", "rm", "rp"):
        raise asked.unknown()
    called = _saturated(asked, FUNCTIONS[asked.name])
    return plain(asked, in_float32(asked.type, called), 2 if asked.name == "div" else 1)


@instruction("abs", "neg", of="float")
def sign(asked):
    """|a| or -a: the highest bit of each number, cleared or turned."""
    u = unsigned(asked.dtype)
    top = 1 << (8 * u.itemsize - 1)
    if asked.type in ("f16x2", "bf16x2"):
        top |= 1 << 15
    if asked.name == "abs":
        keep = u.type(top ^ (2 ** (8 * u.itemsize) - 1))
        return Operation(lambda a: a & keep, (u,), (u,)) if asked.type in SMALL_FLOATS else plain(asked, np.abs, 1)
    turn = u.type(top)
    return Operation(lambda a: a ^ turn, (u,), (u,)) if asked.type in SMALL_FLOATS else plain(asked, np.negative, 1)


@instruction("min", "max", of="float")
def extreme(asked):
    """The smaller or larger number; of a number and NaN the number, with .NaN the NaN."""
    if "NaN" in asked.words:
        pair = np.minimum if asked.name == "min" else np.maximum
    else:
        pair = np.fmin if asked.name == "min" else np.fmax
    if "abs" in asked.words or "xorsign" in asked.words:
        raise asked.unknown()

    def step(a, b, *c):
        return pair(pair(a, b), c[0]) if c else pair(a, b)

    return plain(asked, in_float32(asked.type, _saturated(asked, step)), len(asked.operands) - 1)


@instruction("copysign")
def copysign(asked):
    """b with the sign of a."""
    return plain(asked, lambda a, b: np.copysign(b, a), 2)


TESTS = {
    "finite": np.isfinite, "infinite": np.isinf, "number": lambda a: ~np.isnan(a), "notanumber": np.isnan,
    "normal": lambda a: np.isfinite(a) & (np.abs(a) >= np.finfo(a.dtype).tiny),
    "subnormal": lambda a: (a != 0) & (np.abs(a) < np.finfo(a.dtype).tiny),
}


@instruction("testp")
def testp(asked):
    """Whether a number is finite, infinite, NaN, subnormal ..."""
    return Operation(TESTS[asked.one_of(*TESTS)], (DTYPES["pred"],), (asked.dtype,))
