"""How work is partitioned into tasks for the threads. No sum is cut by their number, so it never changes a bit."""

from llvmlite import ir
from numba.core import cgutils, types

from ..compile import inlined
from .vector import ceil_div, divide, emitted, int32, int64


@emitted(lambda: 1)
def thread_count(typing):
    """How many threads the next prange uses. It may partition the work, it may not change the result."""
    def codegen(context, builder, signature, arguments):
        signature = ir.FunctionType(int32, [])
        function = cgutils.get_or_insert_function(builder.module, signature, "get_num_threads")
        return builder.zext(builder.call(function, []), int64)

    return types.int64(), codegen


@inlined
def part_of(part, parts, size, unit):
    """(start, length) of one of `parts` nearly equal parts of `size`, in whole units but for the last."""
    units = ceil_div(size, unit)
    start = min(size, divide(part * units, parts) * unit)
    return start, min(size, divide((part + 1) * units, parts) * unit) - start
