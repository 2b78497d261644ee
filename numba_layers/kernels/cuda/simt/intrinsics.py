"""What Numba has no word for: 128-bit memory accesses, the multiply-adds of a tile in registers, tensor cores.

`ld1`, `ld4`, `st1`, `st4` and so on count elements of a contiguous array of any rank from its first one, with no
check. Several elements at once begin at a multiple of their size, 16 bytes for those that `aligned` asks about.
"""

from llvmlite import ir
from numba.core import types

from ..toolchain.api import intrinsic

INT32, INT64, FLOAT32 = ir.IntType(32), ir.IntType(64), ir.FloatType()


# ---- memory ------------------------------------------------------------------------------------------------


def _place(context, builder, signature, arguments):
    """Pointer to element arguments[1] of array arguments[0]."""
    data = context.make_array(signature.args[0])(context, builder, value=arguments[0]).data
    return builder.gep(data, [context.cast(builder, arguments[1], signature.args[1], types.int64)])


def _places(context, builder, signature, arguments):
    """Of arguments (total, a, start_a, b, start_b): pointers to total[0], a[start_a] and b[start_b]."""
    kinds = signature.args
    return (context.make_array(kinds[0])(context, builder, value=arguments[0]).data,
            _place(context, builder, types.void(*kinds[1:3]), arguments[1:3]),
            _place(context, builder, types.void(*kinds[3:5]), arguments[3:5]))


def _loaded(builder, place, count):
    """`count` neighbours from a place on, by one load."""
    vector = builder.load(builder.bitcast(place, ir.VectorType(place.type.pointee, count).as_pointer()),
                          align=min(16, 4 * count))
    return [builder.extract_element(vector, INT32(e)) for e in range(count)]


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
        values = _loaded(builder, _place(context, builder, signature, arguments), 4)
        return context.make_tuple(builder, signature.return_type, values)
    return types.UniTuple(array.dtype, 4)(array, i), codegen


@intrinsic
def st1(typingctx, array, i, value):
    """array[i] = value."""
    def codegen(context, builder, signature, arguments):
        builder.store(arguments[2], _place(context, builder, signature, arguments))
        return context.get_dummy_value()
    return types.void(array, i, array.dtype), codegen


def _several(count):
    @intrinsic
    def st(typingctx, array, i, values):
        def codegen(context, builder, signature, arguments):
            place = _place(context, builder, signature, arguments)
            vector = ir.Constant(ir.VectorType(place.type.pointee, count), ir.Undefined)
            for e in range(count):
                vector = builder.insert_element(vector, builder.extract_value(arguments[2], e), INT32(e))
            builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=min(16, 4 * count))
            return context.get_dummy_value()
        return types.void(array, i, types.UniTuple(array.dtype, count)), codegen
    return st


st2, st4 = _several(2), _several(4)   # array[i:i + 2] = values, array[i:i + 4] = values: tuples of the array's type


@intrinsic
def aligned(typingctx, array):
    """Whether an array begins at a multiple of 16 bytes."""
    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, value=arguments[0]).data
        return builder.icmp_unsigned("==", builder.and_(builder.ptrtoint(data, INT64), INT64(15)), INT64(0))
    return types.boolean(array), codegen


# ---- lines of PTX ------------------------------------------------------------------------------------------


def _assembly(builder, text, result, letters, *values, stays=False):
    """One line of inline PTX; `letters` say the registers of the result (=r, =f) and of the values."""
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(ir.InlineAsm(kind, text, letters, side_effect=stays), values)


@intrinsic
def fresh(typingctx, number):
    """A uint32 whose origin the compiler forgets, so that it keeps nothing in registers that follows from it."""
    def codegen(context, builder, signature, arguments):
        return _assembly(builder, "mov.b32 $0, $1;", INT32, "=r,r", *arguments, stays=True)
    return types.uint32(types.uint32), codegen


@intrinsic
def tf32(typingctx, value):
    """The bits of a float32 rounded to TF32: 10 bits after the point, ties away from 0."""
    def codegen(context, builder, signature, arguments):
        return _assembly(builder, "cvt.rna.tf32.f32 $0, $1;", INT32, "=r,f", *arguments)
    return types.uint32(types.float32), codegen


