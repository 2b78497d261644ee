"""Blocks: barriers, shared memory and its races, copies beside the threads."""

import numpy as np
import pytest

from numba_layers.emulator import DeadlockFault, Emulator, Pointer, RaceFault
from tests.emulator.snippets import kernel

SHARED = ".shared .align 16 .b8 tile[1024];"
START = """mov.u32 %r1, %tid.x; cvt.u64.u32 %rd1, %r1; shl.b64 %rd2, %rd1, 2; ld.param.u64 %rd10, [out];
mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mad.lo.u32 %r4, %r2, %r3, %r1; mul.wide.u32 %rd3, %r4, 4;
add.u64 %rd10, %rd10, %rd3; mov.u64 %rd4, tile; add.u64 %rd5, %rd4, %rd2; xor.b32 %r5, %r1, 1;
mad.wide.u32 %rd6, %r5, 4, %rd4; xor.b32 %r6, %r1, 32; mad.wide.u32 %rd7, %r6, 4, %rd4; mov.u32 %r9, 0;
"""   # rd5: own place in the tile; rd6: that of the neighbour; rd7: that of a thread in another warp


def run(body, block=64, grid=1, watch_races=True, source=None):
    """Run a body of threads that write %r9 to their place in the output."""
    out = np.zeros(grid * block, "u4")
    names, arguments = ["out"], [Pointer(out)]
    if source is not None:
        names, arguments = ["out", "source"], [Pointer(out), Pointer(source)]
    text = kernel(START + body + "\nst.global.u32 [%rd10], %r9;", names, SHARED)
    Emulator(watch_races=watch_races).launch(text, grid, block, arguments)
    return out


def races(body, **options):
    with pytest.raises(RaceFault, match="with no barrier between") as caught:
        run(body, **options)
    return caught.value


WRITE, READ = "st.shared.u32 [%rd5], %r1;\n", "ld.shared.u32 %r9, [%rd7];\n"
NEIGHBOURS = np.arange(64) ^ 32


def test_a_barrier_orders_writes_and_reads():
    np.testing.assert_array_equal(run(WRITE + "bar.sync 0;" + READ), NEIGHBOURS)


@pytest.mark.parametrize("grid", [1, 5])
def test_a_read_of_what_another_thread_wrote(grid):
    error = races(WRITE + READ, grid=grid)
    assert (error.block, error.thread) == ((0, 0, 0), (0, 0, 0)) and "ld.shared" in error.text
    assert "reads shared memory that thread (32, 0, 0) wrote (PTX line" in str(error)


def test_a_write_over_what_another_thread_read():
    error = races(WRITE + "bar.sync 0;" + READ + "add.u32 %r7, %r9, 1; st.shared.u32 [%rd5], %r7;")
    assert "writes shared memory that thread (32, 0, 0) read" in str(error) and "st.shared" in error.text


def test_one_of_many_readers_writes():
    """The cell's last reader writes; that others read it too is remembered."""
    read_all = "ld.shared.u32 %r9, [%rd4+252];\n"
    error = races(WRITE + "bar.sync 0;" + read_all + "setp.eq.u32 %p1, %r1, 63; @%p1 st.shared.u32 [%rd5], 7;")
    assert error.thread == (63, 0, 0)
    run(WRITE + "bar.sync 0; setp.eq.u32 %p1, %r1, 63; @%p1 ld.shared.u32 %r9, [%rd5]; @%p1 st.shared.u32 [%rd5], 7;")


def test_two_threads_write_one_place():
    error = races("st.shared.u32 [%rd4], %r1;")
    assert "writes shared memory that thread (63, 0, 0) wrote" in str(error)
    run("st.shared.u32 [%rd4], 5; st.shared.u32 [%rd4], 5;")   # the same number: no harm


def test_different_values_one_after_the_other():
    error = races("setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.u32 [%rd4], 1; setp.eq.u32 %p2, %r1, 40;\n"
                  "@%p2 st.shared.u32 [%rd4], 2;")
    assert error.thread == (40, 0, 0) and "thread (0, 0, 0) wrote" in str(error)


def test_without_a_watch_races_pass():
    run(WRITE + READ, watch_races=False)


def test_warps_wait_for_themselves_alone():
    """bar.warp.sync orders what threads of one warp do, not those of two."""
    read = "ld.shared.u32 %r9, [%rd6];"
    races(WRITE + read)
    np.testing.assert_array_equal(run(WRITE + "bar.warp.sync -1;" + read), np.arange(64) ^ 1)
    races(WRITE + "bar.warp.sync -1;" + READ)


