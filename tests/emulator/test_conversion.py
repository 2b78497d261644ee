"""Conversions, comparisons, choices and packing."""

import numpy as np
import pytest

from tests.emulator.snippets import compute

NUMBERS = [0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 7.9, -7.9, 255.5, -129.0, 3e9, -3e9, 1e19, -1e19, 1e20, np.inf,
           -np.inf, np.nan, 65535.5]
ROUND = {"rzi": np.trunc, "rni": np.rint, "rmi": np.floor, "rpi": np.ceil}
INTEGERS = {"s8": "i1", "u8": "u1", "s16": "i2", "u16": "u2", "s32": "i4", "u32": "u4", "s64": "i8", "u64": "u8"}


@pytest.mark.parametrize("mode", ROUND)
@pytest.mark.parametrize("to", ["s16", "u16", "s32", "u32", "s64", "u64"])
@pytest.mark.parametrize("source", ["f32", "f64"])
def test_floats_to_integers(source, to, mode):
    """Rounded as the mode says and kept in range; NaN is 0, of 64-bit types the highest bit alone."""
    a = np.array(NUMBERS, f"f{int(source[1:]) // 8}")
    ends = np.iinfo(INTEGERS[to])
    bad = 0 if source == "f32" and to[1:] != "64" else 1 << ends.bits - 1
    expected = [bad if np.isnan(v) else ends.min if v == -np.inf else ends.max if v == np.inf else
                min(max(int(ROUND[mode](v)), ends.min), ends.max) for v in a.astype(float)]
    got = compute(f"cvt.{mode}.{to}.{source} d, a;", INTEGERS[to], a=a)
    assert [int(v) % 2**ends.bits for v in got] == [v % 2**ends.bits for v in expected]


