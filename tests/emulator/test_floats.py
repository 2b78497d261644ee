"""Arithmetic of floats: rounding against exact fractions, NaN and infinity, 16-bit types."""

from fractions import Fraction

import numpy as np
import pytest

from numba_layers.emulator.types import bfloat16, widened
from tests.emulator.snippets import compute

SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, 3.5, -2.5]


def samples(dtype, n=80, seed=0):
    random = np.random.RandomState(seed)
    values = np.concatenate([SPECIAL, random.randn(n - len(SPECIAL)) * 10.0 ** random.randint(-6, 6, n - len(SPECIAL))])
    return values.astype(dtype)


def nearest(value, dtype):
    """The float nearest to a fraction, found among the neighbours of the one that Python's division gives."""
    guess = np.array(float(value), dtype)[()]
    around = [guess, np.nextafter(guess, dtype(-np.inf)), np.nextafter(guess, dtype(np.inf))]
    return min(around, key=lambda f: (abs(Fraction(float(f)) - value), int(f.view(f"u{f.itemsize}")) & 1))


def finite_triples(dtype):
    random = np.random.RandomState(5)
    a, b = (random.randn(200).astype(dtype) for _ in range(2))
    c = random.randn(200).astype(dtype)
    c[:100] = (-a[:100].astype(np.float64) * b[:100]).astype(dtype)   # so that most of it cancels
    return a, b, c


@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
def test_fma_rounds_once(kind, dtype):
    a, b, c = finite_triples(dtype)
    got = compute(f"fma.rn.{kind} d, a, b, c;", dtype, a=a, b=b, c=c)
    exact = [Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z)) for x, y, z in zip(a, b, c)]
    np.testing.assert_array_equal(got, [nearest(value, dtype) for value in exact])


@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
@pytest.mark.parametrize("mode", ["rz", "rm", "rp"])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "fma"])
def test_directed_rounding(name, mode, kind, dtype):
    a, b, c = finite_triples(dtype)
    third = ", c" if name == "fma" else ""
    got = compute(f"{name}.{mode}.{kind} d, a, b{third};", dtype, a=a, b=b, c=c)
    meaning = {"add": lambda x, y, z: x + y, "sub": lambda x, y, z: x - y, "mul": lambda x, y, z: x * y,
               "fma": lambda x, y, z: x * y + z}[name]
    for k in range(a.size):
        exact = meaning(*(Fraction(float(v[k])) for v in (a, b, c)))
        near = nearest(exact, dtype)
        way = {"rz": 0, "rm": -np.inf, "rp": np.inf}[mode]
        wrong = {"rz": abs(Fraction(float(near))) > abs(exact), "rm": near > exact, "rp": near < exact}[mode]
        assert got[k] == (np.nextafter(near, dtype(way)) if wrong else near)


@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
@pytest.mark.parametrize("text, meaning", [
    ("add.rn.{k} d, a, b;", np.add), ("sub.{k} d, a, b;", np.subtract), ("mul.rn.{k} d, a, b;", np.multiply),
    ("div.rn.{k} d, a, b;", np.divide), ("min.{k} d, a, b;", np.fmin), ("max.{k} d, a, b;", np.fmax),
    ("abs.{k} d, a;", lambda a, b: np.abs(a)), ("neg.{k} d, a;", lambda a, b: -a),
    ("rcp.rn.{k} d, a;", lambda a, b: 1 / a), ("sqrt.rn.{k} d, a;", lambda a, b: np.sqrt(a)),
    ("copysign.{k} d, a, b;", lambda a, b: np.copysign(b, a)), ("mov.{k} d, a;", lambda a, b: a),
])
def test_like_numpy(text, meaning, kind, dtype):
    a, b = samples(dtype), samples(dtype, seed=1)[::-1].copy()
    with np.errstate(all="ignore"):
        expected = meaning(a, b).astype(dtype)
    np.testing.assert_array_equal(compute(text.format(k=kind), dtype, a=a, b=b), expected)


