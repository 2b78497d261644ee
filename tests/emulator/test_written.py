"""Where kernels may write, by their PTX."""

import pytest

from numba_layers.emulator.written import written

HEAD = ".version 8.0\n.target sm_80\n.address_size 64\n"


def kernel(body, more="", registers=".reg .pred %p<4>; .reg .f32 %f<4>; .reg .b32 %r<8>; .reg .b64 %rd<16>;"):
    """The text of a kernel of three addresses and a number, which lie in %rd1 to %rd3 and %rd4."""
    loads = "".join(f"ld.param.u64 %rd{number + 1}, [k_param_{number}];\n" for number in range(4))
    parameters = ", ".join(f".param .u64 k_param_{number}" for number in range(4))
    return f"{HEAD}{more}\n.visible .entry k({parameters})\n{{\n{registers}\n{loads}{body}\nret;\n}}\n"


BODIES = {
    "nothing": ("ld.global.f32 %f1, [%rd1];", set()),
    "a store": ("cvta.to.global.u64 %rd5, %rd2; st.global.f32 [%rd5+4], %f1;", {1}),
    "an address that is computed": (
        "mul.wide.u32 %rd5, %r1, 4; add.s64 %rd6, %rd3, %rd5; mad.lo.s64 %rd7, %rd4, 8, %rd6; "
        "ld.global.f32 %f1, [%rd1]; st.global.f32 [%rd7], %f1;", {2}),
    "several": ("st.global.v2.f32 [%rd1], {%f1, %f2}; red.global.add.f32 [%rd3], %f1;", {0, 2}),
    "an atomic": ("atom.global.add.f32 %f1, [%rd2], %f2; ld.global.f32 %f2, [%rd1];", {1}),
    "either": ("selp.b64 %rd5, %rd1, %rd2, %p1; st.global.f32 [%rd5], %f1;", {0, 1}),
    "in a loop, later than the register's use": (
        "mov.u64 %rd5, %rd1;\nL: st.global.f32 [%rd6], %f1; mov.u64 %rd6, %rd7; mov.u64 %rd7, %rd5; @%p1 bra L;", {0}),
    "two halves": ("mov.b64 {%r1, %r2}, %rd2; mov.b64 %rd5, {%r1, %r2}; st.global.f32 [%rd5], %f1;", {1}),
    "a number that is no address": ("st.global.u64 [%rd1], %rd4;", {0}),
    "a copy to shared memory reads": ("mov.u64 %rd5, buffer; cp.async.ca.shared.global [%rd5], [%rd1], 16;", set()),
    "an address kept in memory": ("st.local.u64 [%rd5], %rd1;", {0, 1, 2}),
    "an instruction that is not known": ("frob.global.f32 [%rd2], %f1;", {1}),
    "in a called function": (
        "{ .param .b64 a; st.param.b64 [a], %rd3; call.uni put, (a); }", {2}),
    "in a function that is elsewhere": ("{ .param .b64 a; st.param.b64 [a], %rd3; call.uni far, (a); }", {0, 1, 2}),
}
MORE = """
.shared .align 16 .b8 buffer[64];
.extern .func far(.param .b64 far_0);
.func put(.param .b64 put_0)
{ .reg .b64 %rd<2>; .reg .f32 %f<2>; ld.param.u64 %rd1, [put_0]; st.global.f32 [%rd1], %f1; ret; }
"""


@pytest.mark.parametrize("body, wanted", BODIES.values(), ids=BODIES)
def test_addresses_are_followed(body, wanted):
    assert written(kernel(body, MORE), {0, 1, 2}) == wanted
