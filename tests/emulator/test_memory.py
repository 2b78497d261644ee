"""Global, shared, local and constant memory: loads, stores, atomics, and what is reported."""

import numpy as np
import pytest

from numba_layers.emulator import Emulator, MemoryFault, Pointer, launch
from numba_layers.errors import DeviceError
from tests.emulator.snippets import kernel

THREAD = "mov.u32 %r1, %tid.x; cvt.u64.u32 %rd1, %r1;"


def run(body, *arrays, block=8, grid=1, declarations="", dynamic=0, emulator=None):
    """Run a body whose parameters are pointers %rd10, %rd11 ... to arrays; %rd1 is the thread's number."""
    names = [f"p{k}" for k in range(len(arrays))]
    loads = "".join(f"ld.param.u64 %rd{10 + k}, [{name}];" for k, name in enumerate(names))
    text = kernel(THREAD + loads + "\n" + body, names, declarations)
    (emulator or Emulator()).launch(text, grid, block, [Pointer(a) if isinstance(a, np.ndarray) else a for a in arrays],
                                    dynamic)


COPY = "shl.b64 %rd2, %rd1, 2; add.u64 %rd3, %rd10, %rd2; add.u64 %rd4, %rd11, %rd2;"


def test_every_width():
    """Loads of 8 to 64 bits, signed ones extended, and stores that cut."""
    source = np.arange(-4, 4, dtype="i1")
    signed, plain, back = np.zeros(8, "i4"), np.zeros(8, "u8"), np.zeros(8, "u1")
    run("add.u64 %rd2, %rd10, %rd1; ld.global.s8 %r2, [%rd2]; ld.global.u8 %rd3, [%rd2];"
        "mad.lo.u64 %rd4, %rd1, 4, %rd11; st.global.u32 [%rd4], %r2;"
        "mad.lo.u64 %rd5, %rd1, 8, %rd12; st.global.u64 [%rd5], %rd3;"
        "add.u64 %rd6, %rd13, %rd1; st.global.u8 [%rd6], %r2;", source, signed, plain, back)
    np.testing.assert_array_equal(signed, source)
    np.testing.assert_array_equal(plain, source.view("u1"))
    np.testing.assert_array_equal(back, source.view("u1"))


@pytest.mark.parametrize("words", [2, 4])
def test_vectors(words):
    a, b = np.arange(8 * words, dtype="f4"), np.zeros(8 * words, "f4")
    names = ", ".join(f"%f{k}" for k in range(words))
    run(f"mad.lo.u64 %rd2, %rd1, {4 * words}, %rd10; mad.lo.u64 %rd3, %rd1, {4 * words}, %rd11;"
        f"ld.global.v{words}.f32 {{{names}}}, [%rd2]; st.global.v{words}.f32 [%rd3], {{{names}}};", a, b)
    np.testing.assert_array_equal(a, b)


def test_strided_arrays_are_used_in_place():
    whole = np.arange(40, dtype="f4").reshape(5, 8)
    column = whole[::-1, 3]
    out = np.zeros(5, "f4")
    text = kernel(THREAD + "ld.param.s64 %rd2, [stride]; ld.param.u64 %rd3, [x]; ld.param.u64 %rd4, [y];"
                  "mad.lo.s64 %rd3, %rd1, %rd2, %rd3; mad.lo.u64 %rd4, %rd1, 4, %rd4; ld.global.f32 %f1, [%rd3];"
                  "st.global.f32 [%rd4], %f1; mov.f32 %f2, 0f3F800000; st.global.f32 [%rd3], %f2;",
                  ["x", "y", "stride"])
    launch(text, 1, 5, [Pointer(column), Pointer(out), column.strides[0]])
    np.testing.assert_array_equal(out, [35, 27, 19, 11, 3])
    assert (whole[:, 3] == 1).all() and whole[:, 2].sum() == 90


