"""Loads, stores and atomics in every space; copies to shared memory that run beside the threads.

Reference: PTX ISA, §9.7.9 (ld, st, cp.async, prefetch) and §9.7.13 (atom, red).
"""

import numpy as np

from .copies import Copies
from .memory import SPACES, taken
from .ptx import Vector
from .table import Operation, instruction
from .types import DTYPES, in_float32

U32, U64 = DTYPES["u32"], DTYPES["u64"]
TOP = np.uint64(60)   # the bits above tell the spaces in generic addresses apart
WINDOWS = {"global": 0, "const": 0, "shared": 1, "local": 2}


def _in_space(asked):
    """A function that calls a method of the right space: `call(g, method, address, offset, *more)`."""
    name = asked.one_of(*SPACES)
    if name is not None:
        window = WINDOWS[name]
        return lambda g, method, address, *more: getattr(g.batch.spaces[window], method)(g, address, *more)
    return generic


def generic(g, method, address, offset, dtype, *more):
    """The same with addresses that name their space themselves; threads may mean different ones."""
    windows = address >> TOP
    windows = np.where(windows > np.uint64(2), np.uint64(0), windows)   # no space has such an address: no array either
    first = windows[0]
    if (windows == first).all():
        return getattr(g.batch.spaces[int(first)], method)(g, address - (first << TOP), offset, dtype, *more)
    found = None
    for window in np.unique(windows):
        index = np.flatnonzero(windows == window)
        picked = [[taken(value, index) for value in one] if isinstance(one, list) else one for one in more]
        parts = generic(g.part(index), method, address[index], offset, dtype, *picked)
        if parts is None:
            continue
        parts = parts if isinstance(parts, list) else [parts]
        found = found or [np.empty(address.size, dtype) for _ in parts]
        for whole, part in zip(found, parts):
            whole[index] = part
    return found[0] if method == "update" else found


@instruction("ld", "ldu")
def ld(asked):
    """One number from an address, or two, four or eight neighbours."""
    call, dtype, (offset,) = _in_space(asked), asked.dtype, asked.offsets
    count = len(asked.operands[0].parts) if isinstance(asked.operands[0], Vector) else 1
    if count == 1:
        return Operation(lambda g, a: call(g, "load", a, offset, dtype)[0], (dtype,), (U64,), grouped=True)
    return Operation(lambda g, a: call(g, "load", a, offset, dtype, count), (dtype,) * count, (U64,), grouped=True)


@instruction("st")
def st(asked):
    """Numbers to an address and its neighbours."""
    call, dtype, (offset,) = _in_space(asked), asked.dtype, asked.offsets
    count = len(asked.operands[1].parts) if isinstance(asked.operands[1], Vector) else 1
    return Operation(lambda g, a, *values: call(g, "store", a, offset, dtype, list(values)),
                     (), (U64,) + (dtype,) * count, grouped=True)


def _incremented(x, b):
    return np.where(x >= b, np.uint32(0), x + np.uint32(1))


def _decremented(x, b):
    return np.where((x == 0) | (x > b), b, x - np.uint32(1))


CHANGES = {
    "add": np.add, "min": np.minimum, "max": np.maximum, "and": np.bitwise_and, "or": np.bitwise_or,
    "xor": np.bitwise_xor, "inc": _incremented, "dec": _decremented, "exch": lambda x, b: b,
    "cas": lambda x, b, c: np.where(x == b, c, x),
}


@instruction("atom", "red")
def atom(asked):
    """What an address held, after which it holds what the opcode makes of that; threads take turns."""
    call, dtype, (offset,) = _in_space(asked), asked.dtype, asked.offsets
    name = asked.one_of(*CHANGES)
    if name is None or any(isinstance(operand, Vector) for operand in asked.operands):
        raise asked.unknown()
    function = in_float32(asked.type, CHANGES[name])
    results = (dtype,) if asked.name == "atom" else ()
    return Operation(lambda g, a, *values: call(g, "update", a, offset, dtype, function, list(values)),
                     results, (U64,) + (dtype,) * (2 if name == "cas" else 1), grouped=True)


@instruction("prefetch", "prefetchu", "discard", "applypriority", "griddepcontrol", "nanosleep", "pmevent")
def hint(asked):
    """Hints change no result."""
    return Operation(lambda: None, (), None)


def _copies(g):
    batch = g.batch
    if batch.copies is None:
        batch.copies = Copies(batch)
    return batch.copies


@instruction("cp.async")
def cp_async(asked):
    """Start a copy of 4, 8 or 16 bytes from global to shared memory; bytes beyond `source size` become 0."""
    if not {"shared", "global"} <= asked.words or {"bulk", "mbarrier"} & asked.words:
        raise asked.unknown()
    count = asked.operands[2].value // 4
    to, source = asked.offsets
    partial = len(asked.operands) > 3

    def step(g, target, origin, _, *size):
        copies = _copies(g)
        if partial:
            copies.start_partial(g, target, to, origin, source, count, size[0])
        else:
            copies.start(g, target, to, g.batch.spaces[0].load(g, origin, source, U32, count))

    return Operation(step, (), (U64, U64, U32) + (U32,) * partial, grouped=True)


@instruction("cp.async.commit_group")
def commit_group(asked):
    """The copies started since the last time are one group."""
    return Operation(lambda g: _copies(g).commit(g), (), (), grouped=True)


@instruction("cp.async.wait_group")
def wait_group(asked):
    """Wait until at most n groups are under way."""
    newest = asked.operands[0].value
    return Operation(lambda g, _: _copies(g).wait(g, newest), (), (U32,), grouped=True)


@instruction("cp.async.wait_all")
def wait_all(asked):
    """Wait for every copy."""
    return Operation(lambda g: _copies(g).wait(g, None), (), (), grouped=True)
