"""Moves between registers, packing, and conversions between types and between address spaces.

Reference: PTX ISA, §9.7.9 (mov, cvt, cvta, isspacep).
"""

import numpy as np

from .floats import rounded
from .memory import SPACES, WINDOW
from .ptx import Register, Vector
from .table import Operation, instruction, plain
from .types import DTYPES, FLOATS, bfloat16, unsigned, widened

CLOCKS = frozenset({"%clock", "%clock_hi", "%clock64", "%globaltimer", "%globaltimer_lo"})
TO_INTEGER = {"rzi": np.trunc, "rni": np.rint, "rmi": np.floor, "rpi": np.ceil}
U64 = DTYPES["u64"]


@instruction("mov")
def mov(asked):
    """A copy; {a, b} as one register, or one register as {a, b}."""
    to, source = asked.operands
    d = asked.dtype
    if isinstance(to, Vector):
        part = np.dtype(f"u{d.itemsize // len(to.parts)}")
        return Operation(lambda a: tuple(a.reshape(-1, 1).view(part).T.copy()), (part,) * len(to.parts), (unsigned(d),))
    if isinstance(source, Vector):
        part = np.dtype(f"u{d.itemsize // len(source.parts)}")
        return Operation(lambda *values: pack(values, unsigned(d)), (unsigned(d),), (part,) * len(source.parts))
    if isinstance(source, Register) and source.name in CLOCKS:
        return Operation(lambda g: np.full(1, g.batch.steps, d), (d,), (), grouped=True)
    return Operation(copy, (d,), (d,), neutral="any")


def copy(a):
    """The array itself: arrays in registers are never written into."""
    return a


def pack(values, dtype):
    """Several short registers side by side in one, the first lowest."""
    return np.stack(np.broadcast_arrays(*values), axis=1).view(dtype).reshape(-1)


@instruction("cvt")
def cvt(asked):
    """A number in another type: rounded as the opcode says, kept within the type's range."""
    if len(asked.types) != 2 or "satfinite" in asked.words:
        raise asked.unknown()
    to, source = asked.types
    result, given = DTYPES[to], DTYPES[source]
    if to == "tf32":
        return Operation(to_tf32 if "rna" in asked.words else to_tf32_even, (result,), (given,))
    if to in ("f16x2", "bf16x2"):
        half = _to_float(asked, to[:-2])
        return Operation(lambda a, b: pack((half(b).view(np.uint16), half(a).view(np.uint16)), result),
                         (result,), (given,) * 2)
    if to in FLOATS:
        return Operation(_to_float(asked, to), (result,), (given,))
    return Operation(_to_integer(asked, result), (result,), (given,))


def to_tf32(a):
    """float32 with 10 bits of fraction, ties away from 0, as bits."""
    return (a.view(np.uint32) + np.uint32(0x1000)) & np.uint32(0xFFFFE000)


def to_tf32_even(a):
    """float32 with 10 bits of fraction, ties to even, as bits."""
    bits = a.view(np.uint32)
    return (bits + np.uint32(0x0FFF) + ((bits >> np.uint32(13)) & np.uint32(1))) & np.uint32(0xFFFFE000)


def _to_float(asked, to):
    source = asked.types[1]
    mode = asked.one_of("rz", "rm", "rp")
    whole = TO_INTEGER.get(asked.one_of(*TO_INTEGER))

    def step(a):
        if source in ("bf16", "f16"):
            a = widened(source, a)
        if whole:
            a = whole(a)
        if "relu" in asked.words:
            a = np.maximum(a, a.dtype.type(0))
        if "sat" in asked.words:
            a = np.fmin(np.fmax(a, a.dtype.type(0)), a.dtype.type(1))
        if to == "bf16":
            return _bfloat16_directed(a, mode) if mode else bfloat16(a)
        nearest = a.astype(DTYPES[to])
        if not mode:
            return nearest
        exact = a.astype(np.longdouble) if a.dtype.kind in "iu" else a
        return rounded(mode, nearest, np.nan_to_num(exact - nearest.astype(exact.dtype)))

    return step


def _bfloat16_directed(a, mode):
    nearest = bfloat16(a)
    back = widened("bf16", nearest)
    cut = a.view(np.uint32) & np.uint32(0xFFFF0000)   # rounded to 0
    away = cut + np.where(cut != a.view(np.uint32), np.uint32(0x10000), np.uint32(0))
    outward = {"rz": np.zeros(1, bool), "rm": a < 0, "rp": a > 0}[mode]
    result = np.where(outward, away, cut) >> np.uint32(16)
    return np.where(np.isfinite(back), result.astype(np.uint16), nearest)


def _to_integer(asked, result):
    ends = np.iinfo(result)
    if asked.types[1] not in FLOATS:
        if "sat" not in asked.words:
            return lambda a: a.astype(result)
        return lambda a: _clipped(a, ends).astype(result)
    whole = TO_INTEGER[asked.one_of(*TO_INTEGER)]
    invalid = 0 if asked.types[1] != "f64" and result.itemsize < 8 else 1 << (8 * result.itemsize - 1)
    invalid = np.array(invalid, np.uint64).astype(result)

    def step(a):
        if asked.types[1] in ("bf16", "f16"):
            a = widened(asked.types[1], a)
        a = whole(a.astype(np.float64))
        low, high = a <= float(ends.min), a >= float(ends.max)
        inside = np.where(low | high | np.isnan(a), 0.0, a).astype(result)
        inside = np.where(low, result.type(ends.min), np.where(high, result.type(ends.max), inside))
        return np.where(np.isnan(a), invalid, inside)

    return step


def _clipped(a, ends):
    """Integers within the range of another type."""
    own = np.iinfo(a.dtype)
    low, high = max(ends.min, own.min), min(ends.max, own.max)
    return np.clip(a, a.dtype.type(low), a.dtype.type(high))


@instruction("cvt.pack")
def cvt_pack(asked):
    """Two integers clipped to 16 or 8 bits, packed above what c holds."""
    to, source = DTYPES[asked.types[0]], DTYPES[asked.types[1]]
    ends, width = np.iinfo(to), 8 * to.itemsize
    u = unsigned(to)

    def step(a, b, *c):
        upper, lower = (_clipped(x, ends).astype(to).view(u).astype(np.uint32) for x in (a, b))
        below = c[0] << np.uint32(2 * width) if c else np.uint32(0)
        return below | (upper << np.uint32(width)) | lower

    more = (DTYPES["u32"],) * (len(asked.operands) == 4)
    return Operation(step, (DTYPES["u32"],), (source, source, *more))


@instruction("cvta")
def cvta(asked):
    """An address in a space as a generic one, or (.to) the reverse."""
    window = WINDOW[asked.one_of(*SPACES, default="global")]
    if not window:
        return Operation(copy, (asked.dtype,), (asked.dtype,), neutral="int")
    move = asked.dtype.type(window)
    return plain(asked, (lambda a: a - move) if "to" in asked.words else (lambda a: a + move), 1)


@instruction("isspacep")
def isspacep(asked):
    """Whether a generic address points into a space."""
    window = WINDOW[asked.one_of(*SPACES)]
    return Operation(lambda a: a >> np.uint64(60) == np.uint64(window >> 60), (DTYPES["pred"],), (U64,))
