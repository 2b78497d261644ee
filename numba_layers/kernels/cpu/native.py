"""The machine code of compiled kernels, called without Numba's dispatcher: one call for a launch, or for many.

All that is taken of Numba's internals stands here: where a kernel's machine code lies, how it takes its arguments, and
the entry of the thread pool. `usable` compares a call with its known answer, once, before anything relies on it.

A launch is a block of 64-bit words: the address of a *trampoline*, that of the kernel, 1 where the pool's threads
divide it among them, else 0, the number of words, and the kernel's arguments. An array's are the number of its buffer,
the offset there in bytes, the number of elements, the shape and the strides; a tuple's its numbers; a number is one
word. Addresses of buffers come with the call that runs a list of launches: so it works on any memory.

A group of launches is a block too: its trampoline runs lists of launches, one after the other or, where it is divided,
each by one thread. In place of arguments come the length of the lists, for each where it begins, in words, and they.
"""

import ctypes
import functools
import itertools
import math
import struct
import warnings
from collections import namedtuple

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types

from ...config import cache_directory
from ..cache import KernelCache, identity
from . import threads
from .objects import address_of

HEAD = 4        # words before the arguments: trampoline, kernel, divided or not, number of words

_void, _byte, _int, _long = ir.VoidType(), ir.IntType(8), ir.IntType(32), ir.IntType(64)
_bytes, _longs = _byte.as_pointer(), _long.as_pointer()
_TRAMPOLINE = ir.FunctionType(_void, [_longs, _longs, _long, _long])    # block, addresses, part, parts
_RUN = ir.FunctionType(_void, [_longs, _long, _longs, _long, _long])    # blocks, count, addresses, times, threads

# A kernel compiled for arguments of some types: addresses of its machine code and of the trampoline that calls it.
# pack: makes a block of its numbers. arrays, tuples: for each argument, whether it is one.
Code = namedtuple("Code", "trampoline kernel words pack arrays tuples")


def forms(arguments):
    """What shapes the machine code of a launch: the types of arrays (or what says `dtype`, `shape` and `strides`), the
    lengths of tuples, the classes of numbers."""
    return tuple([len(argument) if argument.__class__ is tuple
                  else (argument.dtype, len(argument.shape))
                  if hasattr(argument, "strides") and not isinstance(argument, np.generic)
                  else argument.__class__ for argument in arguments])


def types_of(given):
    """The Numba types of arguments of such `forms`."""
    return tuple(map(_kind, given))


def _kind(form):
    """The Numba type of a form."""
    if isinstance(form, tuple):
        return types.Array(numba.from_dtype(form[0]), form[1], "C")
    return types.UniTuple(types.int64, form) if isinstance(form, int) else numba.typeof(form(0))