@intrinsic
def bf16x2(typingctx, low, high):
    """The bits of two float32 rounded to bfloat16, 7 bits after the point, ties to even: `low` in the lower half."""
    def codegen(context, builder, signature, arguments):
        return _assembly(builder, "cvt.rn.bf16x2.f32 $0, $2, $1;", INT32, "=r,f,f", *arguments)
    return types.uint32(types.float32, types.float32), codegen


# ---- the multiply-adds of a tile ---------------------------------------------------------------------------


def multiply_slab(depth, groups, gap_a, gap_b, stride_a, stride_b):
    """The multiply-adds of a thread for a slab in shared memory.

    The intrinsic (total, a, start_a, b, start_b) adds, for p < depth in this order, a[row, p] * b[p, column] to each
    sum in `total`, an array of the thread: rows and columns come in `groups` of 4, `gap` apart, and neighbours in p
    are `stride` apart, all in elements and multiples of 4.
    """
    @intrinsic
    def slab(typingctx, total, a, start_a, b, start_b):
        def codegen(context, builder, signature, arguments):
            sums, first_a, first_b = _places(context, builder, signature, arguments)
            places = [builder.gep(sums, [INT64(e)]) for e in range(16 * groups * groups)]
            values = [builder.load(place) for place in places]
            for p in range(depth):
                rows = [value for g in range(groups)
                        for value in _loaded(builder, builder.gep(first_a, [INT64(p * stride_a + g * gap_a)]), 4)]
                columns = [value for g in range(groups)
                           for value in _loaded(builder, builder.gep(first_b, [INT64(p * stride_b + g * gap_b)]), 4)]
                for r, row in enumerate(rows):
                    for c, column in enumerate(columns):
                        e = r * len(columns) + c
                        values[e] = builder.fma(row, column, values[e])
            for place, value in zip(places, values):
                builder.store(value, place)
            return context.get_dummy_value()
        return types.void(total, a, start_a, b, start_b), codegen
    return slab


MMA = {   # 8 words along the sum: 8 numbers of TF32, 16 of bfloat16
    "tf32": "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32",
    "bf16": "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32",
}


def multiply_slab_on_tensor_cores(numbers, words, rows, columns, strides_a, strides_b):
    """The same of a warp, for a slab of `words` words along the sum, each one TF32 or two bfloat16 numbers.

    The warp's tile is 8 * rows by 4 * columns. A stride pair is how far neighbours (across the sum, along it) are
    apart, in words. Thread 4 g + t starts at row (or column) g and word t; its sums are those of rows g + 8 r and
    columns 2 t + 8 (c // 2) + c % 2, in total[r * columns + c]. Order within 8 words is the machine's.
    """
    text = f"{MMA[numbers]} {{$0, $1, $2, $3}}, {{$4, $5, $6, $7}}, {{$8, $9}}, {{$10, $11, $12, $13}};"
    letters = "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f"
    four = ir.LiteralStructType([FLOAT32] * 4)

    @intrinsic
    def slab(typingctx, total, a, start_a, b, start_b):
        def codegen(context, builder, signature, arguments):
            sums, first_a, first_b = _places(context, builder, signature, arguments)
            places = [builder.gep(sums, [INT64(e)]) for e in range(rows * columns)]
            values = [builder.load(place) for place in places]

            def word(first, strides, i, w):
                return builder.load(builder.gep(first, [INT64(8 * i * strides[0] + w * strides[1])]))

            for w in range(0, words, 8):
                in_b = [[word(first_b, strides_b, c, w + v) for v in (0, 4)] for c in range(columns // 2)]
                for r in range(0, rows, 2):
                    in_a = [word(first_a, strides_a, r + h, w + v) for v in (0, 4) for h in (0, 1)]
                    for c in range(columns // 2):
                        own = [(r + h) * columns + 2 * c + e for h in (0, 1) for e in (0, 1)]
                        found = _assembly(builder, text, four, letters, *in_a, *in_b[c], *(values[e] for e in own))
                        for part, e in enumerate(own):
                            values[e] = builder.extract_value(found, part)
            for place, value in zip(places, values):
                builder.store(value, place)
            return context.get_dummy_value()
        return types.void(total, a, start_a, b, start_b), codegen
    return slab
