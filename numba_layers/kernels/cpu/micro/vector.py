"""Vectors of the machine as LLVM instructions: the emitter that register tiles are written with, and moves of matrices.

Kernels work on pointers, made by `at` from arrays and by `scratch` (see `workspace`); strides count elements. What is
emitted as LLVM instructions stands beside the Python that says the same, for NUMBA_DISABLE_JIT=1.
"""

import functools
import platform
from collections import namedtuple

from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic

from ... import level
from ...math.fma import FUSED


def shape(features, machine):
    """(bytes in a vector, MR: rows of a register tile) of a machine with these LLVM features."""
    if "+avx512f" in features:
        return 64, 8
    if "+avx2" in features and "+fma" in features:
        return 32, 4
    return 16, 8 if machine in ("aarch64", "arm64") else 4


# By the level's features: virtual machines get the CPU's name wrong.
VECTOR_BYTES, MR = shape(level.HAS, platform.machine().lower())

int32, int64 = ir.IntType(32), ir.IntType(64)
Operand = namedtuple("Operand", "pointer strides")      # of a routine, which says what its strides are of


def emitted(python):
    """Decorator: the LLVM code of a function. `python` says the same, for NUMBA_DISABLE_JIT=1."""
    return (lambda function: python) if config.DISABLE_JIT else intrinsic(prefer_literal=True)


def routine(python):
    """Decorator like `emitted`, for code that becomes a function of its own: nothing of the caller, such as a
    constant vector, takes a register from its loop, and LLVM compiles it once, however often it is called.

    The code is emitted with tuples of its arguments taken apart, named ones with their names.
    """
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
                    parts = map(functools.partial(_parts, inside), signature.args, function.args)
                    emit(context, inside, signature, parts)
                    inside.ret_void()
                builder.call(function, arguments)
                return context.get_dummy_value()

            return signature, codegen

        declare = functools.wraps(define)(declare)
        return intrinsic(prefer_literal=True)(declare)

    return (lambda define: python) if config.DISABLE_JIT else decorate


def _parts(builder, kind, value):
    """A tuple of LLVM's as one of Python's, also within it; other values as they are."""
    if not isinstance(kind, types.BaseTuple):
        return value
    parts = map(functools.partial(_parts, builder), kind, cgutils.unpack_tuple(builder, value))
    return kind.instance_class(*parts) if isinstance(kind, types.BaseNamedTuple) else tuple(parts)


def operand_type(pointer, rank):
    """Numba's type of an `Operand` with as many strides."""
    return types.NamedTuple([pointer, types.UniTuple(types.int64, rank)], Operand)


# ---- numbers and pointers

