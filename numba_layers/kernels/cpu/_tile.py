"""The register tile: the innermost block of matrix multiply and convolution, as vector instructions.

    C[r, j] = max(floor, init[r, j] + sum over p of A[r, p] * B[p, j])       r < ROWS, j < vectors * lanes

All the sums stay in registers while p runs, beside one row of B and one number of A at a time. The machine's
registers give the shape: sums fill 24 of the 32 vector registers of AVX-512 (8 x 48 floats) and of NEON
(8 x 12), 12 of the 16 of AVX2 (4 x 24). Numba's own vectoriser finds no such loop.

Each sum is one chain of multiply-adds in the order of p. Cutting a long sum in pieces (`init` is then C
itself), or the matrix in blocks, therefore changes no bit of the result.

The functions work on pointers, made by `at` from arrays and by `scratch` on the stack; strides count elements.
They emit LLVM instructions, and each stands beside the Python that says the same.
Reference: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication".
"""

import platform

import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic


def _shape(features, machine):
    """(bytes in a vector, rows of a tile, has fused multiply-add) of a machine with these LLVM features."""
    if "+avx512f" in features:
        return 64, 8, True
    if "+avx2" in features and "+fma" in features:
        return 32, 4, True
    if machine in ("aarch64", "arm64"):
        return 16, 8, True
    return 16, 4, False


# By the features Numba compiles for (NUMBA_CPU_FEATURES): virtual machines get the CPU's name wrong.
VECTOR_BYTES, ROWS, FUSED = _shape(
    cpu_target.target_context.codegen().magic_tuple()[2].split(","), platform.machine().lower())
VECTORS = 3   # width of the widest tile; tiles of 1 and 2 vectors finish a row of tiles

_int32, _int64 = ir.IntType(32), ir.IntType(64)


def _llvm(python):
    """Decorator: the LLVM code of a function. `python` says the same, for NUMBA_DISABLE_JIT=1."""
    return (lambda function: python) if config.DISABLE_JIT else intrinsic(prefer_literal=True)


# ---- numbers and pointers

