"""The multiply-adds of a K-block: by FMAs of each thread, or by mma.sync of a warp on tensor cores; and their words."""

from llvmlite import ir
from numba.core import types

from ..simt.memory import INT32, INT64, element_pointer, inline_ptx, vector_load
from ..toolchain.api import intrinsic

FLOAT32 = ir.FloatType()


def _pointers(context, builder, signature, arguments):
    """Of arguments (total, a, start_a, b, start_b): pointers to total[0], a[start_a] and b[start_b]."""
    kinds = signature.args
    return (context.make_array(kinds[0])(context, builder, value=arguments[0]).data,
            element_pointer(context, builder, types.void(*kinds[1:3]), arguments[1:3]),
            element_pointer(context, builder, types.void(*kinds[3:5]), arguments[3:5]))


@intrinsic
def tf32(typingctx, value):
    """The bits of a float32 rounded to TF32: 10 bits after the point, ties away from 0."""
    def codegen(context, builder, signature, arguments):
        return inline_ptx(builder, "cvt.rna.tf32.f32 $0, $1;", INT32, "=r,f", *arguments)
    return types.uint32(types.float32), codegen


@intrinsic
def bf16x2(typingctx, low, high):
    """The bits of two float32 rounded to bfloat16, 7 bits after the point, ties to even: `low` in the lower half."""
    def codegen(context, builder, signature, arguments):
        return inline_ptx(builder, "cvt.rn.bf16x2.f32 $0, $2, $1;", INT32, "=r,f,f", *arguments)
    return types.uint32(types.float32, types.float32), codegen


def tile_fma(k, vectors, gap_a, gap_b, stride_a, stride_b):
    """A thread's FMAs for a K-block in shared memory, or a slice of one: its accumulators += A fragment @ B fragment.

    The intrinsic (total, a, start_a, b, start_b) adds, for p < k in this order, a[row, p] * b[p, column] to each
    accumulator in `total`, an array of the thread: rows and columns come in `vectors` of 4, `gap` apart, and neighbours
    in p are `stride` apart, all in elements and multiples of 4.
    """
    @intrinsic
    def multiply_add(typingctx, total, a, start_a, b, start_b):
        def codegen(context, builder, signature, arguments):
            sums, first_a, first_b = _pointers(context, builder, signature, arguments)
            places = [builder.gep(sums, [INT64(e)]) for e in range(16 * vectors * vectors)]
            values = [builder.load(place) for place in places]
            for p in range(k):
                rows = [value for v in range(vectors) for value in vector_load(
                    builder, builder.gep(first_a, [INT64(p * stride_a + v * gap_a)]), 4)]
                columns = [value for v in range(vectors) for value in vector_load(
                    builder, builder.gep(first_b, [INT64(p * stride_b + v * gap_b)]), 4)]
                for r, row in enumerate(rows):
                    for c, column in enumerate(columns):
                        e = r * len(columns) + c
                        values[e] = builder.fma(row, column, values[e])
            for place, value in zip(places, values):
                builder.store(value, place)
            return context.get_dummy_value()
        return types.void(total, a, start_a, b, start_b), codegen
    return multiply_add


MMA = {   # 8 words along K: 8 numbers of TF32, 16 of bfloat16
    "tf32": "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32",
    "bf16": "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32",
}


def tile_mma(precision, words, rows, columns, strides_a, strides_b):
    """The same of a warp on tensor cores, for a K-block of `words` words, each one TF32 or two bfloat16 numbers.

    The warp tile is 8 * rows by 4 * columns. A stride pair is how far neighbours (in M or N, in K) are apart, in words.
    Lane 4 g + t starts at row (or column) g and word t; its accumulators are those of rows g + 8 r and columns
    2 t + 8 (c // 2) + c % 2, in total[r * columns + c]: the fragments of mma.sync. Order within 8 words is the
    machine's.
    """
    text = f"{MMA[precision]} {{$0, $1, $2, $3}}, {{$4, $5, $6, $7}}, {{$8, $9}}, {{$10, $11, $12, $13}};"
    letters = "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f"
    four = ir.LiteralStructType([FLOAT32] * 4)

    @intrinsic
    def multiply_add(typingctx, total, a, start_a, b, start_b):
        def codegen(context, builder, signature, arguments):
            sums, first_a, first_b = _pointers(context, builder, signature, arguments)
            places = [builder.gep(sums, [INT64(e)]) for e in range(rows * columns)]
            values = [builder.load(place) for place in places]

            def word(first, strides, i, w):
                return builder.load(builder.gep(first, [INT64(8 * i * strides[0] + w * strides[1])]))

            for w in range(0, words, 8):
                in_b = [[word(first_b, strides_b, c, w + v) for v in (0, 4)] for c in range(columns // 2)]
                for r in range(0, rows, 2):
                    in_a = [word(first_a, strides_a, r + h, w + v) for v in (0, 4) for h in (0, 1)]
                    for c in range(columns // 2):
                        lane = [(r + h) * columns + 2 * c + e for h in (0, 1) for e in (0, 1)]
                        found = inline_ptx(builder, text, four, letters, *in_a, *in_b[c], *(values[e] for e in lane))
                        for k, e in enumerate(lane):
                            values[e] = builder.extract_value(found, k)
            for place, value in zip(places, values):
                builder.store(value, place)
            return context.get_dummy_value()
        return types.void(total, a, start_a, b, start_b), codegen
    return multiply_add
