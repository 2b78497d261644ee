"""`widest(x)` is x, and asks LLVM for the machine's widest vectors in the loop that contains it.

By itself LLVM takes half of AVX-512's width, so as not to lower the clock. A loop of long formulas, exp or
tanh, is 1.3 to 1.6 times as fast with all of it. Loops that wait for memory, and other CPUs, are the same.
"""

from numba.core import config
from numba.extending import intrinsic


def _widest(typing, x):
    def codegen(context, builder, signature, arguments):
        # llvmlite's own `add` does not know this attribute of LLVM's
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return arguments[0]

    return x(x), codegen


def _itself(x):
    return x


widest = _itself if config.DISABLE_JIT else intrinsic(_widest)
