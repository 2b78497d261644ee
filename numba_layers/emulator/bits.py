"""Logic, shifts, fields of bits and permutations of bytes.

Reference: PTX ISA, §9.7.1 (bfe, bfi, bfind, brev, clz, popc, bmsk) and §9.7.8 (logic and shift).
"""

import numpy as np

from .integers import bits_of_sign
from .ptx import Number
from .table import Operation, instruction, plain
from .types import DTYPES, unsigned

U32 = DTYPES["u32"]
LOGIC = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}


@instruction("and", "or", "xor")
def logic(asked):
    """Bit by bit."""
    return plain(asked, LOGIC[asked.name], 2, neutral="int")


@instruction("not")
def invert(asked):
    """Every bit turned."""
    return plain(asked, np.invert, 1, neutral="int")


@instruction("cnot")
def cnot(asked):
    """1 where a is 0, else 0."""
    return plain(asked, lambda a: (a == 0).astype(a.dtype), 1)


@instruction("lop3")
def lop3(asked):
    """The logic of three words that a table of 8 bits gives."""
    table = asked.operands[4].value

    def step(a, b, c, _):
        result = np.zeros(1, np.uint32)
        for k in range(8):
            if table >> k & 1:
                result = result | ((a if k & 4 else ~a) & (b if k & 2 else ~b) & (c if k & 1 else ~c))
        return result

    return plain(asked, step, 4)


@instruction("shl", "shr")
def shift(asked):
    """a << b or a >> b; all bits leave where b is the width or more."""
    function = np.left_shift if asked.name == "shl" else np.right_shift
    d = asked.dtype
    width = 8 * d.itemsize
    neutral = "int" if asked.name == "shl" else ""
    if isinstance(asked.operands[2], Number) and 0 <= asked.operands[2].value < width:
        return plain(asked, function, 2, neutral)
    limit = np.array([width], np.uint32)
    return Operation(lambda a, b: function(a, np.minimum(b, limit).astype(d)), (d,), (d, U32))


@instruction("shf")
def funnel(asked):
    """Bits of the pair (b, a) shifted, of which one word stays; .wrap counts modulo 32, .clamp stops at 32."""
    left, wraps = "l" in asked.words, "wrap" in asked.words

    def step(a, b, c):
        count = ((c & np.uint32(31)) if wraps else np.minimum(c, np.uint32(32))).astype(np.uint64)
        pair = (b.astype(np.uint64) << np.uint64(32)) | a
        if left:
            return ((pair << count) >> np.uint64(32)).astype(np.uint32)
        return (pair >> count).astype(np.uint32)

    return plain(asked, step, 3)


@instruction("bfe")
def extract(asked):
    """`length` bits of a from `start` on, the sign filled up if the type has one."""
    d = asked.dtype
    width = 8 * d.itemsize
    u = unsigned(d)

    def step(a, start, length):
        start = np.minimum(start & U32.type(255), U32.type(width)).astype(u)
        length = np.minimum(length & U32.type(255), U32.type(width)).astype(u)
        length = np.minimum(length, u.type(width) - start)   # what the word has of it
        mask = (u.type(1) << length) - u.type(1)
        field = (a.view(u) >> start) & mask
        if d.kind == "u":
            return field
        negative = (a.view(u) >> (start + length - u.type(1))) & u.type(1)
        return np.where((length > 0) & negative.astype(bool), field | ~mask, field).view(d)

    return Operation(step, (d,), (d, U32, U32))


@instruction("bfi")
def insert(asked):
    """b with `length` bits from `start` on replaced by the lowest of a."""
    d = asked.dtype
    one, width = d.type(1), U32.type(8 * d.itemsize)

    def step(a, b, start, length):
        start = np.minimum(start & U32.type(255), width).astype(d)
        length = np.minimum(length & U32.type(255), width).astype(d)
        mask = ((one << length) - one) << start
        return (b & ~mask) | ((a << start) & mask)

    return Operation(step, (d,), (d, d, U32, U32))


@instruction("bmsk")
def mask(asked):
    """A word with `length` ones from `start` on."""
    wraps = "wrap" in asked.words

    def step(start, length):
        start, length = ((n & U32.type(31)) if wraps else np.minimum(n, U32.type(32)) for n in (start, length))
        return ((U32.type(1) << length) - U32.type(1)) << start

    return plain(asked, step, 2)


