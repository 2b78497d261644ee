"""Reading PTX: syntax, what cannot be read or run, and the public names."""

import subprocess
import sys

import numpy as np
import pytest

import numba_layers.emulator
from numba_layers.emulator import Pointer, PtxError, launch
from numba_layers.emulator.faults import readable
from numba_layers.emulator.ptx import Address, Name, Number, Register, Vector, parse
from numba_layers.errors import ArgumentError, DeviceError
from numba_layers.kernels.cuda.toolchain.ptx import compile_ptx
from tests.emulator.snippets import compute, kernel


def body(text, declarations=""):
    (function,) = parse(kernel(text, ["p"], declarations)).functions.values()
    return function.body[:-1]


def test_operands():
    load, store, compare, branch = body("""
        ld.global.v2.f32 {%f1, %f2}, [%rd1+-8];
        @!%p1 st.shared.u32 [tile + 0x10], 0f3F800000;
        setp.lt.and.s32 %p1|_, %r1, -0x1F, !%p2; bra.uni DONE;""", ".shared .align 4 .b8 tile[64];")
    assert load.parts == ("ld", "global", "v2", "f32")
    assert load.operands == (Vector((Register("%f1"), Register("%f2"))), Address(Register("%rd1"), -8))
    assert store.guard == Register("%p1", negated=True)
    assert store.operands == (Address(Name("tile"), 16), Number(0x3F800000, "f32"))
    assert compare.operands == (Vector((Register("%p1"), None)), Register("%r1"), Number(-31),
                                Register("%p2", negated=True))
    assert branch.operands == (Name("DONE"),)


def test_comments_and_lines_of_python():
    """A comment may span lines; `.loc` counts for what follows, `.file` may come last."""
    text = kernel("/* two\nlines */ .loc 1 7 0\nmov.u32 %r1, 5; // end\n.loc 1 0 0\nmov.u32 %r2, 6;", [])
    module = parse(text + '\n.file 1 "folder/code.py"\n.section .debug_str { .b8 0 }\n')
    (function,) = module.functions.values()
    first, second = function.body[:2]
    assert (first.source, second.source) == ((1, 7), None) and module.files == {1: "folder/code.py"}
    assert text.splitlines()[first.line - 1].startswith("mov.u32 %r1")


def test_variables():
    module = parse(".const .align 8 .b8 table[6] = {1, 2, 255};\n.global .u32 count = 7;\n.extern .shared .b8 tile[];\n"
                   ".common .global .align 8 .u64 env;\n.global .f32 half[2] = {0f3F000000, 0f00000000};\n")
    variables = module.variables
    assert variables["table"].initial == bytes([1, 2, 255, 0, 0, 0]) and variables["table"].align == 8
    assert variables["count"].initial == (7).to_bytes(4, "little")
    assert (variables["tile"].space, variables["tile"].size) == ("shared", 0)
    assert variables["half"].initial == np.array([0.5, 0], "f4").tobytes()


FUNCTIONS = """
.func (.param .b32 result) twice(.param .b32 x)
{ .reg .pred %p<10>; .reg .b32 %r<3>; ld.param.b32 %r1, [x]; add.u32 %r2, %r1, %r1;
  setp.gt.u32 %p9, %r2, 100; @%p9 bra BIG;
  st.param.b32 [result], %r2; ret; BIG: st.param.b32 [result], 0; ret; }
.func (.param .b32 result) four_times(.param .b32 x)
{ .reg .b32 %r<3>; ld.param.b32 %r1, [x];
  { .param .b32 given; .param .b32 back; st.param.b32 [given], %r1; call.uni (back), twice, (given);
    ld.param.b32 %r1, [back]; st.param.b32 [given], %r1; call (back), twice, (given); ld.param.b32 %r2, [back]; }
  st.param.b32 [result], %r2; ret; }
"""


def test_calls():
    """Functions that call functions, with registers and labels of their own."""
    text = FUNCTIONS + kernel("""
        ld.param.u64 %rd1, [out]; mov.u32 %r1, %tid.x; mad.wide.u32 %rd2, %r1, 4, %rd1;
        { .param .b32 x; .param .b32 y; st.param.b32 [x], %r1; call.uni (y), four_times, (x); ld.param.b32 %r5, [y]; }
        st.global.u32 [%rd2], %r5;""", ["out"])
    out = np.zeros(40, "u4")
    launch(text, 1, 40, [Pointer(out)], name="snippet")
    twice = np.arange(40) * 2
    np.testing.assert_array_equal(out, np.where(2 * twice > 100, 0, 2 * twice))