@pytest.mark.parametrize("to", ["f32", "f64"])
@pytest.mark.parametrize("source", ["s32", "u32", "s64", "u64"])
def test_integers_to_floats(source, to):
    ends = np.iinfo(INTEGERS[source])
    a = np.array([ends.min, ends.max, 0, 1, ends.max // 3, 16777217, 33554435], INTEGERS[source])
    dtype = f"f{int(to[1:]) // 8}"
    np.testing.assert_array_equal(compute(f"cvt.rn.{to}.{source} d, a;", dtype, a=a), a.astype(dtype))
    down = compute(f"cvt.rm.{to}.{source} d, a;", dtype, a=a)
    up = compute(f"cvt.rp.{to}.{source} d, a;", dtype, a=a)
    for low, value, high in zip(down, a.tolist(), up):
        assert int(low) <= value <= int(high)
        assert high == low or high == np.nextafter(low, low.dtype.type(np.inf))


@pytest.mark.parametrize("text, source, result, meaning", [
    ("cvt.s64.s32 d, a;", "i4", "i8", int), ("cvt.u64.u32 d, a;", "u4", "u8", int),
    ("cvt.u32.u64 d, a;", "u8", "u4", int), ("cvt.s32.s8 d, a;", "i4", "i4", lambda v: (v + 128) % 256 - 128),
    ("cvt.u32.u8 d, a;", "u4", "u4", lambda v: v % 256), ("cvt.sat.s16.s32 d, a;", "i4", "i2",
                                                          lambda v: min(max(v, -2**15), 2**15 - 1)),
    ("cvt.sat.u32.s32 d, a;", "i4", "u4", lambda v: max(v, 0)),
    ("cvt.u16.u32 d, a;", "u4", "u2", lambda v: v % 2**16), ("cvt.s64.s16 d, a;", "i2", "i8", int),
])
def test_integers_to_integers(text, source, result, meaning):
    ends = np.iinfo(source)
    a = np.array([ends.min, ends.max, 0, 1, 200, 127, ends.max // 3, -1 % 2**ends.bits], f"u{ends.bits // 8}",
                 ) if source[0] == "u" else np.array([ends.min, ends.max, 0, 1, 127, 128, -1, -200], source)
    width = 8 * np.dtype(result).itemsize
    got = compute(text, result, a=a)
    assert [int(v) % 2**width for v in got] == [meaning(int(v)) % 2**width for v in a]


def test_floats_to_floats():
    a = np.array(NUMBERS + [1 + 2.0**-30, 1e-45, 3.4e38, 1e39], "f8")
    with np.errstate(over="ignore"):
        b = a.astype("f4")
    np.testing.assert_array_equal(compute("cvt.rn.f32.f64 d, a;", "f4", a=a), b)
    np.testing.assert_array_equal(compute("cvt.f64.f32 d, a;", "f8", a=b), b.astype("f8"))
    assert compute("cvt.rp.f32.f64 d, a;", "f4", a=a[-4:])[0] == 1 + np.float32(2.0**-23)
    for mode, meaning in ROUND.items():
        np.testing.assert_array_equal(compute(f"cvt.{mode}.f32.f32 d, a;", "f4", a=b), meaning(b))
    np.testing.assert_array_equal(compute("cvt.sat.f32.f32 d, a;", "f4", a=b),
                                  np.where(np.isnan(b), 0, np.clip(b, 0, 1)))


def test_half_precision():
    a = np.array([1.0, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 65504, 1e6, 1e-8, np.nan, -2.7], "f4")
    with np.errstate(over="ignore"):
        half = a.astype(np.float16).view(np.uint16)
    np.testing.assert_array_equal(compute("cvt.rn.f16.f32 d, a;", "u2", a=a), half)
    np.testing.assert_array_equal(compute("cvt.f32.f16 d, a;", "f4", a=half), half.view(np.float16).astype("f4"))


def test_bfloat16():
    a = np.array([1.0, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 3.4e38, -1 - 2.0**-7, np.inf, np.nan, 0.1], "f4")
    got = compute("cvt.rn.bf16.f32 d, a;", "u2", a=a)
    np.testing.assert_array_equal(got[:6], [0x3F80, 0x3F80, 0x3F82, 0x7F80, 0xBF81, 0x7F80])
    assert got[7] == 0x3DCD and compute("cvt.rz.bf16.f32 d, a;", "u2", a=a)[7] == 0x3DCC
    back = compute("cvt.f32.bf16 d, a;", "f4", a=got)
    np.testing.assert_array_equal(back.view(np.uint32), got.astype(np.uint32) << 16)
    both = compute("cvt.rn.bf16x2.f32 d, a, b;", "u4", a=a, b=a[::-1].copy())
    np.testing.assert_array_equal(both >> 16, got)
    np.testing.assert_array_equal(both & 0xFFFF, got[::-1])


def test_tf32_ties_go_away_from_zero():
    bits = np.array([0x3F800FFF, 0x3F801000, 0x3F802000, 0xBF801000], np.uint32)
    np.testing.assert_array_equal(compute("cvt.rna.tf32.f32 d, a;", "u4", a=bits.view("f4")),
                                  [0x3F800000, 0x3F802000, 0x3F802000, 0xBF802000])


COMPARE = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
           "ge": np.greater_equal}


@pytest.mark.parametrize("name", COMPARE)
def test_comparisons_of_floats(name):
    """False where one is NaN; those that end in 'u' are true there."""
    a, b = (x.ravel().copy() for x in np.meshgrid(*[np.array([0.0, -0.0, 1.0, np.inf, np.nan], "f4")] * 2))
    unordered = np.isnan(a) | np.isnan(b)
    got = compute(f".reg .pred p, q; setp.{name}.f32 p, a, b; selp.b32 d, 1, 0, p;"
                  f"setp.{name}u.f32 q, a, b; selp.b32 e, 1, 0, q;", {"d": "u4", "e": "u4"}, a=a, b=b)
    np.testing.assert_array_equal(got["d"], COMPARE[name](a, b) & ~unordered)
    np.testing.assert_array_equal(got["e"], COMPARE[name](a, b) | unordered)


@pytest.mark.parametrize("kind, dtype", [("s32", "i4"), ("u32", "u4"), ("s64", "i8")])
@pytest.mark.parametrize("name", COMPARE)
def test_comparisons_of_integers(name, kind, dtype):
    values = np.array([0, 1, -1, 2**31 - 1], "i8").astype(dtype)
    a, b = (x.ravel().copy() for x in np.meshgrid(values, values))
    got = compute(f".reg .pred p, q, c; setp.lt.{kind} c, a, 1; setp.{name}.and.{kind} p|q, a, b, !c;"
                  "selp.b32 d, 1, 0, p; selp.b32 e, 1, 0, q;", {"d": "u4", "e": "u4"}, a=a, b=b)
    np.testing.assert_array_equal(got["d"], COMPARE[name](a, b) & (a >= 1))
    np.testing.assert_array_equal(got["e"], ~COMPARE[name](a, b) & (a >= 1))


def test_choices():
    a, b = np.array([1, 2, 3, 4], "i4"), np.array([-1, 0, 1, -5], "i4")
    assert compute("set.lt.u32.s32 d, b, 0;", "u4", a=a, b=b).tolist() == [2**32 - 1, 0, 0, 2**32 - 1]
    assert compute("set.lt.f32.s32 d, b, 0;", "f4", a=a, b=b).tolist() == [1, 0, 0, 1]
    assert compute("slct.s32.s32 d, a, 9, b;", "i4", a=a, b=b).tolist() == [9, 2, 3, 9]


def test_guards():
    """Guarded instructions leave the registers of the other threads alone."""
    a = np.arange(8, dtype="i4")
    got = compute(".reg .pred p; setp.lt.s32 p, a, 3; mov.u32 d, 7; @p add.s32 d, a, 100; @!p add.s32 d, d, 1;",
                  "i4", a=a)
    assert got.tolist() == [100, 101, 102, 8, 8, 8, 8, 8]


def test_packing():
    a, b = np.arange(5, dtype="u4"), np.arange(5, dtype="u4") + 1000
    got = compute(".reg .b32 x, y; .reg .b16 h, k; mov.b64 d, {a, b}; mov.b64 {x, y}, d; sub.u32 e, y, x;"
                  "mov.b32 {h, k}, b; mov.b32 f, {k, h};", {"d": "u8", "e": "u4", "f": "u4"}, a=a, b=b)
    np.testing.assert_array_equal(got["d"], a + (b.astype("u8") << np.uint64(32)))
    np.testing.assert_array_equal(got["e"], np.full(5, 1000))
    np.testing.assert_array_equal(got["f"], b << 16)


def test_scopes_have_their_own_registers():
    a = np.arange(4, dtype="u4")
    got = compute("{ .reg .b32 t; add.u32 t, a, 1; { .reg .b32 t; add.u32 t, a, 10; mov.u32 e, t; } mov.u32 d, t; }",
                  {"d": "u4", "e": "u4"}, a=a)
    assert got["d"].tolist() == [1, 2, 3, 4] and got["e"].tolist() == [10, 11, 12, 13]