def test_parts_of_warps_wait_for_themselves_alone():
    """Masks of pairs order neighbours; masks of even and odd threads do not."""
    read = "ld.shared.u32 %r9, [%rd6];"
    pair = "mov.u32 %r20, %laneid; and.b32 %r21, %r20, 30; mov.u32 %r22, 3; shl.b32 %r23, %r22, %r21;"
    np.testing.assert_array_equal(run(pair + WRITE + "bar.warp.sync %r23;" + read), np.arange(64) ^ 1)
    parity = "and.b32 %r20, %r1, 1; mov.u32 %r22, 0x55555555; shl.b32 %r23, %r22, %r20;"
    races(parity + WRITE + "bar.warp.sync %r23;" + read)


def test_a_shuffle_is_no_barrier():
    races(WRITE + "shfl.sync.bfly.b32 %r8, %r1, 1, 31, -1; ld.shared.u32 %r9, [%rd6];")


def test_atomics_do_not_race_with_each_other():
    body = "setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.u32 [%rd4], 0; bar.sync 0; atom.shared.add.u32 %r8, [%rd4], 2;"
    assert (run(body + "bar.sync 0; ld.shared.u32 %r9, [%rd4];", grid=3) == 128).all()
    races(body + "ld.shared.u32 %r9, [%rd4];")
    races(body.replace("bar.sync 0;", ""))


def test_bytes_side_by_side():
    """Threads may write neighbouring bytes of one word."""
    body = "add.u64 %rd8, %rd4, %rd1; st.shared.u8 [%rd8], %r1; bar.sync 0; xor.b32 %r7, %r1, 32;" \
           "cvt.u64.u32 %rd9, %r7; add.u64 %rd8, %rd4, %rd9; ld.shared.u8 %r9, [%rd8];"
    np.testing.assert_array_equal(run(body), NEIGHBOURS)
    races(body.replace("bar.sync 0;", ""))


def test_wide_accesses_cover_all_their_cells():
    body = WRITE + "{}and.b64 %rd8, %rd2, 0xF0; add.u64 %rd8, %rd8, %rd4;" \
                   "ld.shared.v4.u32 {{%r11, %r12, %r13, %r9}}, [%rd8];"
    np.testing.assert_array_equal(run(body.format("bar.sync 0;")), np.arange(64) | 3)
    races(body.format(""))


def test_memory_starts_as_poison():
    assert (run("ld.shared.u32 %r9, [%rd5];") == 2**32 - 1).all()


def test_two_buffers_in_turns():
    """One barrier a step is enough where reads and writes go to different halves."""
    body = """
    mov.u32 %r10, 0; st.shared.u32 [%rd5], %r1; bar.sync 0;
    LOOP: and.b32 %r11, %r10, 1; mul.wide.u32 %rd20, %r11, 256; xor.b32 %r12, %r11, 1; mul.wide.u32 %rd21, %r12, 256;
    add.u64 %rd22, %rd7, %rd20; ld.shared.u32 %r13, [%rd22]; add.u32 %r9, %r9, %r13;
    add.u64 %rd23, %rd5, %rd21; add.u32 %r14, %r13, 1; st.shared.u32 [%rd23], %r14;
    bar.sync 0; add.u32 %r10, %r10, 1; setp.lt.u32 %p1, %r10, 10; @%p1 bra LOOP;"""
    np.testing.assert_array_equal(run(body), 5 * np.arange(64) + 5 * NEIGHBOURS + 45)
    races(body.replace("%r12, 256", "%r11, 256"))   # both in one buffer


# ---- barriers that not all reach ---------------------------------------------------------------------------


def test_threads_that_ended_are_not_waited_for():
    out = run(WRITE + "setp.ge.u32 %p1, %r1, 48; @%p1 ret; bar.sync 0; ld.shared.u32 %r9, [%rd6];", grid=3)
    np.testing.assert_array_equal(out.reshape(3, 64)[:, :48], np.tile(np.arange(48) ^ 1, (3, 1)))


