"""Integer arithmetic and bits against Python's own integers, on numbers around the ends of each type."""

import numpy as np
import pytest

from tests.emulator.snippets import compute


def samples(kind, n=64):
    """The ends of a type, small numbers and random ones."""
    dtype = np.dtype(f"{'i' if kind[0] == 's' else 'u'}{int(kind[1:]) // 8}")
    ends = np.iinfo(dtype)
    random = np.random.RandomState(3)
    fixed = [ends.min, ends.max, 0, 1, 2, 3, 7, ends.max // 2] + ([-1, -2, -7] if kind[0] == "s" else [])
    values = fixed + [int(v) for v in random.randint(ends.min, ends.max, n - len(fixed), dtype=dtype)]
    return np.array(values, dtype)


def pairs(kind):
    a = samples(kind)
    return a, np.random.RandomState(4).permutation(a)


def wrapped(values, kind):
    dtype = samples(kind).dtype
    return np.array([value % (1 << 8 * dtype.itemsize) for value in values], f"u{dtype.itemsize}").view(dtype)


def cut(a, b):
    """a / b towards 0."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


KINDS = ["s32", "u32", "s64", "u64", "s16", "u16"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name, meaning", [
    ("add", lambda a, b: a + b), ("sub", lambda a, b: a - b), ("mul.lo", lambda a, b: a * b),
    ("min", min), ("max", max), ("div", lambda a, b: cut(a, b) if b else -1),
    ("rem", lambda a, b: a - cut(a, b) * b if b else a)])
def test_arithmetic(name, meaning, kind):
    a, b = pairs(kind)
    got = compute(f"{name}.{kind} d, a, b;", a.dtype, a=a, b=b)
    np.testing.assert_array_equal(got, wrapped([meaning(int(x), int(y)) for x, y in zip(a, b)], kind))


@pytest.mark.parametrize("kind", KINDS)
def test_high_half(kind):
    a, b = pairs(kind)
    got = compute(f"mul.hi.{kind} d, a, b;", a.dtype, a=a, b=b)
    width = 8 * a.dtype.itemsize
    np.testing.assert_array_equal(got, wrapped([int(x) * int(y) >> width for x, y in zip(a, b)], kind))


@pytest.mark.parametrize("kind, wide", [("s32", "s64"), ("u32", "u64"), ("s16", "s32"), ("u16", "u32")])
def test_wide_products(kind, wide):
    a, b = pairs(kind)
    c = samples(wide)
    expected = [int(x) * int(y) for x, y in zip(a, b)]
    np.testing.assert_array_equal(compute(f"mul.wide.{kind} d, a, b;", c.dtype, a=a, b=b), wrapped(expected, wide))
    np.testing.assert_array_equal(compute(f"mad.wide.{kind} d, a, b, c;", c.dtype, a=a, b=b, c=c),
                                  wrapped([e + int(z) for e, z in zip(expected, c)], wide))


@pytest.mark.parametrize("kind", ["s32", "u32", "s64", "u64"])
@pytest.mark.parametrize("part", ["lo", "hi"])
def test_multiply_add(part, kind):
    a, b = pairs(kind)
    c = a[::-1].copy()
    shift = 8 * a.dtype.itemsize if part == "hi" else 0
    got = compute(f"mad.{part}.{kind} d, a, b, c;", a.dtype, a=a, b=b, c=c)
    np.testing.assert_array_equal(got, wrapped([(int(x) * int(y) >> shift) + int(z) for x, y, z in zip(a, b, c)],
                                               kind))


def test_carries_through_128_bits():
    a, b, c, d = (np.random.RandomState(k).randint(0, 2**63, 40, dtype=np.uint64) for k in range(4))
    a[:4], c[:4] = 2**64 - 1, [0, 1, 2**64 - 1, 2**63]
    got = compute("add.cc.u64 low, a, c; addc.u64 high, b, d; sub.cc.u64 less, a, c; subc.u64 rest, b, d;",
                  dict.fromkeys(("low", "high", "less", "rest"), "u8"), a=a, b=b, c=c, d=d)
    for k in range(40):
        one, two = int(a[k]) + (int(b[k]) << 64), int(c[k]) + (int(d[k]) << 64)
        assert int(got["low"][k]) + (int(got["high"][k]) << 64) == (one + two) % 2**128
        assert int(got["less"][k]) + (int(got["rest"][k]) << 64) == (one - two) % 2**128


def test_carries_of_products():
    a, b = pairs("u32")
    c = a[::-1].copy()
    got = compute("mad.lo.cc.u32 low, a, b, c; madc.hi.u32 high, a, b, 0;", {"low": "u4", "high": "u4"}, a=a, b=b, c=c)
    for k in range(a.size):
        assert int(got["low"][k]) + (int(got["high"][k]) << 32) == int(a[k]) * int(b[k]) + int(c[k])


@pytest.mark.parametrize("text, kind, meaning", [
    ("add.sat.s32 d, a, b;", "s32", lambda a, b: min(max(a + b, -2**31), 2**31 - 1)),
    ("sub.sat.s32 d, a, b;", "s32", lambda a, b: min(max(a - b, -2**31), 2**31 - 1)),
    ("abs.s32 d, a;", "s32", lambda a, b: abs(a)), ("neg.s64 d, a;", "s64", lambda a, b: -a),
    ("sad.u32 d, a, b, 5;", "u32", lambda a, b: abs(a - b) + 5),
    ("mul24.lo.u32 d, a, b;", "u32", lambda a, b: (a % 2**24) * (b % 2**24)),
    ("not.b32 d, a;", "u32", lambda a, b: ~a), ("and.b32 d, a, b;", "u32", lambda a, b: a & b),
    ("or.b64 d, a, b;", "u64", lambda a, b: a | b), ("xor.b16 d, a, b;", "u16", lambda a, b: a ^ b),
    ("cnot.b32 d, a;", "u32", lambda a, b: int(a == 0)),
    ("lop3.b32 d, a, b, a, 0x96;", "u32", lambda a, b: b), ("lop3.b32 d, a, b, 255, 0xCA;", "u32",
                                                            lambda a, b: (a & b) | (~a & 255)),
    ("shl.b32 d, a, 5;", "u32", lambda a, b: a << 5), ("shr.s32 d, a, 5;", "s32", lambda a, b: a >> 5),
    ("shr.u64 d, a, 63;", "u64", lambda a, b: a >> 63), ("shl.b32 d, a, 32;", "u32", lambda a, b: 0),
    ("shr.s32 d, a, 99;", "s32", lambda a, b: -(a < 0)),
    ("bfi.b32 d, a, b, 4, 8;", "u32", lambda a, b: (b & ~0xFF0) | ((a & 0xFF) << 4)),
    ("bfe.u32 d, a, 4, 8;", "u32", lambda a, b: (a >> 4) & 0xFF),
    ("bfe.s32 d, a, 4, 8;", "s32", lambda a, b: ((a >> 4) & 0xFF) - ((a >> 11) & 1) * 256),
    ("bfe.u64 d, a, 60, 20;", "u64", lambda a, b: a >> 60), ("bfe.s32 d, a, 28, 20;", "s32", lambda a, b: a >> 28),
    ("bfe.s32 d, a, 3, 0;", "s32", lambda a, b: 0),
    ("brev.b32 d, a;", "u32", lambda a, b: int(f"{a:032b}"[::-1], 2)),
    ("brev.b64 d, a;", "u64", lambda a, b: int(f"{a:064b}"[::-1], 2)),
    ("prmt.b32 d, a, b, 0x5410;", "u32", lambda a, b: (a & 0xFFFF) | (b & 0xFFFF) << 16),
    ("prmt.b32 d, a, b, 0x0123;", "u32", lambda a, b: int.from_bytes(a.to_bytes(4, "little"), "big")),
    ("prmt.b32 d, a, b, 0x8888;", "u32", lambda a, b: 0xFFFFFFFF if a & 0x80 else 0),
    ("bmsk.clamp.b32 d, a, 3;", "u32", lambda a, b: 7 << a if a < 32 else 0),
    ("szext.wrap.s32 d, a, 8;", "s32", lambda a, b: (a & 255) - 256 * ((a >> 7) & 1)),
    ("shf.l.wrap.b32 d, a, b, 7;", "u32", lambda a, b: ((b << 32 | a) << 7) >> 32),
    ("shf.r.clamp.b32 d, a, b, 40;", "u32", lambda a, b: b),
])
def test_one_operation(text, kind, meaning):
    a, b = pairs(kind)
    got = compute(text, a.dtype, a=a, b=b)
    np.testing.assert_array_equal(got, wrapped([meaning(int(x), int(y)) for x, y in zip(a, b)], kind))


@pytest.mark.parametrize("kind", ["u32", "s32", "u64", "s64"])
def test_counting_bits(kind):
    a = samples(kind)
    width = 8 * a.dtype.itemsize
    got = compute(f"clz.b{width} zeros, a; popc.b{width} ones, a; bfind.{kind} top, a; bfind.shiftamt.{kind} far, a;",
                  dict.fromkeys(("zeros", "ones", "top", "far"), "u4"), a=a)
    for k, value in enumerate(a.tolist()):
        bits = value % (1 << width)
        magnitude = (~value if value < 0 else value)
        assert got["zeros"][k] == width - bits.bit_length()
        assert got["ones"][k] == bits.bit_count()
        assert got["top"][k] == (magnitude.bit_length() - 1) % 2**32
        assert got["far"][k] == ((width - magnitude.bit_length()) if magnitude else 2**32 - 1)


def test_shifts_by_registers():
    a, b = samples("u64"), np.arange(64, dtype=np.uint32) * 3
    np.testing.assert_array_equal(compute("shl.b64 d, a, b;", "u8", a=a, b=b),
                                  wrapped([int(x) << int(y) if y < 64 else 0 for x, y in zip(a, b)], "u64"))
    c = a.view(np.int64)
    np.testing.assert_array_equal(compute("shr.s64 d, c, b;", "i8", c=c, b=b),
                                  wrapped([int(x) >> int(y) for x, y in zip(c, b)], "s64"))


def test_sums_of_bytes():
    a, b = pairs("u32")
    c = samples("s32")
    got = compute("dp4a.s32.s32 d, a, b, c;", "i4", a=a, b=b, c=c)
    dots = (a.view(np.int8).reshape(-1, 4).astype(int) * b.view(np.int8).reshape(-1, 4)).sum(1)
    np.testing.assert_array_equal(got, wrapped([int(x) + int(y) for x, y in zip(dots, c)], "s32"))
    got = compute("dp2a.lo.u32.u32 d, a, b, 0;", "u4", a=a, b=b)
    halves = (a.view(np.uint16).reshape(-1, 2).astype(int) * b.view(np.uint8).reshape(-1, 4)[:, :2]).sum(1)
    np.testing.assert_array_equal(got, halves)