def bit_length(a):
    """How many bits a number has up to its highest 1; 0 for 0."""
    a = a.view(unsigned(a.dtype))
    length = np.zeros(a.shape, np.uint32)
    for half in (32, 16, 8, 4, 2, 1):
        if half < 8 * a.dtype.itemsize:
            upper = a >> a.dtype.type(half)
            above = upper != 0
            a = np.where(above, upper, a)
            length += above.astype(np.uint32) * np.uint32(half)
    return length + (a != 0).astype(np.uint32)


@instruction("clz")
def clz(asked):
    """How many zeros stand above the highest 1."""
    width = U32.type(8 * asked.dtype.itemsize)
    return Operation(lambda a: width - bit_length(a), (U32,), (asked.dtype,))


@instruction("bfind")
def bfind(asked):
    """The place of the highest bit that is not the sign's, or its distance from the top (.shiftamt)."""
    top = U32.type(8 * asked.dtype.itemsize - 1)

    def step(a):
        length = bit_length(a ^ bits_of_sign(a) if a.dtype.kind == "i" else a)
        place = length - U32.type(1)
        return np.where(length == 0, place, top - place) if "shiftamt" in asked.words else place

    return Operation(step, (U32,), (asked.dtype,))


@instruction("popc")
def popc(asked):
    """How many ones a word has."""
    return Operation(ones, (U32,), (asked.dtype,))


def ones(a):
    """How many ones each unsigned number has."""
    a = a.astype(np.uint64)
    for shift, pattern in ((1, 0x5555555555555555), (2, 0x3333333333333333), (4, 0x0F0F0F0F0F0F0F0F)):
        pattern = np.uint64(pattern)
        a = (a & pattern) + ((a >> np.uint64(shift)) & pattern)
    return ((a * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint32)


@instruction("brev")
def brev(asked):
    """The bits in reverse order."""
    def step(a):
        octets = np.ascontiguousarray(a).view(np.uint8).reshape(a.size, -1)
        turned = np.packbits(np.unpackbits(octets, axis=1)[:, ::-1], axis=1)
        return np.ascontiguousarray(turned).view(a.dtype).reshape(-1)
    return plain(asked, step, 1)


@instruction("prmt")
def permute(asked):
    """Four bytes chosen from the eight of a and b; bit 3 of a choice spreads that byte's sign."""
    mode = asked.one_of("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")

    def step(a, b, c):
        pair = (b.astype(np.uint64) << np.uint64(32)) | a
        result = np.zeros(1, np.uint64)
        for k in range(4):
            choice = _choice(mode, k, c).astype(np.uint64)
            byte = (pair >> ((choice & np.uint64(7)) * np.uint64(8))) & np.uint64(255)
            sign = np.where(byte >> np.uint64(7) != 0, np.uint64(255), np.uint64(0))
            result = result | (np.where(choice & np.uint64(8), sign, byte) << np.uint64(8 * k))
        return result.astype(np.uint32)

    return Operation(step, (U32,), (U32,) * 3)


def _choice(mode, k, c):
    """Which byte goes to place k."""
    n = c & np.uint32(3)
    k = np.uint32(k)
    if mode is None:
        return (c >> (np.uint32(4) * k)) & np.uint32(15)
    if mode == "f4e":
        return n + k
    if mode == "b4e":
        return (n - k) & np.uint32(7)
    if mode == "rc8":
        return n
    if mode == "ecl":
        return np.maximum(n, k)
    if mode == "ecr":
        return np.minimum(n, k)
    return (n & np.uint32(1)) * np.uint32(2) + (k & np.uint32(1))   # rc16


@instruction("szext")
def szext(asked):
    """The lowest b bits of a, with their sign if the type has one."""
    d = asked.dtype
    wraps = "wrap" in asked.words

    def step(a, b):
        count = (b & U32.type(31)) if wraps else np.minimum(b, U32.type(32))
        space = (U32.type(32) - count).astype(d)
        return (a << space) >> space

    return Operation(step, (d,), (d, U32))
