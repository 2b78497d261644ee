"""Tensor cores: `mma.sync` of m16n8 tiles and `ldmatrix`, a warp at a time.

Thread 4 g + t of a warp holds, of a tile with p elements in a register, in register 2 k + h of A the elements
(row g + 8 h, columns 4 p k + p t ...), in register k of B (rows 4 p k + p t ..., column g), and of C and D
(row g + 8 h, columns 2 t, 2 t + 1). Sums are float64 rounded once; a GPU rounds more often.
Reference: PTX ISA, §9.7.14 (warp-level matrix instructions).
"""

import numpy as np

from .faults import Stop, WarpFault
from .memory import misaligned, stopped
from .onchip import SharedMemory
from .ptx import Vector
from .table import Operation, instruction
from .types import DTYPES, narrowed, widened

U32, U64 = DTYPES["u32"], DTYPES["u64"]
SHAPES = {"m16n8k4": 4, "m16n8k8": 8, "m16n8k16": 16, "m16n8k32": 32}
PACKED = {"tf32": 1, "f16": 2, "bf16": 2, "s8": 4, "u8": 4}   # elements in a register


def _whole_warps(g):
    """Stop unless the group is made of whole warps."""
    warps = g.of(g.batch.warp_of)
    if g.size % 32 or (warps.reshape(-1, 32) != warps[::32, None]).any():
        raise Stop(WarpFault, int(g.lanes[0]), "takes part in a matrix operation that not all 32 threads of its "
                                               "warp take part in")


def _elements(kind, registers, size):
    """Registers as (warps, g, t, registers, elements of one), in float64."""
    bits = np.stack([np.broadcast_to(register, size) for register in registers], axis=-1)
    if kind == "tf32":
        numbers = (bits & np.uint32(0xFFFFE000)).view(np.float32)[..., None]   # the last 13 bits are not read
    elif kind in ("s8", "u8"):
        numbers = np.ascontiguousarray(bits)[..., None].view(DTYPES[kind])
    else:
        numbers = widened(kind, np.ascontiguousarray(bits)[..., None].view(np.uint16))
    return numbers.astype(np.float64).reshape(-1, 8, 4, *numbers.shape[1:])


@instruction("mma.sync")
def mma(asked):
    """D = A B + C for a tile of 16 x k by k x 8."""
    depth = SHAPES.get(asked.one_of(*SHAPES))
    to, kind, other, _ = asked.types if len(asked.types) == 4 else ("", "", "", "")
    packed = PACKED.get(kind)
    in_a = depth and packed and depth // (2 * packed)
    if not in_a or to not in ("f32", "f16", "s32") or PACKED.get(other) != packed or "sp" in asked.words:
        raise asked.unknown()
    in_b, in_c = in_a // 2, 2 if to == "f16" else 4

    def step(g, *registers):
        _whole_warps(g)
        a = _elements(kind, registers[:in_a], g.size)
        warps = a.shape[0]
        a = a.reshape(warps, 8, 4, in_b, 2, packed).transpose(0, 4, 1, 3, 2, 5).reshape(warps, 16, depth)
        b = _elements(other, registers[in_a:in_a + in_b], g.size).transpose(0, 3, 2, 4, 1).reshape(warps, depth, 8)
        product = (a @ b).reshape(warps, 2, 8, 4, 2).transpose(0, 2, 3, 1, 4).reshape(-1, 2, 2)   # (threads, h, 2)
        c = [np.broadcast_to(register, g.size) for register in registers[in_a + in_b:]]
        if to == "f16":
            return tuple(narrowed("f16x2", (product[:, h] + widened("f16x2", np.ascontiguousarray(c[h]))))
                         for h in range(2))
        result = product + np.stack(c, axis=-1).reshape(-1, 2, 2)
        result = result.astype(np.int64).astype(np.int32) if to == "s32" else result.astype(np.float32)
        return tuple(np.ascontiguousarray(result[:, h, e]) for h in range(2) for e in range(2))

    dtype = U32 if to == "f16" else DTYPES[to]
    return Operation(step, (dtype,) * in_c, (U32,) * (in_a + in_b) + (dtype,) * in_c, grouped=True, together="warp")


@instruction("ldmatrix.sync")
def ldmatrix(asked):
    """One, two or four 8 x 8 matrices of 16 bits from shared memory; thread 8 m + r gives the address of row r."""
    count = {"x1": 1, "x2": 2, "x4": 4}[asked.one_of("x1", "x2", "x4")]
    transposed, (offset,) = "trans" in asked.words, asked.offsets
    if "m8n8" not in asked.words or asked.type != "b16":
        raise asked.unknown()
    both = isinstance(asked.operands[0], Vector)

    def step(g, address):
        _whole_warps(g)
        rows = np.broadcast_to(address, g.size).reshape(-1, 4, 8)   # (warps, matrix, row)
        k = misaligned(rows[:, :count].ravel(), 16, offset)
        if k is not None:
            thread = k // (8 * count) * 32 + k % (8 * count)
            raise stopped(g, thread, "read", 16, "misaligned: a row of 8 begins at a multiple of 16 bytes")
        shared: SharedMemory = g.batch.spaces[1]
        lane = np.arange(32)
        outer, inner = lane // 4, 2 * (lane % 4)
        found = []
        for m in range(count):
            if not transposed:
                at = rows[:, m, outer] + (2 * inner).astype(np.uint64)
                found += shared.load(g, at.reshape(-1), offset, U32)
                continue
            low, high = (shared.load(g, (rows[:, m, inner + k] + (2 * outer).astype(np.uint64)).reshape(-1), offset,
                                     DTYPES["u16"])[0].astype(np.uint32) for k in range(2))
            found.append(low | high << np.uint32(16))
        return tuple(found) if both else found[0]

    return Operation(step, (U32,) * count, (U64,), grouped=True, together="warp")