def test_numba_arrays_are_seven_parameters_and_more():
    """meminfo, parent, elements, bytes of one, address, sizes, strides."""
    names = [f"p{k}" for k in range(9)]
    stores = "".join(f"ld.param.u64 %rd3, [{name}]; st.global.u64 [%rd2+{8 * k}], %rd3;"
                     for k, name in enumerate(names))
    out = np.zeros(9, "u8")
    text = kernel("ld.param.u64 %rd2, [out];" + stores, [*names, "out"])
    launch(text, 1, 1, [np.zeros((3, 5), "f4"), Pointer(out)])
    assert out[[0, 1, 2, 3, 5, 6, 7, 8]].tolist() == [0, 0, 15, 4, 3, 5, 20, 4]
    assert out[4] % 256 == 0


def test_spaces_by_generic_addresses():
    """One instruction reads global memory in some threads, shared in others, local in the rest."""
    a, out = np.arange(8, dtype="u4") + 100, np.zeros(8, "u4")
    run("shl.b64 %rd2, %rd1, 2; mov.u64 %rd3, tile; add.u64 %rd4, %rd3, %rd2; add.u32 %r2, %r1, 200;"
        "st.shared.u32 [%rd4], %r2; mov.u64 %rd5, own; add.u32 %r3, %r1, 300; st.local.u32 [%rd5+4], %r3;"
        "cvta.shared.u64 %rd6, %rd4; cvta.local.u64 %rd7, %rd5; add.u64 %rd7, %rd7, 4; add.u64 %rd8, %rd10, %rd2;"
        "setp.lt.u32 %p1, %r1, 3; selp.b64 %rd9, %rd6, %rd8, %p1; setp.gt.u32 %p2, %r1, 5;"
        "selp.b64 %rd9, %rd7, %rd9, %p2; ld.u32 %r4, [%rd9]; add.u64 %rd12, %rd11, %rd2; st.u32 [%rd12], %r4;"
        "isspacep.shared %p3, %rd9; @%p3 st.u32 [%rd9], 7;",
        a, out, declarations=".shared .align 4 .b8 tile[32]; .local .align 4 .b8 own[8];")
    assert out.tolist() == [200, 201, 202, 103, 104, 105, 306, 307]


def test_threads_that_read_different_arrays():
    """One instruction, in some threads of one array, in others of another, in global and in shared memory."""
    a, b, out = np.arange(8, dtype="u4"), np.arange(8, dtype="u4") + 50, np.zeros(8, "u4")
    run("shl.b64 %rd2, %rd1, 2; setp.lt.u32 %p1, %r1, 5; selp.b64 %rd3, %rd10, %rd11, %p1; add.u64 %rd3, %rd3, %rd2;"
        "ld.global.u32 %r2, [%rd3]; mov.u64 %rd4, first; mov.u64 %rd5, second; selp.b64 %rd6, %rd4, %rd5, %p1;"
        "add.u64 %rd6, %rd6, %rd2; st.shared.u32 [%rd6], %r2; ld.shared.u32 %r3, [%rd6];"
        "atom.shared.add.u32 %r4, [%rd6], 100; add.u64 %rd7, %rd12, %rd2; ld.shared.u32 %r5, [%rd6];"
        "st.global.u32 [%rd7], %r5;", a, b, out,
        declarations=".shared .align 4 .b8 first[32]; .shared .align 4 .b8 second[32];")
    np.testing.assert_array_equal(out, np.where(np.arange(8) < 5, a, b) + 100)


def test_constants_and_variables_of_modules():
    """.const holds what it is given, .global keeps what kernels write from launch to launch."""
    text = (".const .align 4 .b8 table[8] = {1, 0, 0, 0, 2, 1};\n.global .align 4 .u32 count = 5;\n"
            + kernel("ld.param.u64 %rd2, [out]; ld.const.u32 %r1, [table+4]; mov.u64 %rd3, count;"
                     "atom.global.add.u32 %r2, [%rd3], %r1; st.global.u32 [%rd2], %r2;", ["out"]))
    text = text.replace(".version 8.0\n.target sm_80\n.address_size 64\n", "")
    emulator, out = Emulator(), np.zeros(1, "u4")
    for expected in (5, 263, 521):
        emulator.launch(text, 1, 1, [Pointer(out)])
        assert out[0] == expected


ATOMICS = {"add": lambda x, v: x + v, "min": min, "max": max, "and": lambda x, v: x & v, "or": lambda x, v: x | v,
           "xor": lambda x, v: x ^ v, "exch": lambda x, v: v, "inc": lambda x, v: 0 if x >= v else x + 1,
           "dec": lambda x, v: v if x == 0 or x > v else x - 1}


