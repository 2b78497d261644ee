"""What Numba has no word for: 128-bit memory accesses and the multiply-adds of a tile in registers.

`ld1`, `ld4`, `st1`, `st4` count elements of a contiguous array of any rank from its first one, with no check; four
elements begin at a multiple of 16 bytes (`aligned`).
"""

from llvmlite import ir
from numba.core import types

from ._cuda import intrinsic

INT32, INT64 = ir.IntType(32), ir.IntType(64)


def _place(context, builder, signature, arguments):
    """Pointer to element arguments[1] of array arguments[0]."""
    data = context.make_array(signature.args[0])(context, builder, value=arguments[0]).data
    return builder.gep(data, [context.cast(builder, arguments[1], signature.args[1], types.int64)])


def _load4(builder, place):
    vector = builder.load(builder.bitcast(place, ir.VectorType(place.type.pointee, 4).as_pointer()), align=16)
    return [builder.extract_element(vector, INT32(e)) for e in range(4)]


@intrinsic
def ld1(typingctx, array, i):
    """array[i], without a negative i's meaning."""
    def codegen(context, builder, signature, arguments):
        return builder.load(_place(context, builder, signature, arguments))
    return array.dtype(array, i), codegen


@intrinsic
def ld4(typingctx, array, i):
    """array[i:i + 4] as a tuple."""
    def codegen(context, builder, signature, arguments):
        values = _load4(builder, _place(context, builder, signature, arguments))
        return context.make_tuple(builder, signature.return_type, values)
    return types.UniTuple(array.dtype, 4)(array, i), codegen


@intrinsic
def st1(typingctx, array, i, value):
    """array[i] = value."""
    def codegen(context, builder, signature, arguments):
        builder.store(arguments[2], _place(context, builder, signature, arguments))
        return context.get_dummy_value()
    return types.void(array, i, array.dtype), codegen


@intrinsic
def st4(typingctx, array, i, values):
    """array[i:i + 4] = values, a tuple of the array's type."""
    def codegen(context, builder, signature, arguments):
        place = _place(context, builder, signature, arguments)
        vector = ir.Constant(ir.VectorType(place.type.pointee, 4), ir.Undefined)
        for e in range(4):
            vector = builder.insert_element(vector, builder.extract_value(arguments[2], e), INT32(e))
        builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=16)
        return context.get_dummy_value()
    return types.void(array, i, types.UniTuple(array.dtype, 4)), codegen


@intrinsic
def aligned(typingctx, array):
    """Whether an array begins at a multiple of 16 bytes."""
    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, value=arguments[0]).data
        return builder.icmp_unsigned("==", builder.and_(builder.ptrtoint(data, INT64), INT64(15)), INT64(0))
    return types.boolean(array), codegen


def multiply_slab(depth, groups, gap_a, gap_b, stride_a, stride_b):
    """The multiply-adds of a thread for a slab in shared memory.

    The intrinsic (total, a, start_a, b, start_b) adds, for p < depth in this order, a[row, p] * b[p, column] to each
    sum in `total`, an array of the thread: rows and columns come in `groups` of 4, `gap` apart, and neighbours in p
    are `stride` apart, all in elements and multiples of 4.
    """
    @intrinsic
    def slab(typingctx, total, a, start_a, b, start_b):
        def codegen(context, builder, signature, arguments):
            kinds = signature.args
            sums = context.make_array(kinds[0])(context, builder, value=arguments[0]).data
            first_a = _place(context, builder, types.void(*kinds[1:3]), arguments[1:3])
            first_b = _place(context, builder, types.void(*kinds[3:5]), arguments[3:5])
            places = [builder.gep(sums, [INT64(e)]) for e in range(16 * groups * groups)]
            values = [builder.load(place) for place in places]
            for p in range(depth):
                rows = [value for g in range(groups)
                        for value in _load4(builder, builder.gep(first_a, [INT64(p * stride_a + g * gap_a)]))]
                columns = [value for g in range(groups)
                           for value in _load4(builder, builder.gep(first_b, [INT64(p * stride_b + g * gap_b)]))]
                for r, row in enumerate(rows):
                    for c, column in enumerate(columns):
                        e = r * len(columns) + c
                        values[e] = builder.fma(row, column, values[e])
            for place, value in zip(places, values):
                builder.store(value, place)
            return context.get_dummy_value()
        return types.void(total, a, start_a, b, start_b), codegen
    return slab


@intrinsic
def fresh(typingctx, number):
    """A uint32 whose origin the compiler forgets, so that it keeps nothing in registers that follows from it."""
    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(INT32, [INT32])
        return builder.call(ir.InlineAsm(kind, "mov.b32 $0, $1;", "=r,r", side_effect=True), arguments)
    return types.uint32(number), codegen