@pytest.mark.parametrize("text, meaning", [
    ("ex2.approx.ftz.f32 d, a;", np.exp2), ("lg2.approx.f32 d, a;", np.log2), ("sin.approx.f32 d, a;", np.sin),
    ("cos.approx.ftz.f32 d, a;", np.cos), ("tanh.approx.f32 d, a;", np.tanh), ("rcp.approx.f32 d, a;", lambda a: 1 / a),
    ("rsqrt.approx.f32 d, a;", lambda a: 1 / np.sqrt(a)), ("sqrt.approx.f32 d, a;", np.sqrt),
    ("div.full.f32 d, a, a;", lambda a: a / a), ("div.approx.f32 d, 1.0, a;", lambda a: 1 / a),
    ("rsqrt.approx.ftz.f64 d, a;", lambda a: 1 / np.sqrt(a)), ("rcp.approx.ftz.f64 d, a;", lambda a: 1 / a),
])
def test_approximations(text, meaning):
    a = samples(np.float64 if "f64" in text else np.float32)
    with np.errstate(all="ignore"):
        expected = meaning(a.astype(np.float64)).astype(a.dtype)
    np.testing.assert_allclose(compute(text, a.dtype, a=a), expected, rtol=1e-6, atol=1e-7)


def test_limits_of_results():
    a, b = samples(np.float32), samples(np.float32, seed=1)
    with np.errstate(invalid="ignore"):
        total = a + b
    np.testing.assert_array_equal(compute("add.sat.f32 d, a, b;", "f4", a=a, b=b),
                                  np.where(np.isnan(total), 0, np.clip(total, 0, 1)))
    np.testing.assert_array_equal(compute("min.NaN.f32 d, a, b;", "f4", a=a, b=b), np.minimum(a, b))
    np.testing.assert_array_equal(compute("max.f32 d, a, b, 0f3F800000;", "f4", a=a, b=b),
                                  np.fmax(np.fmax(a, b), 1))


@pytest.mark.parametrize("test, meaning", [
    ("finite", np.isfinite), ("infinite", np.isinf), ("notanumber", np.isnan), ("number", lambda a: ~np.isnan(a)),
    ("subnormal", lambda a: (a != 0) & (np.abs(a) < 2.0**-126)),
    ("normal", lambda a: np.isfinite(a) & (np.abs(a) >= 2.0**-126))])
def test_properties(test, meaning):
    a = samples(np.float32)
    a[-3:] = 1e-40
    got = compute(f".reg .pred p; testp.{test}.f32 p, a; selp.b32 d, 1, 0, p;", "u4", a=a)
    np.testing.assert_array_equal(got, meaning(a))


@pytest.mark.parametrize("kind", ["f16", "bf16"])
@pytest.mark.parametrize("name, meaning", [
    ("add", lambda a, b, c: a + b), ("sub", lambda a, b, c: a - b), ("mul", lambda a, b, c: a * b),
    ("fma.rn", lambda a, b, c: a * b + c), ("min", lambda a, b, c: np.fmin(a, b)),
    ("max", lambda a, b, c: np.fmax(a, b)), ("neg", lambda a, b, c: -a), ("abs", lambda a, b, c: abs(a))])
def test_halves(kind, name, meaning):
    """Alone and in pairs, rounded to nearest even from an exact result."""
    random = np.random.RandomState(2)
    floats = [random.randn(64).astype(np.float32) for _ in range(3)]
    halves = [bfloat16(x) if kind == "bf16" else x.astype(np.float16).view(np.uint16) for x in floats]
    wide = [widened(kind, x).astype(np.float64) for x in halves]
    expected = meaning(*wide)
    expected = bfloat16(expected) if kind == "bf16" else expected.astype(np.float16).view(np.uint16)
    operands = ", ".join("abc"[:3 if "fma" in name else 1 if name in ("neg", "abs") else 2])
    got = compute(f"{name}.{kind} d, {operands};", "u2", **dict(zip("abc", halves)))
    np.testing.assert_array_equal(got, expected)
    got = compute(f"{name}.{kind}x2 d, {operands};", "u4", **{n: x.view(np.uint32) for n, x in zip("abc", halves)})
    np.testing.assert_array_equal(got.view(np.uint16), expected)