def code(jitted, given):
    """The machine code of a `sliced` kernel for arguments of such `forms`, compiled or loaded where needed."""
    kinds = types_of(given)
    sliced = (*kinds, types.int64, types.int64)
    jitted.compile(sliced)
    found = jitted.overloads[sliced]
    address = found.library.get_pointer_to_function(found.fndesc.llvm_func_name)
    form = struct.Struct("<QQQQ" + "".join(map(_format, kinds)))
    arrays, tuples = ([isinstance(kind, which) for kind in kinds] for which in (types.Array, types.BaseTuple))
    return Code(entrance(found, kinds), address, form.size // 8, form.pack, arrays, tuples)


def entrance(compiled, kinds):
    """The address of the trampoline that calls a kernel which Numba compiled for arguments of some types."""
    described, convention = compiled.fndesc, compiled.target_context.call_conv
    return address_of(trampoline, convention.get_function_type(described.restype, described.argtypes), kinds)


def _format(kind):
    """The words of an argument as `struct` writes them."""
    if isinstance(kind, types.Array):
        return "QQq" + "qq" * kind.ndim
    if isinstance(kind, types.BaseTuple):
        return "q" * len(kind)
    if isinstance(kind, types.Float):
        return "f4x" if kind.bitwidth == 32 else "d"
    return "?7x" if kind == types.boolean else "q" if kind.signed else "Q"


def block(found, arguments, place, divided):
    """A launch as bytes; `place(array)` gives the number of an array's buffer and the offset there."""
    numbers = [found.trampoline, found.kernel, divided, found.words]
    for argument, is_array, is_tuple in zip(arguments, found.arrays, found.tuples):
        if is_array:
            numbers += place(argument)
            numbers.append(math.prod(argument.shape))
            numbers += argument.shape
            numbers += argument.strides
        elif is_tuple:
            numbers += argument
        else:
            numbers.append(argument)
    return found.pack(*numbers)


def together(lists, divided):
    """A group as bytes: lists of launches, of equal lengths, each a list of bytes."""
    contents = [b"".join(one) for one in lists]
    start = HEAD + 1 + len(lists)
    places = list(itertools.accumulate((len(one) // 8 for one in contents), initial=start))
    numbers = address_of(lists_of_launches), len(lists), divided, places[-1], len(lists[0]), *places[:-1]
    return struct.pack(f"<{start}Q", *numbers) + b"".join(contents)


def run(blocks, count, addresses, times, threads):
    """Run the launches in `blocks` (bytes), `count` in number, one after the other, `times` over.

    addresses: a table of the buffers' addresses, as bytes. threads: into how many parts a divided launch is cut.
    """
    _runner()(blocks, count, addresses, times, threads)


def counting(number):
    """A launch, as bytes, that adds 1 to an array of one int64."""
    return struct.pack(f"<{HEAD}Q", address_of(count), number.ctypes.data, False, HEAD)


def waking():
    """A divided launch, as bytes, that does nothing, for which the pool's threads wake."""
    return struct.pack(f"<{HEAD}Q", address_of(nothing), 0, True, HEAD)


_nowhere = bytes(8)


def launch(found, arguments, threads):
    """Run a kernel on arrays, divided among threads."""
    _runner()(block(found, arguments, _here, True), 1, _nowhere, 1, threads)


def _here(array):
    return 0, array.__array_interface__["data"][0]


# ---- machine code that calls machine code ------------------------------------------------------------------


@functools.cache
def usable():
    """Whether kernels can be called so: the first time, by a call that knows its answer. Hold `threads.launching()`."""
    if config.DISABLE_JIT or config.BOUNDSCHECK:    # no machine code, or such as raises errors
        return False
    try:
        right = _answers_right()
    except Exception:       # whatever a later Numba has in other places
        right = False
    if not right:
        warnings.warn(f"Numba {numba.__version__} calls its machine code in a way unknown to this package: kernels are "
                      "called one by one. Install a Numba that setup.cfg names.", stacklevel=2)
    return right


def _answers_right():
    check = numba.njit(error_model="numpy", nogil=True)(_sample)
    directory = cache_directory()
    if directory:
        check._cache = KernelCache(directory, identity("native_check", _sample, {}))
    x, y = np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(2)
    arguments = x, (3, -4), np.float32(0.5), 0.25, True, np.uint64(2**63), y
    found = code(check, forms(arguments))
    blocks = block(found, arguments, _here, False) + block(found, arguments, _here, True)
    run(blocks, 2, _nowhere, 3, min(2, threads.count()))
    for others in nothing, count, lists_of_launches:        # in the cache from now on
        address_of(others)
    return y.tolist() == [6 * 6.75, 6 * 15.75]


def _sample(x, numbers, half, quarter, flag, large, y, part, parts):
    """Adds to each y[i] what all kinds of arguments come to."""
    for i in range(part * y.size // parts, (part + 1) * y.size // parts):
        row = x[i, 0] + x[i, 1] + x[i, 2] + half + quarter + np.float64(large >> np.uint64(62))
        y[i] += row - (numbers[0] + numbers[1]) if flag else 0


def entry():
    """The address of the machine code behind `run`."""
    return address_of(launches)


@functools.cache
def _runner():
    arguments = ctypes.c_char_p, ctypes.c_int64, ctypes.c_char_p, ctypes.c_int64, ctypes.c_int64
    return ctypes.CFUNCTYPE(None, *arguments)(entry())


def trampoline(module, name, kernel, kinds):
    """Calls a kernel of an LLVM type with the arguments of a block.

    Numba's calling convention: a slot for the result, one for an exception, and the arguments flat. Kernels return
    nothing, raise nothing and allocate nothing, so that status, exception and the arrays' owners are left out.
    """
    function = ir.Function(module, _TRAMPOLINE, name)
    block, addresses, part, parts = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    places = itertools.count(HEAD)

    def word():
        return _load(builder, block, next(places))

    wanted, given = iter(kernel.args[2:]), []
    for kind in kinds:
        if isinstance(kind, types.Array):
            data = builder.add(_load(builder, addresses, word()), word())
            size, *axes = [word() for _ in range(1 + 2 * kind.ndim)]
            values = [None, None, size, _long(np.dtype(str(kind.dtype)).itemsize), data, *axes]
        else:
            values = [word() for _ in range(len(kind) if isinstance(kind, types.BaseTuple) else 1)]
        given += [_as(builder, value, next(wanted)) for value in values]
    slots = [builder.alloca(slot.pointee) for slot in kernel.args[:2]]
    address = builder.inttoptr(_load(builder, block, 1), kernel.as_pointer())
    builder.call(address, [*slots, *given, part, parts])
    builder.ret_void()


def lists_of_launches(module, name):
    """The trampoline of a group: it runs those of its lists that fall to a part, each launch whole."""
    allow = ir.Function(module, ir.FunctionType(_void, [_int]), "set_num_threads")
    function = ir.Function(module, _TRAMPOLINE, name)
    group, addresses, part, parts = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    number, length = _load(builder, group, 1), _load(builder, group, HEAD)
    first, last = (builder.udiv(builder.mul(number, which), parts) for which in (part, builder.add(part, _long(1))))
    here = cgutils.alloca_once(builder, _longs)
    builder.call(allow, [_int(1)])
    with cgutils.for_range(builder, builder.sub(last, first)) as one:
        place = _load(builder, group, builder.add(builder.add(first, one.index), _long(HEAD + 1)))
        builder.store(builder.gep(group, [place]), here)
        with cgutils.for_range(builder, length):
            block = builder.load(here)
            _call(builder, block, addresses, _long(0), _long(1))
            builder.store(builder.gep(block, [_load(builder, block, 3)]), here)
    builder.call(allow, [builder.trunc(parts, _int)])
    builder.ret_void()


def count(module, name):
    """A trampoline that calls nothing: it adds 1 to the number at the address in place of a kernel's."""
    function = ir.Function(module, _TRAMPOLINE, name)
    builder = ir.IRBuilder(function.append_basic_block())
    number = builder.inttoptr(_load(builder, function.args[0], 1), _longs)
    builder.store(builder.add(builder.load(number), _long(1)), number)
    builder.ret_void()


def nothing(module, name):
    """A trampoline that calls nothing."""
    ir.IRBuilder(ir.Function(module, _TRAMPOLINE, name).append_basic_block()).ret_void()


def _load(builder, words, index):
    return builder.load(builder.gep(words, [_long(index) if isinstance(index, int) else index]))


def _as(builder, word, wanted):
    """A word as a value of an LLVM type; None as zero."""
    if word is None:
        return ir.Constant(wanted, None)
    if isinstance(wanted, ir.PointerType):
        return builder.inttoptr(word, wanted)
    if isinstance(wanted, ir.DoubleType):
        return builder.bitcast(word, wanted)
    if isinstance(wanted, ir.FloatType):
        return builder.bitcast(builder.trunc(word, _int), wanted)
    return word if wanted == _long else builder.trunc(word, wanted)


def launches(module, name):
    """The loop over launches. A kernel partitions its work for as many threads as it may use: 1 where it is whole."""
    usual_threads = ir.Function(module, ir.FunctionType(_int, []), "get_num_threads")
    allow = ir.Function(module, ir.FunctionType(_void, [_int]), "set_num_threads")
    pool = ir.Function(module, ir.FunctionType(_void, [_bytes] * 5 + [_long] * 3), "numba_parallel_for")
    some_parts = _some_parts(module, allow)

    function = ir.Function(module, _RUN, name)
    blocks, count, addresses, times, threads = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    here = cgutils.alloca_once(builder, _longs)
    first, length, step = (cgutils.alloca_once_value(builder, value) for value in (_long(0), threads, _long(1)))
    work = cgutils.alloca_once(builder, _long, 3)
    usual = builder.call(usual_threads, [])
    builder.call(allow, [_int(1)])
    with cgutils.for_range(builder, times):
        builder.store(blocks, here)
        with cgutils.for_range(builder, count):
            block = builder.load(here)
            divided = builder.and_(builder.icmp_signed("!=", _load(builder, block, 2), _long(0)),
                                   builder.icmp_signed(">", threads, _long(1)))
            with builder.if_else(divided) as (by_many, by_one):
                with by_many:
                    for place, value in enumerate((block, addresses, threads)):
                        value = builder.ptrtoint(value, _long) if value is not threads else value
                        builder.store(value, builder.gep(work, [_long(place)]))
                    pointers = [builder.bitcast(value, _bytes) for value in (some_parts, first, length, step, work)]
                    builder.call(pool, [*pointers, _long(0), _long(1), threads])
                    builder.call(allow, [_int(1)])
                with by_one:
                    _call(builder, block, addresses, _long(0), _long(1))
            builder.store(builder.gep(block, [_load(builder, block, 3)]), here)
    builder.call(allow, [usual])
    builder.ret_void()


def _some_parts(module, allow):
    """What the pool's threads call: a launch's parts from the "pointer" args[0] on, dims[0] in number."""
    kind = ir.FunctionType(_void, [_bytes.as_pointer(), _longs, _longs, _bytes])
    function = ir.Function(module, kind, "some_parts")
    args, dims, _, data = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    work = builder.bitcast(data, _longs)
    block, addresses = (builder.inttoptr(_load(builder, work, place), _longs) for place in (0, 1))
    parts = _load(builder, work, 2)
    builder.call(allow, [builder.trunc(parts, _int)])
    start = builder.ptrtoint(builder.load(args), _long)
    with cgutils.for_range(builder, builder.load(dims)) as loop:
        _call(builder, block, addresses, builder.add(start, loop.index), parts)
    builder.ret_void()
    return function


def _call(builder, block, addresses, part, parts):
    trampoline = builder.inttoptr(_load(builder, block, 0), _TRAMPOLINE.as_pointer())
    builder.call(trampoline, [block, addresses, part, parts])
