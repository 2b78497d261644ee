"""Comparisons, and choices by their outcome.

A float comparison is false where a number is NaN; the ones that end in 'u' are true there.
Reference: PTX ISA, §9.7.6.
"""

import numpy as np

from .ptx import Vector
from .table import Operation, instruction
from .types import DTYPES, widened

PRED = DTYPES["pred"]


def _unordered(a, b):
    return np.isnan(a) | np.isnan(b)


COMPARE = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "lo": np.less, "ls": np.less_equal, "hi": np.greater, "hs": np.greater_equal,
}
COMPARE_FLOATS = {
    **COMPARE, "ne": lambda a, b: (a < b) | (a > b), "neu": np.not_equal,
    "equ": lambda a, b: (a == b) | _unordered(a, b), "ltu": lambda a, b: ~(a >= b), "leu": lambda a, b: ~(a > b),
    "gtu": lambda a, b: ~(a <= b), "geu": lambda a, b: ~(a < b), "num": lambda a, b: ~_unordered(a, b),
    "nan": _unordered,
}
JOIN = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}


def _compared(asked):
    """The comparison that an opcode names, joined with a predicate c where it says so, and its dtypes."""
    dtype = asked.dtype
    names = COMPARE_FLOATS if dtype.kind == "f" or asked.type == "bf16" else COMPARE
    compare = names[asked.instruction.parts[1]]
    if asked.type == "bf16":
        compare = _widening(compare)
    join = JOIN.get(asked.one_of(*JOIN))
    return compare, join, (dtype, dtype) + (PRED,) * (join is not None)


def _widening(compare):
    return lambda a, b: compare(widened("bf16", a), widened("bf16", b))


@instruction("setp")
def setp(asked):
    """p = a < b (or another comparison), joined with c; q the same of the comparison's opposite."""
    if asked.type in ("f16x2", "bf16x2"):
        raise asked.unknown()
    compare, join, sources = _compared(asked)
    both = isinstance(asked.operands[0], Vector)

    def step(a, b, *c):
        outcome = compare(a, b)
        opposite = ~outcome
        if join:
            outcome, opposite = join(outcome, c[0]), join(opposite, c[0])
        return (outcome, opposite) if both else outcome

    if not join and not both:
        step = compare
    return Operation(step, (PRED,) * (1 + both), sources)


@instruction("set")
def set_(asked):
    """A register with all bits set (1.0 in a float) where the comparison holds, else 0."""
    kind = asked.types[0]
    compare, join, sources = _compared(asked)
    true = DTYPES[kind].type(1) if kind == "f32" else np.array(-1).astype(DTYPES[kind])

    def step(a, b, *c):
        outcome = compare(a, b)
        return np.where(join(outcome, c[0]) if join else outcome, true, DTYPES[kind].type(0))

    return Operation(step, (DTYPES[kind],), sources)


def choose(a, b, p):
    """a where p holds, else b."""
    if p.size == 1:
        return a if p[0] else b
    return np.where(p, a, b)


@instruction("selp")
def selp(asked):
    """a where p holds, else b."""
    return Operation(choose, (asked.dtype,), (asked.dtype, asked.dtype, PRED), neutral="any")


@instruction("slct")
def slct(asked):
    """a where c >= 0, else b."""
    d, c_type = DTYPES[asked.types[0]], DTYPES[asked.types[1]]
    return Operation(lambda a, b, c: np.where(c >= 0, a, b), (d,), (d, d, c_type))
