"""Memory accesses that Numba has no word for: 128-bit vectors, unchecked elements, inline PTX.

`ld1`, `ld4`, `st1`, `st4` and so on count elements of a contiguous array of any rank from its first one, with no
check. Vectors begin at a multiple of their size, 16 bytes for those that `aligned` asks about.
"""

from llvmlite import ir
from numba.core import types

from ..toolchain.api import intrinsic

INT32, INT64 = ir.IntType(32), ir.IntType(64)


def element_pointer(context, builder, signature, arguments):
    """Pointer to element arguments[1] of array arguments[0] (LLVM, for intrinsics)."""
    data = context.make_array(signature.args[0])(context, builder, value=arguments[0]).data
    return builder.gep(data, [context.cast(builder, arguments[1], signature.args[1], types.int64)])


def vector_load(builder, place, count):
    """`count` neighbours from a pointer on, by one load (LLVM, for intrinsics)."""
    vector = builder.load(builder.bitcast(place, ir.VectorType(place.type.pointee, count).as_pointer()),
                          align=min(16, 4 * count))
    return [builder.extract_element(vector, INT32(e)) for e in range(count)]


@intrinsic
def ld1(typingctx, array, i):
    """array[i], without a negative i's meaning."""
    def codegen(context, builder, signature, arguments):
        return builder.load(element_pointer(context, builder, signature, arguments))
    return array.dtype(array, i), codegen


@intrinsic
def ld4(typingctx, array, i):
    """array[i:i + 4] as a tuple."""
    def codegen(context, builder, signature, arguments):
        values = vector_load(builder, element_pointer(context, builder, signature, arguments), 4)
        return context.make_tuple(builder, signature.return_type, values)
    return types.UniTuple(array.dtype, 4)(array, i), codegen


@intrinsic
def st1(typingctx, array, i, value):
    """array[i] = value."""
    def codegen(context, builder, signature, arguments):
        builder.store(arguments[2], element_pointer(context, builder, signature, arguments))
        return context.get_dummy_value()
    return types.void(array, i, array.dtype), codegen


def _vector_store(count):
    @intrinsic
    def st(typingctx, array, i, values):
        def codegen(context, builder, signature, arguments):
            place = element_pointer(context, builder, signature, arguments)
            vector = ir.Constant(ir.VectorType(place.type.pointee, count), ir.Undefined)
            for e in range(count):
                vector = builder.insert_element(vector, builder.extract_value(arguments[2], e), INT32(e))
            builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=min(16, 4 * count))
            return context.get_dummy_value()
        return types.void(array, i, types.UniTuple(array.dtype, count)), codegen
    return st


st2, st4 = _vector_store(2), _vector_store(4)   # array[i:i + 2] = values, array[i:i + 4] = values, tuples


@intrinsic
def aligned(typingctx, array):
    """Whether an array begins at a multiple of 16 bytes."""
    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, value=arguments[0]).data
        return builder.icmp_unsigned("==", builder.and_(builder.ptrtoint(data, INT64), INT64(15)), INT64(0))
    return types.boolean(array), codegen


def inline_ptx(builder, text, result, letters, *values, stays=False):
    """One line of inline PTX; `letters` say the registers of the result (=r, =f) and of the values."""
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(ir.InlineAsm(kind, text, letters, side_effect=stays), values)


@intrinsic
def optimisation_barrier(typingctx, number):
    """The number itself, of which the compiler knows no origin: it keeps no results of it in registers across this."""
    def codegen(context, builder, signature, arguments):
        return inline_ptx(builder, "mov.b32 $0, $1;", INT32, "=r,r", *arguments, stays=True)
    return types.uint32(types.uint32), codegen
