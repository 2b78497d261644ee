"""`fma(a, b, c)` = a b + c, rounded once where the processor can: written out, never left to the compiler.

LLVM would fuse some multiplications and additions and not others: in a loop's vectors but not in its last elements,
in one form of a kernel but not in the next. So kernels carry no leave to contract, and ask for it here.
"""

import platform

from llvmlite import ir
from numba.core import config, types
from numba.core.cpu import CPUContext
from numba.extending import intrinsic

from .. import level

# Without the instruction, LLVM's fma is a library call, a hundred times as slow.
FUSED = "+fma" in level.HAS or "+avx512f" in level.HAS or platform.machine().lower() in ("aarch64", "arm64")


def _fma(typing, a, b, c):
    if not (a == b == c and isinstance(a, types.Float)):
        return None

    def codegen(context, builder, signature, arguments):
        if FUSED and isinstance(context, CPUContext):
            kind = arguments[0].type
            form = ir.FunctionType(kind, [kind] * 3)
            return builder.call(builder.module.declare_intrinsic("llvm.fma", [kind], form), arguments)
        return builder.fadd(builder.fmul(*arguments[:2]), arguments[2])     # which NVVM fuses, always

    return a(a, a, a), codegen


def _python_fma(a, b, c):
    return a * b + c


fma = _python_fma if config.DISABLE_JIT else intrinsic(_fma)