@pytest.mark.parametrize("places", [1, 3, 64])
@pytest.mark.parametrize("name", ATOMICS)
def test_atomics_take_turns(name, places):
    """What every thread got and what is left are those of some order of the threads: here the ascending one."""
    values = np.random.RandomState(1).randint(0, 50, 64).astype("u4")
    memory = np.arange(places, dtype="u4") * 7 + 5
    got, expected, left = np.zeros(64, "u4"), np.zeros(64, "u4"), memory.tolist()
    for k, value in enumerate(values.tolist()):
        expected[k] = left[k % places]
        left[k % places] = ATOMICS[name](left[k % places], value)
    kind = "b32" if name in ("and", "or", "xor", "exch") else "u32"
    run(f"rem.u64 %rd2, %rd1, {places}; mad.lo.u64 %rd2, %rd2, 4, %rd10; mad.lo.u64 %rd3, %rd1, 4, %rd11;"
        f"mad.lo.u64 %rd4, %rd1, 4, %rd12; ld.global.u32 %r2, [%rd3]; atom.global.{name}.{kind} %r3, [%rd2], %r2;"
        "st.global.u32 [%rd4], %r3;", memory, values, got, block=64)
    np.testing.assert_array_equal(memory, left)
    np.testing.assert_array_equal(got, expected)


def test_atomics_of_floats_and_compare_and_swap():
    total, flag = np.zeros(1, "f4"), np.zeros(1, "i4")
    run("cvt.rn.f32.u32 %f1, %r1; red.global.add.f32 [%rd10], %f1; add.u32 %r2, %r1, 1;"
        "atom.global.cas.b32 %r3, [%rd11], %r1, %r2;", total, flag, block=64)
    assert total[0] == 63 * 32 and flag[0] == 64


# ---- what is reported --------------------------------------------------------------------------------------


def fault(body, *arrays, **options):
    with pytest.raises(MemoryFault) as caught:
        run(body, *arrays, **options)
    assert isinstance(caught.value, DeviceError)
    return caught.value


def test_reading_past_the_end():
    a, b = np.zeros(20, "f4"), np.zeros(40, "f4")
    error = fault("mov.u32 %r2, %ctaid.x; mad.lo.u32 %r3, %r2, 8, %r1; cvt.u64.u32 %rd1, %r3;" + COPY +
                  "ld.global.f32 %f1, [%rd3];\nst.global.f32 [%rd4], %f1;", a, b, grid=4)
    assert (error.kernel, error.block, error.thread) == ("snippet", (2, 0, 0), (4, 0, 0))
    assert "reads 4 bytes out of bounds, at byte 80 of 80 of argument 0 (float32, shape (20,))" in str(error)
    assert error.text == "ld.global.f32 %f1, [%rd3];" and f"PTX line {error.line}" in str(error)


def test_writing_before_the_start():
    error = fault(COPY + "st.global.f32 [%rd4+-4], %f1;", np.zeros(8, "f4"), np.zeros(8, "f4"))
    assert error.thread == (0, 0, 0) and "writes 4 bytes out of bounds, 4 bytes before argument 1" in str(error)


def test_an_array_ends_where_its_view_ends():
    whole = np.zeros(16, "f4")
    fault(COPY + "ld.global.f32 %f1, [%rd3];", whole[:7], whole)
    run(COPY + "ld.global.f32 %f1, [%rd3];", whole[:8], whole)


@pytest.mark.parametrize("offset, text", [(1, "v2.f32 {%f1, %f2}"), (2, "v4.f32 {%f1, %f2, %f3, %f4}")])
def test_misaligned_vectors(offset, text):
    """A view is as misaligned as it lies in its array."""
    a = np.zeros(64, "f4")
    error = fault(f"ld.global.{text}, [%rd10];", a[offset:], a)
    assert "misaligned" in str(error) and "is no multiple of" in str(error)
    run(f"ld.global.{text}, [%rd10];", a[4:], a)


