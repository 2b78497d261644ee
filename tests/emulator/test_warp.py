"""Shuffles, votes, matches and matrices of a warp; threads that take different ways and meet again."""

import numpy as np
import pytest

from numba_layers.emulator import DeadlockFault, Emulator, EndlessLoopFault, MemoryFault, TrapFault, WarpFault
from numba_layers.emulator.types import bfloat16
from tests.emulator.snippets import compute

LANES = np.arange(32)


@pytest.mark.parametrize("mode, b, source", [
    ("up", 3, lambda i, b: i - b), ("down", 5, lambda i, b: i + b), ("bfly", 9, lambda i, b: i ^ b),
    ("idx", 7, lambda i, b: np.full(32, b))])
def test_shuffles(mode, b, source):
    """From another thread of the warp; one's own value where there is no such thread."""
    a = np.random.RandomState(0).randint(0, 1000, 64).astype("u4")
    clamp = 0 if mode == "up" else 31
    got = compute(f".reg .pred p; shfl.sync.{mode}.b32 d|p, a, {b}, {clamp}, -1; selp.b32 e, 1, 0, p;",
                  {"d": "u4", "e": "u4"}, a=a)
    at = source(LANES, b)
    exists = (at >= 0) & (at < 32)
    at = np.where(exists, at, LANES)
    np.testing.assert_array_equal(got["d"], np.concatenate([a[:32][at], a[32:][at]]))
    np.testing.assert_array_equal(got["e"], np.tile(exists, 2))


