"""`largest` and `smallest` of two numbers, NaN where one is NaN: LLVM turns loops of them into vector code.

A comparison cannot do that: `a if a > b else b` loses NaN in one of its places, so LLVM must keep the order.
"""

from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic


def _extreme(name, compare):
    """An intrinsic for two numbers of one type: LLVM's `name` for floats, else a choice by `compare`."""

    @intrinsic
    def extreme(typingctx, a, b):
        if a != b or not isinstance(a, types.Float | types.Integer | types.Boolean):
            return None

        def codegen(context, builder, signature, arguments):
            kind = arguments[0].type
            if isinstance(a, types.Float):
                form = ir.FunctionType(kind, [kind, kind])
                return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [kind], form), arguments)
            order = builder.icmp_signed if getattr(a, "signed", False) else builder.icmp_unsigned
            return builder.select(order(compare, *arguments), *arguments)

        return a(a, b), codegen

    return extreme


if config.DISABLE_JIT:
    def largest(a, b):
        return a if a > b or a != a else b

    def smallest(a, b):
        return a if a < b or a != a else b
else:
    largest = _extreme("maximum", ">")
    smallest = _extreme("minimum", "<")
