"""Indices as 32-bit numbers: Numba's integers grow to 64 bits with each `+` or `*`, and divide with doubt.

What else is computed is cut back, `np.uint32(a + b)`. A negative number is a huge one then: sums come out right modulo
2**32, and one comparison, `index < size`, asks for both borders.
"""

from llvmlite import ir
from numba import types

from ..toolchain.api import intrinsic


@intrinsic
def flat(typing, array):
    """All numbers of a contiguous array in one row."""
    def codegen(context, builder, signature, arguments):
        source = context.make_array(array)(context, builder, arguments[0])
        view = context.make_array(signature.return_type)(context, builder)
        for field in ("meminfo", "parent", "nitems", "itemsize", "data"):
            setattr(view, field, getattr(source, field))
        for field, value in (("shape", source.nitems), ("strides", source.itemsize)):
            setattr(view, field, builder.insert_value(ir.Constant(ir.ArrayType(value.type, 1), ir.Undefined), value, 0))
        return view._getvalue()

    return array.copy(ndim=1)(array), codegen


@intrinsic
def divmod_u32(typing, number, size):
    """(number // size, number % size) of numbers of type uint32."""
    def codegen(context, builder, signature, arguments):
        number, size = arguments
        quotient = builder.udiv(number, size)
        rest = builder.sub(number, builder.mul(quotient, size))
        return context.make_tuple(builder, signature.return_type, [quotient, rest])

    return types.UniTuple(types.uint32, 2)(types.uint32, types.uint32), codegen


@intrinsic
def reciprocal(typing, size):
    """(2**32 - 1) // size: what `fast_divmod` needs of a size by which a loop divides many numbers."""
    def codegen(context, builder, signature, arguments):
        return builder.udiv(ir.Constant(ir.IntType(32), 0xFFFFFFFF), arguments[0])

    return types.uint32(types.uint32), codegen


@intrinsic
def fast_divmod(typing, number, size, inverse):
    """`divmod_u32`, in a third of the instructions: number * inverse / 2**32 is the quotient or 1 less."""
    def codegen(context, builder, signature, arguments):
        number, size, inverse = arguments
        wide = ir.IntType(64)
        product = builder.mul(builder.zext(number, wide), builder.zext(inverse, wide))
        quotient = builder.trunc(builder.lshr(product, ir.Constant(wide, 32)), size.type)
        rest = builder.sub(number, builder.mul(quotient, size))
        less = builder.icmp_unsigned(">=", rest, size)
        quotient = builder.add(quotient, builder.zext(less, size.type))
        rest = builder.select(less, builder.sub(rest, size), rest)
        return context.make_tuple(builder, signature.return_type, [quotient, rest])

    return types.UniTuple(types.uint32, 2)(types.uint32, types.uint32, types.uint32), codegen


@intrinsic
def mad(typing, quotient, size, rest):
    """quotient * size + rest of numbers of type uint32: what `divmod_u32` took apart."""
    def codegen(context, builder, signature, arguments):
        quotient, size, rest = arguments
        return builder.add(builder.mul(quotient, size), rest)

    return types.uint32(types.uint32, types.uint32, types.uint32), codegen
