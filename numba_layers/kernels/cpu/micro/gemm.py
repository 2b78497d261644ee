"""The register tile: the innermost block of matrix multiply and convolution, as vector instructions.

    C[r, j] = init[r, j] + sum over q, s, p of A[r, q, s, p] * B[q, s, p, j]      r < ROWS, j < vectors * lanes

All the sums stay in registers while p runs, beside one row of B and one number of A at a time. The rows come in
groups of GROUP that may lie anywhere; for a convolution they are neighbouring pixels. The sum comes in planes of
segments: the planes and rows of the image below a window. For a product of matrices it is one block. The machine's
registers give the shape: sums fill 24 of the 32 vector registers of AVX-512 (8 x 48 floats) and of NEON
(8 x 12), 12 of the 16 of AVX2 (4 x 24). Numba's own vectoriser finds no such loop.

Each sum is one chain of multiply-adds in the order of q, s and p. Cutting a long sum in pieces (`init` is then C
itself), or the matrix in blocks, therefore changes no bit of the result.

The functions work on pointers, made by `at` from arrays and by `scratch` (see `_workspace`); strides count elements.
They emit LLVM instructions, and each stands beside the Python that says the same.
Reference: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication".
"""

import functools
import platform
from itertools import chain

import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from ...math.fma import FUSED
from ..compile import inlined


def _shape(features, machine):
    """(bytes in a vector, rows of a tile) of a machine with these LLVM features."""
    if "+avx512f" in features:
        return 64, 8
    if "+avx2" in features and "+fma" in features:
        return 32, 4
    return 16, 8 if machine in ("aarch64", "arm64") else 4


# By the features Numba compiles for (NUMBA_CPU_FEATURES): virtual machines get the CPU's name wrong.
VECTOR_BYTES, ROWS = _shape(
    cpu_target.target_context.codegen().magic_tuple()[2].split(","), platform.machine().lower())
GROUP = 4     # rows of a tile that lie evenly spaced
VECTORS = 3   # width of the widest tile; tiles of 1 and 2 vectors finish a row of tiles

_int32, _int64 = ir.IntType(32), ir.IntType(64)


def _llvm(python):
    """Decorator: the LLVM code of a function. `python` says the same, for NUMBA_DISABLE_JIT=1."""
    return (lambda function: python) if config.DISABLE_JIT else intrinsic(prefer_literal=True)


def _routine(python):
    """Decorator like `_llvm`, for code that becomes a function of its own: nothing of the caller, such as a
    constant vector, takes a register from its loop, and LLVM compiles it once, however often it is called."""
    def decorate(define):
        def declare(typing, *types):
            signature, emit = define(typing, *types)
            name = "numba_layers_" + "_".join([define.__name__, *map(str, signature.args)])

            def codegen(context, builder, signature, arguments):
                kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
                function = cgutils.get_or_insert_function(builder.module, kind, name)
                if function.is_declaration:
                    function.linkage = "linkonce_odr"
                    function.attributes.update(["noinline", "nounwind", "optsize"])
                    inside = ir.IRBuilder(function.append_basic_block("entry"))
                    emit(context, inside, signature, function.args)
                    inside.ret_void()
                builder.call(function, arguments)
                return context.get_dummy_value()

            return signature, codegen

        declare = functools.wraps(define)(declare)
        return intrinsic(prefer_literal=True)(declare)

    return (lambda define: python) if config.DISABLE_JIT else decorate


# ---- numbers and pointers