@_llvm(lambda a, b: a // b)
def divide(typing, a, b):
    """a // b of numbers that are not negative: one instruction; Python's rounding takes branches."""
    def codegen(context, builder, signature, arguments):
        return builder.udiv(*arguments)

    return types.int64(types.int64, types.int64), codegen


@_llvm(lambda: None)
def compact(typing):
    """Ask LLVM to keep the calling function small."""
    def codegen(context, builder, signature, arguments):
        builder.function.attributes.add("optsize")
        return context.get_dummy_value()

    return types.void(), codegen


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


@_llvm(lambda x, size: np.empty(size // x.itemsize, x.dtype))
def scratch(typing, x, size):
    """Pointer to `size` bytes (a constant) on the stack for elements of x's type, aligned for vectors."""
    def codegen(context, builder, signature, arguments):
        count = size.literal_value * 8 // x.dtype.bitwidth
        with builder.goto_entry_block():
            buffer = builder.alloca(context.get_value_type(x.dtype), count)
        buffer.align = 64
        return buffer

    return types.CPointer(x.dtype)(x, size), codegen


# ---- vectors

class _Vectors:
    """Vector loads, stores and arithmetic on elements of one type."""

    def __init__(self, context, builder, dtype):
        self.builder = builder
        self.element = context.get_value_type(dtype)
        self.align = dtype.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.align
        self.type = ir.VectorType(self.element, self.lanes)

    def pointer(self, pointer, offset):
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), self.type.as_pointer())

    def load(self, pointer, offset):
        return self.builder.load(self.pointer(pointer, offset), align=self.align)

    def store(self, vector, pointer, offset):
        self.builder.store(vector, self.pointer(pointer, offset), align=self.align)

    def load_part(self, pointer, offset, count):
        """The first `count` lanes from memory, zeros in the others."""
        zeros = ir.Constant(self.type, None)
        return self.call("masked.load", self.type, self.pointer(pointer, offset), _int32(self.align),
                         self.first(count), zeros)

    def store_part(self, vector, pointer, offset, count):
        """The first `count` lanes to memory."""
        self.call("masked.store", ir.VoidType(), vector, self.pointer(pointer, offset), _int32(self.align),
                  self.first(count))

    def first(self, count):
        """Mask of the first `count` lanes."""
        numbers = ir.VectorType(_int32, self.lanes)(list(range(self.lanes)))
        return self.builder.icmp_signed("<", numbers, self.broadcast(self.builder.trunc(count, _int32)))

    def broadcast(self, number):
        empty = ir.VectorType(number.type, self.lanes)(ir.Undefined)
        return self.shuffle(self.builder.insert_element(empty, number, _int32(0)), empty, [0] * self.lanes)

    def shuffle(self, one, two, lanes):
        return self.builder.shuffle_vector(one, two, ir.VectorType(_int32, self.lanes)(lanes))

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


@np.errstate(all="ignore")
def _python_tile(vectors, a, a_row, a_column, b, b_row, depth, init, init_row, floor, c, c_row):
    columns = vectors * (VECTOR_BYTES // c.itemsize)
    for r in range(ROWS):
        total = init[r * init_row:][:columns].copy()
        for p in range(depth):
            total += a[r * a_row + p * a_column] * b[p * b_row:][:columns]
        c[r * c_row:][:columns] = np.where(total < floor, floor, total)


@_llvm(_python_tile)
def tile(typing, vectors, a, a_row, a_column, b, b_row, depth, init, init_row, floor, c, c_row):
    """One tile, `vectors` (a constant) wide: C = max(floor, init + A @ B), NaN kept.

    Shapes: A (ROWS, depth) with strides a_row, a_column; B (depth, vectors * lanes), rows b_row apart;
    init and C (ROWS, vectors * lanes), rows init_row and c_row apart.
    init_row = 0 starts all rows from one (the bias), init = C adds to what is there. floor: 0 for relu, -inf for none.
    """
    columns = range(vectors.literal_value)
    places = [(r, v) for r in range(ROWS) for v in columns]

    def codegen(context, builder, signature, arguments):
        _, a, a_row, a_column, b, b_row, depth, init, init_row, floor, c, c_row = arguments
        vector = _Vectors(context, builder, signature.return_type.dtype)

        def offset(row, row_stride, v):
            return builder.add(builder.mul(_int64(row), row_stride), _int64(v * vector.lanes))

        start = [vector.load(init, offset(r, init_row, v)) for r, v in places]

        before, test = builder.block, builder.append_basic_block("tile.test")
        body, after = builder.append_basic_block("tile.body"), builder.append_basic_block("tile.after")
        builder.branch(test)
        builder.position_at_end(test)
        p, a_here, b_here = builder.phi(_int64), builder.phi(a.type), builder.phi(b.type)
        sums = [builder.phi(vector.type) for _ in places]
        builder.cbranch(builder.icmp_signed("<", p, depth), body, after)

        builder.position_at_end(body)
        b_vectors = [vector.load(b_here, _int64(v * vector.lanes)) for v in columns]
        following = []
        for r in range(ROWS):
            number = vector.broadcast(builder.load(builder.gep(a_here, [builder.mul(_int64(r), a_row)])))
            following += [vector.multiply_add(number, b_vectors[v], sums[len(following) + v])
                          for v in columns]
        steps = [builder.add(p, _int64(1)), builder.gep(a_here, [a_column]), builder.gep(b_here, [b_row])]
        builder.branch(test)
        phis, firsts = [p, a_here, b_here, *sums], [_int64(0), a, b, *start]
        for phi, first, again in zip(phis, firsts, steps + following):
            phi.add_incoming(first, before)
            phi.add_incoming(again, body)

        builder.position_at_end(after)
        lowest = vector.broadcast(floor)
        for total, (r, v) in zip(sums, places):
            below = builder.fcmp_ordered("<", total, lowest)
            vector.store(builder.select(below, lowest, total), c, offset(r, c_row, v))
        return c

    i = types.int64
    return c(vectors, a, i, i, b, i, i, init, i, c.dtype, c, i), codegen


def _python_move(target, source, count, room):
    lanes = VECTOR_BYTES // target.itemsize
    vector = np.zeros(lanes, target.dtype)
    vector[:max(0, count)] = source[:max(0, min(count, lanes))]
    target[:min(room, lanes)] = vector[:room]


@_llvm(_python_move)
def move(typing, target, source, count, room):
    """Copy the first `count` elements of a vector, and zeros behind them until `room` are written.

    Both may be more than a vector holds, and are cut to that.
    """
    def codegen(context, builder, signature, arguments):
        target, source, count, room = arguments
        vector = _Vectors(context, builder, signature.args[0].dtype)
        vector.store_part(vector.load_part(source, _int64(0), count), target, _int64(0), room)
        return context.get_dummy_value()

    return types.void(target, source, types.int64, types.int64), codegen


def _python_transpose(target, target_row, source, source_row, rows, columns):
    lanes = VECTOR_BYTES // target.itemsize
    for i in range(lanes):
        for j in range(lanes):
            target[j * target_row + i] = source[i * source_row + j] if i < rows and j < columns else 0


@_llvm(_python_transpose)
def transpose(typing, target, target_row, source, source_row, rows, columns):
    """Transpose a square block, one vector wide, of which source has `rows` and `columns`; the rest is 0."""
    def codegen(context, builder, signature, arguments):
        target, target_row, source, source_row, rows, columns = arguments
        vector = _Vectors(context, builder, signature.args[0].dtype)
        lanes, half = vector.lanes, vector.lanes // 2
        counts = [builder.select(builder.icmp_signed("<", _int64(i), rows), columns, _int64(0))
                  for i in range(lanes)]
        block = [vector.load_part(source, builder.mul(_int64(i), source_row), count)
                 for i, count in enumerate(counts)]
        # Interleaving row i with row i + half swaps one bit of row and lane number: log2(lanes) rounds.
        low = [lane for i in range(half) for lane in (i, lanes + i)]
        high = [lane + half for lane in low]
        for _ in range(lanes.bit_length() - 1):
            block = [vector.shuffle(block[i], block[i + half], order)
                     for i in range(half) for order in (low, high)]
        for i, row in enumerate(block):
            vector.store(row, target, builder.mul(_int64(i), target_row))
        return context.get_dummy_value()

    i = types.int64
    return types.void(target, i, source, i, i, i), codegen