@pytest.mark.parametrize("text, message", [
    ("wmma.load.a %r1;", r"does not know the instruction wmma.load.a \(PTX line 11: wmma.load.a %r1;\)"),
    ("add.u32 %r1, %r2;", "does not know add.u32 with these operands"),
    ("mov.u32 %r1, nothing;", "nothing is named nothing"), ("bra NOWHERE;", "there is no label NOWHERE"),
    ("call.uni vprintf, (%r1);", "does not know the function vprintf"),
    ("mov.u32 %r1, %warpspeed;", "does not know the special register %warpspeed"),
    ("ld.global.u32 %r1, [%rd1 * 4];", r"the address \[%rd1 \* 4\] cannot be read"),
    (".directive 5;", "cannot be read: .directive 5"), ("add.u32 %r1, %r2, 3", "cannot be read"),
    ("cvt.rn.satfinite.e4m3x2.f32 %r1, %f1, %f2;", "does not know the instruction cvt.rn.satfinite.e4m3x2.f32"),
    ("cp.async.bulk.shared.global [%rd1], [%rd2], 16;", "does not know the instruction cp.async.bulk"),
])
def test_what_cannot_run(text, message):
    with pytest.raises(PtxError, match=message):
        launch(kernel(text, []), 1, 1, [])


def test_functions_that_call_themselves():
    text = ".func again()\n{ call.uni again; ret; }\n" + kernel("call.uni again;", [])
    with pytest.raises(PtxError, match="functions that call themselves are not supported: again"):
        launch(text, 1, 1, [])


def test_which_kernel():
    two = kernel("ret;", []) + kernel("trap;", []).replace("snippet", "_ZN8__main__5otherB2v1E").split("64", 1)[1]
    with pytest.raises(PtxError, match=r"has 2 kernels \(snippet, other\); say which to launch with name="):
        launch(two, 1, 1, [])
    launch(two, 1, 1, [], name="snippet")
    with pytest.raises(numba_layers.emulator.TrapFault, match="^other: "):
        launch(two, 1, 1, [], name="other")
    with pytest.raises(PtxError, match="0 kernels named third; its kernels: snippet, other"):
        launch(two, 1, 1, [], name="third")


@pytest.mark.parametrize("grid, block, arguments, options, message", [
    (1, 1, [], {}, "snippet: the kernel takes 1 parameter.s., the arguments make 0"),
    (1, 1, [np.zeros((2, 2))], {}, "the arguments make 9. An array of n axes makes 5 \\+ 2 n"),
    (0, 1, [1], {}, "grid is 0, expected one to three numbers of at least 1"),
    (1, (32, 33), [1], {}, "a block of .32, 33, 1. has 1056 threads, at most 1024 fit"),
    (1, 1, [1], {"dynamic_shared": 1 << 20}, "needs 1048576 bytes of shared memory, at most 232448 exist"),
])
def test_launches_that_cannot_be(grid, block, arguments, options, message):
    with pytest.raises(ArgumentError, match=message):
        launch(".extern .shared .b8 tile[];\n" + kernel("ret;", ["p"]), grid, block, arguments, **options)


def test_limits_of_kernels():
    text = kernel("ret;", []).replace("snippet()", "snippet()\n.maxntid 64, 1, 1")
    launch(text, 1, 64, [])
    with pytest.raises(ArgumentError, match="65 threads, at most 64 fit"):
        launch(text, 1, 65, [])


def test_special_registers():
    """Places in block and grid, lanes and warps, of a block with three axes."""
    out = np.zeros((2, 70, 10), "u4")
    names = "%tid.x %tid.y %tid.z %ctaid.x %ctaid.y %nctaid.x %ntid.y %laneid %warpid %lanemask_lt".split()
    stores = "".join(f"mov.u32 %r9, {name}; st.global.u32 [%rd2+{4 * k}], %r9;" for k, name in enumerate(names))
    text = kernel("""ld.param.u64 %rd1, [out]; mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mov.u32 %r3, %tid.z;
        mad.lo.u32 %r4, %r3, 7, %r2; mad.lo.u32 %r4, %r4, 5, %r1; mov.u32 %r5, %ctaid.y; mad.lo.u32 %r4, %r5, 70, %r4;
        mad.wide.u32 %rd2, %r4, 40, %rd1;""" + stores, ["out"])
    launch(text, (1, 2), (5, 7, 2), [Pointer(out)])
    for block in range(2):
        for k in range(70):
            expected = [k % 5, k // 5 % 7, k // 35, 0, block, 1, 7, k % 32, k // 32, (1 << k % 32) - 1]
            assert out[block, k].tolist() == expected


def test_registers_without_a_value_are_poison():
    assert compute("add.u32 d, a, %r50;", "u4", a=np.array([5], "u4")).tolist() == [4]


def test_symbols_are_made_readable():
    assert readable("_ZN8__main__5saxpyB2v1B102cw51cXTLSE5ArrayIfLi1E1C") == "saxpy"
    assert readable("_ZN5tests12_3clocals_3e6kernelE") == "kernel" and readable("plain") == "plain"


def test_the_compiler_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba_cuda", None)
    with pytest.raises(DeviceError, match="needs the package numba-cuda: pip install"):
        compile_ptx(None, ())


def test_public_names_come_when_they_are_used():
    script = "import sys, numba_layers.emulator as e; print('numpy' in sys.modules); e.launch; " \
             "print('numba' in sys.modules, 'numpy' in sys.modules)"
    output = subprocess.check_output([sys.executable, "-c", script], text=True).split()
    assert output == ["False", "False", "True"]
    for name in numba_layers.emulator.__all__:
        assert getattr(numba_layers.emulator, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'lunch'"):
        numba_layers.emulator.lunch  # noqa: B018
