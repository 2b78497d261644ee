"""Numba kernels for tests of the emulator, right ones and some with a fault planted. Needs numba-cuda.

`python -m tests.emulator.kernels` compiles those in STORED to the .ptx files that are tested without it.
"""

import math
import re
from pathlib import Path

import numpy as np
from llvmlite import ir
from numba import cuda
from numba.core import types
from numba.cuda.extending import intrinsic
from numba.types import boolean, float32, float64, int32, int64, uint16, uint32

from numba_layers.kernels.cuda.toolchain.ptx import compile_ptx

FOLDER = Path(__file__).parent
VECTOR, MATRIX = float32[::1], float32[:, ::1]
FULL = 0xFFFFFFFF
TILE = 16


# ---- elementwise -------------------------------------------------------------------------------------------

def scale_and_add(x, y, a, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = a * x[i] + y[i]


def scale_and_add_unchecked(x, y, a, out):
    """Fault: threads past the end."""
    i = cuda.grid(1)
    out[i] = a * x[i] + y[i]


def functions(x, out):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        out[i] = math.exp(x[i]) + math.tanh(x[i]) * math.sin(x[i] * float32(1000)) - abs(x[i]) ** float32(3)


def doubles(x, y, out):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        out[i] = math.exp(x[i]) * math.cos(y[i] * 100000) + abs(x[i]) ** y[i] + math.lgamma(abs(y[i])) + x[i] // y[i]


def collatz(out):
    """Loops of very different lengths."""
    i = cuda.grid(1)
    if i < out.size:
        n, steps = i + 1, 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        out[i] = steps


def endless(out):
    """Fault: one thread never ends."""
    i = cuda.grid(1)
    while out[i] < 1:
        out[i] += i * float32(0.25)


def local_sort(x, out):
    """Each thread sorts a row in memory of its own."""
    i = cuda.grid(1)
    own = cuda.local.array(8, float32)
    for j in range(8):
        own[j] = x[i, j]
    for j in range(1, 8):
        for k in range(j, 0, -1):
            if own[k] < own[k - 1]:
                own[k], own[k - 1] = own[k - 1], own[k]
    for j in range(8):
        out[i, j] = own[j]


M0, M1, W0, W1 = uint32(0xD2511F53), uint32(0xCD9E8D57), uint32(0x9E3779B9), uint32(0xBB67AE85)


def philox(key, out):
    """Four words from the counter (i, 0, 0, 0)."""
    i = cuda.grid(1)
    c0, c1, c2, c3 = uint32(i), uint32(0), uint32(0), uint32(0)
    k0, k1 = key[0], key[1]
    for _ in range(10):
        p0, p1 = np.uint64(M0) * c0, np.uint64(M1) * c2
        c0, c1, c2, c3 = (uint32(p1 >> np.uint64(32)) ^ c1 ^ k0, uint32(p1), uint32(p0 >> np.uint64(32)) ^ c3 ^ k1,
                          uint32(p0))
        k0, k1 = uint32(k0 + W0), uint32(k1 + W1)
    out[i, 0], out[i, 1], out[i, 2], out[i, 3] = c0, c1, c2, c3


# ---- blocks ------------------------------------------------------------------------------------------------

def matmul(a, b, c):
    left, right = cuda.shared.array((TILE, TILE), float32), cuda.shared.array((TILE, TILE), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    x, y = cuda.grid(2)
    total = float32(0)
    for t in range(a.shape[1] // TILE):
        left[ty, tx], right[ty, tx] = a[y, t * TILE + tx], b[t * TILE + ty, x]
        cuda.syncthreads()
        for k in range(TILE):
            total += left[ty, k] * right[k, tx]
        cuda.syncthreads()
    c[y, x] = total


def matmul_no_first_barrier(a, b, c):
    """Fault: the tiles are read before all of them are written."""
    left, right = cuda.shared.array((TILE, TILE), float32), cuda.shared.array((TILE, TILE), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    x, y = cuda.grid(2)
    total = float32(0)
    for t in range(a.shape[1] // TILE):
        left[ty, tx], right[ty, tx] = a[y, t * TILE + tx], b[t * TILE + ty, x]
        for k in range(TILE):
            total += left[ty, k] * right[k, tx]
        cuda.syncthreads()
    c[y, x] = total


def matmul_no_second_barrier(a, b, c):
    """Fault: the next tiles are written while others still read these."""
    left, right = cuda.shared.array((TILE, TILE), float32), cuda.shared.array((TILE, TILE), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    x, y = cuda.grid(2)
    total = float32(0)
    for t in range(a.shape[1] // TILE):
        left[ty, tx], right[ty, tx] = a[y, t * TILE + tx], b[t * TILE + ty, x]
        cuda.syncthreads()
        for k in range(TILE):
            total += left[ty, k] * right[k, tx]
    c[y, x] = total


def block_sum(x, out):
    part = cuda.shared.array(256, float32)
    i = cuda.threadIdx.x
    at = cuda.grid(1)
    part[i] = x[at] if at < x.size else float32(0)
    cuda.syncthreads()
    half = 128
    while half > 0:
        if i < half:
            part[i] += part[i + half]
        cuda.syncthreads()
        half //= 2
    if i == 0:
        out[cuda.blockIdx.x] = part[0]


def block_sum_no_barrier(x, out):
    """Fault: no barrier between the steps."""
    part = cuda.shared.array(256, float32)
    i = cuda.threadIdx.x
    at = cuda.grid(1)
    part[i] = x[at] if at < x.size else float32(0)
    cuda.syncthreads()
    half = 128
    while half > 0:
        if i < half:
            part[i] += part[i + half]
        half //= 2
    if i == 0:
        out[cuda.blockIdx.x] = part[0]


def block_sum_by_warps(x, out):
    """The last steps within a warp, with warp barriers."""
    part = cuda.shared.array(256, float32)
    i = cuda.threadIdx.x
    at = cuda.grid(1)
    part[i] = x[at] if at < x.size else float32(0)
    cuda.syncthreads()
    half = 128
    while half >= 32:
        if i < half:
            part[i] += part[i + half]
        cuda.syncthreads()
        half //= 2
    if i < 32:
        while half > 0:
            own = part[i] + part[i + half]
            cuda.syncwarp(FULL)
            part[i] = own
            cuda.syncwarp(FULL)
            half //= 2
        if i == 0:
            out[cuda.blockIdx.x] = part[0]


def divergent_barrier(x, out):
    """Fault: the threads of a block wait at two barriers."""
    i = cuda.threadIdx.x
    part = cuda.shared.array(64, float32)
    part[i] = x[i]
    if i < 40:
        cuda.syncthreads()
        out[i] = part[i + 1]
    else:
        cuda.syncthreads()
        out[i] = part[i - 1] * float32(2)


def softmax(x, out):
    """A row of up to 1024 numbers a block: warp shuffles, then one shared array of 32."""
    parts = cuda.shared.array(32, float32)
    row, i = cuda.blockIdx.x, cuda.threadIdx.x
    lane, warp = i & 31, i >> 5
    value = x[row, i] if i < x.shape[1] else float32(-math.inf)
    top = value
    for d in (16, 8, 4, 2, 1):
        top = max(top, cuda.shfl_xor_sync(FULL, top, d))
    if lane == 0:
        parts[warp] = top
    cuda.syncthreads()
    top = parts[0]
    for k in range(1, cuda.blockDim.x >> 5):
        top = max(top, parts[k])
    cuda.syncthreads()
    power = math.exp(value - top)
    total = power
    for d in (16, 8, 4, 2, 1):
        total += cuda.shfl_xor_sync(FULL, total, d)
    if lane == 0:
        parts[warp] = total
    cuda.syncthreads()
    total = float32(0)
    for k in range(cuda.blockDim.x >> 5):
        total += parts[k]
    if i < x.shape[1]:
        out[row, i] = power / total


def histogram(x, out):
    """Atomics in shared memory, then in global memory."""
    counts = cuda.shared.array(32, int32)
    i = cuda.threadIdx.x
    if i < 32:
        counts[i] = 0
    cuda.syncthreads()
    for k in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.add(counts, x[k], 1)
    cuda.syncthreads()
    if i < 32:
        cuda.atomic.add(out, i, counts[i])


def extremes(x, out, place):
    """Atomics that Numba writes as loops of compare-and-swap."""
    for k in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.max(out, 0, x[k])
        cuda.atomic.min(out, 1, x[k])
        cuda.atomic.add(out, 2, x[k])
        cuda.atomic.exch(place, 0, k)


def warp_words(x, out):
    """Votes, matches and counts."""
    i = cuda.grid(1)
    word = cuda.ballot_sync(FULL, x[i] > 0) ^ cuda.match_any_sync(FULL, x[i] % 4)
    if cuda.all_sync(FULL, x[i] > -5) and cuda.any_sync(FULL, x[i] > 4):
        word += cuda.popc(cuda.lanemask_lt())
    out[i] = word + cuda.syncthreads_count(int32(x[i] == 0))


def neighbours(x, out):
    """Dynamic shared memory, in reverse."""
    part = cuda.shared.array(0, float32)
    i = cuda.threadIdx.x
    part[i] = x[cuda.grid(1)]
    cuda.syncthreads()
    out[cuda.grid(1)] = part[cuda.blockDim.x - 1 - i]


LOOKUP = np.arange(12, dtype=np.float32) ** 2


def lookup(out, shift):
    table = cuda.const.array_like(LOOKUP)
    i = cuda.grid(1)
    out[i] = table[(i + shift) % 12]


# ---- a register tile: 64 x 64 a block, 8 x 8 a thread ------------------------------------------------------

@intrinsic
def load4(typingctx, array, i):
    """Four neighbours by one 128-bit load."""
    signature = types.UniTuple(array.dtype, 4)(array, i)

    def codegen(context, builder, signature, arguments):
        element = context.get_value_type(signature.args[0].dtype)
        found = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        place = builder.bitcast(builder.gep(found.data, [arguments[1]]), ir.VectorType(element, 4).as_pointer())
        vector = builder.load(place, align=16)
        parts = [builder.extract_element(vector, ir.IntType(32)(k)) for k in range(4)]
        return context.make_tuple(builder, signature.return_type, parts)

    return signature, codegen


def sgemm(a, b, c, n):
    """c = a @ b for n x n matrices given flat, n a multiple of 64; 64 threads."""
    left, right = cuda.shared.array(8 * 64, float32, alignment=16), cuda.shared.array(8 * 64, float32, alignment=16)
    total, rows, columns = cuda.local.array((8, 8), float32), cuda.local.array(8, float32), cuda.local.array(8, float32)
    t = cuda.threadIdx.x
    ty, tx = t // 8, t % 8
    row, column = cuda.blockIdx.y * 64, cuda.blockIdx.x * 64
    for i in range(8):
        for j in range(8):
            total[i, j] = 0
    for k0 in range(0, n, 8):
        for k in range(8):
            left[k * 64 + t] = a[(row + t) * n + k0 + k]
            right[k * 64 + t] = b[(k0 + k) * n + column + t]
        cuda.syncthreads()
        for k in range(8):
            rows[0], rows[1], rows[2], rows[3] = load4(left, k * 64 + ty * 8)
            rows[4], rows[5], rows[6], rows[7] = load4(left, k * 64 + ty * 8 + 4)
            columns[0], columns[1], columns[2], columns[3] = load4(right, k * 64 + tx * 8)
            columns[4], columns[5], columns[6], columns[7] = load4(right, k * 64 + tx * 8 + 4)
            for i in range(8):
                for j in range(8):
                    total[i, j] += rows[i] * columns[j]
        cuda.syncthreads()
    for i in range(8):
        for j in range(8):
            c[(row + ty * 8 + i) * n + column + tx * 8 + j] = total[i, j]


# ---- tensor cores: cp.async and mma.sync -------------------------------------------------------------------

def assembly(name, text, constraints, result, *parameters):
    """An intrinsic of one line of inline PTX."""
    def codegen(context, builder, signature, arguments):
        several = isinstance(result, types.UniTuple)
        one = ir.VoidType() if result == types.void else context.get_value_type(result.dtype if several else result)
        kind = ir.FunctionType(ir.LiteralStructType([one] * result.count) if several else one,
                               [argument.type for argument in arguments])
        value = builder.call(ir.InlineAsm(kind, text, constraints, side_effect=True), arguments)
        if several:
            return context.make_tuple(builder, result, [builder.extract_value(value, k) for k in range(result.count)])
        return context.get_dummy_value() if result == types.void else value

    names = "".join(f", a{k}" for k in range(len(parameters)))   # an intrinsic has as many as it is called with
    made = {"signature": result(*parameters), "codegen": codegen}
    exec(f"def {name}(typingctx{names}): return signature, codegen", made)
    return intrinsic(made[name])


@intrinsic
def address(typingctx, array, i):
    """The address of an element as an integer: generic for arrays in global memory, else within the shared space."""
    def codegen(context, builder, signature, arguments):
        found = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        return builder.ptrtoint(builder.gep(found.data, [arguments[1]]), ir.IntType(64))

    return types.uint64(array, i), codegen


U64 = types.uint64
to_shared = assembly("to_shared", "cvta.to.shared.u64 $0, $1;", "=l,l", U64, U64)
copy16 = assembly("copy16", "cp.async.cg.shared.global [$0], [$1], 16;", "l,l", types.void, U64, U64)
commit = assembly("commit", "cp.async.commit_group;", "", types.void)
wait0 = assembly("wait0", "cp.async.wait_group 0;", "", types.void)
wait1 = assembly("wait1", "cp.async.wait_group 1;", "", types.void)
as_tf32 = assembly("as_tf32", "cvt.rna.tf32.f32 $0, $1;", "=r,f", uint32, float32)
mma_tf32 = assembly("mma_tf32", "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {$0, $1, $2, $3}, "
                    "{$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};", "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f",
                    types.UniTuple(float32, 4), *[uint32] * 6, *[float32] * 4)
mma_bf16 = assembly("mma_bf16", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {$0, $1, $2, $3}, "
                    "{$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};", "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f",
                    types.UniTuple(float32, 4), *[uint32] * 6, *[float32] * 4)
as_bf16 = assembly("as_bf16", "cvt.rn.bf16.f32 $0, $1;", "=h,f", uint16, float32)
from_bf16 = assembly("from_bf16", "{ .reg .b32 t; mov.b32 t, {0, $1}; mov.b32 $0, t; }", "=f,h", float32, uint16)
pack_bf16 = assembly("pack_bf16", "cvt.rn.bf16x2.f32 $0, $1, $2;", "=r,f,f", uint32, float32, float32)


def _tf32_gemm(wait):
    def gemm(a, b, c, n):
        """c = a @ b of n x n matrices given flat: 32 x 32 a block of 4 warps, steps of 16, two buffers."""
        left = cuda.shared.array(2 * 32 * 20, float32, alignment=16)    # rows of 16, padded to 20
        right = cuda.shared.array(2 * 16 * 40, float32, alignment=16)   # rows of 32, padded to 40
        t = cuda.threadIdx.x
        warp, lane = t // 32, t % 32
        g, q = lane // 4, lane % 4
        row, column = cuda.blockIdx.y * 32, cuda.blockIdx.x * 32
        wr, wc = warp // 2 * 16, warp % 2 * 16
        c0 = c1 = c2 = c3 = d0 = d1 = d2 = d3 = float32(0)
        steps = n // 16
        for s in range(steps + 1):
            if s < steps:
                buffer = s & 1
                i, j = t // 4, t % 4 * 4
                copy16(to_shared(address(left, buffer * 640 + i * 20 + j)), address(a, (row + i) * n + s * 16 + j))
                i, j = t // 8, t % 8 * 4
                copy16(to_shared(address(right, buffer * 640 + i * 40 + j)), address(b, (s * 16 + i) * n + column + j))
                commit()
            if s > 0:
                if s < steps:
                    wait()
                else:
                    wait0()
                cuda.syncthreads()
                own = ((s - 1) & 1) * 640
                for k in range(0, 16, 8):
                    at = own + (wr + g) * 20 + k + q
                    a0, a1 = as_tf32(left[at]), as_tf32(left[at + 8 * 20])
                    a2, a3 = as_tf32(left[at + 4]), as_tf32(left[at + 8 * 20 + 4])
                    at = own + (k + q) * 40 + wc + g
                    b0, b1 = as_tf32(right[at]), as_tf32(right[at + 4 * 40])
                    c0, c1, c2, c3 = mma_tf32(a0, a1, a2, a3, b0, b1, c0, c1, c2, c3)
                    b0, b1 = as_tf32(right[at + 8]), as_tf32(right[at + 4 * 40 + 8])
                    d0, d1, d2, d3 = mma_tf32(a0, a1, a2, a3, b0, b1, d0, d1, d2, d3)
                cuda.syncthreads()
        at = (row + wr + g) * n + column + wc + 2 * q
        c[at], c[at + 1], c[at + 8 * n], c[at + 8 * n + 1] = c0, c1, c2, c3
        at += 8
        c[at], c[at + 1], c[at + 8 * n], c[at + 8 * n + 1] = d0, d1, d2, d3
    return gemm


tf32_gemm = _tf32_gemm(wait1)


@cuda.jit(device=True)
def no_wait():
    pass


tf32_gemm_no_wait = _tf32_gemm(no_wait)   # fault: tiles are read while copies still fill them


def bf16_tile(a, b, c):
    """c (16, 8) = a (16, 16) @ b (16, 8), rounded to bfloat16, by one warp."""
    lane = cuda.threadIdx.x
    g, q = lane // 4, lane % 4
    a0, a1 = pack_bf16(a[g, 2 * q + 1], a[g, 2 * q]), pack_bf16(a[g + 8, 2 * q + 1], a[g + 8, 2 * q])
    a2, a3 = pack_bf16(a[g, 2 * q + 9], a[g, 2 * q + 8]), pack_bf16(a[g + 8, 2 * q + 9], a[g + 8, 2 * q + 8])
    b0, b1 = pack_bf16(b[2 * q + 1, g], b[2 * q, g]), pack_bf16(b[2 * q + 9, g], b[2 * q + 8, g])
    zero = float32(0)
    c[g, 2 * q], c[g, 2 * q + 1], c[g + 8, 2 * q], c[g + 8, 2 * q + 1] = mma_bf16(a0, a1, a2, a3, b0, b1, zero, zero,
                                                                                  zero, zero)


def bf16_scale(x, out):
    """Numbers kept in 16 bits, computed in 32."""
    i = cuda.grid(1)
    if i < x.size:
        out[i] = as_bf16(from_bf16(x[i]) * float32(3))


def misaligned_load4(x, out, start):
    """Fault where `start` is no multiple of 4."""
    i = cuda.grid(1)
    p, q, r, s = load4(x, start + 4 * i)
    out[i] = p + q + r + s


@cuda.jit(device=True)
def squared(x):
    return x * x


def calls(x, flags, out):
    """Device functions, booleans and doubles beside floats."""
    i = cuda.grid(1)
    if flags[i]:
        out[i] = squared(x[i]) + float64(1) / 3


SIGNATURES = {
    "scale_and_add": (VECTOR, VECTOR, float32, VECTOR), "scale_and_add_unchecked": (VECTOR, VECTOR, float32, VECTOR),
    "functions": (VECTOR, VECTOR), "doubles": (float64[::1], float64[::1], float64[::1]), "collatz": (int64[::1],),
    "endless": (VECTOR,), "local_sort": (MATRIX, MATRIX), "philox": (uint32[::1], uint32[:, ::1]),
    "matmul": (MATRIX, MATRIX, MATRIX), "matmul_no_first_barrier": (MATRIX, MATRIX, MATRIX),
    "matmul_no_second_barrier": (MATRIX, MATRIX, MATRIX), "block_sum": (VECTOR, VECTOR),
    "block_sum_no_barrier": (VECTOR, VECTOR), "block_sum_by_warps": (VECTOR, VECTOR),
    "divergent_barrier": (VECTOR, VECTOR), "softmax": (MATRIX, MATRIX), "histogram": (int32[::1], int32[::1]),
    "extremes": (VECTOR, VECTOR, int64[::1]), "warp_words": (int32[::1], int64[::1]), "neighbours": (VECTOR, VECTOR),
    "lookup": (VECTOR, int64), "sgemm": (VECTOR, VECTOR, VECTOR, int64), "tf32_gemm": (VECTOR, VECTOR, VECTOR, int64),
    "tf32_gemm_no_wait": (VECTOR, VECTOR, VECTOR, int64), "bf16_tile": (MATRIX, MATRIX, MATRIX),
    "bf16_scale": (uint16[::1], uint16[::1]), "misaligned_load4": (VECTOR, VECTOR, int64),
    "calls": (VECTOR, boolean[::1], VECTOR),
}
STORED = ["scale_and_add", "scale_and_add_unchecked", "matmul", "matmul_no_first_barrier", "block_sum",
          "block_sum_no_barrier", "divergent_barrier", "softmax", "philox"]


def ptx(name, cc=(8, 0)):
    """The PTX of a kernel here."""
    return compile_ptx(globals()[name], SIGNATURES[name], cc)


def store():
    """Write the PTX of the kernels in STORED beside this file, with short symbols."""
    for name in STORED:
        text = ptx(name).replace(str(FOLDER) + "/", "")
        for symbol in re.findall(r"\.(?:entry|u64) (_ZN\w+)", text):
            text = text.replace(symbol, f"_ZN{len(name)}{name}E" if "NumbaEnv" not in symbol else "_ZN8NumbaEnvE")
        (FOLDER / f"{name}.ptx").write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n")


if __name__ == "__main__":
    store()
