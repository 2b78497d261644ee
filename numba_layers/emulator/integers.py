"""Arithmetic of integers, with carries and high halves.

Reference: PTX ISA, §9.7.1 (integer arithmetic) and §9.7.2 (extended precision).
"""

import numpy as np

from .table import Operation, instruction, plain
from .types import DTYPES, signed, unsigned


def wider(dtype):
    """The integer type of twice the width."""
    return np.dtype(f"{dtype.kind}{2 * dtype.itemsize}")


def high(a, b):
    """The upper half of a product of integers."""
    if a.dtype.itemsize < 8:
        bits = 8 * a.dtype.itemsize
        return ((a.astype(wider(a.dtype)) * b) >> bits).astype(a.dtype)
    x, y = a.view(np.uint64), b.view(np.uint64)
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    middle = (x >> half) * (y & low) + (((x & low) * (y & low)) >> half)
    other = (x & low) * (y >> half) + (middle & low)
    result = (x >> half) * (y >> half) + (middle >> half) + (other >> half)
    if a.dtype.kind == "i":   # a number below 0 was read as 2**64 too much
        result = result - np.where(a < 0, y, np.uint64(0)) - np.where(b < 0, x, np.uint64(0))
    return result.view(a.dtype)


def wide(a, b):
    """The whole product, in twice the width."""
    return a.astype(wider(a.dtype)) * b.astype(wider(b.dtype))


def add_carry(a, b, carry):
    """a + b + carry and whether it overflows; the carry is 0 or 1 in uint32."""
    once = a + b
    total = once + carry.astype(a.dtype)
    return total, ((once < a) | (total < once)).astype(np.uint32)


def subtract_borrow(a, b, borrow):
    """a - b - borrow and whether it falls below 0."""
    once = a - b
    total = once - borrow.astype(a.dtype)
    return total, ((a < b) | (total > once)).astype(np.uint32)


NO_CARRY = np.zeros(1, np.uint32)


def _with_carry(asked, function, sources):
    """An operation whose last step is `function(a, b, carry)`, with the flag in and out as the opcode says."""
    enters, leaves = asked.name.endswith("c"), "cc" in asked.words
    count = len(sources)

    def step(*values):
        result, carry = function(*values[:count], values[count] if enters else NO_CARRY)
        return (result, carry) if leaves else result

    flags = " ".join(["in"] * enters + ["out"] * leaves)
    return Operation(step, (unsigned(asked.dtype),), sources, carry=flags)


def _clamped(function):
    """32-bit arithmetic that stops at the ends of its range (.sat)."""
    return lambda a, b: np.clip(function(a.astype(np.int64), b), -2**31, 2**31 - 1).astype(np.int32)


@instruction("add", "sub", "addc", "subc")
def add(asked):
    """a + b or a - b, with .cc and in addc and subc the carry flag."""
    adds = asked.name.startswith("add")
    if asked.name.endswith("c") or "cc" in asked.words:
        return _with_carry(asked, add_carry if adds else subtract_borrow, (unsigned(asked.dtype),) * 2)
    function = np.add if adds else np.subtract
    if "sat" in asked.words:
        return plain(asked, _clamped(function), 2)
    return plain(asked, function, 2, neutral="int")


@instruction("mul")
def mul(asked):
    """The low or high half of a b, or all of it (.wide)."""
    if "wide" in asked.words:
        return Operation(wide, (wider(asked.dtype),), (asked.dtype,) * 2)
    if "hi" in asked.words:
        return plain(asked, high, 2)
    return plain(asked, np.multiply, 2, neutral="int")


@instruction("mad", "madc")
def mad(asked):
    """a b + c, of the low or high half of the product or all of it."""
    d = asked.dtype
    if "wide" in asked.words:
        return Operation(lambda a, b, c: wide(a, b) + c, (wider(d),), (d, d, wider(d)))
    part = high if "hi" in asked.words else np.multiply
    if asked.name == "madc" or "cc" in asked.words:
        return _with_carry(asked, lambda a, b, c, carry: add_carry(part(a, b).view(c.dtype), c, carry),
                           (d, d, unsigned(d)))
    return plain(asked, lambda a, b, c: part(a, b) + c, 3, neutral="" if part is high else "int")


@instruction("mul24", "mad24")
def mul24(asked):
    """The product of the lowest 24 bits, its low 32 bits or those from 16 on, and c added."""
    shift = np.int64(16 if "hi" in asked.words else 0)
    up = np.array([8], asked.dtype)

    def step(a, b, *c):
        a, b = ((x << up) >> up for x in (a, b))   # the sign of 24 bits, or none
        product = ((a.astype(np.int64) * b) >> shift).astype(asked.dtype)
        return product + c[0] if c else product

    return plain(asked, step, 3 if asked.name == "mad24" else 2)


@instruction("div")
def div(asked):
    """a / b cut towards 0; all bits are set where b is 0."""
    def step(a, b):
        quotient = np.floor_divide(a - np.fmod(a, b), b)
        return np.where(b == 0, np.full(1, -1).astype(asked.dtype), quotient)
    return plain(asked, step, 2)


@instruction("rem")
def rem(asked):
    """What a / b leaves, with the sign of a; a where b is 0."""
    return plain(asked, lambda a, b: np.where(b == 0, a, np.fmod(a, b)), 2)


@instruction("abs", of="int")
def absolute(asked):
    """|a|."""
    return plain(asked, np.abs, 1)


@instruction("neg", of="int")
def neg(asked):
    """-a."""
    return plain(asked, np.negative, 1, neutral="int")


@instruction("min", "max", of="int")
def extreme(asked):
    """The smaller or larger of integers; .relu cuts at 0."""
    function = np.minimum if asked.name == "min" else np.maximum
    if "relu" in asked.words:
        return plain(asked, lambda a, b: np.maximum(function(a, b), np.zeros(1, a.dtype)), 2)
    return plain(asked, function, 2)


@instruction("sad")
def sad(asked):
    """|a - b| + c."""
    return plain(asked, lambda a, b, c: np.maximum(a, b) - np.minimum(a, b) + c, 3)


@instruction("dp4a", "dp2a")
def dot(asked):
    """c plus the sum of products of four bytes (dp4a), or of two halves of a with two bytes of b (dp2a)."""
    a_type, b_type = (np.dtype(asked.types[k][0].replace("s", "i") + "1") for k in (0, 1))
    a_type = a_type if asked.name == "dp4a" else np.dtype(f"{a_type.kind}2")
    first = 2 if "hi" in asked.words else 0
    result = DTYPES["s32"] if "i" in (a_type.kind, b_type.kind) else DTYPES["u32"]

    def step(a, b, c):
        a = a.reshape(-1, 1).view(a_type).astype(np.int64)
        b = b.reshape(-1, 1).view(b_type).astype(np.int64)
        if asked.name == "dp2a":
            b = b[:, first:first + 2]
        return (a * b).sum(1).astype(result) + c

    return Operation(step, (result,), (DTYPES["u32"], DTYPES["u32"], result))


def bits_of_sign(a):
    """All ones where the number is below 0."""
    return a.view(signed(a.dtype)) >> np.array([8 * a.dtype.itemsize - 1], signed(a.dtype))
