"""Buffers of a task, in memory of its own: stacks of threads may be small, and are the caller's.

A task takes a block from the table of those that are free and gives it back at its end, so that each thread keeps
working in memory that is still in its cache. A block changes hands by one atomic exchange, whoever the threads are:
Numba's, several of Python's, or those of a forked child. Where no block is free, the task makes one; where there is no
memory for it, it waits for one to come free, and one there always is.

Machine code finds the table by its name: nothing in it, as it lies in the cache, is an address.
"""

import ctypes
from contextlib import contextmanager
from itertools import accumulate

import numpy as np
from llvmlite import binding, ir
from numba.core import cgutils, types

from .vector import emitted, int64

BLOCK, ALIGNED = 2 << 20, 64         # bytes
SPARE = 2 * ALIGNED                  # around a block, to align it and for the address in front of it that `free` takes
SLOTS, APART = 256, ALIGNED // 8     # of the table: blocks that are kept; words from one to the next, a cache line
TABLE = "numba_layers_blocks"        # zeros stand where no block is

_pointer = ir.IntType(8).as_pointer()


def _table_with_a_block():
    """The table's address. It and the block stay until the process has ended: threads may still work then."""
    table, memory = (ctypes.c_int64 * (SLOTS * APART))(), (ctypes.c_char * (BLOCK + SPARE))()
    for kept in table, memory:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
    table[0] = ctypes.addressof(memory) + SPARE & -ALIGNED      # zeros before it: nothing to free
    return ctypes.addressof(table)


binding.add_symbol(TABLE, _table_with_a_block())


@emitted(lambda x, *sizes: tuple(np.empty(size // x.itemsize, x.dtype) for size in sizes))
def scratch(typing, x, one, two=0, three=0, four=0, five=0):
    """Pointers to buffers of as many bytes (constants) for elements of x's type, aligned for vectors.

    A task asks for them once, and gives the first of them to `release`.
    """
    sizes = one, two, three, four, five
    ends = list(accumulate(-(-size.literal_value // ALIGNED) * ALIGNED for size in sizes if size))
    if ends[-1] > BLOCK:
        raise ValueError(f"a block has {BLOCK} bytes, not {ends[-1]}")

    def codegen(context, builder, signature, arguments):
        block = take(builder)
        kind = context.get_value_type(x.dtype).as_pointer()
        buffers = [builder.bitcast(builder.gep(block, [int64(place)]), kind) for place in (0, *ends[:-1])]
        return context.make_tuple(builder, signature.return_type, buffers)

    sizes = [size or types.Omitted(0) for size in sizes]
    return types.UniTuple(types.CPointer(x.dtype), len(ends))(x, *sizes), codegen


@emitted(lambda buffer: None)
def release(typing, buffer):
    """Give a task's buffers back, by the first of them."""
    def codegen(context, builder, signature, arguments):
        give(builder, builder.bitcast(arguments[0], _pointer))
        return context.get_dummy_value()

    return types.void(buffer), codegen


def take(builder):
    """A pointer to a block of BLOCK bytes."""
    return builder.call(_function(builder.module, "take", _pointer, [], _take), [])


def give(builder, block):
    """Give a block back."""
    builder.call(_function(builder.module, "give", ir.VoidType(), [_pointer], _give), [block])


def _function(module, name, result, arguments, emit):
    """The function `name` of a module, written by `emit(builder, *arguments)` where it is not there yet."""
    function = cgutils.get_or_insert_function(module, ir.FunctionType(result, arguments), f"numba_layers_{name}_block")
    if function.is_declaration:
        function.linkage = "linkonce_odr"
        function.attributes.update(["noinline", "nounwind"])
        if result == _pointer:
            function.return_value.add_attribute("noalias")
        emit(ir.IRBuilder(function.append_basic_block("entry")), *function.args)
    return function


def _call(builder, name, result, *arguments):
    """Call a function of the C library or of Numba's threads."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


@contextmanager
def _each_slot(builder):
    """A loop over the table, from this thread's own slot on."""
    table = builder.module.globals.get(TABLE) or cgutils.add_global_variable(
        builder.module, ir.ArrayType(int64, SLOTS * APART), TABLE)
    own = _call(builder, "get_thread_id", int64)
    with cgutils.for_range(builder, int64(SLOTS)) as loop:
        slot = builder.and_(builder.add(own, loop.index), int64(SLOTS - 1))
        yield builder.gep(table, [int64(0), builder.mul(slot, int64(APART))])


def _take(builder):
    """The first block found, or else a new one."""
    none = int64(0)
    search = builder.append_basic_block("search")
    builder.branch(search)
    builder.position_at_end(search)
    with _each_slot(builder) as slot:
        block = builder.atomic_rmw("xchg", slot, none, "acquire")
        with builder.if_then(builder.icmp_unsigned("!=", block, none)):
            builder.ret(builder.inttoptr(block, _pointer))
    memory = builder.ptrtoint(_call(builder, "malloc", _pointer, int64(BLOCK + SPARE)), int64)
    made = builder.append_basic_block("made")
    builder.cbranch(builder.icmp_unsigned("!=", memory, none), made, search)
    builder.position_at_end(made)
    block = builder.and_(builder.add(memory, int64(SPARE)), int64(-ALIGNED))
    builder.store(memory, builder.inttoptr(builder.sub(block, int64(8)), int64.as_pointer()))
    builder.ret(builder.inttoptr(block, _pointer))


def _give(builder, block):
    """Put a block into the first free slot; where there is none, free it."""
    none = int64(0)
    with _each_slot(builder) as slot:
        done = builder.cmpxchg(slot, none, builder.ptrtoint(block, int64), "release", "monotonic")
        with builder.if_then(builder.extract_value(done, 1)):
            builder.ret_void()
    memory = builder.load(builder.gep(builder.bitcast(block, _pointer.as_pointer()), [int64(-1)]))
    _call(builder, "free", ir.VoidType(), memory)
    builder.ret_void()