@_llvm(lambda a, b: a // b)
def divide(typing, a, b):
    """a // b of numbers that are not negative: one instruction; Python's rounding takes branches."""
    def codegen(context, builder, signature, arguments):
        return builder.udiv(*arguments)

    return types.int64(types.int64, types.int64), codegen


@_llvm(lambda a, b: -(-a // b))
def ceil_div(typing, a, b):
    """a / b rounded up, of numbers that are not negative."""
    def codegen(context, builder, signature, arguments):
        a, b = arguments
        return builder.udiv(builder.add(a, builder.sub(b, _int64(1))), b)

    return types.int64(types.int64, types.int64), codegen


@_llvm(lambda: 1)
def thread_count(typing):
    """How many threads the next prange uses. It may cut the work, it may not change the result."""
    def codegen(context, builder, signature, arguments):
        signature = ir.FunctionType(_int32, [])
        function = cgutils.get_or_insert_function(builder.module, signature, "get_num_threads")
        return builder.zext(builder.call(function, []), _int64)

    return types.int64(), codegen


@_llvm(lambda x: VECTOR_BYTES // x.itemsize)
def lanes_of(typing, x):
    """Number of x's elements in a vector: a constant in compiled code, which x.itemsize is not."""
    def codegen(context, builder, signature, arguments):
        return _int64(VECTOR_BYTES * 8 // x.dtype.bitwidth)

    return types.int64(x), codegen


@_llvm(lambda x, offset: x.reshape(-1)[offset:])
def at(typing, x, offset):
    """Pointer to element `offset` of a contiguous array, or that far behind a pointer."""
    def codegen(context, builder, signature, arguments):
        pointer, offset = arguments
        if isinstance(x, types.Array):
            pointer = context.make_array(x)(context, builder, pointer).data
        return builder.gep(pointer, [offset])

    return types.CPointer(x.dtype)(x, types.int64), codegen


# ---- vectors

class _Vectors:
    """Vector loads, stores and arithmetic on elements of one type."""

    def __init__(self, context, builder, dtype):
        self.builder = builder
        self.element = context.get_value_type(dtype)
        self.align = dtype.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.align
        self.type = ir.VectorType(self.element, self.lanes)

    def number_in(self, count):
        """Number of vectors that hold `count` elements."""
        return self.builder.udiv(self.builder.add(count, _int64(self.lanes - 1)), _int64(self.lanes))

    def offset(self, row, row_stride, column):
        return self.builder.add(self.builder.mul(row, row_stride), column)

    def pointer(self, pointer, offset):
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), self.type.as_pointer())

    def load(self, pointer, offset):
        return self.builder.load(self.pointer(pointer, offset), align=self.align)

    def store(self, vector, pointer, offset):
        self.builder.store(vector, self.pointer(pointer, offset), align=self.align)

    def load_part(self, pointer, offset, count, others=None):
        """The first `count` lanes from memory; the others from the constant `others`, or zeros."""
        others = others or ir.Constant(self.type, None)
        return self.call("masked.load", self.type, self.pointer(pointer, offset), _int32(self.align),
                         self.first(count), others)

    def store_part(self, vector, pointer, offset, count):
        """The first `count` lanes to memory."""
        self.call("masked.store", ir.VoidType(), vector, self.pointer(pointer, offset), _int32(self.align),
                  self.first(count))

    def first(self, count):
        """Mask of the first `count` lanes."""
        numbers = ir.VectorType(_int32, self.lanes)(list(range(self.lanes)))
        return self.builder.icmp_signed("<", numbers, self.broadcast(self.builder.trunc(count, _int32)))

    def variable(self, value):
        """A local variable, which LLVM keeps in a register."""
        return cgutils.alloca_once_value(self.builder, value)

    def broadcast(self, number):
        empty = ir.VectorType(number.type, self.lanes)(ir.Undefined)
        return self.shuffle(self.builder.insert_element(empty, number, _int32(0)), empty, [0] * self.lanes)

    def shuffle(self, one, two, lanes):
        return self.builder.shuffle_vector(one, two, ir.VectorType(_int32, self.lanes)(lanes))

    def unrelated(self, pointer):
        """The same pointer, through an empty assembler instruction: LLVM loses track of where it is from."""
        return self.builder.asm(ir.FunctionType(pointer.type, [pointer.type]), "", "=r,0", [pointer], False)

    def multiply_add(self, a, b, c):
        if not FUSED:   # llvm.fma would be a library call for each lane
            return self.builder.fadd(self.builder.fmul(a, b), c)
        return self.call("fma", self.type, a, b, c)

    def call(self, operation, result, *arguments):
        pointer = ".p0" if operation.startswith("masked") else ""
        name = f"llvm.{operation}.v{self.lanes}{self.element.intrinsic_name}{pointer}"
        signature = ir.FunctionType(result, [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, signature, name)
        return self.builder.call(function, arguments)


def _place(r, strides):
    """Where row r begins, by the strides (of a row, of a group of rows)."""
    return r % GROUP * strides[0] + r // GROUP * strides[1]


@np.errstate(all="ignore")
def _python_tile(vectors, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides):
    columns = vectors * (VECTOR_BYTES // c.itemsize)
    planes, segments, depth = counts
    for r in range(ROWS):
        total = init[_place(r, init_strides):][:columns].copy()
        for q, s, p in np.ndindex(planes, segments, depth):
            number = a[_place(r, a_strides) + p * a_strides[2] + s * a_strides[3] + q * a_strides[4]]
            total += number * b[p * b_strides[0] + (q * segments + s) * b_strides[1]:][:columns]
        c[_place(r, c_strides):][:columns] = np.where(relu & (total < 0), 0, total)


@_routine(_python_tile)
def tile(typing, vectors, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides):
    """One tile, `vectors` (a constant) wide: C = init + A @ B, negative numbers set to zero if relu.

    counts: (planes, segments, depth) of the sum. a_strides: of A's rows, groups of rows, columns p, segments and
    planes. b_strides: of B's rows p and segments, all planes' in a row. init_strides, c_strides: of rows and groups.
    Shapes: A (ROWS, planes, segments, depth), B (planes, segments, depth, vectors * lanes), init and C (ROWS,
    vectors * lanes)
    init_strides = (0, 0) starts all rows from one (the bias), init = C adds to what is there.
    """
    def codegen(context, builder, signature, arguments):
        _, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides = arguments
        vector = _Vectors(context, builder, signature.args[1].dtype)
        a_row, a_group, a_column, a_segment, a_plane = cgutils.unpack_tuple(builder, a_strides)
        b_row, b_segment = cgutils.unpack_tuple(builder, b_strides)
        planes, segments, depth = cgutils.unpack_tuple(builder, counts)
        columns = [_int64(v * vector.lanes) for v in range(vectors.literal_value)]

        def row_starts(strides):
            row, group = cgutils.unpack_tuple(builder, strides)
            for r in range(ROWS):
                yield vector.offset(_int64(r % GROUP), row, builder.mul(_int64(r // GROUP), group))

        sums = [[vector.variable(vector.load(init, builder.add(start, j))) for j in columns]
                for start in row_starts(init_strides)]
        with cgutils.for_range(builder, planes) as q, cgutils.for_range(builder, segments) as s:
            a_here = builder.gep(a, [vector.offset(s.index, a_segment, builder.mul(q.index, a_plane))])
            b_here = builder.gep(b, [builder.mul(vector.offset(q.index, segments, s.index), b_segment)])
            # A pointer to each group: from a single one LLVM would step to row after row, one by one.
            groups = [vector.unrelated(builder.gep(a_here, [builder.mul(_int64(g), a_group)]))
                      for g in range(ROWS // GROUP)]
            with cgutils.for_range(builder, depth) as p:
                b_vectors = [vector.load(b_here, vector.offset(p.index, b_row, j)) for j in columns]
                for r, row_sums in enumerate(sums):
                    here = vector.offset(p.index, a_column, builder.mul(_int64(r % GROUP), a_row))
                    number = vector.broadcast(builder.load(builder.gep(groups[r // GROUP], [here])))
                    for total, b_vector in zip(row_sums, b_vectors):
                        builder.store(vector.multiply_add(number, b_vector, builder.load(total)), total)
        with builder.if_then(relu):
            zeros = ir.Constant(vector.type, None)
            for total in chain.from_iterable(sums):
                value = builder.load(total)
                builder.store(builder.select(builder.fcmp_ordered("<", value, zeros), zeros, value), total)
        for start, row_sums in zip(row_starts(c_strides), sums):
            for j, total in zip(columns, row_sums):
                vector.store(builder.load(total), c, builder.add(start, j))

    pair, three, five = (types.UniTuple(types.int64, count) for count in (2, 3, 5))
    return types.void(vectors, a, five, b, pair, three, init, pair, types.boolean, c, pair), codegen


@inlined
def tile_of(vectors, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides):
    """`tile` of a width known at run time: 1 to VECTORS vectors."""
    if vectors == 3:
        tile(3, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides)
    elif vectors == 2:
        tile(2, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides)
    else:
        tile(1, a, a_strides, b, b_strides, counts, init, init_strides, relu, c, c_strides)


def _python_copy(target, target_row, source, source_row, rows, width, room):
    for r in range(rows):
        here = target[r * target_row:][:room]
        here[:width] = source[r * source_row:][:min(width, room)]
        here[width:] = 0


@_routine(_python_copy)
def copy(typing, target, target_row, source, source_row, rows, width, room):
    """Copy a (rows, width) matrix; each row is cut, or filled with zeros, to `room` elements."""
    def codegen(context, builder, signature, arguments):
        target, target_row, source, source_row, rows, width, room = arguments
        vector = _Vectors(context, builder, signature.args[0].dtype)
        vectors = vector.number_in(room)
        with cgutils.for_range(builder, rows) as row, cgutils.for_range(builder, vectors) as column:
            j = builder.mul(column.index, _int64(vector.lanes))
            here, there = (vector.offset(row.index, stride, j) for stride in (source_row, target_row))
            part = vector.load_part(source, here, builder.sub(width, j))
            vector.store_part(part, target, there, builder.sub(room, j))

    i = types.int64
    return types.void(target, i, source, i, i, i, i), codegen


def _python_add(target, target_row, source, source_row, rows, width):
    for r in range(rows):
        target[r * target_row:][:width] += source[r * source_row:][:width]


@_routine(_python_add)
def add(typing, target, target_row, source, source_row, rows, width):
    """Add a (rows, width) matrix to another, whose rows do not overlap."""
    def codegen(context, builder, signature, arguments):
        target, target_row, source, source_row, rows, width = arguments
        vector = _Vectors(context, builder, signature.args[0].dtype)
        with cgutils.for_range(builder, vector.number_in(width)) as column:
            j = builder.mul(column.index, _int64(vector.lanes))
            left = builder.sub(width, j)
            with cgutils.for_range(builder, rows) as row:
                here, there = (vector.offset(row.index, stride, j) for stride in (target_row, source_row))
                total = builder.fadd(vector.load_part(target, here, left), vector.load_part(source, there, left))
                vector.store_part(total, target, here, left)

    i = types.int64
    return types.void(target, i, source, i, i, i), codegen


def _python_transpose(target, target_row, source, source_row, rows, columns):
    lanes = VECTOR_BYTES // target.itemsize
    for j in range(columns):
        here = target[j * target_row:][:-(-rows // lanes) * lanes]
        here[:rows] = source[j:][:(rows - 1) * source_row + 1:source_row]
        here[rows:] = 0


@_routine(_python_transpose)
def transpose(typing, target, target_row, source, source_row, rows, columns):
    """Copy a (rows, columns) matrix to a (columns, rows) one, in square blocks a vector wide.

    Zeros fill the last blocks, overwriting less than a vector of rows below target and of columns beside it.
    """
    def codegen(context, builder, signature, arguments):
        target, target_row, source, source_row, rows, columns = arguments
        vector = _Vectors(context, builder, signature.args[0].dtype)
        lanes, half = vector.lanes, vector.lanes // 2
        # Interleaving row i with row i + half swaps one bit of row and lane number: log2(lanes) rounds.
        low = [lane for i in range(half) for lane in (i, lanes + i)]
        high = [lane + half for lane in low]
        down, across = vector.number_in(rows), vector.number_in(columns)
        with cgutils.for_range(builder, down) as row, cgutils.for_range(builder, across) as column:
            i, j = (builder.mul(loop.index, _int64(lanes)) for loop in (row, column))
            block = []
            for r in range(lanes):
                here = builder.add(i, _int64(r))
                inside = builder.icmp_signed("<", here, rows)
                count = builder.select(inside, builder.sub(columns, j), _int64(0))
                block.append(vector.load_part(source, vector.offset(here, source_row, j), count))
            for _ in range(lanes.bit_length() - 1):
                block = [vector.shuffle(block[r], block[r + half], order)
                         for r in range(half) for order in (low, high)]
            for c in range(lanes):
                vector.store(block[c], target, vector.offset(builder.add(j, _int64(c)), target_row, i))

    i = types.int64
    return types.void(target, i, source, i, i, i), codegen
