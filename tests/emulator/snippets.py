"""Small PTX programs around a few instructions, run for one thread an element."""

import numpy as np

from numba_layers.emulator import Emulator, Pointer

REGISTERS = {"b": "b", "u": "b", "i": "b", "f": "f"}


def register_type(dtype):
    dtype = np.dtype(dtype)
    return f"{REGISTERS[dtype.kind]}{8 * dtype.itemsize}" if dtype != np.float16 else "b16"


def kernel(body, parameters, declarations=""):
    """The text of a kernel with 64-bit parameters and a body."""
    listed = ", ".join(f".param .u64 {name}" for name in parameters)
    return f""".version 8.0
.target sm_80
.address_size 64
.visible .entry snippet({listed})
{{
.reg .b32 %r<100>;
.reg .b64 %rd<100>;
.reg .f32 %f<100>;
.reg .pred %p<20>;
{declarations}
{body}
ret;
}}
"""


def compute(instructions, result, block=None, emulator=None, **inputs):
    """What `instructions` leave in `d` where each thread finds its elements of the inputs in registers of their names.

    result: dtype of d, or a dict of names and dtypes for several results.
    """
    results = result if isinstance(result, dict) else {"d": result}
    inputs = {name: np.ascontiguousarray(values) for name, values in inputs.items()}
    n = max(values.size for values in inputs.values())
    lines = [".reg .b32 i;", ".reg .b64 at, wide;", "mov.u32 i, %tid.x;", "cvt.u64.u32 wide, i;"]
    outputs = {name: np.zeros(n, dtype) for name, dtype in results.items()}
    for name, values in {**inputs, **outputs}.items():
        lines += [f".reg .{register_type(values.dtype)} {name};"]
    for name, values in inputs.items():
        lines += [f"ld.param.u64 at, [{name}_];", f"mad.lo.u64 at, wide, {values.itemsize}, at;",
                  f"ld.global.b{8 * values.itemsize} {name}, [at];"]
    lines.append(instructions)
    for name, values in outputs.items():
        lines += [f"ld.param.u64 at, [{name}_];", f"mad.lo.u64 at, wide, {values.itemsize}, at;",
                  f"st.global.b{8 * values.itemsize} [at], {name};"]
    text = kernel("\n".join(lines), [name + "_" for name in (*inputs, *outputs)])
    arguments = [Pointer(values) for values in (*inputs.values(), *outputs.values())]
    (emulator or Emulator()).launch(text, 1, block or n, arguments)
    return outputs if isinstance(result, dict) else outputs["d"]
