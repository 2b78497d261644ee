"""An operand's way from global to shared memory, for a tile of the tile engine (see `gemm.mainloop`).

Exact numbers lie there as [k, i], so that a thread multiplies quads of neighbours in i. For tensor cores a word is one
number of TF32 or two of bfloat16, neighbours along the sum; words lie as the loader reads them, [i, w] or [w, i].
"""

from collections import namedtuple

import numpy as np

from ..simt.memory import st1, st2, st4
from ..toolchain.api import device
from .mma import bf16x2, tf32
from .operand import Loader

u32 = np.uint32
WORD = {"exact": 1, "tf32": 1, "bf16": 2}   # terms of the sum in a word of shared memory


class Staged(namedtuple("Staged", "start read move first store strides size")):
    """One operand's way to shared memory: a loader of all that a thread brings, and where that goes.

    first(thread): its first position (i, k). store(shared, at, values): put what was read at element `at`.
    strides: how far neighbours (across the sum, along it) are apart there; size: elements of a buffer.
    """


def staged(loader, length, tile):
    """How the threads of `tile` bring `length` rows (or columns) of an operand to shared memory.

    Rows there are padded, so that the threads of a warp meet no bank of memory twice when they multiply, and seldom
    when they store.
    """
    numbers = tile.numbers
    words = tile.depth // WORD[numbers]
    along = numbers != "exact" and loader.across   # else neighbours across the sum are neighbours there as well
    strides = (words + 4, 1) if along else (1, length + (4 if numbers == "exact" else 8))
    size = length * strides[0] if along else words * strides[1]
    store = {"exact": _exact(loader.across, strides[1]), "tf32": _rounded, "bf16": _halves(loader.across)}[numbers]
    quads = u32((tile.depth if loader.across else length) // 4)   # neighbouring threads read along memory
    step = 1
    if numbers == "bf16" and not loader.across:   # two numbers along the sum make a word
        loader, step = _twice(loader, 0, 1), 2

    if loader.across:
        @device
        def first(thread):
            return u32(thread // quads), u32(thread % quads * u32(4))
    else:
        @device
        def first(thread):
            return u32(thread % quads * u32(4)), u32(thread // quads * step)

    covered = tile.threads // int(quads) * step   # rows of the operand in memory that the threads read at once
    while covered < (length if loader.across else tile.depth):
        beyond = (covered, 0) if loader.across else (0, covered)
        offset = covered * strides[0] if loader.across else covered // step * strides[1]
        loader, store, covered = _twice(loader, *beyond), _both(store, offset), 2 * covered
    return Staged(loader.start, loader.read, loader.move, first, store, strides, size)


def _twice(loader, rows, terms):
    """A loader of two quads, the second `rows` and `terms` further on."""
    start_one, read_one, move_one, rows, terms = loader.start, loader.read, loader.move, u32(rows), u32(terms)

    @device
    def start(x, i, k):
        return start_one(x, i, k), start_one(x, u32(i + rows), u32(k + terms))

    @device
    def read(x, state):
        return read_one(x, state[0]), read_one(x, state[1])

    @device
    def move(x, state, depth):
        return move_one(x, state[0], depth), move_one(x, state[1], depth)

    return Loader(loader.across, start, read, move)


def _both(store_one, offset):
    """Store two of what `store_one` stores, `offset` apart."""
    offset = u32(offset)

    @device
    def store(shared, at, values):
        store_one(shared, at, values[0])
        store_one(shared, u32(at + offset), values[1])

    return store


def _exact(across, stride):
    """Store a quad as it is, into as many rows of shared memory as it has terms of the sum."""
    one, two, three = u32(stride), u32(2 * stride), u32(3 * stride)

    @device
    def store(shared, at, values):
        st1(shared, at, values[0])
        st1(shared, u32(at + one), values[1])
        st1(shared, u32(at + two), values[2])
        st1(shared, u32(at + three), values[3])

    return store if across else st4


@device
def _rounded(shared, at, values):
    """Store a quad in TF32."""
    st4(shared, at, (tf32(values[0]), tf32(values[1]), tf32(values[2]), tf32(values[3])))


def _halves(across):
    """Store a quad in bfloat16: two neighbours along the sum in each word."""
    @device
    def along(shared, at, values):
        st2(shared, at, (bf16x2(values[0], values[1]), bf16x2(values[2], values[3])))

    @device
    def beside(shared, at, values):
        a, b = values
        st4(shared, at, (bf16x2(a[0], b[0]), bf16x2(a[1], b[1]), bf16x2(a[2], b[2]), bf16x2(a[3], b[3])))

    return along if across else beside