@emitted(lambda a, b: a // b)
def divide(typing, a, b):
    """a // b of numbers that are not negative: one instruction; Python's rounding takes branches."""
    def codegen(context, builder, signature, arguments):
        return builder.udiv(*arguments)

    return types.int64(types.int64, types.int64), codegen


@emitted(lambda a, b: -(-a // b))
def ceil_div(typing, a, b):
    """a / b rounded up, of numbers that are not negative."""
    def codegen(context, builder, signature, arguments):
        a, b = arguments
        return builder.udiv(builder.add(a, builder.sub(b, int64(1))), b)

    return types.int64(types.int64, types.int64), codegen


@emitted(lambda x: VECTOR_BYTES // x.itemsize)
def lanes_of(typing, x):
    """Number of x's elements in a vector: a constant in compiled code, which x.itemsize is not."""
    def codegen(context, builder, signature, arguments):
        return int64(VECTOR_BYTES * 8 // x.dtype.bitwidth)

    return types.int64(x), codegen


@emitted(lambda x, offset: x.reshape(-1)[offset:])
def at(typing, x, offset):
    """Pointer to element `offset` of a contiguous array, or that far behind a pointer."""
    def codegen(context, builder, signature, arguments):
        pointer, offset = arguments
        if isinstance(x, types.Array):
            pointer = context.make_array(x)(context, builder, pointer).data
        return builder.gep(pointer, [offset])

    return types.CPointer(x.dtype)(x, types.int64), codegen


@emitted(lambda x, offset: x.reshape(-1)[offset:])
def apart(typing, x, offset):
    """`at` for a task: LLVM knows nothing of where it points, and looks for overlaps of arrays within the task. Else it
    looks for those of all tasks at once, rounds up, and makes no vectors where arrays lie side by side."""
    def codegen(context, builder, signature, arguments):
        array, offset = arguments
        pointer = builder.gep(context.make_array(x)(context, builder, array).data, [offset])
        return Vectors(context, builder, x.dtype).barrier(pointer)

    return types.CPointer(x.dtype)(x, types.int64), codegen


def _prefetch(builder, pointer, offset, to_write):
    octets = ir.IntType(8).as_pointer()
    signature = ir.FunctionType(ir.VoidType(), [octets, int32, int32, int32])
    function = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0")
    place = builder.bitcast(builder.gep(pointer, [offset]), octets)
    builder.call(function, [place, int32(to_write), int32(3), int32(1)])     # keep, data


@emitted(lambda x, offset: None)
def fetch(typing, x, offset):
    """Have the caches fetch element `offset` of a contiguous array, to be read soon."""
    def codegen(context, builder, signature, arguments):
        array, offset = arguments
        _prefetch(builder, context.make_array(x)(context, builder, array).data, offset, 0)
        return context.get_dummy_value()

    return types.void(x, types.int64), codegen


# ---- vectors

class Vectors:
    """Vector loads, stores and arithmetic on elements of one type."""

    def __init__(self, context, builder, dtype):
        self.builder = builder
        self.element = context.get_value_type(dtype)
        self.align = dtype.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.align
        self.type = ir.VectorType(self.element, self.lanes)

    def number_in(self, count):
        """Number of vectors that hold `count` elements."""
        return self.builder.udiv(self.builder.add(count, int64(self.lanes - 1)), int64(self.lanes))

    def offset(self, row, row_stride, column):
        return self.builder.add(self.builder.mul(row, row_stride), column)

    def pointer(self, pointer, offset):
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), self.type.as_pointer())

    def load(self, pointer, offset):
        return self.builder.load(self.pointer(pointer, offset), align=self.align)

    def store(self, vector, pointer, offset):
        self.builder.store(vector, self.pointer(pointer, offset), align=self.align)

    def prefetch(self, pointer, offset):
        """Have the caches fetch what lies there, to be written."""
        _prefetch(self.builder, pointer, offset, 1)

    def load_part(self, pointer, offset, count, others=None):
        """The first `count` lanes from memory; the others from the constant `others`, or zeros."""
        others = others or ir.Constant(self.type, None)
        return self.call("masked.load", self.type, self.pointer(pointer, offset), int32(self.align),
                         self.first(count), others)

    def store_part(self, vector, pointer, offset, count):
        """The first `count` lanes to memory."""
        if VECTOR_BYTES == 64:
            self.call("masked.store", ir.VoidType(), vector, self.pointer(pointer, offset), int32(self.align),
                      self.first(count))
            return
        # Before AVX-512, a store under a mask costs as much as a dozen others, or there is none.
        builder, lanes = self.builder, int64(self.lanes)
        with builder.if_else(builder.icmp_signed(">=", count, lanes)) as (whole, part):
            with whole:
                self.store(vector, pointer, offset)
            with part:
                self._store_halves(vector, builder.gep(pointer, [offset]), count)

    def _store_halves(self, vector, pointer, count):
        """Less than a vector, as a half of it, a quarter, and so on, each where `count` has its bit."""
        builder = self.builder
        count = builder.select(builder.icmp_signed(">", count, int64(0)), count, int64(0))
        vector, pointer = cgutils.alloca_once_value(builder, vector), cgutils.alloca_once_value(builder, pointer)
        half = self.lanes // 2
        while half:
            with builder.if_then(builder.icmp_signed("!=", builder.and_(count, int64(half)), int64(0))):
                numbers, here = builder.load(vector), builder.load(pointer)
                low = builder.shuffle_vector(numbers, numbers, ir.VectorType(int32, half)(list(range(half))))
                builder.store(low, builder.bitcast(here, low.type.as_pointer()), align=self.align)
                rest = [min(lane + half, self.lanes - 1) for lane in range(self.lanes)]
                builder.store(self.shuffle(numbers, numbers, rest), vector)
                builder.store(builder.gep(here, [int64(half)]), pointer)
            half //= 2

    def first(self, count):
        """Mask of the first `count` lanes."""
        numbers = ir.VectorType(int32, self.lanes)(list(range(self.lanes)))
        return self.builder.icmp_signed("<", numbers, self.broadcast(self.builder.trunc(count, int32)))

    def variable(self, value):
        """A local variable, which LLVM keeps in a register."""
        return cgutils.alloca_once_value(self.builder, value)

    def broadcast(self, number):
        empty = ir.VectorType(number.type, self.lanes)(ir.Undefined)
        return self.shuffle(self.builder.insert_element(empty, number, int32(0)), empty, [0] * self.lanes)

    def shuffle(self, one, two, lanes):
        return self.builder.shuffle_vector(one, two, ir.VectorType(int32, self.lanes)(lanes))

    def barrier(self, pointer):
        """The same pointer behind an optimisation barrier: an empty instruction whose result LLVM cannot know."""
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



# ---- moves of matrices


def _python_copy(target, target_row, source, source_row, rows, width, capacity):
    for r in range(rows):
        here = target[r * target_row:][:capacity]
        here[:width] = source[r * source_row:][:min(width, capacity)]
        here[width:] = 0


@routine(_python_copy)
def copy(typing, target, target_row, source, source_row, rows, width, capacity):
    """Copy a (rows, width) matrix; each row is cut, or filled with zeros, to `capacity` elements."""
    def codegen(context, builder, signature, arguments):
        target, target_row, source, source_row, rows, width, capacity = arguments
        vector = Vectors(context, builder, signature.args[0].dtype)
        least = builder.select(builder.icmp_signed("<", width, capacity), width, capacity)
        whole, vectors = builder.udiv(least, int64(vector.lanes)), vector.number_in(capacity)
        with cgutils.for_range(builder, rows) as row:
            here, there = (builder.mul(row.index, stride) for stride in (source_row, target_row))
            with cgutils.for_range(builder, whole) as column:
                j = builder.mul(column.index, int64(vector.lanes))
                vector.store(vector.load(source, builder.add(here, j)), target, builder.add(there, j))
            with cgutils.for_range(builder, builder.sub(vectors, whole)) as column:
                j = builder.mul(builder.add(whole, column.index), int64(vector.lanes))
                part = vector.load_part(source, builder.add(here, j), builder.sub(width, j))
                vector.store_part(part, target, builder.add(there, j), builder.sub(capacity, j))

    i = types.int64
    return types.void(target, i, source, i, i, i, i), codegen


def _python_add(target, target_row, source, source_row, rows, width):
    for r in range(rows):
        target[r * target_row:][:width] += source[r * source_row:][:width]


@routine(_python_add)
def add(typing, target, target_row, source, source_row, rows, width):
    """Add a (rows, width) matrix to another, whose rows do not overlap."""
    def codegen(context, builder, signature, arguments):
        target, target_row, source, source_row, rows, width = arguments
        vector = Vectors(context, builder, signature.args[0].dtype)
        with cgutils.for_range(builder, vector.number_in(width)) as column:
            j = builder.mul(column.index, int64(vector.lanes))
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


@routine(_python_transpose)
def transpose(typing, target, target_row, source, source_row, rows, columns):
    """Copy a (rows, columns) matrix to a (columns, rows) one, in square blocks a vector wide.

    Zeros fill the last blocks, overwriting less than a vector of rows below target and of columns beside it.
    """
    def codegen(context, builder, signature, arguments):
        target, target_row, source, source_row, rows, columns = arguments
        vector = Vectors(context, builder, signature.args[0].dtype)
        lanes = vector.lanes
        heights, widths = vector.number_in(rows), vector.number_in(columns)
        with cgutils.for_range(builder, heights) as row, cgutils.for_range(builder, widths) as column:
            i, j = (builder.mul(loop.index, int64(lanes)) for loop in (row, column))
            block = []
            for r in range(lanes):
                here = builder.add(i, int64(r))
                inside = builder.icmp_signed("<", here, rows)
                count = builder.select(inside, builder.sub(columns, j), int64(0))
                block.append(vector.load_part(source, vector.offset(here, source_row, j), count))
            size = lanes // 2
            while size:     # each pair of squares of this size, off the diagonal, changes places
                low = [lane if lane & size == 0 else lanes + lane - size for lane in range(lanes)]
                high = [lane + size if lane & size == 0 else lanes + lane for lane in range(lanes)]
                block = [vector.shuffle(block[r], block[r + size], low) if r & size == 0 else
                         vector.shuffle(block[r - size], block[r], high) for r in range(lanes)]
                size //= 2
            for c in range(lanes):
                vector.store(block[c], target, vector.offset(builder.add(j, int64(c)), target_row, i))

    i = types.int64
    return types.void(target, i, source, i, i, i), codegen