def test_misaligned_numbers():
    error = fault("add.u64 %rd2, %rd10, 2; ld.global.f32 %f1, [%rd2];", np.zeros(8, "f4"))
    assert "at byte 2 of argument 0 (float32, shape (8,)), misaligned" in str(error)


def test_freed_memory():
    emulator, a = Emulator(), np.arange(8, dtype="f4")
    address = emulator.memory.add(a, "weights")
    run(COPY.replace("%rd11", "%rd10") + "ld.global.f32 %f1, [%rd3];", address, emulator=emulator)
    emulator.memory.free(address)
    for argument in (address, a, a[2:]):
        error = fault("ld.global.f32 %f1, [%rd10];", argument, emulator=emulator)
        assert "reads 4 bytes of freed memory: weights (float32, shape (8,))" in str(error)
    with pytest.raises(KeyError):
        emulator.memory.free(address)


def test_memory_that_may_only_be_read():
    a = np.zeros(8, "f4")
    a.flags.writeable = False
    assert "may only be read" in str(fault("st.global.f32 [%rd10], %f1;", a))
    text = ".const .align 4 .b8 table[8] = {1};\n" + kernel("mov.u64 %rd2, table; st.global.u32 [%rd2], 3;", [])
    with pytest.raises(MemoryFault, match="of table .*, which may only be read"):
        launch(text, 1, 1, [])


def test_no_array_there():
    assert "where no array lies" in str(fault("mov.u64 %rd2, 0; ld.global.f32 %f1, [%rd2+16];", np.zeros(1)))


def test_generic_addresses_beyond_all_spaces():
    assert "out of bounds" in str(fault("mov.u64 %rd2, -8; ld.u32 %r1, [%rd2];", np.zeros(8, "f4")))


def test_shared_arrays_are_apart():
    """Past the end of one array another begins, which a GPU would not notice."""
    shared = ".shared .align 4 .b8 first[32]; .shared .align 4 .b8 second[32];"
    body = "mov.u64 %rd2, first; mad.lo.u64 %rd2, %rd1, 4, %rd2; st.shared.f32 [%rd2+4], %f1;"
    error = fault(body, declarations=shared)
    assert error.thread == (7, 0, 0) and "at byte 32 of 32 of the shared array first" in str(error)
    error = fault(body.replace("+4", "+-4"), declarations=shared)
    assert error.thread == (0, 0, 0) and "byte -4 of 32 of the shared array first" in str(error)


def test_shared_arrays_are_aligned_as_they_ask():
    body = "mov.u64 %rd2, tile; ld.shared.v4.f32 {%f1, %f2, %f3, %f4}, [%rd2];"
    error = fault(body, declarations=".shared .align 4 .b8 tile[64];")
    assert "misaligned: declare it with alignment=16" in str(error)
    run(body, declarations=".shared .align 16 .b8 tile[64];")


def test_dynamic_shared_memory_has_the_size_of_the_launch():
    body = "mov.u64 %rd2, tile; mad.lo.u64 %rd2, %rd1, 4, %rd2; st.shared.u32 [%rd2], %r1; mov.u32 %r5, " \
           "%dynamic_smem_size; setp.ne.u32 %p1, %r5, 32; @%p1 trap;"
    text = ".extern .shared .align 4 .b8 tile[];\n" + kernel(THREAD + body, [])
    launch(text, 2, 8, [], dynamic_shared=32)
    with pytest.raises(MemoryFault, match="at byte 28 of 28 of the shared array tile"):
        launch(text, 2, 8, [], dynamic_shared=28)


def test_local_memory_ends():
    declarations = ".local .align 8 .b8 own[16];"
    body = "mov.u64 %rd2, own; mad.lo.u64 %rd2, %rd1, 4, %rd2; st.local.u32 [%rd2], %r1;"
    run(body, declarations=declarations, block=4)
    error = fault(body, declarations=declarations)
    assert error.thread == (4, 0, 0) and "out of bounds, at byte 16 of the 16 bytes of its local memory" in str(error)


def test_nothing_is_written_by_a_store_that_faults():
    a = np.zeros(6, "u4")
    fault("mad.lo.u64 %rd2, %rd1, 4, %rd10; st.global.u32 [%rd2], 1;", a)
    assert not a.any()