def test_a_barrier_in_one_way_only():
    with pytest.raises(DeadlockFault) as caught:
        run("setp.ge.u32 %p1, %r1, 16; @%p1 bra ON;\nbar.sync 0; ON:\nbar.sync 0;", grid=2)
    error = caught.value
    assert error.block == (0, 0, 0) and error.text == "bar.sync 0;"
    assert "Of its block's 64 threads wait: 16 at bar.sync" in str(error) and "48 at bar.sync" in str(error)


def test_blocks_pass_barriers_at_their_own_pace():
    """Blocks of different numbers of steps, run together."""
    body = """
    mov.u32 %r10, 0;
    LOOP: add.u32 %r11, %r10, %r1; st.shared.u32 [%rd5], %r11; bar.sync 0; ld.shared.u32 %r9, [%rd7]; bar.sync 0;
    add.u32 %r10, %r10, 1; setp.le.u32 %p1, %r10, %r2; @%p1 bra LOOP;"""
    out = run(body, grid=7).reshape(7, 64)
    np.testing.assert_array_equal(out, NEIGHBOURS + np.arange(7)[:, None])
    races(body.replace("[%rd7]; bar.sync 0;", "[%rd7];"), grid=7)


def test_counts_of_threads_at_barriers():
    body = "setp.lt.u32 %p1, %r1, 5; bar.red.popc.u32 %r9, 0, %p1; bar.red.and.pred %p2, 0, %p1;" \
           "bar.red.or.pred %p3, 0, !%p1; @%p2 add.u32 %r9, %r9, 100; @%p3 add.u32 %r9, %r9, 1000;"
    assert (run(body, grid=2) == 1005).all()


def test_barriers_of_some_warps():
    """Warps 0 and 1 meet at one barrier, 2 and 3 at another with the same code; a third kind counts its threads."""
    body = """
    shr.u32 %r10, %r1, 6; add.u32 %r10, %r10, 1; st.shared.u32 [%rd5], %r1;
    bar.sync %r10, 64; ld.shared.u32 %r9, [%rd7];
    setp.ge.u32 %p1, %r1, 96; @%p1 bra LATE; bar.sync 5, 128; bra DONE; LATE: bar.sync 5, 128; DONE:"""
    np.testing.assert_array_equal(run(body, block=128), np.arange(128) ^ 32)


# ---- copies beside the threads -----------------------------------------------------------------------------

COPY = """ld.param.u64 %rd11, [source]; add.u64 %rd12, %rd11, %rd2;
cp.async.ca.shared.global [%rd5], [%rd12], 4{}; cp.async.commit_group;
"""
ARRIVED = "cp.async.wait_group 0; bar.sync 0;"
SOURCE = np.arange(64, dtype="u4") * 3


def test_copies_arrive():
    np.testing.assert_array_equal(run(COPY.format("") + ARRIVED + READ, source=SOURCE), SOURCE[NEIGHBOURS])


def test_copies_of_nothing_are_zeros():
    """A source size of 0 reads nothing, be the address what it may."""
    body = "setp.lt.u32 %p1, %r1, 10; selp.b32 %r20, 4, 0, %p1;" + COPY.format(", %r20") + ARRIVED + \
           "ld.shared.u32 %r9, [%rd5];"
    np.testing.assert_array_equal(run(body, source=SOURCE[:10].copy()), np.where(np.arange(64) < 10, SOURCE, 0))


@pytest.mark.parametrize("missing, message", [("cp.async.wait_group 0;", "that a cp.async still fills"),
                                              ("bar.sync 0;", "with no barrier between")])
def test_copies_must_be_waited_for(missing, message):
    body = COPY.format("") + ARRIVED.replace(missing, "") + READ
    with pytest.raises(RaceFault, match=message):
        run(body, source=SOURCE)


def test_the_newest_groups_may_be_under_way():
    body = COPY.format("") + "cp.async.ca.shared.global [%rd5+256], [%rd12], 4; cp.async.commit_group;" \
                             "cp.async.wait_group 1; bar.sync 0;"
    np.testing.assert_array_equal(run(body + READ, source=SOURCE), SOURCE[NEIGHBOURS])
    with pytest.raises(RaceFault, match="still fills"):
        run(body + "ld.shared.u32 %r9, [%rd5+256];", source=SOURCE)
    run(body + "cp.async.wait_all; ld.shared.u32 %r9, [%rd5+256];", source=SOURCE)


def test_a_copy_over_what_others_read():
    races(WRITE + "bar.sync 0;" + READ + COPY.format(""), source=SOURCE)
