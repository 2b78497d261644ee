"""PTX's types as NumPy's, and the 16-bit floats that NumPy cannot compute with.

A register holds bits. The type in an instruction's name says how they are read: `DTYPES["s32"]` is int32.
"""

import numpy as np

DTYPES = {name: np.dtype(dtype) for name, dtype in {
    "pred": np.bool_, "b8": np.uint8, "u8": np.uint8, "s8": np.int8, "b16": np.uint16, "u16": np.uint16,
    "s16": np.int16, "b32": np.uint32, "u32": np.uint32, "s32": np.int32, "b64": np.uint64, "u64": np.uint64,
    "s64": np.int64, "f16": np.float16, "f32": np.float32, "f64": np.float64, "bf16": np.uint16, "tf32": np.uint32,
    "f16x2": np.uint32, "bf16x2": np.uint32,
}.items()}
FLOATS = frozenset({"f16", "f32", "f64", "bf16", "f16x2", "bf16x2"})
SMALL_FLOATS = frozenset({"f16", "bf16", "f16x2", "bf16x2"})   # computed in float32, then rounded


def kind(name):
    """'float', 'int' or 'pred': which arithmetic a type has."""
    return "float" if name in FLOATS else "pred" if name == "pred" else "int"


def unsigned(dtype):
    """The unsigned integer as wide as a dtype; bool stays bool."""
    return dtype if dtype == np.bool_ else np.dtype(f"u{dtype.itemsize}")


def signed(dtype):
    """The signed integer as wide as a dtype."""
    return np.dtype(f"i{dtype.itemsize}")


def widened(name, bits):
    """The numbers in registers of a 16-bit float type as float32; packed pairs along a second axis."""
    if name.endswith("x2"):
        bits = bits.reshape(-1, 1).view(np.uint16)
    if name.startswith("bf16"):
        return (bits.astype(np.uint32) << 16).view(np.float32)
    return bits.view(np.float16).astype(np.float32)


def narrowed(name, numbers):
    """Numbers rounded to nearest even, as registers of a 16-bit float type: the inverse of `widened`."""
    halves = bfloat16(numbers) if name.startswith("bf16") else numbers.astype(np.float16)
    if name.endswith("x2"):
        return np.ascontiguousarray(halves).view(np.uint32).reshape(-1)
    return halves


def bfloat16(numbers):
    """Bits of the nearest bfloat16 of each number, ties to even."""
    bits = numbers.astype(np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(numbers), np.uint16(0x7FFF), rounded)


def in_float32(name, function):
    """`function` of float arrays, made to take and give registers of the float type `name`."""
    if name not in SMALL_FLOATS:
        return function
    return lambda *registers: narrowed(name, function(*(widened(name, bits) for bits in registers)))