def test_shuffles_in_segments():
    a = np.arange(32, dtype="u4")
    got = compute("shfl.sync.idx.b32 d, a, 2, 0x181f, -1; shfl.sync.down.b32 e, a, 3, 0x1807, -1;",
                  {"d": "u4", "e": "u4"}, a=a)   # segments of 8
    np.testing.assert_array_equal(got["d"], LANES // 8 * 8 + 2)
    np.testing.assert_array_equal(got["e"], np.where(LANES % 8 + 3 < 8, LANES + 3, LANES))


def test_a_shuffle_from_a_thread_that_does_not_exist_gives_poison():
    got = compute("shfl.sync.down.b32 d, a, 4, 31, -1;", "u4", a=np.arange(20, dtype="u4"))
    assert got.tolist() == [*range(4, 20), *[2**32 - 1] * 4]


def test_votes():
    a = np.r_[np.arange(32) % 3, np.zeros(32), np.ones(32)].astype("u4")
    got = compute(".reg .pred p, q; setp.eq.u32 p, a, 0; vote.sync.ballot.b32 ballot, p, -1;"
                  + "".join(f"vote.sync.{how}.pred q, p, -1; selp.b32 {how}_, 1, 0, q;"
                            for how in ("all", "any", "uni"))
                  + "setp.lt.u32 q, i, 40; activemask.b32 mask; vote.sync.ballot.b32 turned, !p, -1;",
                  dict.fromkeys(("ballot", "all_", "any_", "uni_", "mask", "turned"), "u4"), a=a)
    mixed = sum(1 << k for k in range(32) if k % 3 == 0)
    for name, values in {"ballot": (mixed, 2**32 - 1, 0), "all_": (0, 1, 0), "any_": (1, 1, 0), "uni_": (0, 1, 1),
                         "mask": (2**32 - 1,) * 3, "turned": (2**32 - 1 - mixed, 0, 2**32 - 1)}.items():
        np.testing.assert_array_equal(got[name], np.repeat(values, 32))


def test_matches_and_reductions():
    a = (np.arange(32) % 5).astype("u4")
    got = compute(".reg .pred p; match.any.sync.b32 same, a, -1; match.all.sync.b32 all_|p, a, -1;"
                  "redux.sync.add.u32 total, a, -1; redux.sync.max.u32 most, a, -1; redux.sync.xor.b32 odd, a, -1;",
                  dict.fromkeys(("same", "all_", "total", "most", "odd"), "u4"), a=a)
    np.testing.assert_array_equal(got["same"], [sum(1 << j for j in range(32) if j % 5 == i % 5) for i in range(32)])
    assert not got["all_"].any() and (got["total"] == a.sum()).all() and (got["most"] == 4).all()
    assert (got["odd"] == np.bitwise_xor.reduce(a)).all()


def test_half_a_warp_by_its_mask():
    """Threads that left do not hold up the others; each half shuffles on its own."""
    got = compute("""
        .reg .pred p; .reg .b32 lane; mov.u32 lane, %laneid; mov.u32 d, 99;
        setp.ge.u32 p, lane, 16; @p bra UPPER;
        shfl.sync.bfly.b32 d, a, 1, 31, 0xffff; bra DONE;
        UPPER: shfl.sync.idx.b32 d, a, 20, 31, 0xffff0000;
        DONE:""", "u4", a=np.arange(32, dtype="u4"))
    assert got.tolist() == [*(np.arange(16) ^ 1), *[20] * 16]


def test_ways_part_and_meet():
    """Loops of different lengths in a branch, after which all shuffle together."""
    a = np.random.RandomState(1).randint(0, 9, 96).astype("u4")
    got = compute("""
        .reg .pred p; .reg .b32 k; mov.u32 d, 0; mov.u32 k, 0;
        setp.gt.u32 p, a, 6; @p bra BIG;
        LOOP: setp.ge.u32 p, k, a; @p bra MEET; add.u32 d, d, k; add.u32 k, k, 1; bra LOOP;
        BIG: mul.lo.u32 d, a, 100;
        MEET: shfl.sync.bfly.b32 e, d, 1, 31, -1;""", {"d": "u4", "e": "u4"}, a=a)
    expected = np.where(a > 6, a * 100, a * (a - 1) // 2 * (a > 0))
    np.testing.assert_array_equal(got["d"], expected)
    np.testing.assert_array_equal(got["e"], expected.reshape(-1, 2)[:, ::-1].ravel())


def test_tables_of_branches():
    got = compute("""
        .reg .b32 k; rem.u32 k, a, 3;
        TABLE: .branchtargets ZERO, ONE, TWO;
        brx.idx k, TABLE;
        ZERO: mov.u32 d, 10; bra DONE; ONE: mov.u32 d, 11; bra DONE; TWO: mov.u32 d, 12;
        DONE:""", "u4", a=np.arange(7, dtype="u4"))
    assert got.tolist() == [10, 11, 12, 10, 11, 12, 10]


def test_a_lock_is_passed_on():
    """A thread that spins lets the one that holds the lock go on."""
    counter = np.zeros(40, "u4")
    got = compute("""
        .reg .pred p; .reg .b32 old; .reg .b64 lock; ld.param.u64 lock, [a_];
        TRY: atom.global.cas.b32 old, [lock], 0, 1; setp.ne.u32 p, old, 0; @p bra TRY;
        ld.global.u32 d, [lock+4]; add.u32 d, d, 1; st.global.u32 [lock+4], d;
        atom.global.exch.b32 old, [lock], 0;""", "u4", a=counter)
    assert sorted(got) == list(range(1, 41)) and counter[1] == 40


# ---- matrices ----------------------------------------------------------------------------------------------


def fragments(matrix, kind, packed, of_a):
    """The registers of the 32 threads, written out from the ISA's tables."""
    columns = matrix if of_a else matrix.T          # B's registers are those of its transpose's upper rows
    halves = 2 if of_a else 1
    count = columns.shape[1] // (4 * packed)
    registers = np.zeros((count * halves, 32, packed), matrix.dtype)
    for lane in range(32):
        g, t = divmod(lane, 4)
        for k in range(count):
            for h in range(halves):
                for e in range(packed):
                    registers[halves * k + h, lane, e] = columns[g + 8 * h, 4 * packed * k + packed * t + e]
    return registers


def packed_bits(registers, kind):
    if kind == "tf32":
        return registers[..., 0].astype("f4").view("u4")
    if kind in ("s8", "u8"):
        return np.ascontiguousarray(registers.astype("i1" if kind == "s8" else "u1")).view("u4")[..., 0]
    halves = bfloat16(registers.astype("f4")) if kind == "bf16" else registers.astype("f2").view("u2")
    return np.ascontiguousarray(halves).view("u4")[..., 0]


@pytest.mark.parametrize("depth, kind, to", [
    (4, "tf32", "f32"), (8, "tf32", "f32"), (8, "bf16", "f32"), (16, "bf16", "f32"), (8, "f16", "f32"),
    (16, "f16", "f32"), (16, "f16", "f16"), (16, "s8", "s32"), (32, "u8", "s32")])
def test_products_of_tiles(depth, kind, to):
    """Small whole numbers, of which every type holds the exact product."""
    random = np.random.RandomState(0)
    packed = {"tf32": 1, "s8": 4, "u8": 4}.get(kind, 2)
    low = 0 if kind == "u8" else -4
    a, b, c = random.randint(low, 5, (16, depth)), random.randint(low, 5, (depth, 8)), random.randint(-9, 9, (16, 8))
    a_bits = packed_bits(fragments(a, kind, packed, True), kind)
    b_bits = packed_bits(fragments(b, kind, packed, False), kind)
    wide = {"f32": "f4", "s32": "i4", "f16": "u4"}[to]
    c_lanes = fragments(c, "", 2, True)[:, :, :]            # (2, 32, 2): rows g and g + 8
    if to == "f16":
        c_registers = [np.ascontiguousarray(half.astype("f2")).view("u4")[:, 0] for half in c_lanes]
    else:
        c_registers = [np.ascontiguousarray(c_lanes[h, :, e].astype(wide)) for h in range(2) for e in range(2)]
    inputs = {f"a{k}": bits for k, bits in enumerate(a_bits)} | {f"b{k}": bits for k, bits in enumerate(b_bits)}
    inputs |= {f"c{k}": register for k, register in enumerate(c_registers)}
    names = {letter: "{" + ", ".join(n for n in inputs if n[0] == letter) + "}" for letter in "abc"}
    results = {f"d{k}": wide for k in range(len(c_registers))}
    got = compute(f"mma.sync.aligned.m16n8k{depth}.row.col.{to}.{kind}.{kind}.{to} "
                  f"{{{', '.join(results)}}}, {names['a']}, {names['b']}, {names['c']};", results, **inputs)
    expected = fragments(a @ b + c, "", 2, True)
    for h in range(2):
        if to == "f16":
            np.testing.assert_array_equal(got[f"d{h}"].view("f2").reshape(32, 2), expected[h])
        else:
            np.testing.assert_array_equal(np.stack([got[f"d{2 * h}"], got[f"d{2 * h + 1}"]], 1), expected[h])


def test_tf32_reads_the_upper_19_bits():
    one = np.full(32, 1 + 2.0**-11, "f4")
    zero = np.zeros(32, "f4")
    inputs = {f"a{k}": one.view("u4") for k in range(4)} | {f"b{k}": np.ones(32, "f4").view("u4") for k in range(2)}
    got = compute("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {d, e, f, h}, {a0, a1, a2, a3}, {b0, b1},"
                  "{c, c, c, c};", {"d": "f4", "e": "f4", "f": "f4", "h": "f4"}, c=zero, **inputs)
    assert (got["d"] == 8).all()


@pytest.mark.parametrize("transposed", [False, True])
def test_matrices_from_shared_memory(transposed):
    """Thread 4 g + t gets elements 2 t and 2 t + 1 of row g, or of column g."""
    numbers = np.arange(256, dtype="u2")
    suffix = ".trans" if transposed else ""
    got = compute(f"""
        .shared .align 16 .b8 tile[512]; .reg .b64 to; .reg .b32 x, y, z, w;
        mov.u64 to, tile; mad.lo.u64 to, wide, 16, to;
        st.shared.v4.b32 [to], {{a0, a1, a2, a3}}; bar.sync 0;
        ldmatrix.sync.aligned.m8n8.x4{suffix}.shared.b16 {{x, y, z, w}}, [to];
        mov.u32 d0, x; mov.u32 d1, y; mov.u32 d2, z; mov.u32 d3, w;""",
        {f"d{k}": "u4" for k in range(4)},
        **{f"a{k}": numbers.view("u4").reshape(32, 4)[:, k].copy() for k in range(4)})
    for k in range(4):
        matrix = numbers.reshape(4, 8, 8)[k]
        np.testing.assert_array_equal(got[f"d{k}"].view("u2").reshape(8, 8), matrix.T if transposed else matrix)


# ---- what is reported --------------------------------------------------------------------------------------


def test_a_thread_outside_of_its_mask():
    with pytest.raises(WarpFault, match="is not in the mask of its own warp operation") as caught:
        compute("shfl.sync.idx.b32 d, a, 0, 31, 0xff;", "u4", a=np.arange(32, dtype="u4"))
    assert caught.value.thread == (8, 0, 0)


def test_a_matrix_operation_in_part_of_a_warp():
    with pytest.raises(WarpFault, match="not all 32 threads"):
        compute("mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {d, e, f, h}, {a, a}, {a}, {c, c, c, c};",
                dict.fromkeys("defh", "f4"), a=np.zeros(16, "u4"), c=np.zeros(16, "f4"))


def test_rows_of_matrices_are_aligned():
    with pytest.raises(MemoryFault, match="misaligned: a row of 8 begins at a multiple of 16 bytes"):
        compute(".shared .align 16 .b8 tile[512]; .reg .b64 to; mov.u64 to, tile;"
                "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {d}, [to+8];", "u4", a=np.zeros(32, "u4"))


def test_a_shuffle_that_not_all_of_its_mask_reach():
    with pytest.raises(DeadlockFault, match=r"32 threads wait: 4 at shfl.sync.idx.b32.*, 28 at bar.sync") as caught:
        compute(".reg .pred p; setp.ge.u32 p, i, 4; mov.u32 d, 0;\n@!p shfl.sync.idx.b32 d, a, 0, 31, -1; bar.sync 0;",
                "u4", a=np.arange(32, dtype="u4"))
    assert caught.value.thread == (0, 0, 0) and "shfl" in caught.value.text


def test_endless_loops():
    with pytest.raises(EndlessLoopFault, match="still running after 500 steps") as caught:
        compute("mov.u32 d, 0; LOOP: add.u32 d, d, a; .reg .pred p; setp.ne.u32 p, d, 7;\n@p bra LOOP;", "u4",
                a=np.array([1, 7, 2], "u4"), emulator=Emulator(step_limit=500))
    assert caught.value.thread == (2, 0, 0) and "bra LOOP" in caught.value.text


def test_traps():
    with pytest.raises(TrapFault, match="stops the kernel") as caught:
        compute(".reg .pred p; setp.eq.u32 p, a, 5; @p trap; mov.u32 d, 0;", "u4", a=np.arange(9, dtype="u4"))
    assert caught.value.thread == (5, 0, 0)
